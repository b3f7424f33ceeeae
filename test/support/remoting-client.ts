/**
 * A raw remoting client: one socket, requests matched to answers by their opaque, and the frames that the server sends
 * by itself kept in `pushed`. Owns its socket; requests in flight fail when it closes. Shares no code with
 * `protocol/remoting`, so that a mistake there is seen here.
 */
import { connect, type Socket } from 'node:net';
import { decodeRawFrame, encodeRawFrame, FrameCutter, type HeaderEncoding, type RawFrame } from './raw-frame.ts';

export type RequestOptions = {
  body?: Uint8Array;
  encoding?: HeaderEncoding;
  timeoutMs?: number;
  version?: number;
  language?: string;
};

type Waiter = { resolve(frame: RawFrame): void; reject(error: Error): void; timer: NodeJS.Timeout };

export class RemotingClient {
  readonly address: string;
  /** Requests of the server's own (code 40 and the like), in order of arrival. */
  readonly pushed: RawFrame[] = [];
  /** Hears of each of them too, to answer it with `reply`. */
  onPushed: ((frame: RawFrame) => void) | null = null;
  /** Answers that nobody waited for: to a one-way request, or twice to one request. */
  readonly unexpected: RawFrame[] = [];
  #socket: Socket;
  #cutter: FrameCutter = new FrameCutter();
  #waiting: Map<number, Waiter> = new Map();
  #nextOpaque = 1;
  #closed: Promise<void>;
  #isOpen = true;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', (error) => this.#failAll(error));
    socket.once('close', () => this.#failAll(new Error(`Connection to ${address} closed`)));
  }

  /** @param address host:port; @param localAddress of this machine, that the connection comes from */
  static connect(address: string, timeoutMs: number = 5_000, localAddress?: string): Promise<RemotingClient> {
    const colon = address.lastIndexOf(':');
    const port = Number(address.slice(colon + 1));
    const socket = connect({ host: address.slice(0, colon), port, ...(localAddress === undefined ? {} : { localAddress }) });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error(`No connection to ${address} after ${timeoutMs} ms`)), timeoutMs);
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(new RemotingClient(address, socket));
      });
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the socket has gone, whoever ended it. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** The socket itself, for tests that write what is no frame. */
  get socket(): Socket {
    return this.#socket;
  }

  /** Sends a request and resolves with its answer, whatever its code. */
  request(code: number, ext: Record<string, unknown> | null = null, options: RequestOptions = {}): Promise<RawFrame> {
    const opaque = this.#nextOpaque++;
    return new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? 10_000;
      const timer = setTimeout(() => {
        this.#waiting.delete(opaque);
        reject(new Error(`No answer to code ${code} from ${this.address} after ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(opaque, { resolve, reject, timer });
      this.#socket.write(encodeRawFrame({ code, opaque, ext, flag: 0, ...options }));
    });
  }

  /** Sends a one-way request; an answer to it would show in `unexpected`. */
  oneway(code: number, ext: Record<string, unknown> | null = null, options: RequestOptions = {}): void {
    this.#socket.write(encodeRawFrame({ code, opaque: this.#nextOpaque++, ext, flag: 2, ...options }));
  }

  /** Answers a request of the server's own. */
  reply(to: RawFrame, code: number, body: Uint8Array = new Uint8Array(0)): void {
    this.#socket.write(encodeRawFrame({ code, opaque: to.opaque, flag: 1, body }));
  }

  /** Writes bytes as they are. */
  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#closed;
  }

  #onData(chunk: Buffer): void {
    for (const bytes of this.#cutter.push(chunk)) {
      const frame = decodeRawFrame(bytes);
      if ((frame.flag & 1) === 0) {
        this.pushed.push(frame);
        this.onPushed?.(frame);
        continue;
      }
      const waiter = this.#waiting.get(frame.opaque);
      if (waiter === undefined) {
        this.unexpected.push(frame);
        continue;
      }
      this.#waiting.delete(frame.opaque);
      clearTimeout(waiter.timer);
      waiter.resolve(frame);
    }
  }

  #failAll(error: Error): void {
    this.#isOpen = false;
    for (const waiter of this.#waiting.values()) {
      clearTimeout(waiter.timer);
      waiter.reject(error);
    }
    this.#waiting.clear();
  }
}

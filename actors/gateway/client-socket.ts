/**
 * Client socket: what a connection asks of its socket, and the TCP ones: accepted on one address, read into one shared buffer.
 */
import { createServer, Socket } from 'node:net';

/** What a connection asks of its socket: a TCP one, or a way through shared memory that behaves like it. */
export interface ClientSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** Bytes taken and not passed on. */
  readonly writableLength: number;
  /** False: passed on later; `drain` follows. `done` when the bytes are no longer needed. */
  write(bytes: Uint8Array, done?: () => void): boolean;
  pause(): unknown;
  resume(): unknown;
  cork(): void;
  uncork(): void;
  end(): unknown;
  destroy(): unknown;
  on(event: 'end' | 'close' | 'drain', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** Written behind other bytes, it tells when they are gone. */
const NOTHING = new Uint8Array(0);

class TcpSocket implements ClientSocket {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    const socket = this.#socket;
    if (done === undefined || socket.writableCorked > 0) return socket.write(bytes, done);
    // Mostly the kernel takes all at once, and a callback would cost a tick to say so.
    const taken = socket.write(bytes);
    if (socket.writableLength === 0) done();
    else socket.write(NOTHING, done);
    return taken;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  on(event: 'end' | 'close' | 'drain' | 'error', listener: (() => void) | ((error: Error) => void)): void {
    this.#socket.on(event, listener);
  }
}

type Handle = { readonly fd?: number };

export type ListenOptions = {
  host: string;
  port: number;
  reusePort: boolean;
  /** Connections that may wait to be accepted. */
  backlog: number;
  readBuffer: Uint8Array;
  /** Who reads the socket; null: it is not wanted. */
  accepted: (socket: ClientSocket) => { received(chunk: Uint8Array, length: number): void; isHeld: boolean } | null;
  failed: (error: Error) => void;
};
export type Listen = (options: ListenOptions) => Promise<{ port: number; close(): Promise<void> }>;

/** Accepts on one address and gives each socket with a reader that fills one shared buffer instead of a fresh one for each read. */
export const listen: Listen = (options) => {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
      // The accepted socket's handle moves into a socket with our read buffer: `onread` is an option of the constructor only.
      const inner = accepted as unknown as { _handle: Handle | null };
      const handle = inner._handle;
      if (handle === null) return;
      inner._handle = null;
      let reader: { received(chunk: Uint8Array, length: number): void; isHeld: boolean } | null = null;
      const socket = new Socket({
        handle,
        allowHalfOpen: false,
        onread: {
          buffer: options.readBuffer,
          callback: (length: number, chunk: Uint8Array): boolean => {
            reader?.received(chunk, length);
            return reader !== null && !reader.isHeld;
          },
        },
      } as unknown as ConstructorParameters<typeof Socket>[0]);
      reader = options.accepted(new TcpSocket(socket));
      if (reader === null) socket.destroy();
      else socket.resume();
    });
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, reusePort: options.reusePort, backlog: options.backlog }, () => {
      server.off('error', reject);
      server.on('error', options.failed);
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : options.port,
        close: () => new Promise((done) => server.close(() => done())),
      });
    });
  });
};

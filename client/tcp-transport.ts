/**
 * The transport over TCP: one socket a link. Small frames of one turn leave in one write; the bytes that come in are cut into frames by the
 * protocol's FrameReader, whose limits a hostile peer meets first. Fails by `closed` with the socket's reason.
 * Source: RocketMQ `NettyRemotingClient`.
 */
import { connect, type Socket } from 'node:net';
import { FrameReader } from '../protocol/remoting/frame-reader.ts';
import type { Link, LinkEvents } from '../protocol/remoting/link.ts';
import type { Transport } from './transport.ts';

export type TcpTransportOptions = {
  /** Largest frame that is read, in bytes. */
  readonly frameBytesMax?: number;
  /** A connection that does not open in this time is given up, in milliseconds. */
  readonly connectTimeoutMs?: number;
};

/** Small frames of one turn are gathered in a block of this size. */
const GATHER_BYTES = 64 * 1024;
/** Bytes that wait before `send` says false. */
const WAITING_BYTES_MAX = 1024 * 1024;
const CONNECT_TIMEOUT_MS = 3_000;
/** A peer that does not take the last bytes is left after this. */
const CLOSE_TIMEOUT_MS = 1_000;
/** More than any broker answers: a pull's body has at most as many bytes as the client asked for, and one message. */
const FRAME_BYTES_MAX = 32 * 1024 * 1024;

/** `host:port`, cut at the last colon; an IPv6 host may stand in brackets. Null when it is none. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } | null {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, colon)).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  return host.length > 0 && Number.isInteger(port) && port > 0 && port < 65_536 ? { host, port } : null;
}

export class TcpTransport implements Transport {
  readonly #frameBytesMax: number;
  readonly #connectTimeoutMs: number;

  constructor(options: TcpTransportOptions = {}) {
    this.#frameBytesMax = options.frameBytesMax ?? FRAME_BYTES_MAX;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  }

  open(address: string, events: LinkEvents): Link {
    const target = parseAddress(address);
    if (target !== null) {
      const socket = connect({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
      return new TcpLink(socket, events, this.#frameBytesMax, this.#connectTimeoutMs);
    }
    let isClosed = false;
    queueMicrotask(() => {
      if (!isClosed) events.closed(`${JSON.stringify(address)} is no address, write host:port`);
    });
    return { direct: null, send: () => true, close: () => void (isClosed = true) };
  }
}

class TcpLink implements Link {
  readonly direct = null;
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  readonly #reader: FrameReader;
  #isClosed = false;
  #isOpen = false;
  /** Small frames of this turn. */
  #gathered: Buffer = Buffer.allocUnsafeSlow(0);
  #gatheredBytes = 0;
  #isFlushDue = false;

  constructor(socket: Socket, events: LinkEvents, frameBytesMax: number, connectTimeoutMs: number) {
    this.#socket = socket;
    this.#events = events;
    this.#reader = new FrameReader(frameBytesMax);
    socket.setTimeout(connectTimeoutMs, () => this.#end(`no connection after ${connectTimeoutMs} ms`));
    socket.on('connect', () => {
      socket.setTimeout(0);
      if (this.#isClosed) return;
      this.#isOpen = true;
      events.opened();
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => {
      if (!this.#isClosed) events.drained();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(error.message));
    socket.on('close', () => this.#end('closed by the peer'));
  }

  send(head: Uint8Array, body: Uint8Array | null): boolean {
    if (this.#isClosed || !this.#isOpen) return true;
    const bytes = head.length + (body === null ? 0 : body.length);
    if (bytes > GATHER_BYTES / 2) {
      this.#flush();
      this.#socket.cork();
      this.#socket.write(head);
      if (body !== null) this.#socket.write(body);
      this.#socket.uncork();
    } else {
      if (bytes > this.#gathered.length - this.#gatheredBytes) {
        this.#flush();
        this.#gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);
      }
      this.#gathered.set(head, this.#gatheredBytes);
      if (body !== null) this.#gathered.set(body, this.#gatheredBytes + head.length);
      this.#gatheredBytes += bytes;
      if (!this.#isFlushDue) {
        this.#isFlushDue = true;
        // After all promises of this turn: what the answers of one chunk have set going leaves as one write.
        process.nextTick(this.#flushTurn);
      }
    }
    return this.#socket.writableLength < WAITING_BYTES_MAX;
  }

  close(): void {
    if (this.#isClosed) return;
    // What was sent before the close still leaves: the last commit and the farewell are one-way.
    this.#flush();
    this.#isClosed = true;
    if (!this.#isOpen) {
      this.#socket.destroy();
      return;
    }
    // The peer ends its side in turn. Ending both here would reset the connection if an answer is still unread, and the peer may then lose
    // what it has not read yet.
    this.#socket.setTimeout(CLOSE_TIMEOUT_MS, () => this.#socket.destroy());
    this.#socket.end();
  }

  readonly #flushTurn = (): void => {
    this.#isFlushDue = false;
    this.#flush();
  };

  #flush(): void {
    const bytes = this.#gatheredBytes;
    if (bytes === 0 || this.#isClosed) return;
    this.#socket.write(this.#gathered.subarray(0, bytes));
    // The socket keeps what it is given until it is written, so the next turn takes the rest of the block.
    this.#gathered = this.#gathered.subarray(bytes);
    this.#gatheredBytes = 0;
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    const error = this.#reader.push(chunk, chunk.length, (bytes, start, end) => {
      this.#events.frame(bytes, start, end);
      return !this.#isClosed;
    });
    if (error !== null) this.#end(error.message);
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#events.closed(reason);
  }
}

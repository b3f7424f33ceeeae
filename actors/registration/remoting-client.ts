/**
 * Remoting client: one TCP connection to one address, frames in and out. It has no time limits and no tries of its own: who owns it
 * (the registration actor) decides when to give up. Fails by `closed`, once, with the reason; nothing is reported after it.
 * Source: RocketMQ `NettyRemotingClient`.
 */
import { connect, type Socket } from 'node:net';
import type { CommandFields, RemotingCommand } from '../../protocol/remoting/command.ts';
import { decodeCommand, encodeCommand, isResponse } from '../../protocol/remoting/command.ts';
import { FrameError } from '../../protocol/remoting/errors.ts';
import { FrameReader } from '../../protocol/remoting/frame-reader.ts';

/** What a connection tells its owner; called from the socket's callbacks. */
export interface RemotingEvents {
  opened(): void;
  /** An answer; its body is only valid during the call. Requests of the peer are ignored. */
  answered(command: RemotingCommand): void;
  closed(reason: string): void;
}

export interface RemotingClient {
  /** Dropped when the connection is not open: `closed` was or will be told. */
  send(command: CommandFields): void;
  /** Ends the connection without `closed` being told. */
  close(): void;
}

/** An answer of a name server is small; anything near this is no name server. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** `host:port`, cut at the last colon; an IPv6 host may stand in brackets. Null when it is none. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } | null {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, colon)).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  return host.length > 0 && Number.isInteger(port) && port > 0 && port < 65_536 ? { host, port } : null;
}

/** Connects to `address`; `events` is told later, never during this call. */
export function openTcpClient(address: string, events: RemotingEvents): RemotingClient {
  const target = parseAddress(address);
  if (target === null) {
    let isClosed = false;
    queueMicrotask(() => {
      if (!isClosed) events.closed(`${JSON.stringify(address)} is no address, write host:port`);
    });
    return { send: () => {}, close: () => (isClosed = true) };
  }
  return new TcpClient(connect({ host: target.host, port: target.port, noDelay: true }), events);
}

class TcpClient implements RemotingClient {
  readonly #socket: Socket;
  readonly #events: RemotingEvents;
  readonly #reader = new FrameReader(ANSWER_BYTES_MAX);
  #isClosed = false;

  constructor(socket: Socket, events: RemotingEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('connect', () => {
      if (!this.#isClosed) events.opened();
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(error.code === undefined ? error.message : `${error.code} ${error.message}`),
    );
    socket.on('close', () => this.#end('closed by the peer'));
  }

  send(command: CommandFields): void {
    if (!this.#isClosed) this.#socket.write(encodeCommand(command));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    const error = this.#reader.push(chunk, chunk.length, (bytes, start, end) => this.#onFrame(bytes, start, end));
    if (error !== null) this.#end(error.message);
  }

  #onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isClosed) return false;
    try {
      const command = decodeCommand(bytes, start, end);
      if (isResponse(command.flag)) this.#events.answered(command);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#end(error.message);
    }
    return !this.#isClosed;
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.closed(reason);
  }
}

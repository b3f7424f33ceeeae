/**
 * What a handler sees of one request: the decoded command, the connection it came by, and the way to answer it.
 * Control-path requests only; sends and pulls are taken from the frame's bytes (send-path.ts, pull-path.ts).
 */
import type { RemotingCommand } from '../../protocol/remoting/command.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';

/** One accepted socket. Lives on the shard that accepted it. */
export interface Connection {
  /** Unique on its shard, never used again: together with the shard's thread index it names the connection everywhere. */
  readonly id: number;
  readonly shard: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly isOpen: boolean;
  /** Answers that its client has not read yet. */
  readonly unsentBytes: number;
  /** They are as many as it may have now, which is less while many clients do not read. */
  readonly isOverfull: boolean;
  /** Writes a request of ours to the client, one-way; dropped when the connection has gone. */
  push(code: number, ext: Record<string, string>, body?: Uint8Array): void;
  /** Closes the socket, with the reason in the log and the counters. */
  close(reason: string): void;
  /** Runs once when the socket has gone. */
  onClose(run: () => void): void;
}

/** A connection as it travels in messages between threads; `gateway/<shard>` takes pushes for it. */
export type ConnectionRef = { readonly shard: number; readonly connection: number };

/** Told to the actor `gateway/<shard>`: write a one-way request to a connection. */
export type PushToClient = {
  readonly kind: 'push-to-client';
  readonly connection: number;
  readonly code: number;
  readonly ext: Record<string, string>;
  readonly body: Uint8Array | null;
};

/** Told to the actor `gateway/<shard>`: close a connection. */
export type CloseClient = { readonly kind: 'close-client'; readonly connection: number; readonly reason: string };

export interface Request {
  readonly thread: ThreadContext;
  readonly connection: Connection;
  /** `body` is a view of the read buffer: copy what outlives the call. */
  readonly command: RemotingCommand;
  /** Answers once; a second call and a one-way request are ignored. May be called later. */
  answer(code: number, remark?: string | null, ext?: Record<string, string> | null, body?: Uint8Array | null): void;
}

/** One request code's handler; state it needs is closed over when the shard builds its table. */
export type Handler = (request: Request) => void;

/** A handler whose code is loaded with the first request for it: most of what tools may ask is never asked. */
export type LateHandler = { readonly load: () => Promise<Handler> };

export type HandlerTable = ReadonlyMap<number, Handler | LateHandler>;

/** `load` runs once, whatever it comes to. */
export function whenAsked(load: () => Promise<Handler>): LateHandler {
  let loading: Promise<Handler> | undefined;
  return {
    load: () => {
      loading ??= load();
      return loading;
    },
  };
}

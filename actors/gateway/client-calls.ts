/**
 * Client calls of one shard: requests of ours that a client answers (running info, consume directly, consumer status, a reply to its request). Owns those under way, each
 * with its deadline, and bodies that are too long for one message between threads until they are fetched. One a gateway. A client that is
 * silent, gone or full is told to whoever asked; an answer that nobody waits for is passed over.
 * Source: RocketMQ `Broker2Client.callClient`, `NettyRemotingAbstract.invokeSync`.
 */
import type { RemotingCommand } from '../../protocol/remoting/command.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import { type FetchAnswer, type LongBody, PART_BYTES } from './fetch-long.ts';

/**
 * Told to the actor `gateway/<shard>`: ask a connection and pass its answer on. `physical`: the stored message there becomes the body; −1: none.
 */
export type AskClient = {
  readonly kind: 'ask-client';
  readonly connection: number;
  readonly code: number;
  readonly ext: Record<string, string>;
  readonly physical: number;
  readonly timeoutMs: number;
  readonly replyTo: ActorRef<ClientAnswered>;
};
/**
 * The same with a body of the asker's own: its first part, its whole length, and the ticket and shard by which the rest is fetched.
 */
export type AskClientWithBody = Omit<AskClient, 'kind' | 'physical'> &
  LongBody & { readonly kind: 'ask-client-with-body'; readonly bodyShard: number };
/** What became of it: `no-message` when nothing is stored at `physical`; `full` when too many calls or bytes wait for the client. */
export type CallOutcome = 'answered' | 'timeout' | 'gone' | 'full' | 'no-message';
/** `body` is the answer's first part, `bytes` its whole length; the rest is fetched under `ticket`. */
export type ClientAnswered = {
  readonly kind: 'client-answered';
  readonly outcome: CallOutcome;
  readonly code: number;
  readonly remark: string;
  readonly ext: Record<string, string>;
  readonly body: Uint8Array;
  readonly bytes: number;
  readonly ticket: number;
};
/** What the calls need of a connection. */
export interface CallableConnection {
  readonly id: number;
  /** Writes a request that is to be answered; its opaque, −1: too much waits to be written. */
  call(code: number, ext: Record<string, string>, body: Uint8Array | null): number;
}

export type ClientCallsParts = {
  readonly connection: (id: number) => CallableConnection | undefined;
  /** Gives the stored message at a physical offset, or null; at once or later. */
  readonly view: (physical: number, onMessage: (record: Uint8Array | null) => void) => void;
  /** Gives a whole body that another gateway keeps, or null; at once or later. */
  readonly fetch: (shard: number, long: LongBody, onBody: (body: Uint8Array | null) => void) => void;
  readonly schedule: (delayMs: number, run: () => void) => number;
  readonly cancel: (timer: number) => void;
};

/** Under way on one connection; one more is refused. */
const CALLS_PER_CONNECTION_MAX = 64;
const CALLS_MAX = 4096;
/** Long answers that wait to be fetched: the oldest goes first, and all after so long. */
const KEPT_MAX = 16;
const KEPT_BYTES_MAX = 32 * 1024 * 1024;
const KEPT_MS = 10_000;
const EMPTY = new Uint8Array(0);

type Call = { readonly connection: number; readonly replyTo: ActorRef<ClientAnswered>; readonly timer: number };

export class ClientCalls {
  readonly #parts: ClientCallsParts;
  /** By the opaque that their requests have. */
  readonly #calls: Map<number, Call> = new Map();
  readonly #underWay: Map<number, number> = new Map();
  readonly #kept: Map<number, Uint8Array> = new Map();
  #keptBytes = 0;
  #ticket = 0;

  constructor(parts: ClientCallsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#calls.size;
  }

  ask(message: AskClient): void {
    if (message.physical < 0) this.#call(message, null);
    else {
      this.#parts.view(message.physical, (record) => {
        if (record === null) tellOutcome(message.replyTo, 'no-message');
        else this.#call(message, record);
      });
    }
  }

  askWithBody(message: AskClientWithBody): void {
    this.#parts.fetch(message.bodyShard, message, (body) => {
      if (body === null) tellOutcome(message.replyTo, 'no-message');
      else this.#call(message, body);
    });
  }

  /** Takes a body that goes to a client of another shard: in one message where it fits, else its rest waits to be fetched. */
  split(body: Uint8Array): LongBody {
    const ticket = body.length > PART_BYTES ? this.#keep(body) : 0;
    return { body: body.subarray(0, PART_BYTES), bytes: body.length, ticket };
  }

  /** An answer has come by a connection. Only what that connection was asked counts. */
  answered(connection: number, answer: RemotingCommand): void {
    const call = this.#calls.get(answer.opaque);
    if (call === undefined || call.connection !== connection) return;
    this.#parts.cancel(call.timer);
    this.#settle(answer.opaque, call);
    // The read buffer is used again: what goes on lives in a copy.
    call.replyTo.tell({
      kind: 'client-answered',
      outcome: 'answered',
      code: answer.code,
      remark: answer.remark ?? '',
      ext: Object.fromEntries(answer.ext),
      ...this.split(Uint8Array.from(answer.body)),
    });
  }

  closed(connection: number): void {
    if (!this.#underWay.has(connection)) return;
    for (const [opaque, call] of this.#calls) {
      if (call.connection !== connection) continue;
      this.#parts.cancel(call.timer);
      this.#settle(opaque, call);
      tellOutcome(call.replyTo, 'gone');
    }
  }

  fetch({ ticket, at, replyTo }: FetchAnswer): void {
    const body = this.#kept.get(ticket) ?? EMPTY;
    if (at + PART_BYTES >= body.length) this.#forget(ticket);
    replyTo.tell({ kind: 'answer-part', body: body.subarray(at, at + PART_BYTES) });
  }

  #call(message: Pick<AskClient, 'connection' | 'code' | 'ext' | 'timeoutMs' | 'replyTo'>, body: Uint8Array | null): void {
    const { connection: id, code, ext, timeoutMs, replyTo } = message;
    const connection = this.#parts.connection(id);
    if (connection === undefined) {
      tellOutcome(replyTo, 'gone');
      return;
    }
    const underWay = this.#underWay.get(id) ?? 0;
    const opaque = underWay < CALLS_PER_CONNECTION_MAX && this.#calls.size < CALLS_MAX ? connection.call(code, ext, body) : -1;
    if (opaque < 0) {
      tellOutcome(replyTo, 'full');
      return;
    }
    const timer = this.#parts.schedule(timeoutMs, () => {
      const call = this.#calls.get(opaque);
      if (call === undefined) return;
      this.#settle(opaque, call);
      tellOutcome(replyTo, 'timeout');
    });
    this.#calls.set(opaque, { connection: id, replyTo, timer });
    this.#underWay.set(id, underWay + 1);
  }

  #settle(opaque: number, call: Call): void {
    this.#calls.delete(opaque);
    const left = (this.#underWay.get(call.connection) ?? 1) - 1;
    if (left === 0) this.#underWay.delete(call.connection);
    else this.#underWay.set(call.connection, left);
  }

  #keep(body: Uint8Array): number {
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < KEPT_MAX && this.#keptBytes + body.length <= KEPT_BYTES_MAX) break;
      this.#forget(oldest);
    }
    const ticket = ++this.#ticket;
    this.#kept.set(ticket, body);
    this.#keptBytes += body.length;
    this.#parts.schedule(KEPT_MS, () => this.#forget(ticket));
    return ticket;
  }

  #forget(ticket: number): void {
    this.#keptBytes -= this.#kept.get(ticket)?.length ?? 0;
    this.#kept.delete(ticket);
  }
}

function tellOutcome(replyTo: ActorRef<ClientAnswered>, outcome: CallOutcome): void {
  replyTo.tell({ kind: 'client-answered', outcome, code: 0, remark: '', ext: {}, body: EMPTY, bytes: 0, ticket: 0 });
}

/**
 * Pulls under way of one shard: every pull that waits for its answer, by the ticket that its queue's actor, the reader or a plugin answers with.
 * Asks the queues' actors. Counts what a connection has under way. A pull that is no longer here was answered, or its client was told why not.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { Tickets } from '../../runtime/thread/tickets.ts';
import { PLUGIN_BATCH_MAX } from '../filter/plugin-exchange.ts';
import type { Pull, PullReply } from '../queue/queue-actor.ts';
import type { TopicState } from '../topic/topic-table.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Wanted } from './pull-rules.ts';

/** Pulls of one connection that wait for their answer. */
const IN_FLIGHT_MAX = 16_384;
/** And of all connections of the shard: some hundred MB, were they all held. */
const PENDING_MAX = 262_144;
/** A queue's actor that does not answer in this time after the hold has died with its shard: the client is told to pull again. */
const ANSWER_MS_MAX = 1_000;
/** A reader's own limit is its death. */
const READING_MS_MAX = 600_000;
/** Messages and bytes that a filter looks at in one go. */
export const FILTERED_MAX = 1024;
export const FILTERED_BYTES_MAX = 256 * 1024;

export type Pending = {
  readonly connection: ClientConnection;
  readonly offset: number;
  /** Monotonic ms at which the queue's actor should long have answered; far off while a reader is at work. */
  expiresAt: number;
  readonly opaque: number;
  readonly isBinary: boolean;
  readonly topic: TopicState;
  readonly group: string;
  readonly queueId: number;
  readonly max: number;
  readonly bytesMax: number;
  readonly wanted: Wanted;
  /** Monotonic ms until which the pull may wait for a message. */
  readonly holdUntilMs: number;
  /** Times that its filter has let nothing through. */
  readonly rounds: number;
};

export class PullsUnderWay implements Iterable<[number, Pending]> {
  readonly #thread: ThreadContext;
  readonly #self: ActorRef<PullReply>;
  readonly #pending: Map<number, Pending> = new Map();
  readonly #tickets: Tickets;
  /** By handle, with the topic that the handle stood for then: a handle may come to stand for another one's queue. */
  readonly #queueRefs: (ActorRef<Pull> | undefined)[] = [];
  readonly #queueRefTopics: string[] = [];

  /** @param self who the queues' actors answer to */
  constructor(thread: ThreadContext, self: ActorRef<PullReply>) {
    this.#thread = thread;
    this.#tickets = new Tickets(thread.generation);
    this.#self = self;
  }

  get size(): number {
    return this.#pending.size;
  }

  get(ticket: number): Pending | undefined {
    return this.#pending.get(ticket);
  }

  [Symbol.iterator](): MapIterator<[number, Pending]> {
    return this.#pending[Symbol.iterator]();
  }

  /** Whose pulls are too many for one more of `connection`; null: there is room. */
  fullRemark(connection: ClientConnection): string | null {
    const isOwn = connection.inFlight >= IN_FLIGHT_MAX;
    if (!isOwn && this.#pending.size < PENDING_MAX) return null;
    const whose = isOwn ? `the connection has ${IN_FLIGHT_MAX}` : `the connections of its shard have ${PENDING_MAX}`;
    return `${whose} pulls under way, which is the most; wait for answers`;
  }

  /** Asks the queue's actor, which may hold the pull for `holdMs`. False: it has too many requests waiting. */
  ask(pending: Pending, holdMs: number): boolean {
    const ticket = this.#tickets.next();
    const { topic, queueId, wanted } = pending;
    const pull: Pull = {
      kind: 'pull',
      ticket,
      handle: topic.queueHandles[queueId]!,
      offset: pending.offset,
      max: lookAtMax(pending),
      bytesMax: isPlain(wanted) ? pending.bytesMax : FILTERED_BYTES_MAX,
      codes: wanted.codes,
      holdMs,
      replyTo: this.#self,
    };
    if (!this.#queueRef(topic, queueId).tell(pull)) return false;
    this.#add(ticket, pending);
    return true;
  }

  /** The pull, which is settled, goes on at `offset`, where there is something (before `max`) or it may still wait. */
  askAgain(pending: Pending, offset: number, rounds: number, max: number): boolean {
    const nowMs = this.#thread.monotonicMs();
    const leftMs = Math.max(0, pending.holdUntilMs - nowMs);
    if (leftMs === 0 && offset >= max) return false;
    return this.ask({ ...pending, offset, expiresAt: answerDueMs(nowMs + leftMs), rounds }, leftMs);
  }

  /** The pull, which is settled, waits for somebody who ends that wait at `deadlineMs` himself; it is not the queue's actor that does not answer. */
  park(pending: Pending, deadlineMs: number): number {
    const ticket = this.#tickets.next();
    pending.expiresAt = deadlineMs + READING_MS_MAX;
    this.#add(ticket, pending);
    return ticket;
  }

  /** The reader has been asked. */
  awaitReader(pending: Pending, nowMs: number): void {
    pending.expiresAt = nowMs + READING_MS_MAX;
  }

  /** The pull waits no longer. */
  settle(ticket: number, pending: Pending): void {
    this.#pending.delete(ticket);
    pending.connection.inFlight--;
  }

  #add(ticket: number, pending: Pending): void {
    this.#pending.set(ticket, pending);
    pending.connection.inFlight++;
  }

  #queueRef(topic: TopicState, queueId: number): ActorRef<Pull> {
    const handle = topic.queueHandles[queueId]!;
    let ref = this.#queueRefs[handle];
    if (ref === undefined || this.#queueRefTopics[handle] !== topic.name) {
      ref = this.#thread.ref<Pull>(`queue/${topic.name}/${queueId}`);
      this.#queueRefs[handle] = ref;
      this.#queueRefTopics[handle] = topic.name;
    }
    return ref;
  }
}

/** Monotonic ms by which the queue's actor has answered a pull that it may hold until `holdUntilMs`. */
export function answerDueMs(holdUntilMs: number): number {
  return holdUntilMs + ANSWER_MS_MAX;
}

/** Nothing looks at the records themselves. */
export function isPlain(wanted: Wanted): boolean {
  return wanted.filter === null && wanted.plugins.length === 0;
}

/** Every message is wanted. */
export function isForAll(wanted: Wanted): boolean {
  return wanted.codes.length === 0 && isPlain(wanted);
}

/** Messages that are looked at in one go: a plugin that lets most through is not asked about more than are wanted. */
export function lookAtMax({ wanted, rounds, max }: Pending): number {
  if (wanted.plugins.length > 0) return rounds === 0 ? Math.min(max, PLUGIN_BATCH_MAX) : PLUGIN_BATCH_MAX;
  return wanted.filter === null ? max : FILTERED_MAX;
}

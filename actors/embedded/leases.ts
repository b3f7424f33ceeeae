/**
 * Leases: what a guest was told lately of topics and groups, so that a send or a pull of an application needs no shard. One a guest. A
 * lease is trusted for a short time and renewed while it is used; a request that may have changed something drops them all. What no lease
 * allows goes to a shard, which decides as it does for any client: a lease only ever shortens the way.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { PullLimits } from '../gateway/pull-terms.ts';
import { type TopicState, topicState } from '../topic/topic-table.ts';
import type { AskLease, Lease, LeasedSubscription } from './guest-door.ts';

export type HeldLease = {
  /** Null: no such topic. */
  readonly topic: TopicState | null;
  readonly isWritable: boolean;
  readonly bodyBytesMax: number;
  readonly pullLimits: PullLimits;
  readonly mayConsume: boolean;
  readonly subscription: LeasedSubscription | null;
  readonly until: number;
  readonly renewAt: number;
};

const LEASE_MS = 1_000;
const RENEW_MS = 500;
/** A topic that is not there may be made any moment. */
const NO_TOPIC_MS = 20;
const ASK_MAX_MS = 1_000;
const LEASES_MAX = 4096;

export class Leases {
  readonly #thread: ThreadContext;
  readonly #door: ActorRef<AskLease>;
  readonly #held: Map<string, HeldLease> = new Map();
  readonly #asked: Map<string, (() => void)[]> = new Map();
  /** One more with every drop: an answer from before does not count. */
  #epoch = 0;

  constructor(thread: ThreadContext, door: ActorRef<AskLease>) {
    this.#thread = thread;
    this.#door = door;
  }

  /** A lease that holds; undefined: ask. `group` '' for sends. */
  find(topic: string, group: string): HeldLease | undefined {
    const key = group === '' ? topic : `${topic} ${group}`;
    const lease = this.#held.get(key);
    if (lease === undefined) return undefined;
    const now = this.#thread.monotonicMs();
    if (now >= lease.until) return undefined;
    if (now >= lease.renewAt) this.ask(topic, group, null);
    return lease;
  }

  /** Asks the door, once for all who ask meanwhile; `then` is called when it has answered or will not. */
  ask(topic: string, group: string, then: (() => void) | null): void {
    const key = group === '' ? topic : `${topic} ${group}`;
    const waiting = this.#asked.get(key);
    if (waiting !== undefined) {
      if (then !== null) waiting.push(then);
      return;
    }
    this.#asked.set(key, then === null ? [] : [then]);
    const epoch = this.#epoch;
    this.#thread.ask<Lease, AskLease>(
      this.#door,
      (replyTo) => ({ kind: 'ask-lease', topic, group, replyTo }),
      ASK_MAX_MS,
      (reply) => {
        const answered = this.#asked.get(key) ?? [];
        this.#asked.delete(key);
        if (reply !== undefined && epoch === this.#epoch) this.#take(key, reply);
        for (const run of answered) run();
      },
    );
    this.#thread.requestTurn();
  }

  /** Something may have changed: nothing that was told before counts. */
  drop(): void {
    this.#epoch++;
    this.#held.clear();
  }

  #take(key: string, lease: Lease): void {
    if (this.#held.size >= LEASES_MAX) this.#held.clear();
    const now = this.#thread.monotonicMs();
    const { config, permission, isWritable, bodyBytesMax, pullLimits, mayConsume, subscription } = lease;
    // The bytes of a message may lie at any offset; an Int32Array may not.
    const handles = new Int32Array(lease.handles.byteLength >> 2);
    new Uint8Array(handles.buffer).set(lease.handles);
    const topic = config === null ? null : topicState(config, handles, permission);
    const heldMs = topic === null ? NO_TOPIC_MS : LEASE_MS;
    const until = now + heldMs;
    const renewAt = now + Math.min(RENEW_MS, heldMs);
    this.#held.set(key, { topic, isWritable, bodyBytesMax, pullLimits, mayConsume, subscription, until, renewAt });
  }
}

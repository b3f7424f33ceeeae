/**
 * Which client of a group may consume a queue in order. Pure. A lock lives 60 s from its last renewal, and goes with the connection over
 * which it was last renewed. One that is read back after a restart lives half as long: its owner renews it every 20 s and gives it up by
 * itself after 30 s without. It ends earlier when nobody commits the queue's offset for ten seconds, as clients do every five for each queue that they
 * have: its unlock was lost with the restart then. That its owner is there says nothing, for it may have given up this queue.
 * Source: RocketMQ `RebalanceLockManager`, `ProcessQueue.REBALANCE_LOCK_MAX_LIVE_TIME`.
 */
import { LOCKS_PER_GROUP_MAX } from './group-limits.ts';

/** Source: `rocketmq.broker.rebalance.lockMaxLiveTime`. */
export const LOCK_LIFE_MS = 60_000;
/** After so long without a renewal a client counts its lock as lost. Source: `rocketmq.client.rebalance.lockMaxLiveTime`. */
export const CLIENT_LOCK_LIFE_MS = 30_000;

/** So long a lock that was read back waits for a sign that its queue is consumed, and for the next one. */
export const GRACE_MS = 10_000;

/** After so long a lock is saved anew, should the disk have lost it. */
export const SAVE_AGAIN_MS = 600_000;
const UNSAVED = Number.NEGATIVE_INFINITY;

/** `member`: memberKey of the connection that renewed it last; −1: none has since it was read back. `wantedBy`: of the
 * one that was refused last; −1: nobody was. `graceUntil`: without a sign that its queue is consumed it ends
 * then; infinite: its owner has renewed it. */
type Lock = { clientId: string; lockedMs: number; member: number; savedMs: number; wantedBy: number; graceUntil: number };

/** Queues in two columns of equal length. */
export type QueueColumns = { readonly topics: string[]; readonly queueIds: number[] };

export class QueueLocks {
  readonly #byTopic: Map<string, Map<number, Lock>> = new Map();
  /** Queues that were freed, and stand as locked on disk still. */
  #freed: Map<string, Set<number>> = new Map();
  /** Members that were refused a queue which is free now. */
  #mayAskAgain: Set<number> = new Set();
  #count = 0;
  /** Locks that were read back and wait for a sign: an upper bound. */
  #silent = 0;

  get count(): number {
    return this.#count;
  }

  /** True: queues were freed since `takeFreed`. */
  get hasFreed(): boolean {
    return this.#freed.size > 0;
  }

  /**
   * `refused`: another client holds it, or the group has too many. `new`: `clientId` holds it from now on, and nobody would know after a
   * restart; `held`: it does, and the disk
   * says so.
   * @param now milliseconds that never go back
   */
  lock(topic: string, queueId: number, clientId: string, member: number, now: number): 'refused' | 'held' | 'new' {
    let queues = this.#byTopic.get(topic);
    const lock = queues?.get(queueId);
    if (lock !== undefined) {
      if (lock.clientId !== clientId) {
        if (isLive(lock, now)) {
          lock.wantedBy = member;
          return 'refused';
        }
        lock.savedMs = UNSAVED;
        lock.wantedBy = -1;
      }
      lock.clientId = clientId;
      lock.lockedMs = now;
      lock.member = member;
      lock.graceUntil = Number.POSITIVE_INFINITY;
      return now - lock.savedMs < SAVE_AGAIN_MS ? 'held' : 'new';
    }
    if (this.#count >= LOCKS_PER_GROUP_MAX) return 'refused';
    if (queues === undefined) this.#byTopic.set(topic, (queues = new Map()));
    queues.set(queueId, { clientId, lockedMs: now, member, savedMs: UNSAVED, wantedBy: -1, graceUntil: Number.POSITIVE_INFINITY });
    this.#count++;
    return 'new';
  }

  /** A lock as it was saved: its owner may have renewed it a moment before the restart, `ageMs` ago. */
  restore(topic: string, queueId: number, clientId: string, ageMs: number, now: number): void {
    if (this.lock(topic, queueId, clientId, -1, now) !== 'new') return;
    const lock = this.#byTopic.get(topic)!.get(queueId)!;
    lock.lockedMs = now - ageMs - (LOCK_LIFE_MS - CLIENT_LOCK_LIFE_MS);
    lock.savedMs = now;
    lock.graceUntil = now + GRACE_MS;
    this.#silent++;
  }

  /** Somebody consumes the queue. */
  signOfQueue(topic: string, queueId: number, now: number): void {
    if (this.#silent === 0) return;
    const lock = this.#byTopic.get(topic)?.get(queueId);
    if (lock !== undefined && Number.isFinite(lock.graceUntil)) lock.graceUntil = now + GRACE_MS;
  }

  /** When the first lock ends that was read back and not renewed, if nobody gives a sign; infinite: there is none. */
  get silentUntil(): number {
    let until = Number.POSITIVE_INFINITY;
    if (this.#silent === 0) return until;
    for (const queues of this.#byTopic.values()) {
      for (const { graceUntil, lockedMs } of queues.values()) {
        if (Number.isFinite(graceUntil)) until = Math.min(until, graceUntil, lockedMs + LOCK_LIFE_MS);
      }
    }
    return until;
  }

  /** The queues are on disk as locked by `clientId`, as far as it holds them still. */
  saved(queues: QueueColumns, clientId: string, now: number): void {
    for (const [index, topic] of queues.topics.entries()) {
      const lock = this.#byTopic.get(topic)?.get(queues.queueIds[index]!);
      if (lock?.clientId === clientId) lock.savedMs = now;
    }
  }

  /** Queues to be freed on disk, which this forgets; those that are locked again are left out. */
  takeFreed(): QueueColumns {
    const still: QueueColumns = { topics: [], queueIds: [] };
    for (const [topic, queueIds] of this.#freed) {
      for (const queueId of queueIds) {
        if (this.#byTopic.get(topic)?.has(queueId) === true) continue;
        still.topics.push(topic);
        still.queueIds.push(queueId);
      }
    }
    this.#freed = new Map();
    return still;
  }

  /** Members that wanted a queue which was freed, each once. */
  takeMayAskAgain(): ReadonlySet<number> {
    const members = this.#mayAskAgain;
    if (members.size > 0) this.#mayAskAgain = new Set();
    return members;
  }

  /** Frees the queue if `clientId` holds it; false: it does not. */
  unlock(topic: string, queueId: number, clientId: string): boolean {
    const queues = this.#byTopic.get(topic);
    if (queues?.get(queueId)?.clientId !== clientId) return false;
    this.#forget(topic, queues, queueId);
    return true;
  }

  /** Frees all that `clientId` holds: it has gone. */
  release(clientId: string): void {
    this.#forgetWhere((lock) => lock.clientId === clientId);
  }

  /** Frees what was last renewed over a connection that has gone. */
  releaseConnection(member: number): void {
    this.#forgetWhere((lock) => lock.member === member);
  }

  /** Forgets locks that nobody renewed. */
  expire(now: number): void {
    this.#forgetWhere((lock) => !isLive(lock, now));
    if (this.#silent === 0) return;
    this.#silent = 0;
    for (const queues of this.#byTopic.values()) for (const lock of queues.values()) if (Number.isFinite(lock.graceUntil)) this.#silent++;
  }

  /** True while a client holds the queue's lock. */
  isHeld(topic: string, queueId: number, now: number): boolean {
    const lock = this.#byTopic.get(topic)?.get(queueId);
    return lock !== undefined && isLive(lock, now);
  }

  #forgetWhere(isGone: (lock: Lock) => boolean): void {
    for (const [topic, queues] of this.#byTopic) {
      for (const [queueId, lock] of queues) if (isGone(lock)) this.#forget(topic, queues, queueId);
    }
  }

  #forget(topic: string, queues: Map<number, Lock>, queueId: number): void {
    const lock = queues.get(queueId);
    if (lock === undefined) return;
    queues.delete(queueId);
    this.#count--;
    if (lock.wantedBy !== -1) this.#mayAskAgain.add(lock.wantedBy);
    if (queues.size === 0) this.#byTopic.delete(topic);
    const freed = this.#freed.get(topic);
    if (freed === undefined) this.#freed.set(topic, new Set([queueId]));
    else freed.add(queueId);
  }
}

function isLive(lock: Lock, now: number): boolean {
  return now - lock.lockedMs < LOCK_LIFE_MS && now < lock.graceUntil;
}

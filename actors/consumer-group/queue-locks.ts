/**
 * Which client of a group may consume a queue in order. Pure. A lock lives 60 s from its last renewal and goes with its owner.
 * Source: RocketMQ `RebalanceLockManager`.
 */
import { LOCKS_PER_GROUP_MAX } from './group-limits.ts';

/** Source: `rocketmq.broker.rebalance.lockMaxLiveTime`. */
export const LOCK_LIFE_MS = 60_000;

type Lock = { clientId: string; lockedMs: number };

export class QueueLocks {
  readonly #byTopic: Map<string, Map<number, Lock>> = new Map();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** True: `clientId` holds the queue's lock from now on. @param now milliseconds that never go back. */
  lock(topic: string, queueId: number, clientId: string, now: number): boolean {
    let queues = this.#byTopic.get(topic);
    const lock = queues?.get(queueId);
    if (lock !== undefined) {
      if (lock.clientId !== clientId && now - lock.lockedMs < LOCK_LIFE_MS) return false;
      lock.clientId = clientId;
      lock.lockedMs = now;
      return true;
    }
    if (this.#count >= LOCKS_PER_GROUP_MAX) return false;
    if (queues === undefined) this.#byTopic.set(topic, (queues = new Map()));
    queues.set(queueId, { clientId, lockedMs: now });
    this.#count++;
    return true;
  }

  /** Frees the queue if `clientId` holds it. */
  unlock(topic: string, queueId: number, clientId: string): void {
    const queues = this.#byTopic.get(topic);
    if (queues?.get(queueId)?.clientId !== clientId) return;
    this.#forget(topic, queues, queueId);
  }

  /** Frees all that `clientId` holds: it has gone. */
  release(clientId: string): void {
    for (const [topic, queues] of this.#byTopic) {
      for (const [queueId, lock] of queues) if (lock.clientId === clientId) this.#forget(topic, queues, queueId);
    }
  }

  /** Forgets locks that nobody renewed. */
  expire(now: number): void {
    for (const [topic, queues] of this.#byTopic) {
      for (const [queueId, lock] of queues) if (now - lock.lockedMs >= LOCK_LIFE_MS) this.#forget(topic, queues, queueId);
    }
  }

  /** True while a client holds the queue's lock. */
  isHeld(topic: string, queueId: number, now: number): boolean {
    const lock = this.#byTopic.get(topic)?.get(queueId);
    return lock !== undefined && now - lock.lockedMs < LOCK_LIFE_MS;
  }

  #forget(topic: string, queues: Map<number, Lock>, queueId: number): void {
    if (!queues.delete(queueId)) return;
    this.#count--;
    if (queues.size === 0) this.#byTopic.delete(topic);
  }
}

/**
 * The right to consume a queue in order: one member has it at a time, by the broker's word, for a minute; it is renewed every 20 s and counts as lost
 * when it was not renewed for 30 s. Source: RocketMQ 5.3 `RebalanceImpl.lock`, `lockAll`, `ProcessQueue.isLockExpired`.
 */
import type { MessageQueue } from '../model/queue-id.ts';
import { decodeLockedQueues, encodeLockBatch } from '../protocol/remoting/bodies/lock-batch.ts';
import { LOCK_BATCH_MQ, UNLOCK_BATCH_MQ } from '../protocol/remoting/request-code.ts';
import { expectSuccess, readAnswer } from './answers.ts';
import type { Member } from './consumer-options.ts';

export const RENEW_PERIOD_MS = 20_000;
const VALID_MS = 30_000;

export class QueueLocks {
  readonly #member: Member;
  /** When each lock was given, on the monotonic clock. */
  readonly #lockedAtMs: Map<string, number> = new Map();

  constructor(member: Member) {
    this.#member = member;
  }

  /** True while the broker's word counts. */
  has(queue: MessageQueue): boolean {
    const atMs = this.#lockedAtMs.get(keyOf(queue));
    return atMs !== undefined && this.#member.core.environment.monotonicMs() - atMs < VALID_MS;
  }

  /** Asks for the queues, broker by broker; what fails is told. `has` says which were given. */
  async lock(queues: readonly MessageQueue[]): Promise<void> {
    const { core } = this.#member;
    for (const [brokerName, some] of byBroker(queues)) {
      const address = core.addressOf(brokerName);
      if (address === undefined) continue;
      try {
        const askedMs = core.environment.monotonicMs();
        const answer = expectSuccess('locks', address, await core.request(address, { code: LOCK_BATCH_MQ, body: this.#body(some) }));
        const given = new Set(readAnswer('locks', address, answer.body, decodeLockedQueues).map(keyOf));
        for (const queue of some) {
          const key = keyOf(queue);
          if (given.has(key)) this.#lockedAtMs.set(key, askedMs);
          else this.#lockedAtMs.delete(key);
        }
      } catch (error) {
        core.report(error);
      }
    }
  }

  /** Gives queues back. */
  async unlock(queues: readonly MessageQueue[]): Promise<void> {
    const { core } = this.#member;
    for (const [brokerName, some] of byBroker(queues)) {
      for (const queue of some) this.#lockedAtMs.delete(keyOf(queue));
      const address = core.addressOf(brokerName);
      if (address === undefined) continue;
      try {
        await core.broker(address).oneway({ code: UNLOCK_BATCH_MQ, body: this.#body(some) }, core.requestTimeoutMs);
      } catch (error) {
        core.report(error);
      }
    }
  }

  #body(queues: readonly MessageQueue[]): Uint8Array {
    const { core, settings } = this.#member;
    return encodeLockBatch({ clientId: core.clientId, consumerGroup: settings.group, queues, onlyThisBroker: false });
  }
}

/** A text for a queue, broker included. */
export function keyOf(queue: MessageQueue): string {
  return `${queue.topic}@${queue.brokerName}@${queue.queueId}`;
}

function byBroker(queues: readonly MessageQueue[]): Map<string, MessageQueue[]> {
  const brokers = new Map<string, MessageQueue[]>();
  for (const queue of queues) {
    const some = brokers.get(queue.brokerName);
    if (some === undefined) brokers.set(queue.brokerName, [queue]);
    else some.push(queue);
  }
  return brokers;
}

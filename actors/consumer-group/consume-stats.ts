/**
 * How far a group is behind, topic by topic: which topics count, which queues they have, and what is said of each. Pure.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getConsumeStats`, `fetchAllConsumeStatsInBroker`.
 */
import type { ConsumeOffset, ConsumeStats } from '../../protocol/remoting/bodies/consume-stats.ts';
import type { QueueMessage } from '../store/read-store-times.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { QueueRanges } from './decide-offset.ts';

/** What a group's own table says of its subscriptions. */
export type Subscribed = { readonly subscriptions: ReadonlyMap<string, unknown> } | undefined;

/** A topic that a group has consumed and does not subscribe to any more is left out, as long as the group is on line. */
export function countsFor(subscribed: Subscribed, topic: string): boolean {
  return subscribed === undefined || subscribed.subscriptions.size === 0 || subscribed.subscriptions.has(topic);
}

/** One queue that stats speak of. */
export type StatsQueue = {
  readonly topic: string;
  readonly queueId: number;
  readonly brokerOffset: number;
  readonly consumerOffset: number;
};

/** Queues [0, count) of a topic; where the group never committed it counts as being at 0. */
export function statsQueues(
  topic: string,
  count: number,
  offsets: ReadonlyMap<number, number> | undefined,
  ranges: QueueRanges,
): StatsQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({
    topic,
    queueId,
    brokerOffset: ranges.maxOffset(topic, queueId),
    consumerOffset: Math.max(0, offsets?.get(queueId) ?? 0),
  }));
}

/** The last message that was consumed of each queue, of those that have one. */
export function lastConsumed(queues: readonly StatsQueue[], topics: TopicTable): QueueMessage[] {
  return queues
    .filter(({ consumerOffset }) => consumerOffset > 0)
    .map(({ topic, queueId, consumerOffset }) => ({
      topic,
      queueId,
      handle: topics.get(topic)?.queueHandles[queueId] ?? -1,
      offset: consumerOffset - 1,
    }))
    .filter(({ handle }) => handle >= 0);
}

/** @param timeOf when the last consumed message was stored, by topic and queue; 0: none, or not there any more */
export function consumeStats(
  brokerName: string,
  queues: readonly StatsQueue[],
  timeOf: (topic: string, queueId: number) => number,
  consumeTps: number,
): ConsumeStats {
  const offsets = queues.map(({ topic, queueId, brokerOffset, consumerOffset }) => {
    // Members' pulls are not written down: what is handed out and not acknowledged is not told apart.
    const offset: ConsumeOffset = { brokerOffset, consumerOffset, pullOffset: consumerOffset, lastTimestamp: timeOf(topic, queueId) };
    return [{ brokerName, queueId, topic }, offset] as const;
  });
  return { offsets, consumeTps };
}

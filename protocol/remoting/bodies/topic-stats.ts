/**
 * Answer of GET_TOPIC_STATS_INFO (202): the offsets of a topic's queues. Source: RocketMQ 5.3 `TopicStatsTable`.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import { bodyObject, readerOf } from './body-reader.ts';
import { queueTableJson } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';

export type TopicOffset = { readonly minOffset: number; readonly maxOffset: number; readonly lastUpdateTimestamp: number };
export type TopicStats = { readonly offsets: readonly (readonly [MessageQueue, TopicOffset])[]; readonly topicPutTps: number };

export function decodeTopicStats(bytes: Uint8Array): TopicStats {
  const reader = bodyObject(bytes, 'a TopicStatsTable');
  const offsets = reader.keyedTable('offsetTable').map(([key, value]) => {
    const offset = readerOf(value, 'an offset of a TopicStatsTable');
    const minOffset = offset.long('minOffset', 0);
    const maxOffset = offset.long('maxOffset', 0);
    return [readMessageQueue(key), { minOffset, maxOffset, lastUpdateTimestamp: offset.time('lastUpdateTimestamp', 0) }] as const;
  });
  return { offsets, topicPutTps: reader.double('topicPutTps', 0) };
}

export function encodeTopicStats(stats: TopicStats): Uint8Array {
  const entries = stats.offsets.map(([queue, offset]) => {
    const { lastUpdateTimestamp, maxOffset, minOffset } = offset;
    return [queue, JSON.stringify({ lastUpdateTimestamp, maxOffset, minOffset })] as const;
  });
  return Buffer.from(`{"offsetTable":${queueTableJson(entries)},"topicPutTps":${stats.topicPutTps}}`);
}

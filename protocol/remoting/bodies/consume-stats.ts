/**
 * Answer of GET_CONSUME_STATS (208): how far a group is behind, by queue. Source: RocketMQ 5.3 `ConsumeStats`; 4.9 has no pullOffset.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import { type BodyReader, bodyObject, readerOf } from './body-reader.ts';
import { queueTableJson } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';

/** `lastTimestamp`: when the last consumed message was stored; 0: none. */
export type ConsumeOffset = {
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  readonly pullOffset: number;
  readonly lastTimestamp: number;
};
export type ConsumeStats = { readonly offsets: readonly (readonly [MessageQueue, ConsumeOffset])[]; readonly consumeTps: number };

export function decodeConsumeStats(bytes: Uint8Array): ConsumeStats {
  return readConsumeStats(bodyObject(bytes, 'a ConsumeStats'));
}

export function encodeConsumeStats(stats: ConsumeStats): Uint8Array {
  return Buffer.from(consumeStatsJson(stats));
}

/** The stats of a value within another body. */
export function readConsumeStats(reader: BodyReader): ConsumeStats {
  const offsets = reader.keyedTable('offsetTable').map(([key, value]) => {
    const offset = readerOf(value, 'an offset of a ConsumeStats');
    const consumerOffset = offset.long('consumerOffset', 0);
    const consumed = {
      brokerOffset: offset.long('brokerOffset', 0),
      consumerOffset,
      pullOffset: offset.long('pullOffset', consumerOffset),
      lastTimestamp: offset.time('lastTimestamp', 0),
    };
    return [readMessageQueue(key), consumed] as const;
  });
  return { offsets, consumeTps: reader.double('consumeTps', 0) };
}

/** The JSON text, for use within other bodies. */
export function consumeStatsJson(stats: ConsumeStats): string {
  const entries = stats.offsets.map(([queue, offset]) => {
    const { brokerOffset, consumerOffset, lastTimestamp, pullOffset } = offset;
    return [queue, JSON.stringify({ brokerOffset, consumerOffset, lastTimestamp, pullOffset })] as const;
  });
  return `{"consumeTps":${stats.consumeTps},"offsetTable":${queueTableJson(entries)}}`;
}

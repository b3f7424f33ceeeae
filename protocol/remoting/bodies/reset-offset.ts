/**
 * Offsets to go on at: answer of INVOKE_BROKER_TO_RESET_OFFSET (222) and body of RESET_CONSUMER_CLIENT_OFFSET (220), by queue; for C++ clients
 * as a list. Source: RocketMQ 5.3 `ResetOffsetBody`, `ResetOffsetBodyForC`.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import { BodyError } from '../errors.ts';
import { bodyObject, readerOf } from './body-reader.ts';
import { queueTableJson } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';

export type QueueOffsets = readonly (readonly [MessageQueue, number])[];

export function decodeResetOffset(bytes: Uint8Array): QueueOffsets {
  return bodyObject(bytes, 'a ResetOffsetBody')
    .keyedTable('offsetTable')
    .map(([queue, offset]) => {
      if (typeof offset !== 'number' || !Number.isSafeInteger(offset)) throw new BodyError('An offset of a ResetOffsetBody is no integer');
      return [readMessageQueue(queue), offset] as const;
    });
}

export function encodeResetOffset(offsets: QueueOffsets): Uint8Array {
  return Buffer.from(`{"offsetTable":${queueTableJson(offsets.map(([queue, offset]) => [queue, String(offset)]))}}`);
}

export function decodeResetOffsetList(bytes: Uint8Array): QueueOffsets {
  return bodyObject(bytes, 'a ResetOffsetBodyForC')
    .list('offsetTable')
    .map((item) => {
      const reader = readerOf(item, 'an item of a ResetOffsetBodyForC');
      return [readMessageQueue(reader), reader.long('offset', 0)] as const;
    });
}

export function encodeResetOffsetList(offsets: QueueOffsets): Uint8Array {
  const items = offsets.map(([{ brokerName, queueId, topic }, offset]) => ({ brokerName, offset, queueId, topic }));
  return Buffer.from(JSON.stringify({ offsetTable: items }));
}

/**
 * Offsets by queue: the body of RESET_CONSUMER_CLIENT_OFFSET (220) and the answer of 222. The Go client cuts this text apart by hand, so nothing
 * in it may be blank. Source: RocketMQ 5.3 `ResetOffsetBody`.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import { bodyObject, readerOf } from './body-reader.ts';
import { queueTableJson } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';

export function decodeResetOffset(bytes: Uint8Array): [MessageQueue, number][] {
  return bodyObject(bytes, 'a ResetOffsetBody')
    .keyedTable('offsetTable')
    .map(([key, value]) => [readMessageQueue(key), readerOf({ offset: value }, 'a ResetOffsetBody').long('offset', 0)]);
}

export function encodeResetOffset(offsets: readonly (readonly [MessageQueue, number])[]): Uint8Array {
  return Buffer.from(`{"offsetTable":${queueTableJson(offsets.map(([queue, offset]) => [queue, String(offset)] as const))}}`);
}

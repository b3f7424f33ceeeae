/**
 * Where clients are in their queues: a client's answer to 221 (`messageQueueTable`), the broker's to 223 (`consumerTable`).
 * Source: RocketMQ 5.3 `GetConsumerStatusBody`.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import { BodyError } from '../errors.ts';
import { type BodyReader, bodyObject, readerOf } from './body-reader.ts';
import { queueTableJson } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';
import type { QueueOffsets } from './reset-offset.ts';
import type { JsonValue } from './tolerant-json.ts';

/** Offsets by client id. */
export type ConsumerStatus = ReadonlyMap<string, QueueOffsets>;

export function decodeClientStatus(bytes: Uint8Array): QueueOffsets {
  return queueOffsets(bodyObject(bytes, 'a GetConsumerStatusBody').keyedTable('messageQueueTable'));
}

export function encodeClientStatus(offsets: QueueOffsets): Uint8Array {
  return Buffer.from(`{"consumerTable":{},"messageQueueTable":${offsetTable(offsets)}}`);
}

export function decodeConsumerStatus(bytes: Uint8Array): ConsumerStatus {
  const clients = bodyObject(bytes, 'a GetConsumerStatusBody')
    .table('consumerTable')
    .map(([client, value]) => [client, queueOffsets(readerOf({ value }, `the offsets of ${client}`).keyedTable('value'))] as const);
  return new Map(clients);
}

export function encodeConsumerStatus(status: ConsumerStatus): Uint8Array {
  const clients = [...status].map(([client, offsets]) => `${JSON.stringify(client)}:${offsetTable(offsets)}`);
  return Buffer.from(`{"consumerTable":{${clients.join(',')}},"messageQueueTable":{}}`);
}

function queueOffsets(entries: readonly (readonly [BodyReader, JsonValue])[]): (readonly [MessageQueue, number])[] {
  return entries.map(([queue, value]) => {
    const offset = Number(value);
    if (!Number.isSafeInteger(offset)) throw new BodyError('An offset of a GetConsumerStatusBody is no integer');
    return [readMessageQueue(queue), offset] as const;
  });
}

function offsetTable(offsets: QueueOffsets): string {
  return queueTableJson(offsets.map(([queue, offset]) => [queue, String(offset)]));
}

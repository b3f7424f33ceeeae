/**
 * LOCK_BATCH_MQ (41) and UNLOCK_BATCH_MQ (42): the queues that a client wants to own or gives back, and those that it got.
 * Source: RocketMQ 5.3 `LockBatchRequestBody`, `LockBatchResponseBody`.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import { BodyError } from '../errors.ts';
import { bodyObject } from './body-reader.ts';
import { queueJson } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';

/** Queues in one request. */
export const LOCK_QUEUES_MAX = 65_536;

export type LockBatch = {
  readonly clientId: string;
  readonly consumerGroup: string;
  readonly queues: readonly MessageQueue[];
  readonly onlyThisBroker: boolean;
};

export function decodeLockBatch(bytes: Uint8Array): LockBatch {
  const reader = bodyObject(bytes, 'a LockBatch');
  const queues = reader.objects('mqSet');
  if (queues.length > LOCK_QUEUES_MAX) throw new BodyError(`${queues.length} queues to lock; ${LOCK_QUEUES_MAX} are allowed`);
  return {
    clientId: reader.string('clientId'),
    consumerGroup: reader.string('consumerGroup'),
    queues: queues.map(readMessageQueue),
    onlyThisBroker: reader.boolean('onlyThisBroker', false),
  };
}

export function encodeLockBatch(request: LockBatch): Uint8Array {
  const { clientId, consumerGroup, queues, onlyThisBroker } = request;
  return Buffer.from(
    `{"clientId":${JSON.stringify(clientId)},"consumerGroup":${JSON.stringify(consumerGroup)},"mqSet":[${queues.map(queueJson).join(',')}],"onlyThisBroker":${onlyThisBroker}}`,
  );
}

/** The queues that were locked. */
export function decodeLockedQueues(bytes: Uint8Array): MessageQueue[] {
  return bodyObject(bytes, 'a lock answer').objects('lockOKMQSet').map(readMessageQueue);
}

/** Echoes broker names as the client gave them, for it compares whole queues. */
export function encodeLockedQueues(queues: readonly MessageQueue[]): Uint8Array {
  return Buffer.from(`{"lockOKMQSet":[${queues.map(queueJson).join(',')}]}`);
}

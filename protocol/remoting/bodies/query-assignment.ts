/**
 * QUERY_ASSIGNMENT (400): a member asks which queues it is to read, and how. Fails with a BodyError that names the member.
 * Source: RocketMQ 5.3 `QueryAssignmentRequestBody`, `QueryAssignmentResponseBody`, `MessageQueueAssignment`.
 */
import type { MessageQueue } from '../../../model/queue-id.ts';
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';
import { readMessageQueue } from './message-queue.ts';

export type QueryAssignment = {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly strategyName: string;
  readonly messageModel: string;
};

export function decodeQueryAssignment(bytes: Uint8Array): QueryAssignment {
  const reader = bodyObject(bytes, 'a QueryAssignmentRequestBody');
  return {
    topic: reader.string('topic'),
    consumerGroup: reader.string('consumerGroup'),
    clientId: reader.string('clientId'),
    strategyName: reader.optionalString('strategyName') ?? '',
    messageModel: reader.optionalString('messageModel') ?? 'CLUSTERING',
  };
}

export function encodeQueryAssignment({ clientId, consumerGroup, messageModel, strategyName, topic }: QueryAssignment): Uint8Array {
  return jsonBody({ clientId, consumerGroup, messageModel, strategyName, topic });
}

export type QueueAssignment = { readonly queue: MessageQueue; readonly mode: string };

/** Null: the member goes on with what it has. */
export function encodeAssignments(assignments: readonly QueueAssignment[] | null): Uint8Array {
  const list = assignments?.map(({ queue: { brokerName, queueId, topic }, mode }) => ({
    messageQueue: { brokerName, queueId, topic },
    mode,
  }));
  return jsonBody(list === undefined ? {} : { messageQueueAssignments: list });
}

export function decodeAssignments(bytes: Uint8Array): QueueAssignment[] | null {
  const reader = bodyObject(bytes, 'a QueryAssignmentResponseBody');
  if (reader.value('messageQueueAssignments') === undefined) return null;
  return reader.objects('messageQueueAssignments').map((item) => ({
    queue: readMessageQueue(item.object('messageQueue') ?? item),
    mode: item.optionalString('mode') ?? 'PULL',
  }));
}

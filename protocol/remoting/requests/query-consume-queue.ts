/**
 * QUERY_CONSUME_QUEUE (321): the units of a queue from an offset on.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QueryConsumeQueueRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type QueryConsumeQueueRequest = {
  readonly topic: string;
  readonly queueId: number;
  readonly index: number;
  readonly count: number;
  readonly consumerGroup: string | null;
};

export function decodeQueryConsumeQueueRequest(ext: ReadonlyMap<string, string>): QueryConsumeQueueRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    index: fields.long('index'),
    count: fields.int('count'),
    consumerGroup: fields.optionalString('consumerGroup'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeQueryConsumeQueueRequest(request: QueryConsumeQueueRequest): ExtFields {
  return { ...request };
}

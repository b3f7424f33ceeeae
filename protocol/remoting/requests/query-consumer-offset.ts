/**
 * QUERY_CONSUMER_OFFSET (14): how far a group has consumed a queue.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QueryConsumerOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type QueryConsumerOffsetRequest = {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly setZeroIfNotFound: boolean | null;
};

export function decodeQueryConsumerOffsetRequest(ext: ReadonlyMap<string, string>): QueryConsumerOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    setZeroIfNotFound: fields.optionalBoolean('setZeroIfNotFound'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeQueryConsumerOffsetRequest(request: QueryConsumerOffsetRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer. */
export type QueryConsumerOffsetResponse = {
  readonly offset: number;
};

export function decodeQueryConsumerOffsetResponse(ext: ReadonlyMap<string, string>): QueryConsumerOffsetResponse {
  const fields = new FieldReader(ext);
  return {
    offset: fields.long('offset'),
  };
}

export function encodeQueryConsumerOffsetResponse(response: QueryConsumerOffsetResponse): ExtFields {
  return { ...response };
}

/**
 * UPDATE_CONSUMER_OFFSET (15): commits how far a group has consumed a queue; mostly one-way. Negative offsets come from clients that consumed nothing.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `UpdateConsumerOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type UpdateConsumerOffsetRequest = {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly commitOffset: number;
};

export function decodeUpdateConsumerOffsetRequest(ext: ReadonlyMap<string, string>): UpdateConsumerOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    commitOffset: fields.long('commitOffset'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeUpdateConsumerOffsetRequest(request: UpdateConsumerOffsetRequest): ExtFields {
  return { ...request };
}

/**
 * GET_CONSUMER_LIST_BY_GROUP (38): the members of a consumer group (body: bodies/consumer-list.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumerListByGroupRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetConsumerListByGroupRequest = {
  readonly consumerGroup: string;
};

export function decodeGetConsumerListByGroupRequest(ext: ReadonlyMap<string, string>): GetConsumerListByGroupRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetConsumerListByGroupRequest(request: GetConsumerListByGroupRequest): ExtFields {
  return { ...request };
}

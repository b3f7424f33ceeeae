/**
 * GET_CONSUMER_CONNECTION_LIST (203): a consumer group's connections (bodies/consumer-connection.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumerConnectionListRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetConsumerConnectionListRequest = {
  readonly consumerGroup: string;
};

export function decodeGetConsumerConnectionListRequest(ext: ReadonlyMap<string, string>): GetConsumerConnectionListRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetConsumerConnectionListRequest(request: GetConsumerConnectionListRequest): ExtFields {
  return { ...request };
}

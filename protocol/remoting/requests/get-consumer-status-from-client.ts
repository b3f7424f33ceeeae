/**
 * GET_CONSUMER_STATUS_FROM_CLIENT (221): the broker asks a client for the offsets at which it is (bodies/consumer-status.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumerStatusRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetConsumerStatusFromClientRequest = {
  readonly topic: string;
  readonly group: string;
};

export function decodeGetConsumerStatusFromClientRequest(ext: ReadonlyMap<string, string>): GetConsumerStatusFromClientRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    group: fields.string('group'),
  };
}

/** Header fields to send. */
export function encodeGetConsumerStatusFromClientRequest(request: GetConsumerStatusFromClientRequest): ExtFields {
  return { ...request };
}

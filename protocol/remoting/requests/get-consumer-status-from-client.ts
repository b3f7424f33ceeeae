/**
 * GET_CONSUMER_STATUS_FROM_CLIENT (221): from broker to consumer: how far are you?
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumerStatusRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type GetConsumerStatusFromClientRequest = {
  readonly topic: string;
  readonly group: string;
  readonly clientAddr: string | null;
};

export function decodeGetConsumerStatusFromClientRequest(ext: ReadonlyMap<string, string>): GetConsumerStatusFromClientRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    group: fields.string('group'),
    clientAddr: fields.optionalString('clientAddr'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetConsumerStatusFromClientRequest(request: GetConsumerStatusFromClientRequest): ExtFields {
  return { ...request };
}

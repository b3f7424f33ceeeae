/**
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223): the offsets at which a group's clients are, asked of these.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumerStatusRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type InvokeBrokerToGetConsumerStatusRequest = {
  readonly topic: string;
  readonly group: string;
  readonly clientAddr: string | null;
};

export function decodeInvokeBrokerToGetConsumerStatusRequest(ext: ReadonlyMap<string, string>): InvokeBrokerToGetConsumerStatusRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    group: fields.string('group'),
    clientAddr: fields.optionalString('clientAddr'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeInvokeBrokerToGetConsumerStatusRequest(request: InvokeBrokerToGetConsumerStatusRequest): ExtFields {
  return { ...request };
}

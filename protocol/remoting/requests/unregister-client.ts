/**
 * UNREGISTER_CLIENT (35): a client leaves its groups.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `UnregisterClientRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type UnregisterClientRequest = {
  readonly clientID: string;
  readonly producerGroup: string | null;
  readonly consumerGroup: string | null;
};

export function decodeUnregisterClientRequest(ext: ReadonlyMap<string, string>): UnregisterClientRequest {
  const fields = new FieldReader(ext);
  return {
    clientID: fields.string('clientID'),
    producerGroup: fields.optionalString('producerGroup'),
    consumerGroup: fields.optionalString('consumerGroup'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeUnregisterClientRequest(request: UnregisterClientRequest): ExtFields {
  return { ...request };
}

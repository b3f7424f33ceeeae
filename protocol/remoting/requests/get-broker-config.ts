/**
 * GET_BROKER_CONFIG (26): a broker's settings as properties text (body); the answer's `version` is a DataVersion as JSON.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetBrokerConfigResponseHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** The header fields of its answer. */
export type GetBrokerConfigResponse = {
  readonly version: string;
};

export function decodeGetBrokerConfigResponse(ext: ReadonlyMap<string, string>): GetBrokerConfigResponse {
  const fields = new FieldReader(ext);
  return {
    version: fields.string('version'),
  };
}

export function encodeGetBrokerConfigResponse(response: GetBrokerConfigResponse): ExtFields {
  return { ...response };
}

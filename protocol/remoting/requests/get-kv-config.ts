/**
 * GET_KV_CONFIG (101): a value of a name server's table.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetKVConfigRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetKvConfigRequest = {
  readonly namespace: string;
  readonly key: string;
};

export function decodeGetKvConfigRequest(ext: ReadonlyMap<string, string>): GetKvConfigRequest {
  const fields = new FieldReader(ext);
  return {
    namespace: fields.string('namespace'),
    key: fields.string('key'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetKvConfigRequest(request: GetKvConfigRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer; null: not sent. */
export type GetKvConfigResponse = {
  readonly value: string | null;
};

export function decodeGetKvConfigResponse(ext: ReadonlyMap<string, string>): GetKvConfigResponse {
  const fields = new FieldReader(ext);
  return {
    value: fields.optionalString('value'),
  };
}

export function encodeGetKvConfigResponse(response: GetKvConfigResponse): ExtFields {
  return { ...response };
}

/**
 * PUT_KV_CONFIG (100): sets a value of a name server's table.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `PutKVConfigRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type PutKvConfigRequest = {
  readonly namespace: string;
  readonly key: string;
  readonly value: string;
};

export function decodePutKvConfigRequest(ext: ReadonlyMap<string, string>): PutKvConfigRequest {
  const fields = new FieldReader(ext);
  return {
    namespace: fields.string('namespace'),
    key: fields.string('key'),
    value: fields.string('value'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodePutKvConfigRequest(request: PutKvConfigRequest): ExtFields {
  return { ...request };
}

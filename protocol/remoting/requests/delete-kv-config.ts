/**
 * DELETE_KV_CONFIG (102): removes a value of a name server's table.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `DeleteKVConfigRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type DeleteKvConfigRequest = {
  readonly namespace: string;
  readonly key: string;
};

export function decodeDeleteKvConfigRequest(ext: ReadonlyMap<string, string>): DeleteKvConfigRequest {
  const fields = new FieldReader(ext);
  return {
    namespace: fields.string('namespace'),
    key: fields.string('key'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeDeleteKvConfigRequest(request: DeleteKvConfigRequest): ExtFields {
  return { ...request };
}

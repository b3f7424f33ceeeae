/**
 * GET_KVLIST_BY_NAMESPACE (219): a namespace of a name server's table (bodies/kv-table.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetKVListByNamespaceRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetKvlistByNamespaceRequest = {
  readonly namespace: string;
};

export function decodeGetKvlistByNamespaceRequest(ext: ReadonlyMap<string, string>): GetKvlistByNamespaceRequest {
  const fields = new FieldReader(ext);
  return {
    namespace: fields.string('namespace'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetKvlistByNamespaceRequest(request: GetKvlistByNamespaceRequest): ExtFields {
  return { ...request };
}

/**
 * QUERY_MESSAGE (12): messages by a key of the index. A `_UNIQUE_KEY_QUERY` field of `true` says that the key is a unique key.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QueryMessageRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type QueryMessageRequest = {
  readonly topic: string;
  readonly key: string;
  readonly maxNum: number;
  readonly beginTimestamp: number;
  readonly endTimestamp: number;
  readonly _UNIQUE_KEY_QUERY: boolean | null;
};

export function decodeQueryMessageRequest(ext: ReadonlyMap<string, string>): QueryMessageRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    key: fields.string('key'),
    maxNum: fields.int('maxNum'),
    beginTimestamp: fields.time('beginTimestamp'),
    endTimestamp: fields.time('endTimestamp'),
    _UNIQUE_KEY_QUERY: fields.optionalBoolean('_UNIQUE_KEY_QUERY'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeQueryMessageRequest(request: QueryMessageRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer. */
export type QueryMessageResponse = {
  readonly indexLastUpdateTimestamp: number;
  readonly indexLastUpdatePhyoffset: number;
};

export function decodeQueryMessageResponse(ext: ReadonlyMap<string, string>): QueryMessageResponse {
  const fields = new FieldReader(ext);
  return {
    indexLastUpdateTimestamp: fields.long('indexLastUpdateTimestamp'),
    indexLastUpdatePhyoffset: fields.long('indexLastUpdatePhyoffset'),
  };
}

export function encodeQueryMessageResponse(response: QueryMessageResponse): ExtFields {
  return { ...response };
}

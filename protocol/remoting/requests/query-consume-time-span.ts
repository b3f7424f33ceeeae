/**
 * QUERY_CONSUME_TIME_SPAN (303): from when to when a group's messages are.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QueryConsumeTimeSpanRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type QueryConsumeTimeSpanRequest = {
  readonly topic: string;
  readonly group: string;
};

export function decodeQueryConsumeTimeSpanRequest(ext: ReadonlyMap<string, string>): QueryConsumeTimeSpanRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    group: fields.string('group'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeQueryConsumeTimeSpanRequest(request: QueryConsumeTimeSpanRequest): ExtFields {
  return { ...request };
}

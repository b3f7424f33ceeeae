/**
 * VIEW_MESSAGE_BY_ID (33): one message by its commit-log offset.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ViewMessageRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type ViewMessageByIdRequest = {
  readonly offset: number;
  readonly topic: string | null;
};

export function decodeViewMessageByIdRequest(ext: ReadonlyMap<string, string>): ViewMessageByIdRequest {
  const fields = new FieldReader(ext);
  return {
    offset: fields.long('offset'),
    topic: fields.optionalString('topic'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeViewMessageByIdRequest(request: ViewMessageByIdRequest): ExtFields {
  return { ...request };
}

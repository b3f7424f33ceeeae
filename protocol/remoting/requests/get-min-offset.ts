/**
 * GET_MIN_OFFSET (31): the offset of a queue's first message.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetMinOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetMinOffsetRequest = {
  readonly topic: string;
  readonly queueId: number;
};

export function decodeGetMinOffsetRequest(ext: ReadonlyMap<string, string>): GetMinOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetMinOffsetRequest(request: GetMinOffsetRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer. */
export type GetMinOffsetResponse = {
  readonly offset: number;
};

export function decodeGetMinOffsetResponse(ext: ReadonlyMap<string, string>): GetMinOffsetResponse {
  const fields = new FieldReader(ext);
  return {
    offset: fields.long('offset'),
  };
}

export function encodeGetMinOffsetResponse(response: GetMinOffsetResponse): ExtFields {
  return { ...response };
}

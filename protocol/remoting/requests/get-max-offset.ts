/**
 * GET_MAX_OFFSET (30): the offset that the next message of a queue will get.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetMaxOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type GetMaxOffsetRequest = {
  readonly topic: string;
  readonly queueId: number;
  readonly committed: boolean | null;
};

export function decodeGetMaxOffsetRequest(ext: ReadonlyMap<string, string>): GetMaxOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    committed: fields.optionalBoolean('committed'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetMaxOffsetRequest(request: GetMaxOffsetRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer. */
export type GetMaxOffsetResponse = {
  readonly offset: number;
};

export function decodeGetMaxOffsetResponse(ext: ReadonlyMap<string, string>): GetMaxOffsetResponse {
  const fields = new FieldReader(ext);
  return {
    offset: fields.long('offset'),
  };
}

export function encodeGetMaxOffsetResponse(response: GetMaxOffsetResponse): ExtFields {
  return { ...response };
}

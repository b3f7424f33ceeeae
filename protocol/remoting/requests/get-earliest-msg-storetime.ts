/**
 * GET_EARLIEST_MSG_STORETIME (32): when a queue's first message was stored; −1: it has none.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetEarliestMsgStoretimeRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetEarliestMsgStoretimeRequest = {
  readonly topic: string;
  readonly queueId: number;
};

export function decodeGetEarliestMsgStoretimeRequest(ext: ReadonlyMap<string, string>): GetEarliestMsgStoretimeRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetEarliestMsgStoretimeRequest(request: GetEarliestMsgStoretimeRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer. */
export type GetEarliestMsgStoretimeResponse = {
  readonly timestamp: number;
};

export function decodeGetEarliestMsgStoretimeResponse(ext: ReadonlyMap<string, string>): GetEarliestMsgStoretimeResponse {
  const fields = new FieldReader(ext);
  return {
    timestamp: fields.long('timestamp'),
  };
}

export function encodeGetEarliestMsgStoretimeResponse(response: GetEarliestMsgStoretimeResponse): ExtFields {
  return { ...response };
}

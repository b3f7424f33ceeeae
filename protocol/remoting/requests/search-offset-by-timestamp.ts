/**
 * SEARCH_OFFSET_BY_TIMESTAMP (29): the offset of the message stored at a time. `boundaryType` is LOWER (also when absent) or UPPER.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `SearchOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type SearchOffsetByTimestampRequest = {
  readonly topic: string;
  readonly queueId: number;
  readonly timestamp: number;
  readonly boundaryType: string | null;
};

export function decodeSearchOffsetByTimestampRequest(ext: ReadonlyMap<string, string>): SearchOffsetByTimestampRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    timestamp: fields.time('timestamp'),
    boundaryType: fields.optionalString('boundaryType'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeSearchOffsetByTimestampRequest(request: SearchOffsetByTimestampRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer. */
export type SearchOffsetByTimestampResponse = {
  readonly offset: number;
};

export function decodeSearchOffsetByTimestampResponse(ext: ReadonlyMap<string, string>): SearchOffsetByTimestampResponse {
  const fields = new FieldReader(ext);
  return {
    offset: fields.long('offset'),
  };
}

export function encodeSearchOffsetByTimestampResponse(response: SearchOffsetByTimestampResponse): ExtFields {
  return { ...response };
}

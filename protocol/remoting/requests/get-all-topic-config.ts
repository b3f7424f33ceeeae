/**
 * GET_ALL_TOPIC_CONFIG (21): every topic of a broker; from 5.3.3 on in pages.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetAllTopicConfigRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type GetAllTopicConfigRequest = {
  readonly topicSeq: number | null;
  readonly dataVersion: string | null;
  readonly maxTopicNum: number | null;
};

export function decodeGetAllTopicConfigRequest(ext: ReadonlyMap<string, string>): GetAllTopicConfigRequest {
  const fields = new FieldReader(ext);
  return {
    topicSeq: fields.optionalInt('topicSeq'),
    dataVersion: fields.optionalString('dataVersion'),
    maxTopicNum: fields.optionalInt('maxTopicNum'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetAllTopicConfigRequest(request: GetAllTopicConfigRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer; null: not sent. */
export type GetAllTopicConfigResponse = {
  readonly totalTopicNum: number | null;
};

export function decodeGetAllTopicConfigResponse(ext: ReadonlyMap<string, string>): GetAllTopicConfigResponse {
  const fields = new FieldReader(ext);
  return {
    totalTopicNum: fields.optionalInt('totalTopicNum'),
  };
}

export function encodeGetAllTopicConfigResponse(response: GetAllTopicConfigResponse): ExtFields {
  return { ...response };
}

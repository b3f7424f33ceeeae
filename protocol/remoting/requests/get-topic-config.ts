/**
 * GET_TOPIC_CONFIG (351): one topic's settings (bodies/topic-config.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetTopicConfigRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetTopicConfigRequest = {
  readonly topic: string;
};

export function decodeGetTopicConfigRequest(ext: ReadonlyMap<string, string>): GetTopicConfigRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetTopicConfigRequest(request: GetTopicConfigRequest): ExtFields {
  return { ...request };
}

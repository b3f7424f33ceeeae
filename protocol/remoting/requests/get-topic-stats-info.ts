/**
 * GET_TOPIC_STATS_INFO (202): the offsets of a topic's queues (bodies/topic-stats.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetTopicStatsInfoRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetTopicStatsInfoRequest = {
  readonly topic: string;
};

export function decodeGetTopicStatsInfoRequest(ext: ReadonlyMap<string, string>): GetTopicStatsInfoRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetTopicStatsInfoRequest(request: GetTopicStatsInfoRequest): ExtFields {
  return { ...request };
}

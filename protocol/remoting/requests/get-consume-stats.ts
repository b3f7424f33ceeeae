/**
 * GET_CONSUME_STATS (208): how far a group is behind (bodies/consume-stats.ts). `topicList` is separated by `;`.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumeStatsRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type GetConsumeStatsRequest = {
  readonly consumerGroup: string;
  readonly topic: string | null;
  readonly topicList: string | null;
};

export function decodeGetConsumeStatsRequest(ext: ReadonlyMap<string, string>): GetConsumeStatsRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    topic: fields.optionalString('topic'),
    topicList: fields.optionalString('topicList'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetConsumeStatsRequest(request: GetConsumeStatsRequest): ExtFields {
  return { ...request };
}

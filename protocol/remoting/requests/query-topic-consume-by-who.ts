/**
 * QUERY_TOPIC_CONSUME_BY_WHO (300): the groups that consume a topic (bodies/group-list.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QueryTopicConsumeByWhoRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type QueryTopicConsumeByWhoRequest = {
  readonly topic: string;
};

export function decodeQueryTopicConsumeByWhoRequest(ext: ReadonlyMap<string, string>): QueryTopicConsumeByWhoRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
  };
}

/** Header fields to send. */
export function encodeQueryTopicConsumeByWhoRequest(request: QueryTopicConsumeByWhoRequest): ExtFields {
  return { ...request };
}

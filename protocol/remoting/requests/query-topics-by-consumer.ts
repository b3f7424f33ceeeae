/**
 * QUERY_TOPICS_BY_CONSUMER (343): the topics that a group has offsets of (bodies/topic-list.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QueryTopicsByConsumerRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type QueryTopicsByConsumerRequest = {
  readonly group: string;
};

export function decodeQueryTopicsByConsumerRequest(ext: ReadonlyMap<string, string>): QueryTopicsByConsumerRequest {
  const fields = new FieldReader(ext);
  return {
    group: fields.string('group'),
  };
}

/** Header fields to send. */
export function encodeQueryTopicsByConsumerRequest(request: QueryTopicsByConsumerRequest): ExtFields {
  return { ...request };
}

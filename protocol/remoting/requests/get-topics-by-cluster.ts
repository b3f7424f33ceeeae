/**
 * GET_TOPICS_BY_CLUSTER (224): the topics of a cluster (bodies/topic-list.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetTopicsByClusterRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetTopicsByClusterRequest = {
  readonly cluster: string;
};

export function decodeGetTopicsByClusterRequest(ext: ReadonlyMap<string, string>): GetTopicsByClusterRequest {
  const fields = new FieldReader(ext);
  return {
    cluster: fields.string('cluster'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetTopicsByClusterRequest(request: GetTopicsByClusterRequest): ExtFields {
  return { ...request };
}

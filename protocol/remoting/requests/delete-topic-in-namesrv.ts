/**
 * DELETE_TOPIC_IN_NAMESRV (216): removes a topic's routes.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `DeleteTopicFromNamesrvRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type DeleteTopicInNamesrvRequest = {
  readonly topic: string;
  readonly clusterName: string | null;
};

export function decodeDeleteTopicInNamesrvRequest(ext: ReadonlyMap<string, string>): DeleteTopicInNamesrvRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    clusterName: fields.optionalString('clusterName'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeDeleteTopicInNamesrvRequest(request: DeleteTopicInNamesrvRequest): ExtFields {
  return { ...request };
}

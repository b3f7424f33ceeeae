/**
 * DELETE_TOPIC_IN_BROKER (215): removes a topic from a broker.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `DeleteTopicRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type DeleteTopicInBrokerRequest = {
  readonly topic: string;
};

export function decodeDeleteTopicInBrokerRequest(ext: ReadonlyMap<string, string>): DeleteTopicInBrokerRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeDeleteTopicInBrokerRequest(request: DeleteTopicInBrokerRequest): ExtFields {
  return { ...request };
}

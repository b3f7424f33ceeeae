/**
 * QUERY_SUBSCRIPTION_BY_CONSUMER (345): what a group wants of a topic (bodies/group-answers.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `QuerySubscriptionByConsumerRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type QuerySubscriptionByConsumerRequest = {
  readonly group: string;
  readonly topic: string | null;
};

export function decodeQuerySubscriptionByConsumerRequest(ext: ReadonlyMap<string, string>): QuerySubscriptionByConsumerRequest {
  const fields = new FieldReader(ext);
  return {
    group: fields.string('group'),
    topic: fields.optionalString('topic'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeQuerySubscriptionByConsumerRequest(request: QuerySubscriptionByConsumerRequest): ExtFields {
  return { ...request };
}

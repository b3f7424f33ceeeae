/**
 * GET_BROKER_CONSUME_STATS (317): how far all groups of a broker are behind (bodies/consume-stats-list.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetConsumeStatsInBrokerHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetBrokerConsumeStatsRequest = {
  readonly isOrder: boolean;
};

export function decodeGetBrokerConsumeStatsRequest(ext: ReadonlyMap<string, string>): GetBrokerConsumeStatsRequest {
  const fields = new FieldReader(ext);
  return {
    isOrder: fields.boolean('isOrder'),
  };
}

/** Header fields to send. */
export function encodeGetBrokerConsumeStatsRequest(request: GetBrokerConsumeStatsRequest): ExtFields {
  return { ...request };
}

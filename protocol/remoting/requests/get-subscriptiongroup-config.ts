/**
 * GET_SUBSCRIPTIONGROUP_CONFIG (352): one consumer group's settings (bodies/subscription-group-config.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetSubscriptionGroupConfigRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetSubscriptiongroupConfigRequest = {
  readonly group: string;
};

export function decodeGetSubscriptiongroupConfigRequest(ext: ReadonlyMap<string, string>): GetSubscriptiongroupConfigRequest {
  const fields = new FieldReader(ext);
  return {
    group: fields.string('group'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetSubscriptiongroupConfigRequest(request: GetSubscriptiongroupConfigRequest): ExtFields {
  return { ...request };
}

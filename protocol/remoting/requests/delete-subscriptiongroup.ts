/**
 * DELETE_SUBSCRIPTIONGROUP (207): removes a consumer group.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `DeleteSubscriptionGroupRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type DeleteSubscriptiongroupRequest = {
  readonly groupName: string;
  readonly cleanOffset: boolean;
};

export function decodeDeleteSubscriptiongroupRequest(ext: ReadonlyMap<string, string>): DeleteSubscriptiongroupRequest {
  const fields = new FieldReader(ext);
  return {
    groupName: fields.string('groupName'),
    cleanOffset: fields.optionalBoolean('cleanOffset') ?? false,
  };
}

/** Header fields to send; null ones are left out. */
export function encodeDeleteSubscriptiongroupRequest(request: DeleteSubscriptiongroupRequest): ExtFields {
  return { ...request };
}

/**
 * GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201): every consumer group of a broker; from 5.3.3 on in pages.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetAllSubscriptionGroupRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type GetAllSubscriptiongroupConfigRequest = {
  readonly groupSeq: number | null;
  readonly dataVersion: string | null;
  readonly maxGroupNum: number | null;
};

export function decodeGetAllSubscriptiongroupConfigRequest(ext: ReadonlyMap<string, string>): GetAllSubscriptiongroupConfigRequest {
  const fields = new FieldReader(ext);
  return {
    groupSeq: fields.optionalInt('groupSeq'),
    dataVersion: fields.optionalString('dataVersion'),
    maxGroupNum: fields.optionalInt('maxGroupNum'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetAllSubscriptiongroupConfigRequest(request: GetAllSubscriptiongroupConfigRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer; null: not sent. */
export type GetAllSubscriptiongroupConfigResponse = {
  readonly totalGroupNum: number | null;
};

export function decodeGetAllSubscriptiongroupConfigResponse(ext: ReadonlyMap<string, string>): GetAllSubscriptiongroupConfigResponse {
  const fields = new FieldReader(ext);
  return {
    totalGroupNum: fields.optionalInt('totalGroupNum'),
  };
}

export function encodeGetAllSubscriptiongroupConfigResponse(response: GetAllSubscriptiongroupConfigResponse): ExtFields {
  return { ...response };
}

/**
 * GET_BROKER_MEMBER_GROUP (901): the addresses of a broker and its slaves (bodies/broker-member-group.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `GetBrokerMemberGroupRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type GetBrokerMemberGroupRequest = {
  readonly clusterName: string;
  readonly brokerName: string;
};

export function decodeGetBrokerMemberGroupRequest(ext: ReadonlyMap<string, string>): GetBrokerMemberGroupRequest {
  const fields = new FieldReader(ext);
  return {
    clusterName: fields.string('clusterName'),
    brokerName: fields.string('brokerName'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeGetBrokerMemberGroupRequest(request: GetBrokerMemberGroupRequest): ExtFields {
  return { ...request };
}

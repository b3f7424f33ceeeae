/**
 * UNREGISTER_BROKER (104): a broker leaves a name server.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `UnRegisterBrokerRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type UnregisterBrokerRequest = {
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly clusterName: string;
  readonly brokerId: number;
};

export function decodeUnregisterBrokerRequest(ext: ReadonlyMap<string, string>): UnregisterBrokerRequest {
  const fields = new FieldReader(ext);
  return {
    brokerName: fields.string('brokerName'),
    brokerAddr: fields.string('brokerAddr'),
    clusterName: fields.string('clusterName'),
    brokerId: fields.long('brokerId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeUnregisterBrokerRequest(request: UnregisterBrokerRequest): ExtFields {
  return { ...request };
}

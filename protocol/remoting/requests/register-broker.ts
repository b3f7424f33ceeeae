/**
 * REGISTER_BROKER (103): a broker tells a name server of itself and its topics (bodies/register-broker-body.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `RegisterBrokerRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type RegisterBrokerRequest = {
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly clusterName: string;
  readonly haServerAddr: string;
  readonly brokerId: number;
  readonly heartbeatTimeoutMillis: number | null;
  readonly enableActingMaster: boolean | null;
  readonly compressed: boolean;
  readonly bodyCrc32: number;
};

export function decodeRegisterBrokerRequest(ext: ReadonlyMap<string, string>): RegisterBrokerRequest {
  const fields = new FieldReader(ext);
  return {
    brokerName: fields.string('brokerName'),
    brokerAddr: fields.string('brokerAddr'),
    clusterName: fields.string('clusterName'),
    haServerAddr: fields.string('haServerAddr'),
    brokerId: fields.long('brokerId'),
    heartbeatTimeoutMillis: fields.optionalTime('heartbeatTimeoutMillis'),
    enableActingMaster: fields.optionalBoolean('enableActingMaster'),
    compressed: fields.optionalBoolean('compressed') ?? false,
    bodyCrc32: fields.optionalInt('bodyCrc32') ?? 0,
  };
}

/** Header fields to send; null ones are left out. */
export function encodeRegisterBrokerRequest(request: RegisterBrokerRequest): ExtFields {
  return { ...request };
}

/** The header fields of its answer; null: not sent. */
export type RegisterBrokerResponse = {
  readonly haServerAddr: string | null;
  readonly masterAddr: string | null;
};

export function decodeRegisterBrokerResponse(ext: ReadonlyMap<string, string>): RegisterBrokerResponse {
  const fields = new FieldReader(ext);
  return {
    haServerAddr: fields.optionalString('haServerAddr'),
    masterAddr: fields.optionalString('masterAddr'),
  };
}

export function encodeRegisterBrokerResponse(response: RegisterBrokerResponse): ExtFields {
  return { ...response };
}

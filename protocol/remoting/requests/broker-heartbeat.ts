/**
 * BROKER_HEARTBEAT (904): a broker is alive: between registrations.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `BrokerHeartbeatRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type BrokerHeartbeatRequest = {
  readonly clusterName: string;
  readonly brokerAddr: string;
  readonly brokerName: string;
  readonly brokerId: number | null;
  readonly epoch: number | null;
  readonly maxOffset: number | null;
  readonly confirmOffset: number | null;
  readonly heartbeatTimeoutMills: number | null;
  readonly electionPriority: number | null;
};

export function decodeBrokerHeartbeatRequest(ext: ReadonlyMap<string, string>): BrokerHeartbeatRequest {
  const fields = new FieldReader(ext);
  return {
    clusterName: fields.string('clusterName'),
    brokerAddr: fields.string('brokerAddr'),
    brokerName: fields.string('brokerName'),
    brokerId: fields.optionalLong('brokerId'),
    epoch: fields.optionalInt('epoch'),
    maxOffset: fields.optionalLong('maxOffset'),
    confirmOffset: fields.optionalLong('confirmOffset'),
    heartbeatTimeoutMills: fields.optionalTime('heartbeatTimeoutMills'),
    electionPriority: fields.optionalInt('electionPriority'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeBrokerHeartbeatRequest(request: BrokerHeartbeatRequest): ExtFields {
  return { ...request };
}

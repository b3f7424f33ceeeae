/**
 * HEART_BEAT (34): a client is alive; what it is stands in the body (bodies/heartbeat-data.ts).
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `HeartbeatRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** The header fields of its answer; null: not sent. */
export type HeartBeatResponse = {
  readonly IS_SUPPORT_HEART_BEAT_V2: boolean | null;
  readonly IS_SUB_CHANGE: boolean | null;
};

export function decodeHeartBeatResponse(ext: ReadonlyMap<string, string>): HeartBeatResponse {
  const fields = new FieldReader(ext);
  return {
    IS_SUPPORT_HEART_BEAT_V2: fields.optionalBoolean('IS_SUPPORT_HEART_BEAT_V2'),
    IS_SUB_CHANGE: fields.optionalBoolean('IS_SUB_CHANGE'),
  };
}

export function encodeHeartBeatResponse(response: HeartBeatResponse): ExtFields {
  return { ...response };
}

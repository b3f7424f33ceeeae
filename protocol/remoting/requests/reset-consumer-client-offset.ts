/**
 * RESET_CONSUMER_CLIENT_OFFSET (220): the broker tells a client the offsets to go on at (bodies/reset-offset.ts). One-way.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ResetOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields. */
export type ResetConsumerClientOffsetRequest = {
  readonly topic: string;
  readonly group: string;
  readonly timestamp: number;
  readonly isForce: boolean;
};

export function decodeResetConsumerClientOffsetRequest(ext: ReadonlyMap<string, string>): ResetConsumerClientOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    group: fields.string('group'),
    timestamp: fields.time('timestamp'),
    isForce: fields.boolean('isForce'),
  };
}

/** Header fields to send. */
export function encodeResetConsumerClientOffsetRequest(request: ResetConsumerClientOffsetRequest): ExtFields {
  return { ...request };
}

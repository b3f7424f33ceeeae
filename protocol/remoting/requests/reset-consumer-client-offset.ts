/**
 * RESET_CONSUMER_CLIENT_OFFSET (220): from broker to consumer, one-way: go on from these offsets (bodies/reset-offset.ts).
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

/** Header fields to send; null ones are left out. */
export function encodeResetConsumerClientOffsetRequest(request: ResetConsumerClientOffsetRequest): ExtFields {
  return { ...request };
}

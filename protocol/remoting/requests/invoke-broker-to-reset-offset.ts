/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222): moves a group's offsets in a topic to a time, or in one queue to an offset.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ResetOffsetRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type InvokeBrokerToResetOffsetRequest = {
  readonly topic: string;
  readonly group: string;
  readonly timestamp: number;
  readonly isForce: boolean;
  readonly queueId: number | null;
  readonly offset: number | null;
};

export function decodeInvokeBrokerToResetOffsetRequest(ext: ReadonlyMap<string, string>): InvokeBrokerToResetOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    group: fields.string('group'),
    timestamp: fields.time('timestamp'),
    isForce: fields.boolean('isForce'),
    queueId: fields.optionalInt('queueId'),
    offset: fields.optionalLong('offset'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeInvokeBrokerToResetOffsetRequest(request: InvokeBrokerToResetOffsetRequest): ExtFields {
  return { ...request };
}

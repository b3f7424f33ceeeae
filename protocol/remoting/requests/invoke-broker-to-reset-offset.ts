/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222): moves a group to a time, or to an offset of one queue. `queueId` −1: all queues.
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
  readonly queueId: number;
  readonly offset: number | null;
};

export function decodeInvokeBrokerToResetOffsetRequest(ext: ReadonlyMap<string, string>): InvokeBrokerToResetOffsetRequest {
  const fields = new FieldReader(ext);
  return {
    topic: fields.string('topic'),
    group: fields.string('group'),
    timestamp: fields.time('timestamp'),
    isForce: fields.boolean('isForce'),
    queueId: fields.optionalInt('queueId') ?? -1,
    offset: fields.optionalLong('offset'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeInvokeBrokerToResetOffsetRequest(request: InvokeBrokerToResetOffsetRequest): ExtFields {
  return { ...request };
}

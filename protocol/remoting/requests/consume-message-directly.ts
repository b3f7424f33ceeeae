/**
 * CONSUME_MESSAGE_DIRECTLY (309): a client consumes one stored message at once. The broker sets what comes from its own tables.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ConsumeMessageDirectlyResultRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type ConsumeMessageDirectlyRequest = {
  readonly consumerGroup: string;
  readonly clientId: string | null;
  readonly msgId: string | null;
  readonly brokerName: string | null;
  readonly topic: string | null;
  readonly topicSysFlag: number | null;
  readonly groupSysFlag: number | null;
};

export function decodeConsumeMessageDirectlyRequest(ext: ReadonlyMap<string, string>): ConsumeMessageDirectlyRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    clientId: fields.optionalString('clientId'),
    msgId: fields.optionalString('msgId'),
    brokerName: fields.optionalString('brokerName'),
    topic: fields.optionalString('topic'),
    topicSysFlag: fields.optionalInt('topicSysFlag'),
    groupSysFlag: fields.optionalInt('groupSysFlag'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeConsumeMessageDirectlyRequest(request: ConsumeMessageDirectlyRequest): ExtFields {
  return { ...request };
}

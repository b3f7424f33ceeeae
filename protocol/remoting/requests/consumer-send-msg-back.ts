/**
 * CONSUMER_SEND_MSG_BACK (36): a message could not be consumed: try it again later, or never.
 * Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ConsumerSendMsgBackRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. */
export type ConsumerSendMsgBackRequest = {
  readonly offset: number;
  readonly group: string;
  readonly delayLevel: number;
  readonly originMsgId: string | null;
  readonly originTopic: string | null;
  readonly unitMode: boolean;
  readonly maxReconsumeTimes: number | null;
};

export function decodeConsumerSendMsgBackRequest(ext: ReadonlyMap<string, string>): ConsumerSendMsgBackRequest {
  const fields = new FieldReader(ext);
  return {
    offset: fields.long('offset'),
    group: fields.string('group'),
    delayLevel: fields.int('delayLevel'),
    originMsgId: fields.optionalString('originMsgId'),
    originTopic: fields.optionalString('originTopic'),
    unitMode: fields.optionalBoolean('unitMode') ?? false,
    maxReconsumeTimes: fields.optionalInt('maxReconsumeTimes'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeConsumerSendMsgBackRequest(request: ConsumerSendMsgBackRequest): ExtFields {
  return { ...request };
}

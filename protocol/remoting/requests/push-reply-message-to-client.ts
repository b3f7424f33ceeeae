/**
 * PUSH_REPLY_MESSAGE_TO_CLIENT (326): the broker hands a client the reply to a request of its own; the body is the reply's, as it was sent.
 * Answered by the client with a bare code. Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `ReplyMessageRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. Hosts are `address:port`. */
export type PushReplyMessageToClientRequest = {
  readonly producerGroup: string;
  readonly topic: string;
  readonly defaultTopic: string;
  readonly defaultTopicQueueNums: number;
  readonly queueId: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly flag: number;
  readonly properties: string | null;
  readonly reconsumeTimes: number | null;
  readonly unitMode: boolean | null;
  readonly bornHost: string;
  readonly storeHost: string;
  readonly storeTimestamp: number;
};

export function decodePushReplyMessageToClientRequest(ext: ReadonlyMap<string, string>): PushReplyMessageToClientRequest {
  const fields = new FieldReader(ext);
  return {
    producerGroup: fields.string('producerGroup'),
    topic: fields.string('topic'),
    defaultTopic: fields.string('defaultTopic'),
    defaultTopicQueueNums: fields.int('defaultTopicQueueNums'),
    queueId: fields.int('queueId'),
    sysFlag: fields.int('sysFlag'),
    bornTimestamp: fields.time('bornTimestamp'),
    flag: fields.int('flag'),
    properties: fields.optionalString('properties'),
    reconsumeTimes: fields.optionalInt('reconsumeTimes'),
    unitMode: fields.optionalBoolean('unitMode'),
    bornHost: fields.string('bornHost'),
    storeHost: fields.string('storeHost'),
    storeTimestamp: fields.time('storeTimestamp'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodePushReplyMessageToClientRequest(request: PushReplyMessageToClientRequest): ExtFields {
  return { ...request };
}

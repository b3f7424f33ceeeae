/**
 * NOTIFICATION (200054): says when there is something to pop; PEEK_MESSAGE (200052): the next messages, which stay where they are; POLLING_INFO
 * (200055): how many pops wait. Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `NotificationRequestHeader`, `PeekMessageRequestHeader`, `PollingInfoRequestHeader`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';

/** Its header fields; null: not sent. Times in ms; `queueId` −1: any queue. */
export type NotificationRequest = {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly pollTime: number;
  readonly bornTime: number;
  readonly order: boolean;
  readonly attemptId: string | null;
};

export function decodeNotificationRequest(ext: ReadonlyMap<string, string>): NotificationRequest {
  const fields = new FieldReader(ext);
  return {
    consumerGroup: fields.string('consumerGroup'),
    topic: fields.string('topic'),
    queueId: fields.int('queueId'),
    pollTime: fields.time('pollTime'),
    bornTime: fields.time('bornTime'),
    order: fields.optionalBoolean('order') ?? false,
    attemptId: fields.optionalString('attemptId'),
  };
}

/** Header fields to send; null ones are left out. */
export function encodeNotificationRequest(request: NotificationRequest): ExtFields {
  return { ...request };
}

export type PeekMessageRequest = {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly maxMsgNums: number;
};

export function decodePeekMessageRequest(ext: ReadonlyMap<string, string>): PeekMessageRequest {
  return { ...decodePollingInfoRequest(ext), maxMsgNums: new FieldReader(ext).int('maxMsgNums') };
}

export function encodePeekMessageRequest(request: PeekMessageRequest): ExtFields {
  return { ...request };
}

export type PollingInfoRequest = { readonly consumerGroup: string; readonly topic: string; readonly queueId: number };

export function decodePollingInfoRequest(ext: ReadonlyMap<string, string>): PollingInfoRequest {
  const fields = new FieldReader(ext);
  return { consumerGroup: fields.string('consumerGroup'), topic: fields.string('topic'), queueId: fields.int('queueId') };
}

export function encodePollingInfoRequest(request: PollingInfoRequest): ExtFields {
  return { ...request };
}

/**
 * SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320), SEND_REPLY_MESSAGE (324), SEND_REPLY_MESSAGE_V2 (325): stores messages.
 * One header with two spellings: 310, 320 and 325 have the short names. A broker reads it with send-scanner.ts; this is the client's side, the
 * tests' and that of handlers off the hot path. Decoding fails with a FieldError that names the field.
 * Source: RocketMQ 5.3 `SendMessageRequestHeader`, `SendMessageRequestHeaderV2`.
 */
import type { ExtFields } from '../command.ts';
import { FieldReader } from '../field-reader.ts';
import { SEND_MESSAGE, SEND_REPLY_MESSAGE } from '../request-code.ts';

/** What is said of a message with its send, and again when a reply is handed on; null: not sent. */
export type SentFields = {
  readonly producerGroup: string;
  readonly topic: string;
  readonly defaultTopic: string;
  readonly defaultTopicQueueNums: number;
  /** −1: the broker chooses. */
  readonly queueId: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly flag: number;
  readonly properties: string | null;
  readonly reconsumeTimes: number | null;
  readonly unitMode: boolean | null;
};

/** Its header fields; null: not sent. */
export type SendMessageRequest = SentFields & {
  readonly maxReconsumeTimes: number | null;
  readonly batch: boolean | null;
};

const SHORT_NAMES: Readonly<Record<keyof SendMessageRequest, string>> = {
  producerGroup: 'a',
  topic: 'b',
  defaultTopic: 'c',
  defaultTopicQueueNums: 'd',
  queueId: 'e',
  sysFlag: 'f',
  bornTimestamp: 'g',
  flag: 'h',
  properties: 'i',
  reconsumeTimes: 'j',
  unitMode: 'k',
  maxReconsumeTimes: 'l',
  batch: 'm',
};

/** Reads either spelling: the short one when `a` or `b` is there, whatever the code. */
export function decodeSendMessageRequest(ext: ReadonlyMap<string, string>): SendMessageRequest {
  const isShort = ext.has('a') || ext.has('b');
  const fields = new FieldReader(isShort ? withLongNames(ext) : ext);
  return {
    ...readSentFields(fields),
    maxReconsumeTimes: fields.optionalInt('maxReconsumeTimes'),
    batch: fields.optionalBoolean('batch'),
  };
}

export function readSentFields(fields: FieldReader): SentFields {
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
  };
}

/** Header fields to send, in the spelling of `code`; null ones are left out. */
export function encodeSendMessageRequest(request: SendMessageRequest, code: number): ExtFields {
  if (code === SEND_MESSAGE || code === SEND_REPLY_MESSAGE) return { ...request };
  const short: Record<string, string | number | boolean | null> = {};
  for (const name of Object.keys(SHORT_NAMES) as (keyof SendMessageRequest)[]) short[SHORT_NAMES[name]] = request[name];
  return short;
}

/** The header fields of its answer; null: not sent. For a batch `msgId` is a list with commas and `queueOffset` its first message's. */
export type SendMessageResponse = {
  readonly msgId: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly transactionId: string | null;
};

export function decodeSendMessageResponse(ext: ReadonlyMap<string, string>): SendMessageResponse {
  const fields = new FieldReader(ext);
  return {
    msgId: fields.string('msgId'),
    queueId: fields.int('queueId'),
    queueOffset: fields.long('queueOffset'),
    transactionId: fields.optionalString('transactionId'),
  };
}

export function encodeSendMessageResponse(response: SendMessageResponse): ExtFields {
  return { ...response };
}

function withLongNames(ext: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const long = new Map<string, string>();
  for (const [name, short] of Object.entries(SHORT_NAMES)) {
    const value = ext.get(short);
    if (value !== undefined) long.set(name, value);
  }
  return long;
}

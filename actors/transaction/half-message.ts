/**
 * Half messages: what a transaction's message is while nobody knows its outcome, and what becomes of it. Pure.
 * It stands in the one queue of RMQ_SYS_TRANS_HALF_TOPIC and names its destination as REAL_TOPIC and REAL_QID. Its outcome is an op record
 * in RMQ_SYS_TRANS_OP_HALF_TOPIC: tag `d`, and in its body the queue offsets of the half messages that are ended, a comma behind each.
 * A half message that is asked about is stored again, with the number of times; that it is the same one says its origin, a property of ours.
 * Source: RocketMQ 5.4 `TransactionalMessageBridge`, `TransactionalMessageUtil`, `EndTransactionProcessor.endMessageTransaction`,
 * `AbstractTransactionalMessageCheckListener`, `DefaultTransactionalMessageCheckListener`.
 */
import { formatMessageId } from '../../model/message-id.ts';
import {
  CHECK_IMMUNITY_TIME_IN_SECONDS,
  formatProperties,
  KEYS,
  PRODUCER_GROUP,
  REAL_QUEUE_ID,
  REAL_TOPIC,
  TAGS,
  TRANSACTION_CHECK_TIMES,
  TRANSACTION_ID,
  TRANSACTION_ORIGIN_QUEUE_OFFSET,
  TRANSACTION_PREPARED_QUEUE_OFFSET,
  TRANSACTION_RECORDS_BEFORE,
  UNIQ_KEY,
  WAIT_STORE_MSG_OK,
} from '../../model/message-property.ts';
import { encodeMessageRecord, type Host, type MessageRecord } from '../../model/message-record.ts';
import { TRANSACTION_COMMIT, TRANSACTION_MASK } from '../../model/system-flag.ts';
import { tagCode } from '../../model/tag-hash.ts';
import { TRANS_HALF_TOPIC } from '../../model/topic.ts';
import type { InnerMessage } from '../commit-log/inner-append.ts';
import type { TopicState } from '../topic/topic-table.ts';

export type Properties = ReadonlyMap<string, string>;

/** Set by the broker, on a half message that is stored again: one that a client sends would end it before its time. */
const BROKERS_OWN = [TRANSACTION_CHECK_TIMES, TRANSACTION_PREPARED_QUEUE_OFFSET, TRANSACTION_ORIGIN_QUEUE_OFFSET] as const;
const OP_TAG = 'd';
const RESUMED_TAG = 'RESUMED';
export const RESUMED_TAG_CODE: number = tagCode(RESUMED_TAG);
const COUNT = /^\d{1,9}$/;
const OFFSET = /^\d{1,15}$/;

/** A message as it waits for its transaction's end; nobody gives a half message out. */
export function halfMessage(message: InnerMessage, half: TopicState): InnerMessage {
  const properties = new Map(message.properties);
  for (const name of BROKERS_OWN) properties.delete(name);
  const uniqueKey = properties.get(UNIQ_KEY);
  if (uniqueKey !== undefined) properties.set(TRANSACTION_ID, uniqueKey);
  properties.set(REAL_TOPIC, message.topic.name);
  properties.set(REAL_QUEUE_ID, String(message.queueId));
  return { ...message, topic: half, queueId: 0, sysFlag: message.sysFlag & ~TRANSACTION_MASK, properties };
}

/** The message as consumers get it, TRAN_MSG and all, as the Java broker stores it. */
export function committedMessage(half: MessageRecord, properties: Properties, topic: TopicState, queueId: number): InnerMessage {
  const own = new Map(properties);
  for (const name of [REAL_TOPIC, REAL_QUEUE_ID, TRANSACTION_ORIGIN_QUEUE_OFFSET]) own.delete(name);
  return {
    ...sameMessage(half, own),
    topic,
    queueId,
    sysFlag: (half.sysFlag & ~TRANSACTION_MASK) | TRANSACTION_COMMIT,
    preparedTransactionOffset: half.physicalOffset,
  };
}

/** The half message as it is stored again, after it has been asked about `times` times. */
export function checkedHalfMessage(
  half: MessageRecord,
  properties: Properties,
  origin: number,
  times: number,
  topic: TopicState,
): InnerMessage {
  const own = new Map(properties).set(TRANSACTION_CHECK_TIMES, String(times)).set(TRANSACTION_ORIGIN_QUEUE_OFFSET, String(origin));
  return { ...sameMessage(half, own), topic };
}

/**
 * The half message as it is kept when nobody would say what became of its transaction; it names the place that it had, as a committed one
 * does. `origin` null: there is no room for it.
 */
export function givenUpMessage(half: MessageRecord, properties: Properties, origin: number | null, topic: TopicState): InnerMessage {
  const own = origin === null ? properties : new Map(properties).set(TRANSACTION_ORIGIN_QUEUE_OFFSET, String(origin));
  return { ...sameMessage(half, own), topic, preparedTransactionOffset: half.physicalOffset };
}

/** A half message that was given up, as it is stored to be asked about anew. */
export function resumedMessage(kept: MessageRecord, properties: Properties, topic: TopicState): InnerMessage {
  return { ...sameMessage(kept, new Map(properties).set(TRANSACTION_CHECK_TIMES, '0')), topic };
}

/** Says of a half message that was given up that it is resumed: it stands in the same topic, and names the place where that one is kept. */
export function resumedMark(kept: MessageRecord, properties: Properties, topic: TopicState, now: number, host: Host): InnerMessage {
  const uniqueKey = properties.get(UNIQ_KEY);
  return {
    topic,
    queueId: 0,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: now,
    bornHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: kept.physicalOffset,
    body: Buffer.from(`resumed ${formatMessageId(host, kept.physicalOffset)}`),
    properties: new Map([
      [WAIT_STORE_MSG_OK, 'true'],
      [TAGS, RESUMED_TAG],
      ...(uniqueKey === undefined ? [] : [[KEYS, uniqueKey] as const]),
    ]),
    delayLevel: 0,
  };
}

/** Of a record of TRANS_CHECK_MAX_TIME_TOPIC: all others there are half messages, whatever their tags are. */
export function isResumedMark(properties: Properties): boolean {
  return properties.get(TAGS) === RESUMED_TAG && !properties.has(REAL_TOPIC);
}

function sameMessage(half: MessageRecord, properties: Properties): Omit<InnerMessage, 'topic'> {
  const { flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body } = half;
  const moved = { queueId: 0, properties, preparedTransactionOffset: 0, delayLevel: 0 };
  return { ...moved, flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body };
}

/**
 * Says of the half messages at these offsets that they are ended.
 * @param recordsBefore go to the log in one piece with it, before it: what became of those half messages
 */
export function opMessage(offsets: readonly number[], topic: TopicState, now: number, host: Host, recordsBefore: number): InnerMessage {
  return {
    topic,
    queueId: 0,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: now,
    bornHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(`${offsets.join(',')},`),
    properties: new Map(OP_PROPERTIES).set(TRANSACTION_RECORDS_BEFORE, String(recordsBefore)),
    delayLevel: 0,
  };
}

const OP_PROPERTIES: Properties = new Map([
  [WAIT_STORE_MSG_OK, 'true'],
  [TAGS, OP_TAG],
]);

/** The offsets of an op record, of which a 4.9 broker writes one without a comma; none when it is no op record. */
export function opOffsets(body: Uint8Array, properties: Properties): number[] {
  if (properties.get(TAGS) !== OP_TAG) return [];
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1');
  return text
    .split(',')
    .filter((part) => OFFSET.test(part))
    .map(Number);
}

/** Where it is to go when it is committed; null: it does not say, so it is no half message. */
export function realDestination(properties: Properties): { readonly topic: string; readonly queueId: number } | null {
  const topic = properties.get(REAL_TOPIC);
  const queueId = properties.get(REAL_QUEUE_ID) ?? '';
  return topic === undefined || !COUNT.test(queueId) ? null : { topic, queueId: Number(queueId) };
}

/** The queue offset that the half message had first, when it was stored again; else its own. */
export function originOf(half: Pick<MessageRecord, 'queueOffset'>, properties: Properties): number {
  // A Java broker's own word, on what it puts back while it may not ask yet.
  const text = properties.get(TRANSACTION_ORIGIN_QUEUE_OFFSET) ?? properties.get(TRANSACTION_PREPARED_QUEUE_OFFSET) ?? '';
  return OFFSET.test(text) ? Number(text) : half.queueOffset;
}

/** How often its producers were asked about it. */
export function checkTimes(properties: Properties): number {
  const text = properties.get(TRANSACTION_CHECK_TIMES) ?? '';
  return COUNT.test(text) ? Number(text) : 0;
}

/** Since when it waits: by the broker's clock, but for one that a broker has stored again. */
export function waitsSince(half: Pick<MessageRecord, 'bornTimestamp' | 'storeTimestamp'>, properties: Properties): number {
  const isFirst = BROKERS_OWN.every((name) => !properties.has(name));
  return isFirst ? half.storeTimestamp : Math.min(half.bornTimestamp, half.storeTimestamp);
}

/** How long nobody is asked about it; `isOwn`: it says so itself. */
export function immunityOf(properties: Properties, timeoutMs: number): { readonly ms: number; readonly isOwn: boolean } {
  const text = properties.get(CHECK_IMMUNITY_TIME_IN_SECONDS);
  if (text === undefined) return { ms: timeoutMs, isOwn: false };
  return { ms: Math.max(timeoutMs, COUNT.test(text) ? Number(text) * 1000 : 0), isOwn: true };
}

/** What request 39 says of a half message, and its body: the message as its producer sent it. */
export function checkRequest(
  half: MessageRecord,
  properties: Properties,
  place: { readonly physicalOffset: number; readonly queueOffset: number },
  storeHost: Host,
  brokerName: string,
): { readonly ext: Record<string, string>; readonly body: Uint8Array } {
  const { topic, queueId } = realDestination(properties)!;
  const uniqueKey = properties.get(UNIQ_KEY);
  const ext: Record<string, string> = {
    topic: TRANS_HALF_TOPIC,
    tranStateTableOffset: String(place.queueOffset),
    commitLogOffset: String(place.physicalOffset),
    offsetMsgId: formatMessageId(storeHost, place.physicalOffset),
    bname: brokerName,
    ...(uniqueKey === undefined ? {} : { msgId: uniqueKey, transactionId: uniqueKey }),
  };
  return { ext, body: encodeMessageRecord({ ...half, ...place, topic, queueId, properties: formatProperties(properties) }) };
}

/** The producer group that is asked about it; null: it names none. */
export function producerGroupOf(properties: Properties): string | null {
  return properties.get(PRODUCER_GROUP) ?? null;
}

/**
 * Timed messages: which time a message asks for, what it becomes while it waits, and what it is when its time has come. Pure.
 * Parked, it stands in the one queue of the timer topic and carries its destination (REAL_TOPIC, REAL_QID), TIMER_OUT_MS as a Java
 * broker reads it, and its exact millisecond in a property of our own. One that waits for long is stored anew in between, each time
 * at a moment of its own within the roll window, so that its record is never as old as the log's retention allows.
 * Source: RocketMQ 5.4 `HookUtils.transformTimerMessage`, `TimerMessageStore.convertMessage`, `RecallMessageProcessor`.
 */
import { javaHash } from '../../model/java-hash.ts';
import {
  REAL_QUEUE_ID,
  REAL_TOPIC,
  RINGMQ_DELIVER_MS,
  RINGMQ_WAKE_MS,
  TIMER_DEL_UNIQKEY,
  TIMER_DELAY_MS,
  TIMER_DELAY_SEC,
  TIMER_DELIVER_MS,
  TIMER_DEQUEUE_MS,
  TIMER_ENQUEUE_MS,
  TIMER_OUT_MS,
  TIMER_ROLL_TIMES,
  UNIQ_KEY,
} from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import { flooredTime, TIMER_MS_MAX, TIMER_PRECISION_MS, unitTimeOf } from '../../storage/timer/timer-unit.ts';
import type { InnerMessage } from '../commit-log/inner-append.ts';
import type { TopicState } from '../topic/topic-table.ts';

const TIMER_PROPERTIES = [TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS] as const;
const LONG = /^[+-]?\d{1,19}$/;
const LONG_MAX = 2n ** 63n - 1n;
const SHOWN_MAX = 32;

export type TimerWish =
  /** At once: it asks for no time, or for one that has passed. */
  { readonly kind: 'none' } | { readonly kind: 'at'; readonly deliverMs: number } | { readonly kind: 'illegal'; readonly remark: string };

const NONE: TimerWish = { kind: 'none' };

/** Whether a message asks for a time of its own. What carries TIMER_OUT_MS has been parked before, as in Java. */
export function hasTimer(properties: ReadonlyMap<string, string>): boolean {
  return !properties.has(TIMER_OUT_MS) && TIMER_PROPERTIES.some((name) => properties.has(name));
}

/** When a message wants to be delivered. The first property of TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS counts. */
export function timerWish(properties: ReadonlyMap<string, string>, now: number, maxDelaySec: number): TimerWish {
  if (!hasTimer(properties)) return NONE;
  const name = TIMER_PROPERTIES.find((one) => properties.has(one))!;
  const text = properties.get(name)!;
  const shown = JSON.stringify(text.slice(0, SHOWN_MAX));
  const value = LONG.test(text) ? BigInt(text) : null;
  if (value === null || value > LONG_MAX || value < -LONG_MAX - 1n)
    return { kind: 'illegal', remark: `the property ${name} is ${shown}, it is to be a 64-bit integer of ${unitOf(name)}` };
  const ms = clamp(Number(value) * (name === TIMER_DELAY_SEC ? 1000 : 1) + (name === TIMER_DELIVER_MS ? 0 : now));
  if (ms <= now) {
    if (!properties.has(TIMER_DEL_UNIQKEY)) return NONE;
    return { kind: 'illegal', remark: `the property ${name} is ${shown}: the time of the message that is taken back has passed` };
  }
  if (ms - now > maxDelaySec * 1000) {
    const rule = `timerMaxDelaySec allows ${maxDelaySec} s`;
    return { kind: 'illegal', remark: `the property ${name} is ${shown}: ${Math.ceil((ms - now) / 1000)} s from now, ${rule}` };
  }
  return { kind: 'at', deliverMs: ms };
}

function unitOf(name: string): string {
  return name === TIMER_DELAY_SEC ? 'seconds' : 'milliseconds';
}

function clamp(ms: number): number {
  return Math.max(-TIMER_MS_MAX, Math.min(TIMER_MS_MAX, ms));
}

/** The message as it waits in `timer` for its time. @param rollAfterMs the longest that one record of it waits */
export function parkTimed(message: InnerMessage, deliverMs: number, now: number, rollAfterMs: number, timer: TopicState): InnerMessage {
  const properties = new Map(message.properties);
  properties.set(TIMER_OUT_MS, String(flooredTime(deliverMs)));
  properties.set(RINGMQ_DELIVER_MS, String(deliverMs));
  setWake(properties, deliverMs, now, rollAfterMs);
  properties.set(REAL_TOPIC, message.topic.name);
  properties.set(REAL_QUEUE_ID, String(message.queueId));
  return { ...message, topic: timer, queueId: 0, properties, delayLevel: 0, unitTime: unitTimeOf(properties) };
}

/** The parked message once more: its time is still to come. */
export function rollTimed(
  record: MessageRecord,
  parked: ReadonlyMap<string, string>,
  deliverMs: number,
  now: number,
  rollAfterMs: number,
  timer: TopicState,
): InnerMessage {
  const properties = passedOn(record, parked, now);
  const rolled = Number(parked.get(TIMER_ROLL_TIMES) ?? 0);
  properties.set(TIMER_ROLL_TIMES, String(Number.isSafeInteger(rolled) && rolled >= 0 ? rolled + 1 : 1));
  properties.set(RINGMQ_DELIVER_MS, String(deliverMs));
  setWake(properties, deliverMs, now, rollAfterMs);
  return { ...storedAnew(record, timer, 0, properties), unitTime: unitTimeOf(properties) };
}

/** The parked message as it is stored where it was to go. REAL_TOPIC and REAL_QID stay with it, as the Java broker leaves them there. */
export function deliverTimed(
  record: MessageRecord,
  parked: ReadonlyMap<string, string>,
  topic: TopicState,
  queueId: number,
  now: number,
): InnerMessage {
  const properties = passedOn(record, parked, now);
  properties.delete(RINGMQ_DELIVER_MS);
  properties.delete(RINGMQ_WAKE_MS);
  return storedAnew(record, topic, queueId, properties);
}

/** A message that is too long with the times of its way: without them. */
export function withoutTimes(message: InnerMessage, parked: ReadonlyMap<string, string>): InnerMessage {
  const properties = new Map(message.properties);
  for (const name of [TIMER_ENQUEUE_MS, TIMER_DEQUEUE_MS, TIMER_ROLL_TIMES]) {
    const before = parked.get(name);
    if (before === undefined) properties.delete(name);
    else properties.set(name, before);
  }
  return { ...message, properties };
}

function passedOn(record: MessageRecord, parked: ReadonlyMap<string, string>, now: number): Map<string, string> {
  const enqueuedAt = Math.floor(record.storeTimestamp / TIMER_PRECISION_MS) * TIMER_PRECISION_MS;
  return new Map(parked).set(TIMER_ENQUEUE_MS, String(enqueuedAt)).set(TIMER_DEQUEUE_MS, String(now));
}

function storedAnew(record: MessageRecord, topic: TopicState, queueId: number, properties: ReadonlyMap<string, string>): InnerMessage {
  const { flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body } = record;
  const rest = { flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body };
  return { ...rest, topic, queueId, properties, preparedTransactionOffset: 0, delayLevel: 0 };
}

/** Messages of one moment are stored anew at different ones: a second burst would make others late. */
function setWake(properties: Map<string, string>, deliverMs: number, now: number, rollAfterMs: number): void {
  if (deliverMs - now <= rollAfterMs) {
    properties.delete(RINGMQ_WAKE_MS);
    return;
  }
  const half = Math.floor(rollAfterMs / 2);
  const spread = (javaHash(properties.get(UNIQ_KEY) ?? '') >>> 0) % (half + 1);
  properties.set(RINGMQ_WAKE_MS, String(now + half + spread));
}

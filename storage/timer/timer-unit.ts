/**
 * What the unit of a parked timed message says: instead of a tag it carries when the message is to be looked at, so that the wheel
 * is built from units alone, without reading a record. Pure.
 *
 *    tagCode > 0   a message: ms at which it is to be delivered, or, when that is far away, stored anew (so that its record outlives
 *                  the log's retention)
 *    tagCode < 0   a word that takes a message back (TIMER_DEL_UNIQKEY): minus the ms; before messages of its ms
 *    |tagCode| < 2^33   the unit was written by a Java broker, which puts the tag's hash there: looked at now, for the record knows
 *
 * Source: RocketMQ 5.4 `TimerMessageStore.enqueue`, `HookUtils.transformTimerMessage`.
 */
import { RINGMQ_DELIVER_MS, RINGMQ_WAKE_MS, TIMER_DEL_UNIQKEY, TIMER_OUT_MS } from '../../model/message-property.ts';

/** Java's precision: TIMER_OUT_MS is the time of delivery floored to it, an exact multiple to the one before. */
export const TIMER_PRECISION_MS = 1000;
/** Later than any time that a broker may be asked for, and exact as a sort key. */
export const TIMER_MS_MAX: number = 2 ** 51;
const FOREIGN_BELOW = 2 ** 33;
const INTEGER = /^\d{1,16}$/;

/** Java's reading of a time of delivery. */
export function flooredTime(deliverMs: number): number {
  return (Math.ceil(deliverMs / TIMER_PRECISION_MS) - 1) * TIMER_PRECISION_MS;
}

/** The time of delivery of a parked message; of one that a Java broker has parked the latest that its floored time may stand for. */
export function deliverTimeOf(properties: ReadonlyMap<string, string>): number {
  const exact = time(properties.get(RINGMQ_DELIVER_MS));
  if (exact > 0) return exact;
  const floored = time(properties.get(TIMER_OUT_MS));
  return floored > 0 ? floored + TIMER_PRECISION_MS : 0;
}

/** The tag code that a parked message's unit carries. */
export function unitTimeOf(properties: ReadonlyMap<string, string>): number {
  const deliverMs = deliverTimeOf(properties);
  const wakeMs = time(properties.get(RINGMQ_WAKE_MS));
  if (properties.has(TIMER_DEL_UNIQKEY)) return -Math.max(1, wakeMs || flooredTime(deliverMs) + 1);
  return wakeMs || deliverMs;
}

/** A unit's place in the order of the wheel: by time, what takes messages back first. */
export function timerKey(unitTime: number): number {
  const ms = Math.abs(unitTime);
  if (ms < FOREIGN_BELOW) return 1;
  return 2 * Math.min(ms, TIMER_MS_MAX) + (unitTime < 0 ? 0 : 1);
}

/** The time of a key. */
export function keyTime(key: number): number {
  return Math.floor(key / 2);
}

/** The key behind all of this ms. */
export function keyAfter(ms: number): number {
  return 2 * ms + 2;
}

/** Whether the key is of a word that takes a message back. */
export function isRecallKey(key: number): boolean {
  return key % 2 === 0;
}

function time(text: string | undefined): number {
  if (text === undefined || !INTEGER.test(text)) return 0;
  return Math.min(Number(text), TIMER_MS_MAX);
}

/** The wheel's order: by key, then by place in the log. */
export function comesBefore(key: number, physical: number, otherKey: number, otherPhysical: number): boolean {
  return key < otherKey || (key === otherKey && physical < otherPhysical);
}

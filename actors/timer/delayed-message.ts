/**
 * Delayed messages: what a message of a delay level becomes while it waits, and what it is when its time has come. Pure.
 * Parked, it stands in the queue of its level of the schedule topic and carries its destination as REAL_TOPIC and REAL_QID; these, and
 * DELAY, stay with it when it is delivered, as the Java broker leaves them there.
 * Source: RocketMQ 5.4 `HookUtils.handleScheduleMessage`, `ScheduleMessageService.messageTimeUp`.
 */
import {
  DELAY_TIME_LEVEL,
  REAL_QUEUE_ID,
  REAL_TOPIC,
  TIMER_DELAY_MS,
  TIMER_DELAY_SEC,
  TIMER_DELIVER_MS,
} from '../../model/message-property.ts';
import type { MessageRecord } from '../../model/message-record.ts';
import type { InnerMessage } from '../commit-log/inner-append.ts';
import type { TopicState } from '../topic/topic-table.ts';

const TIMER_PROPERTIES = [TIMER_DELIVER_MS, TIMER_DELAY_SEC, TIMER_DELAY_MS] as const;
const INTEGER = /^[+-]?\d{1,10}$/;
const INT_MAX = 0x7fff_ffff;

/** The level that DELAY asks for, 0 or less: none; null: it is no 32-bit integer. */
export function delayLevelOf(properties: ReadonlyMap<string, string>): number | null {
  const text = properties.get(DELAY_TIME_LEVEL);
  if (text === undefined) return 0;
  const level = INTEGER.test(text) ? Number(text) : Number.NaN;
  return level >= -INT_MAX - 1 && level <= INT_MAX ? level : null;
}

/** The message as it waits for its level's time in `schedule`, whose queues are the levels. A level above the last one is the last. */
export function parkMessage(message: InnerMessage, level: number, levels: number, schedule: TopicState): InnerMessage {
  const delayLevel = Math.min(level, levels);
  const properties = new Map(message.properties);
  if (delayLevel < level) properties.set(DELAY_TIME_LEVEL, String(delayLevel));
  for (const name of TIMER_PROPERTIES) properties.delete(name);
  properties.set(REAL_TOPIC, message.topic.name);
  properties.set(REAL_QUEUE_ID, String(message.queueId));
  return { ...message, topic: schedule, queueId: delayLevel - 1, properties, delayLevel };
}

/** Where a parked message is to go; null: it does not say, so nobody parked it here. */
export function destinationOf(properties: ReadonlyMap<string, string>): { readonly topic: string; readonly queueId: number } | null {
  const topic = properties.get(REAL_TOPIC);
  const queueId = properties.get(REAL_QUEUE_ID) ?? '';
  if (topic === undefined || !/^\d{1,9}$/.test(queueId)) return null;
  return { topic, queueId: Number(queueId) };
}

/** The parked message as it is stored where it was to go. */
export function dueMessage(
  record: MessageRecord,
  properties: ReadonlyMap<string, string>,
  topic: TopicState,
  queueId: number,
): InnerMessage {
  const { flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body } = record;
  const moved = { topic, queueId, properties, preparedTransactionOffset: 0, delayLevel: 0 };
  return { ...moved, flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body };
}

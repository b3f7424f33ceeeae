/**
 * Recall handle: what the sender of a timed message gets to take it back: base64url of `v1 <topic> <broker> <ms> <unique key>`. Pure.
 * `ms` is the floored time of delivery and one: by it the word that takes it back comes to its turn before the message.
 * Source: RocketMQ 5.4 `RecallMessageHandle.HandleV1`, `SendMessageProcessor.attachRecallHandle`.
 */
import { flooredTime } from '../../storage/timer/timer-unit.ts';

export type RecallHandle = {
  readonly topic: string;
  readonly brokerName: string;
  readonly ms: number;
  readonly uniqueKey: string;
};

const VERSION = 'v1';
const PARTS = 5;
/** Longer ones are none of ours: a unique key has at most 255 bytes in one. */
const HANDLE_CHARS_MAX = 2048;
const UNIQUE_KEY_CHARS_MAX = 255;
const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/;
const MS = /^\d{1,15}$/;

/** Null: the message cannot be named by a handle. */
export function formatRecallHandle(topic: string, brokerName: string, deliverMs: number, uniqueKey: string): string | null {
  if (uniqueKey.length > UNIQUE_KEY_CHARS_MAX || uniqueKey.includes(' ')) return null;
  const bytes = Buffer.from([VERSION, topic, brokerName, String(flooredTime(deliverMs) + 1), uniqueKey].join(' '));
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** Null: it is no handle. */
export function parseRecallHandle(text: string): RecallHandle | null {
  if (text.length > HANDLE_CHARS_MAX || !BASE64URL.test(text)) return null;
  const parts = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  const [version, topic, brokerName, ms, uniqueKey] = parts;
  if (parts.length !== PARTS || version !== VERSION || topic === '' || brokerName === '' || uniqueKey === '') return null;
  if (!MS.test(ms!)) return null;
  return { topic: topic!, brokerName: brokerName!, ms: Number(ms), uniqueKey: uniqueKey! };
}

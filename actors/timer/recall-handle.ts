/**
 * Recall handle: what the sender of a timed message gets to take it back: base64url of `v1 <topic> <broker> <ms> <unique key>`, padded. Pure.
 * `ms` is the floored time of delivery and one: by it the word that takes it back comes to its turn before the message.
 * Source: RocketMQ 5.4 `RecallMessageHandle.HandleV1`, `SendMessageProcessor.attachRecallHandle`.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { writeDecimal } from '../../protocol/remoting/text-writer.ts';
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
const BLANK = 0x20;
const PADDING = 0x3d;
const DIGITS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const TO_TOPIC = Buffer.from(`${VERSION} `);
/** Without the broker's name: a topic, a time, a unique key, and what parts them. More than a message that is parked by its bytes may have. */
const TEXT_BYTES_MAX = 3 * 1024;

/** Whether messages with this unique key have a handle. */
export function isNameable(source: Uint8Array, start: number, end: number): boolean {
  if (end - start > UNIQUE_KEY_CHARS_MAX) return false;
  for (let at = start; at < end; at++) if (source[at] === BLANK) return false;
  return true;
}

/** Writes handles of one broker's messages. */
export class RecallHandleWriter {
  readonly #brokerName: Uint8Array;
  readonly #text: Uint8Array;
  readonly #handle: Uint8Array;

  constructor(brokerName: string) {
    this.#brokerName = Buffer.from(` ${brokerName} `);
    this.#text = new Uint8Array(TEXT_BYTES_MAX + this.#brokerName.length);
    this.#handle = new Uint8Array(Math.ceil(this.#text.length / 3) * 4);
  }

  /** The handle of a message, as ASCII; null: it cannot be named by one. */
  handleOf(topic: string, deliverMs: number, uniqueKey: string): Uint8Array | null {
    const key = Buffer.from(uniqueKey);
    if (!isNameable(key, 0, key.length)) return null;
    const source = Buffer.concat([Buffer.from(topic), key]);
    const keyStart = source.length - key.length;
    return this.write(source, 0, keyStart, deliverMs, keyStart, source.length).slice();
  }

  /** The handle of the message to `source[topicStart, topicEnd)` with the unique key `source[keyStart, keyEnd)`, which is nameable; good until the next. */
  write(source: Uint8Array, topicStart: number, topicEnd: number, deliverMs: number, keyStart: number, keyEnd: number): Uint8Array {
    const text = this.#text;
    let to = copyBytes(TO_TOPIC, 0, TO_TOPIC.length, text, 0);
    to = copyBytes(source, topicStart, topicEnd, text, to);
    to = copyBytes(this.#brokerName, 0, this.#brokerName.length, text, to);
    to = writeDecimal(text, to, flooredTime(deliverMs) + 1);
    text[to++] = BLANK;
    to = copyBytes(source, keyStart, keyEnd, text, to);
    return this.#handle.subarray(0, this.#encode(to));
  }

  /** `length` bytes of the text as base64; gives how long that is. */
  #encode(length: number): number {
    const text = this.#text;
    const handle = this.#handle;
    // What is left of a group is encoded as zeros, and shown as padding.
    text[length] = 0;
    text[length + 1] = 0;
    let to = 0;
    for (let at = 0; at < length; at += 3) {
      const word = (text[at]! << 16) | (text[at + 1]! << 8) | text[at + 2]!;
      handle[to] = DIGITS[word >>> 18]!;
      handle[to + 1] = DIGITS[(word >>> 12) & 63]!;
      handle[to + 2] = DIGITS[(word >>> 6) & 63]!;
      handle[to + 3] = DIGITS[word & 63]!;
      to += 4;
    }
    const rest = length % 3;
    if (rest > 0) handle[to - 1] = PADDING;
    if (rest === 1) handle[to - 2] = PADDING;
    return to;
  }
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

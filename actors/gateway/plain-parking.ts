/**
 * Plain parking: the properties of a send that asks for a delay level or for a time of its own, as most such sends are, made by their bytes into
 * those of its parked record. One a shard; owns the memory for them, filled again for each send. What is not plain (more than one wish, a value
 * that is no plain number, properties that only the broker sets, a wait of longer than a record may) is for the general way
 * (decide-unusual-send.ts, delayed-message.ts, timed-message.ts), which gives the same.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import {
  CLUSTER,
  DELAY_TIME_LEVEL,
  KEYS,
  MSG_REGION,
  POP_CK,
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
  TRACE_SWITCH,
  TRANSACTION_PREPARED,
  UNIQ_KEY,
  WAIT_STORE_MSG_OK,
} from '../../model/message-property.ts';
import { DROPPED, decimal, NAME_END, OTHER_WAY, PropertyNames, VALUE_END } from '../../model/property-ranges.ts';
import { unescapeInto } from '../../protocol/remoting/json-scan.ts';
import type { SendHeader } from '../../protocol/remoting/send-header.ts';
import { writeDecimal } from '../../protocol/remoting/text-writer.ts';
import { flooredTime } from '../../storage/timer/timer-unit.ts';

const UNIQUE = 0;
const KEY = 1;
const LEVEL = 2;
const DELAY_SEC = 3;
const DELAY_MS = 4;
const DELIVER_MS = 5;
const NAMES = new PropertyNames([
  [UNIQ_KEY, UNIQUE],
  [KEYS, KEY],
  [DELAY_TIME_LEVEL, LEVEL],
  [TIMER_DELAY_SEC, DELAY_SEC],
  [TIMER_DELAY_MS, DELAY_MS],
  [TIMER_DELIVER_MS, DELIVER_MS],
  // The broker's own, or for it alone: they go, and come anew.
  [MSG_REGION, DROPPED],
  [CLUSTER, DROPPED],
  [TRACE_SWITCH, DROPPED],
  [POP_CK, DROPPED],
  [WAIT_STORE_MSG_OK, DROPPED],
  [TRANSACTION_PREPARED, OTHER_WAY],
  [REAL_TOPIC, OTHER_WAY],
  [REAL_QUEUE_ID, OTHER_WAY],
  [TIMER_OUT_MS, OTHER_WAY],
  [TIMER_ENQUEUE_MS, OTHER_WAY],
  [TIMER_DEQUEUE_MS, OTHER_WAY],
  [TIMER_ROLL_TIMES, OTHER_WAY],
  [TIMER_DEL_UNIQKEY, OTHER_WAY],
  [RINGMQ_DELIVER_MS, OTHER_WAY],
  [RINGMQ_WAKE_MS, OTHER_WAY],
]);
const TO_OUT_MS = Buffer.from(`${TIMER_OUT_MS}\u0001`);
const TO_REAL_TOPIC = Buffer.from(`${REAL_TOPIC}\u0001`);
const TO_REAL_QUEUE_ID = Buffer.from(`\u0002${REAL_QUEUE_ID}\u0001`);
const TO_DELIVER_MS = Buffer.from(`${RINGMQ_DELIVER_MS}\u0001`);
/** Of a client's properties; longer ones are for the general way. */
const TEXT_BYTES_MAX = 16 * 1024;
/** Beside them: what the broker adds, the topic's name among it. */
const OWN_BYTES_MAX = 2048;

/** What may be parked. `levels` 0, `longestMs` 0: nothing of the kind. */
export type ParkingLimits = { readonly levels: number; readonly longestMs: number };

export class PlainParking {
  /** Properties of the parked record, `length` bytes of it. */
  readonly bytes = new Uint8Array(TEXT_BYTES_MAX + OWN_BYTES_MAX);
  length = 0;
  /** Its delay level; 0: it has a time of its own. */
  level = 0;
  deliverMs = 0;
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;
  #raw: Uint8Array = new Uint8Array(0);
  readonly #starts = new Int32Array(NAMES.count);
  readonly #ends = new Int32Array(NAMES.count);

  constructor(region: string, cluster: string) {
    this.#before = Buffer.from(`${MSG_REGION}\u0001${region}\u0002`);
    this.#after = Buffer.from(`${CLUSTER}\u0001${cluster}\u0002${TRACE_SWITCH}\u0001true\u0002`);
  }

  get hasKeys(): boolean {
    return this.#ends[KEY] !== 0;
  }

  /** Its unique key lies in `bytes`. */
  get uniqueStart(): number {
    return this.#starts[UNIQUE]!;
  }

  get uniqueEnd(): number {
    return this.#ends[UNIQUE]!;
  }

  /** Reads a send's properties and makes them ready. False: it is for the general way. @param topic the name of that to which it goes */
  read(header: SendHeader, topic: Uint8Array, queueId: number, now: number, limits: ParkingLimits): boolean {
    const textBytes = header.propertiesEnd - header.propertiesStart;
    if (textBytes > TEXT_BYTES_MAX || this.#before.length + this.#after.length + topic.length + 256 > OWN_BYTES_MAX) return false;
    let { text, propertiesStart: start, propertiesEnd: end } = header;
    if (header.arePropertiesEscaped) {
      if (this.#raw.length === 0) this.#raw = new Uint8Array(TEXT_BYTES_MAX);
      end = unescapeInto(text, start, end, this.#raw, 0);
      text = this.#raw;
      start = 0;
    }
    const to = this.#copy(text, start, end);
    if (to < 0 || this.#ends[UNIQUE] === 0 || !this.#takeWish(now, limits)) return false;
    this.length = this.#addOwn(copyBytes(this.#after, 0, this.#after.length, this.bytes, to), topic, queueId);
    return true;
  }

  /** Copies what is kept; −1: it is not plain. */
  #copy(text: Uint8Array, start: number, end: number): number {
    const { bytes } = this;
    const ends = this.#ends;
    ends.fill(0);
    let to = copyBytes(this.#before, 0, this.#before.length, bytes, 0);
    for (let at = start; at < end; at++) {
      const nameAt = at;
      while (at < end && text[at]! > VALUE_END) at++;
      const valueAt = at + 1;
      if (at >= end || text[at] !== NAME_END || at === nameAt) return -1;
      at = valueAt;
      while (at < end && text[at] !== VALUE_END) at++;
      const meaning = NAMES.meaningOf(text, nameAt, valueAt - 1 - nameAt);
      if (meaning === OTHER_WAY || at === valueAt) return -1;
      if (meaning === DROPPED) continue;
      if (meaning >= 0) {
        if (ends[meaning] !== 0) return -1;
        this.#starts[meaning] = to + valueAt - nameAt;
        ends[meaning] = to + at - nameAt;
      }
      to = copyBytes(text, nameAt, at, bytes, to);
      bytes[to++] = VALUE_END;
    }
    return end < 0 ? -1 : to;
  }

  #value(meaning: number): number {
    return decimal(this.bytes, this.#starts[meaning]!, this.#ends[meaning]!);
  }

  #takeWish(now: number, { levels, longestMs }: ParkingLimits): boolean {
    const ends = this.#ends;
    let wish = -1;
    for (let meaning = LEVEL; meaning <= DELIVER_MS; meaning++) {
      if (ends[meaning] === 0) continue;
      if (wish >= 0) return false;
      wish = meaning;
    }
    if (wish < 0) return false;
    const value = this.#value(wish);
    this.level = 0;
    this.deliverMs = 0;
    if (value <= 0) return false;
    if (wish === LEVEL) {
      this.level = value;
      return value <= levels;
    }
    this.deliverMs = wish === DELIVER_MS ? value : now + (wish === DELAY_SEC ? value * 1000 : value);
    return this.deliverMs > now && this.deliverMs - now <= longestMs;
  }

  #addOwn(from: number, topic: Uint8Array, queueId: number): number {
    const { bytes } = this;
    let to = from;
    // The topic and the queue come last: there the answer looks for them.
    const isTimed = this.deliverMs > 0;
    if (isTimed) {
      to = this.#addNumber(TO_OUT_MS, flooredTime(this.deliverMs), to);
      to = this.#addNumber(TO_DELIVER_MS, this.deliverMs, to);
    }
    to = copyBytes(TO_REAL_TOPIC, 0, TO_REAL_TOPIC.length, bytes, to);
    to = copyBytes(topic, 0, topic.length, bytes, to);
    return this.#addNumber(TO_REAL_QUEUE_ID, queueId, to);
  }

  #addNumber(name: Uint8Array, value: number, at: number): number {
    const to = writeDecimal(this.bytes, copyBytes(name, 0, name.length, this.bytes, at), value);
    this.bytes[to] = VALUE_END;
    return to + 1;
  }
}

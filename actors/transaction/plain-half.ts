/**
 * Plain half messages, as most are: ended before anybody was asked about them, without a delay or a time of their own. Read and made to
 * what consumers get by their bytes, without an object a property. Pure. What is not plain goes the general way (half-message.ts).
 *
 * The committed record is the half message's: queue id, flag bits, half message's place and topic replaced, REAL_TOPIC and REAL_QID left out.
 */

import { copyBytes } from '../../model/copy-bytes.ts';
import {
  CHECK_IMMUNITY_TIME_IN_SECONDS,
  DELAY_TIME_LEVEL,
  KEYS,
  PRODUCER_GROUP,
  REAL_QUEUE_ID,
  REAL_TOPIC,
  TAGS,
  TRANSACTION_CHECK_TIMES,
  TRANSACTION_ORIGIN_QUEUE_OFFSET,
  TRANSACTION_PREPARED_QUEUE_OFFSET,
  UNIQ_KEY,
} from '../../model/message-property.ts';
import {
  BODY_AT,
  BODY_LENGTH_AT,
  MAGIC_AT,
  PHYSICAL_OFFSET_AT,
  PREPARED_OFFSET_AT,
  QUEUE_ID_AT,
  QUEUE_OFFSET_AT,
  RECORD_FIXED_BYTES,
  RECORD_MAGIC_V1,
  readInt32,
  readInt64,
  SYS_FLAG_AT,
  TOPIC_V1_BYTES_MAX,
  TOTAL_SIZE_AT,
  writeInt32,
  writeInt64,
} from '../../model/message-record.ts';
import { BORN_HOST_V6_FLAG, STORE_HOST_V6_FLAG, TRANSACTION_COMMIT, TRANSACTION_MASK } from '../../model/system-flag.ts';
import { TRANS_HALF_TOPIC } from '../../model/topic.ts';

const NAME_END = 1;
const VALUE_END = 2;
const ZERO = 0x30;
const V6 = BORN_HOST_V6_FLAG | STORE_HOST_V6_FLAG;
const HALF_TOPIC: Uint8Array = Buffer.from(TRANS_HALF_TOPIC);

/** What a name means here. */
const GROUP = 0;
const TOPIC = 1;
const QUEUE = 2;
const UNIQUE = 3;
const KEY = 4;
const TAG = 5;
const NOT_PLAIN = 6;
const MEANINGS: readonly (readonly [string, number])[] = [
  [PRODUCER_GROUP, GROUP],
  [REAL_TOPIC, TOPIC],
  [REAL_QUEUE_ID, QUEUE],
  [UNIQ_KEY, UNIQUE],
  [KEYS, KEY],
  [TAGS, TAG],
  [DELAY_TIME_LEVEL, NOT_PLAIN],
  [CHECK_IMMUNITY_TIME_IN_SECONDS, NOT_PLAIN],
  [TRANSACTION_CHECK_TIMES, NOT_PLAIN],
  [TRANSACTION_ORIGIN_QUEUE_OFFSET, NOT_PLAIN],
  [TRANSACTION_PREPARED_QUEUE_OFFSET, NOT_PLAIN],
];
type Name = { readonly bytes: Uint8Array; readonly meaning: number };
/** By length. */
const NAMES: readonly (readonly Name[])[] = Array.from({ length: 40 }, (_, length) =>
  MEANINGS.filter(([name]) => name.length === length).map(([name, meaning]) => ({ bytes: Buffer.from(name), meaning })),
);

/** Where a half message's parts lie in its bytes; one object is filled again and again. A length of 0: there is none. */
export class PlainHalf {
  bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  queueOffset = 0;
  realQueueId = 0;
  /** First byte and end of each value by its meaning. */
  readonly #starts = new Int32Array(6);
  readonly #ends = new Int32Array(6);
  #bodyEnd = 0;
  #propertiesAt = 0;

  /** Reads the record that `bytes` begins with, whose lengths were checked. False: it is no plain half message. */
  read(bytes: Uint8Array): boolean {
    this.bytes = bytes;
    const end = readInt32(bytes, TOTAL_SIZE_AT);
    this.#end = end;
    if (readInt32(bytes, MAGIC_AT) !== RECORD_MAGIC_V1 || (readInt32(bytes, SYS_FLAG_AT) & V6) !== 0) return false;
    const bodyEnd = BODY_AT + readInt32(bytes, BODY_LENGTH_AT);
    if (bytes[bodyEnd] !== HALF_TOPIC.length || !isSame(bytes, bodyEnd + 1, HALF_TOPIC)) return false;
    this.queueOffset = readInt64(bytes, QUEUE_OFFSET_AT);
    this.#bodyEnd = bodyEnd;
    this.#propertiesAt = bodyEnd + 1 + HALF_TOPIC.length + 2;
    this.#ends.fill(0);
    for (let at = this.#propertiesAt; at < end; ) {
      const nameAt = at;
      while (at < end && bytes[at]! > VALUE_END) at++;
      const valueAt = at + 1;
      // Not as a broker writes it.
      if (bytes[at] !== NAME_END) return false;
      at = valueAt;
      while (at < end && bytes[at] !== VALUE_END) at++;
      const meaning = meaningOf(bytes, nameAt, valueAt - 1 - nameAt);
      if (meaning === NOT_PLAIN || at >= end || at === valueAt) return false;
      if (meaning >= 0) {
        if (this.#ends[meaning] !== 0) return false;
        this.#starts[meaning] = valueAt;
        this.#ends[meaning] = at;
      }
      at++;
    }
    if (this.#ends[TOPIC] === 0 || this.#ends[QUEUE] === 0) return false;
    return this.#readQueueId();
  }

  #readQueueId(): boolean {
    let value = 0;
    const end = this.#ends[QUEUE]!;
    if (end - this.#starts[QUEUE]! > 9) return false;
    for (let at = this.#starts[QUEUE]!; at < end; at++) {
      const digit = this.bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    this.realQueueId = value;
    return true;
  }

  isOfGroup(group: string): boolean {
    const start = this.#starts[GROUP]!;
    if (this.#ends[GROUP] === 0 || this.#ends[GROUP]! - start !== group.length) return false;
    for (let i = 0; i < group.length; i++) if (this.bytes[start + i] !== group.charCodeAt(i)) return false;
    return true;
  }

  get topicStart(): number {
    return this.#starts[TOPIC]!;
  }

  get topicEnd(): number {
    return this.#ends[TOPIC]!;
  }

  get uniqueStart(): number {
    return this.#starts[UNIQUE]!;
  }

  /** 0: it has none. */
  get uniqueEnd(): number {
    return this.#ends[UNIQUE]!;
  }

  get tagStart(): number {
    return this.#starts[TAG]!;
  }

  /** 0: it has none. */
  get tagEnd(): number {
    return this.#ends[TAG]!;
  }

  get hasKeys(): boolean {
    return this.#ends[KEY] !== 0;
  }

  /** Size of the record as it goes to its topic, whose name is no longer than a V1 record can hold. */
  committedSize(topic: Uint8Array): number {
    return RECORD_FIXED_BYTES + this.#bodyEnd - BODY_AT + topic.length + this.#committedProperties;
  }

  get #committedProperties(): number {
    // Each goes with its name, what parts the two, and what ends it.
    const topicItem = this.#ends[TOPIC]! - this.#starts[TOPIC]! + REAL_TOPIC.length + 2;
    const queueItem = this.#ends[QUEUE]! - this.#starts[QUEUE]! + REAL_QUEUE_ID.length + 2;
    return this.#end - this.#propertiesAt - topicItem - queueItem;
  }

  /** Writes that record to `target`, `committedSize` bytes from `start` on; offsets are left open. */
  writeCommitted(topic: Uint8Array, queueId: number, target: Uint8Array, start: number): void {
    const { bytes } = this;
    const bodyEnd = this.#bodyEnd;
    const propertiesBytes = this.#committedProperties;
    let at = copyBytes(bytes, 0, bodyEnd, target, start);
    writeInt32(target, start + TOTAL_SIZE_AT, this.committedSize(topic));
    writeInt32(target, start + QUEUE_ID_AT, queueId);
    target.fill(0xff, start + QUEUE_OFFSET_AT, start + PHYSICAL_OFFSET_AT + 8);
    writeInt32(target, start + SYS_FLAG_AT, (readInt32(bytes, SYS_FLAG_AT) & ~TRANSACTION_MASK) | TRANSACTION_COMMIT);
    writeInt64(target, start + PREPARED_OFFSET_AT, readInt64(bytes, PHYSICAL_OFFSET_AT));
    target[at] = topic.length;
    at = copyBytes(topic, 0, topic.length, target, at + 1);
    target[at] = propertiesBytes >>> 8;
    target[at + 1] = propertiesBytes;
    at += 2;
    const isTopicFirst = this.#starts[TOPIC]! < this.#starts[QUEUE]!;
    const topicItem = this.#starts[TOPIC]! - 1 - REAL_TOPIC.length;
    const queueItem = this.#starts[QUEUE]! - 1 - REAL_QUEUE_ID.length;
    at = copyBytes(bytes, this.#propertiesAt, isTopicFirst ? topicItem : queueItem, target, at);
    at = copyBytes(bytes, this.#ends[isTopicFirst ? TOPIC : QUEUE]! + 1, isTopicFirst ? queueItem : topicItem, target, at);
    copyBytes(bytes, this.#ends[isTopicFirst ? QUEUE : TOPIC]! + 1, this.#end, target, at);
  }

  /** Whether a topic's name fits a record of this kind. */
  static fits(topic: Uint8Array): boolean {
    return topic.length <= TOPIC_V1_BYTES_MAX;
  }
}

function meaningOf(bytes: Uint8Array, at: number, length: number): number {
  const names = NAMES[length];
  if (names === undefined) return -1;
  for (let i = 0; i < names.length; i++) if (isSame(bytes, at, names[i]!.bytes)) return names[i]!.meaning;
  return -1;
}

function isSame(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}

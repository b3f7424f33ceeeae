/**
 * Writes one message in the commit log's format straight into a log lane: the only place where a produced message is encoded.
 * What only the sequencer may give (queue offset, physical offset, store time) is left at −1. Properties are copied, un-escaped
 * and looked through in one go; what the broker adds and drops is what the Java broker adds and drops.
 * Source: RocketMQ 5.3 `SendMessageProcessor.sendMessage`, `MessageExtEncoder`, `MessageDecoder.string2messageProperties`.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { bodyCrc32 } from '../../model/crc32.ts';
import { javaHashBytes, keyHashSeed } from '../../model/java-hash.ts';
import {
  REAL_QUEUE_ID,
  REAL_TOPIC,
  TRANSACTION_CHECK_TIMES,
  TRANSACTION_ID,
  TRANSACTION_ORIGIN_QUEUE_OFFSET,
  TRANSACTION_PREPARED_QUEUE_OFFSET,
} from '../../model/message-property.ts';
import { RECORD_MAGIC_V1, RECORD_MAGIC_V2, TOPIC_V1_BYTES_MAX } from '../../model/message-record.ts';
import { TRANSACTION_MASK } from '../../model/system-flag.ts';
import { unescapeInto } from '../../protocol/remoting/json-scan.ts';
import { monthAround } from '../../runtime/clock.ts';
import { indexHash } from '../../storage/index/key-hash.ts';
import {
  D_CONNECTION,
  D_FLAGS,
  D_KEY_HASH,
  D_OPAQUE,
  D_QUEUE,
  D_SLOT,
  D_TAG,
  D_UNIQUE_AT,
  D_UNIQUE_HASH,
  FLAG_BORN_V6,
  FLAG_ELSEWHERE,
  FLAG_KEY,
  FLAG_MANY_KEYS,
  FLAG_UNIQUE,
  FLAG_WAIT_SYNC,
  type LaneProducer,
} from '../commit-log/log-lane.ts';
import type { TopicState } from '../topic/topic-table.ts';

export const PROPERTIES_BYTES_MAX = 32_767;
const NAME_END = 1;
const VALUE_END = 2;
const BLANK = 32;
const TWO_32 = 0x1_0000_0000;
/** A longer one is not told in the answer. */
const UNIQUE_KEY_BYTES_MAX = 512;
/** Set for a prepared and for a rolled-back one. */
const SYS_PREPARED = 0x4;
const SYS_BORN_V6 = 0x10;
const SYS_STORE_V6 = 0x20;

/** Why a record was not written. */
export const RECORD_LANE_FULL = -1;
export const RECORD_PROPERTIES_TOO_LONG = -2;
/** Delayed, timed or transactional: kinds of message that have their own path. */
export const RECORD_OTHER_KIND = -3;
/** The properties hold an escape that JSON does not have. */
export const RECORD_BAD_PROPERTIES = -4;

/** What of a message does not lie in its frame's ranges. */
export class RecordFields {
  topic!: TopicState;
  queueId = 0;
  messageFlag = 0;
  sysFlag = 0;
  bornTimestamp = 0;
  bornHost!: Uint8Array;
  reconsumeTimes = 0;
  body!: Uint8Array;
  bodyStart = 0;
  bodyEnd = 0;
  text!: Uint8Array;
  propertiesStart = 0;
  propertiesEnd = 0;
  arePropertiesEscaped = false;
  /** Where a half message is to go; null: no half message. `topic` is the half topic then, `queueId` its queue. */
  realTopic: TopicState | null = null;
  realQueueId = 0;
}

const NAMES = {
  KEYS: [75, 69, 89, 83],
  TAGS: [84, 65, 71, 83],
  WAIT: [87, 65, 73, 84],
  DELAY: [68, 69, 76, 65, 89],
  UNIQ_KEY: [85, 78, 73, 81, 95, 75, 69, 89],
  true: [116, 114, 117, 101],
  TRAN_MSG: [84, 82, 65, 78, 95, 77, 83, 71],
  TRACE_ON: [84, 82, 65, 67, 69, 95, 79, 78],
  MSG_REGION: [77, 83, 71, 95, 82, 69, 71, 73, 79, 78],
  CLUSTER: [67, 76, 85, 83, 84, 69, 82],
  POP_CK: [80, 79, 80, 95, 67, 75],
  TIMER_DELAY_SEC: [...Buffer.from('TIMER_DELAY_SEC')],
  TIMER_DELAY_MS: [...Buffer.from('TIMER_DELAY_MS')],
  TIMER_DELIVER_MS: [...Buffer.from('TIMER_DELIVER_MS')],
} as const;

function isName(bytes: Uint8Array, at: number, name: readonly number[]): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}

/** What only the broker says of a half message: a client's own word for it is dropped. */
const HALFS_OWN: readonly Uint8Array[] = [
  REAL_TOPIC,
  REAL_QUEUE_ID,
  TRANSACTION_ID,
  TRANSACTION_CHECK_TIMES,
  TRANSACTION_PREPARED_QUEUE_OFFSET,
  TRANSACTION_ORIGIN_QUEUE_OFFSET,
].map((name) => Buffer.from(name));
/** Beside the unique key and the topic's name. */
const HALF_PROPERTIES_BYTES = 64;

function isHalfsOwn(bytes: Uint8Array, at: number, length: number): boolean {
  for (const name of HALFS_OWN) {
    if (name.length !== length) continue;
    let same = 0;
    while (same < length && bytes[at + same] === name[same]) same++;
    if (same === length) return true;
  }
  return false;
}

/** A broker-made UNIQ_KEY for messages that come without one: 32 hex digits, as clients make theirs; tools read the time out of it. */
export class UniqueKeys {
  readonly #prefix: string;
  #counter = 0;
  #month = { startMs: 0, endMs: 0 };

  constructor(host: Uint8Array, pid: number, shard: number) {
    const head = Buffer.alloc(10);
    head.set(host.subarray(0, 4), 0);
    head.writeUInt16BE(pid & 0xffff, 4);
    head.writeInt32BE(shard | 0, 6);
    this.#prefix = head.toString('hex').toUpperCase();
  }

  next(now: number): string {
    this.#counter = (this.#counter + 1) & 0xffff;
    // As Java's: milliseconds since the month began.
    if (now < this.#month.startMs || now >= this.#month.endMs) this.#month = monthAround(now);
    const low = now - this.#month.startMs;
    return this.#prefix + low.toString(16).toUpperCase().padStart(8, '0') + this.#counter.toString(16).toUpperCase().padStart(4, '0');
  }
}

export class RecordWriter {
  readonly #lane: LaneProducer;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #storeHost: Uint8Array;
  readonly #storeFlag: number;
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;
  readonly #uniqueKeys: UniqueKeys;
  readonly #now: () => number;
  /** Word index of the last written record's descriptor. */
  descriptor = 0;

  /** @param storeHost address and port that message ids carry, 8 or 20 bytes */
  constructor(lane: LaneProducer, storeHost: Uint8Array, region: string, cluster: string, uniqueKeys: UniqueKeys, now: () => number) {
    this.#lane = lane;
    this.#bytes = lane.lane.bytes;
    this.#view = lane.lane.view;
    this.#storeHost = storeHost;
    this.#storeFlag = storeHost.length === 20 ? SYS_STORE_V6 : 0;
    this.#before = Buffer.from(`MSG_REGION\u0001${region}\u0002`);
    this.#after = Buffer.from(`CLUSTER\u0001${cluster}\u0002TRACE_ON\u0001true\u0002`);
    this.#uniqueKeys = uniqueKeys;
    this.#now = now;
  }

  /**
   * Writes and commits a record; `flags` are the descriptor's, to which those found in the properties are added. Gives the
   * record's size or why there is none.
   */
  write(fields: RecordFields, flags: number, slot: number, connection: number, opaque: number): number {
    const { realTopic } = fields;
    // Of a transaction that is not committed: such a record has no place in its queue.
    if (realTopic === null && (fields.sysFlag & SYS_PREPARED) !== 0) return RECORD_OTHER_KIND;
    const topicBytes = fields.topic.nameBytes;
    const bodyBytes = fields.bodyEnd - fields.bodyStart;
    const rawProperties = fields.propertiesEnd - fields.propertiesStart;
    const bornV6 = fields.bornHost.length === 20;
    const fixed = 88 + (bornV6 ? 12 : 0) + (this.#storeFlag === 0 ? 0 : 12);
    let sizeMax = fixed + bodyBytes + 4 + topicBytes.length + this.#before.length + rawProperties + 44 + this.#after.length;
    if (realTopic !== null) sizeMax += UNIQUE_KEY_BYTES_MAX + realTopic.nameBytes.length + HALF_PROPERTIES_BYTES;
    const at = this.#lane.reserve(sizeMax);
    if (at < 0) return RECORD_LANE_FULL;
    const bytes = this.#bytes;
    const view = this.#view;
    const isLongTopic = topicBytes.length > TOPIC_V1_BYTES_MAX;
    view.setInt32(at + 4, isLongTopic ? RECORD_MAGIC_V2 : RECORD_MAGIC_V1);
    view.setInt32(at + 12, fields.queueId);
    view.setInt32(at + 16, fields.messageFlag);
    view.setInt32(at + 20, -1);
    view.setInt32(at + 24, -1);
    view.setInt32(at + 28, -1);
    view.setInt32(at + 32, -1);
    const sysFlag = realTopic === null ? fields.sysFlag : fields.sysFlag & ~TRANSACTION_MASK;
    view.setInt32(at + 36, (sysFlag & ~(SYS_BORN_V6 | SYS_STORE_V6)) | (bornV6 ? SYS_BORN_V6 : 0) | this.#storeFlag);
    view.setInt32(at + 40, Math.floor(fields.bornTimestamp / TWO_32));
    view.setInt32(at + 44, fields.bornTimestamp | 0);
    let cursor = at + 48;
    cursor = copyBytes(fields.bornHost, 0, fields.bornHost.length, bytes, cursor) + 8;
    cursor = copyBytes(this.#storeHost, 0, this.#storeHost.length, bytes, cursor);
    view.setInt32(cursor, fields.reconsumeTimes);
    view.setInt32(cursor + 4, 0);
    view.setInt32(cursor + 8, 0);
    view.setInt32(cursor + 12, bodyBytes);
    cursor += 16;
    copyBytes(fields.body, fields.bodyStart, fields.bodyEnd, bytes, cursor);
    view.setInt32(at + 8, bodyCrc32(bytes, cursor, cursor + bodyBytes));
    cursor += bodyBytes;
    if (isLongTopic) bytes[cursor++] = topicBytes.length >>> 8;
    bytes[cursor++] = topicBytes.length;
    cursor = copyBytes(topicBytes, 0, topicBytes.length, bytes, cursor);
    const lengthAt = cursor;
    cursor = copyBytes(this.#before, 0, this.#before.length, bytes, cursor + 2);
    let raw = cursor;
    const end = fields.arePropertiesEscaped
      ? unescapeInto(fields.text, fields.propertiesStart, fields.propertiesEnd, bytes, cursor)
      : copyBytes(fields.text, fields.propertiesStart, fields.propertiesEnd, bytes, cursor);
    if (end < 0) return RECORD_BAD_PROPERTIES;
    const seed = keyHashSeed(fields.topic.nameHash);
    let tag = 0;
    let keyHash = 0;
    let uniqueHash = 0;
    let uniqueAt = 0;
    let isPrepared = false;
    let descriptorFlags = flags | FLAG_WAIT_SYNC | (bornV6 ? FLAG_BORN_V6 : 0);
    // In place: `cursor` follows `raw` at a distance once something was dropped.
    while (raw < end) {
      let nameEnd = raw;
      while (nameEnd < end && bytes[nameEnd]! > VALUE_END) nameEnd++;
      let valueEnd = nameEnd + 1;
      while (valueEnd < end && bytes[valueEnd] !== VALUE_END) valueEnd++;
      if (nameEnd >= end || bytes[nameEnd] !== NAME_END || valueEnd > end) {
        // No name and value: dropped, as the Java parser does.
        raw = nameEnd >= end ? end : bytes[nameEnd] === VALUE_END ? nameEnd + 1 : valueEnd + 1;
        continue;
      }
      const name = raw;
      const value = nameEnd + 1;
      let keep = valueEnd > value && nameEnd > raw && (realTopic === null || !isHalfsOwn(bytes, raw, nameEnd - raw));
      switch (nameEnd - raw) {
        case 4:
          if (isName(bytes, name, NAMES.TAGS)) tag = javaHashBytes(bytes, value, valueEnd);
          else if (isName(bytes, name, NAMES.WAIT)) {
            keep = false;
            if (bytes[value] === 102 && valueEnd - value === 5) descriptorFlags &= ~FLAG_WAIT_SYNC;
          } else if (keep && isName(bytes, name, NAMES.KEYS)) {
            let blanks = false;
            for (let i = value; i < valueEnd; i++) if (bytes[i] === BLANK) blanks = true;
            if (blanks) descriptorFlags |= FLAG_MANY_KEYS;
            else {
              descriptorFlags |= FLAG_KEY;
              keyHash = indexHash(javaHashBytes(bytes, value, valueEnd, seed));
            }
          }
          break;
        case 5:
          if (keep && isName(bytes, name, NAMES.DELAY) && !(valueEnd - value === 1 && bytes[value] === 48)) return RECORD_OTHER_KIND;
          break;
        case 6:
          if (isName(bytes, name, NAMES.POP_CK)) keep = false;
          break;
        case 7:
          if (isName(bytes, name, NAMES.CLUSTER)) keep = false;
          break;
        case 8:
          if (isName(bytes, name, NAMES.UNIQ_KEY)) {
            if (keep && valueEnd - value < UNIQUE_KEY_BYTES_MAX) {
              descriptorFlags |= FLAG_UNIQUE;
              uniqueHash = indexHash(javaHashBytes(bytes, value, valueEnd, seed));
              uniqueAt = ((value - (raw - cursor) - at) << 9) | (valueEnd - value);
            }
          } else if (isName(bytes, name, NAMES.TRACE_ON)) keep = false;
          else if (keep && bytes[value] === 116 && isName(bytes, name, NAMES.TRAN_MSG)) {
            isPrepared = valueEnd - value === 4 && isName(bytes, value, NAMES.true);
            if (realTopic === null || !isPrepared) return RECORD_OTHER_KIND;
          }
          break;
        case 10:
          if (isName(bytes, name, NAMES.MSG_REGION)) keep = false;
          break;
        case 14:
          if (keep && isName(bytes, name, NAMES.TIMER_DELAY_MS)) return RECORD_OTHER_KIND;
          break;
        case 15:
          if (keep && isName(bytes, name, NAMES.TIMER_DELAY_SEC)) return RECORD_OTHER_KIND;
          break;
        case 16:
          if (keep && isName(bytes, name, NAMES.TIMER_DELIVER_MS)) return RECORD_OTHER_KIND;
          break;
      }
      if (keep) {
        if (cursor !== raw) bytes.copyWithin(cursor, raw, valueEnd);
        cursor += valueEnd - raw;
        bytes[cursor++] = VALUE_END;
      }
      raw = valueEnd + 1;
    }
    if ((descriptorFlags & FLAG_UNIQUE) === 0) {
      const key = this.#uniqueKeys.next(this.#now());
      cursor = writeAscii(`UNIQ_KEY\u0001`, bytes, cursor);
      uniqueAt = ((cursor - at) << 9) | key.length;
      const value = cursor;
      cursor = writeAscii(key, bytes, cursor);
      uniqueHash = indexHash(javaHashBytes(bytes, value, cursor, seed));
      bytes[cursor++] = VALUE_END;
      descriptorFlags |= FLAG_UNIQUE;
    }
    cursor = copyBytes(this.#after, 0, this.#after.length, bytes, cursor);
    if (realTopic !== null) {
      // A long key of the client's own, or no half message after all.
      if (!isPrepared || uniqueAt === 0) return RECORD_OTHER_KIND;
      const key = at + (uniqueAt >>> 9);
      cursor = writeAscii(`${TRANSACTION_ID}\u0001`, bytes, cursor);
      cursor = copyBytes(bytes, key, key + (uniqueAt & 511), bytes, cursor);
      cursor = writeAscii(`\u0002${REAL_TOPIC}\u0001`, bytes, cursor);
      cursor = copyBytes(realTopic.nameBytes, 0, realTopic.nameBytes.length, bytes, cursor);
      cursor = writeAscii(`\u0002${REAL_QUEUE_ID}\u0001${fields.realQueueId}\u0002`, bytes, cursor);
      descriptorFlags |= FLAG_ELSEWHERE;
    }
    const propertiesBytes = cursor - lengthAt - 2;
    if (propertiesBytes > PROPERTIES_BYTES_MAX) return RECORD_PROPERTIES_TOO_LONG;
    view.setInt16(lengthAt, propertiesBytes);
    const size = cursor - at;
    view.setInt32(at, size);
    const words = this.#lane.lane.descriptors;
    const word = this.#lane.commit(size);
    this.descriptor = word;
    words[word + D_QUEUE] = fields.topic.queueHandles[fields.queueId]!;
    words[word + D_FLAGS] = descriptorFlags;
    words[word + D_TAG] = tag;
    words[word + D_UNIQUE_HASH] = uniqueHash;
    words[word + D_KEY_HASH] = keyHash;
    words[word + D_SLOT] = slot;
    words[word + D_CONNECTION] = connection;
    words[word + D_OPAQUE] = opaque;
    words[word + D_UNIQUE_AT] = uniqueAt;
    return size;
  }
}

function writeAscii(text: string, target: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
  return at + text.length;
}

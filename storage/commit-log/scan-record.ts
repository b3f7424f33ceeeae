/**
 * One record as recovery sees it: is what stands at this position a record, and where are its parts. Pure and without
 * allocation, for it runs over every record of a log's tail. A record counts only when the physical offset inside it is the
 * position where it was found, so that bytes of an older file or of a message's body never pass for one.
 * Source: RocketMQ 5.3 `CommitLog.checkMessageAndReturnSize`.
 */
import { bodyCrc32 } from '../../model/crc32.ts';
import {
  BLANK_RECORD_BYTES,
  BODY_CRC_AT,
  BORN_HOST_AT,
  BORN_TIMESTAMP_AT,
  HOST_V6_EXTRA_BYTES,
  MAGIC_AT,
  PHYSICAL_OFFSET_AT,
  QUEUE_ID_AT,
  QUEUE_OFFSET_AT,
  RECORD_FIXED_BYTES,
  RECORD_MAGIC_BLANK,
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  readInt32,
  readInt64,
  SYS_FLAG_AT,
  TOPIC_V1_BYTES_MAX,
} from '../../model/message-record.ts';
import {
  BORN_HOST_V6_FLAG,
  INNER_BATCH_FLAG,
  STORE_HOST_V6_FLAG,
  TRANSACTION_MASK,
  TRANSACTION_PREPARED,
  TRANSACTION_ROLLBACK,
} from '../../model/system-flag.ts';
import { tagHash } from '../../model/tag-hash.ts';

/** Not a record: why. Positive results of `scanRecord` are sizes. */
export const SCAN_BLANK = 0;
/** `scanRecord` was given fewer bytes than the record says it has; `record.size` says how many. */
export const SCAN_NEEDS_MORE = -1;
export const SCAN_BAD_SIZE = -2;
export const SCAN_BAD_MAGIC = -3;
export const SCAN_BAD_POSITION = -4;
export const SCAN_BAD_LENGTHS = -5;
export const SCAN_BAD_BODY = -6;
export const SCAN_BAD_TOPIC = -7;
export const SCAN_BAD_QUEUE = -8;
export const SCAN_TORN = -9;

const REASONS: Record<number, string> = {
  [SCAN_BAD_SIZE]: 'its size is out of range',
  [SCAN_BAD_MAGIC]: 'its magic is not that of a record',
  [SCAN_BAD_POSITION]: 'its physical offset is not its position',
  [SCAN_BAD_LENGTHS]: 'its lengths do not add up to its size',
  [SCAN_BAD_BODY]: 'its body does not have its CRC',
  [SCAN_BAD_TOPIC]: 'its topic is no name',
  [SCAN_BAD_QUEUE]: 'its queue id or queue offset is out of range',
  [SCAN_TORN]: 'its last byte is zero: it was not written to its end',
};

export function scanReason(result: number): string {
  return REASONS[result] ?? 'it is no record';
}

/** A queue id above it is damage: no topic has so many queues. */
export const QUEUE_ID_MAX = 65_535;

/** The record found last; one object is filled again and again. Places are indices into `bytes`; a length of 0 means absent. */
export class ScannedRecord {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the record begins in `bytes`. */
  at = 0;
  /** Where it stands in the log. */
  position = 0;
  size = 0;
  queueId = 0;
  queueOffset = 0;
  sysFlag = 0;
  bornTimestamp = 0;
  storeTimestamp = 0;
  preparedTransactionOffset = 0;
  bodyAt = 0;
  bodyLength = 0;
  topicAt = 0;
  topicLength = 0;
  propertiesAt = 0;
  propertiesLength = 0;
  keysAt = 0;
  keysLength = 0;
  uniqueKeyAt = 0;
  uniqueKeyLength = 0;
  tagsAt = 0;
  tagsLength = 0;
  /** Java's hash of the tag; 0 without one. A delay topic's unit carries the time of delivery instead. */
  tagHash = 0;
  /** Value of DELAY; 0 without one. */
  delayLevel = 0;

  /** Prepared and rolled-back messages take no unit in a consume queue; inner batches have queues of another kind. */
  get hasQueueUnit(): boolean {
    if ((this.sysFlag & INNER_BATCH_FLAG) !== 0) return false;
    const type = this.sysFlag & TRANSACTION_MASK;
    return type !== TRANSACTION_PREPARED && type !== TRANSACTION_ROLLBACK;
  }

  topic(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.topicAt, this.topicLength).toString('utf8');
  }

  properties(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.propertiesAt, this.propertiesLength).toString('utf8');
  }
}

/**
 * Looks at `bytes[at, end)`, which stands at `position` with `room` bytes to its segment's end. Returns the record's size and
 * fills `record`, or SCAN_BLANK, or one of the negative reasons.
 */
export function scanRecord(
  bytes: Uint8Array,
  at: number,
  end: number,
  position: number,
  room: number,
  sizeMax: number,
  record: ScannedRecord,
): number {
  record.size = BLANK_RECORD_BYTES;
  if (end - at < BLANK_RECORD_BYTES) return room < BLANK_RECORD_BYTES ? SCAN_BAD_SIZE : SCAN_NEEDS_MORE;
  const size = readInt32(bytes, at);
  const magic = readInt32(bytes, at + MAGIC_AT);
  if (magic === RECORD_MAGIC_BLANK && size === room) return SCAN_BLANK;
  if (magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2) return SCAN_BAD_MAGIC;
  if (size < RECORD_FIXED_BYTES || size > sizeMax || size + BLANK_RECORD_BYTES > room) return SCAN_BAD_SIZE;
  record.size = size;
  if (end - at < size) return SCAN_NEEDS_MORE;
  if (readInt64(bytes, at + PHYSICAL_OFFSET_AT) !== position) return SCAN_BAD_POSITION;
  const recordEnd = at + size;
  const sysFlag = readInt32(bytes, at + SYS_FLAG_AT);
  let next = at + BORN_HOST_AT + 8 + ((sysFlag & BORN_HOST_V6_FLAG) === 0 ? 0 : HOST_V6_EXTRA_BYTES);
  const storeTimestampAt = next;
  next += 16 + ((sysFlag & STORE_HOST_V6_FLAG) === 0 ? 0 : HOST_V6_EXTRA_BYTES);
  const topicLengthBytes = magic === RECORD_MAGIC_V1 ? 1 : 2;
  const bodyAt = next + 16;
  if (bodyAt + topicLengthBytes + 2 > recordEnd) return SCAN_BAD_LENGTHS;
  const bodyLength = readInt32(bytes, next + 12);
  if (bodyLength < 0 || bodyLength > recordEnd - bodyAt - topicLengthBytes - 2) return SCAN_BAD_LENGTHS;
  const topicLengthAt = bodyAt + bodyLength;
  const topicLength = topicLengthBytes === 1 ? (bytes[topicLengthAt] as number) : readUint16(bytes, topicLengthAt);
  const topicAt = topicLengthAt + topicLengthBytes;
  if (topicLength === 0 || (topicLengthBytes === 1 && topicLength > TOPIC_V1_BYTES_MAX) || topicAt + topicLength + 2 > recordEnd)
    return SCAN_BAD_LENGTHS;
  const propertiesAt = topicAt + topicLength + 2;
  const propertiesLength = readUint16(bytes, propertiesAt - 2);
  if (propertiesAt + propertiesLength !== recordEnd) return SCAN_BAD_LENGTHS;
  const queueOffset = readInt64(bytes, at + QUEUE_OFFSET_AT);
  const queueId = readInt32(bytes, at + QUEUE_ID_AT);
  if (queueOffset < 0 || queueOffset > Number.MAX_SAFE_INTEGER || queueId < 0 || queueId > QUEUE_ID_MAX) return SCAN_BAD_QUEUE;
  if (!isTopic(bytes, topicAt, topicAt + topicLength)) return SCAN_BAD_TOPIC;
  // Properties end with a value or its end mark, never with zero: a tail that is still the file's hole shows here.
  if (propertiesLength > 0 && bytes[recordEnd - 1] === 0) return SCAN_TORN;
  record.bytes = bytes;
  record.at = at;
  record.position = position;
  record.queueId = queueId;
  record.queueOffset = queueOffset;
  record.sysFlag = sysFlag;
  record.bornTimestamp = readInt64(bytes, at + BORN_TIMESTAMP_AT);
  record.storeTimestamp = readInt64(bytes, storeTimestampAt);
  record.preparedTransactionOffset = readInt64(bytes, next + 4);
  record.bodyAt = bodyAt;
  record.bodyLength = bodyLength;
  record.topicAt = topicAt;
  record.topicLength = topicLength;
  record.propertiesAt = propertiesAt;
  record.propertiesLength = propertiesLength;
  if (bodyLength > 0 && bodyCrc32(bytes, bodyAt, topicLengthAt) !== readInt32(bytes, at + BODY_CRC_AT)) return SCAN_BAD_BODY;
  scanProperties(bytes, propertiesAt, recordEnd, record);
  return size;
}

/** Whether the bytes can be a topic: no blanks, nothing that leads out of a directory. A flipped bit must not become a path. */
function isTopic(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte <= SPACE || byte === SLASH || byte === BACKSLASH || byte === DELETE) return false;
  }
  return bytes[start] !== DOT;
}

const SPACE = 0x20;
const DOT = 0x2e;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

const NAME_END = 1;
const VALUE_END = 2;

/** Finds the four properties that dispatch needs. As in Java, a later one of the same name wins. */
function scanProperties(bytes: Uint8Array, start: number, end: number, record: ScannedRecord): void {
  record.keysLength = 0;
  record.uniqueKeyLength = 0;
  record.tagsLength = 0;
  record.delayLevel = 0;
  let at = start;
  while (at < end) {
    const nameAt = at;
    let byte = bytes[at] as number;
    while (byte > VALUE_END && ++at < end) byte = bytes[at] as number;
    // An item without a name's end is no property; go on behind it.
    if (at >= end || byte !== NAME_END) {
      at++;
      continue;
    }
    const nameLength = at - nameAt;
    const valueAt = ++at;
    while (at < end && (bytes[at] as number) !== VALUE_END) at++;
    const valueLength = at - valueAt;
    at++;
    if (valueLength === 0) continue;
    if (nameLength === 4) {
      const name = readInt32(bytes, nameAt);
      if (name === KEYS) {
        record.keysAt = valueAt;
        record.keysLength = valueLength;
      } else if (name === TAGS) {
        record.tagsAt = valueAt;
        record.tagsLength = valueLength;
      }
    } else if (nameLength === 8) {
      if (readInt32(bytes, nameAt) === UNIQ && readInt32(bytes, nameAt + 4) === _KEY) {
        record.uniqueKeyAt = valueAt;
        record.uniqueKeyLength = valueLength;
      }
    } else if (nameLength === 5 && readInt32(bytes, nameAt) === DELA && bytes[nameAt + 4] === 0x59) {
      record.delayLevel = smallNumber(bytes, valueAt, valueAt + valueLength);
    }
  }
  record.tagHash = record.tagsLength === 0 ? 0 : tagHash(bytes, record.tagsAt, record.tagsAt + record.tagsLength);
}

const KEYS = fourBytes('KEYS');
const TAGS = fourBytes('TAGS');
const UNIQ = fourBytes('UNIQ');
const _KEY = fourBytes('_KEY');
const DELA = fourBytes('DELA');

function fourBytes(text: string): number {
  return readInt32(Buffer.from(text, 'latin1'), 0);
}

/** A decimal number of at most nine digits; 0 for anything else. */
function smallNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 9) return 0;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Why what lies at `at` is not the record of `size` bytes at `physical`; '' when it is. */
export function wrongRecord(bytes: Uint8Array, at: number, size: number, physical: number): string {
  if (readInt32(bytes, at) !== size) return 'its size is another one';
  const magic = readInt32(bytes, at + MAGIC_AT);
  if (magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2) return 'its magic is not that of a record';
  return readInt64(bytes, at + PHYSICAL_OFFSET_AT) === physical ? '' : 'its physical offset is another one';
}

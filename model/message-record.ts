/**
 * The commit-log record: what stands in the log, in a log lane, and in the body of a pull, byte for byte. The hot path writes
 * and patches it by the offsets below; `encodeMessageRecord` and `decodeMessageRecord` are the general way, for recovery, tools and tests.
 * Numbers are big-endian. Fails with MessageRecordError on bytes that are no record.
 * Source: RocketMQ 5.3 `MessageDecoder`, `MessageExtEncoder`, `CommitLog`.
 *
 *    0  totalSize       4    40  bornTimestamp    8     84  bodyLength        4
 *    4  magic           4    48  bornHost         8     88  body              n
 *    8  bodyCrc         4    56  storeTimestamp   8         topicLength       1 (V2: 2)
 *   12  queueId         4    64  storeHost        8         topic             n
 *   16  flag            4    72  reconsumeTimes   4         propertiesLength  2
 *   20  queueOffset     8    76  preparedOffset   8         properties        n
 *   28  physicalOffset  8
 *   36  sysFlag         4    (hosts of 20 bytes when sysFlag says IPv6: then what follows moves on by 12 each)
 */
import { bodyCrc32 } from './crc32.ts';
import { MessageRecordError } from './errors.ts';
import { BORN_HOST_V6_FLAG, STORE_HOST_V6_FLAG } from './system-flag.ts';
import { utf8Text } from './utf8.ts';

export const RECORD_MAGIC_V1 = 0xdaa320a7 | 0;
/** Topic length in two bytes; only for topics over 127 bytes, since Go and npm clients read one byte. */
export const RECORD_MAGIC_V2 = 0xdaa320ab | 0;
/** Opens the blank record that fills a segment's rest. */
export const RECORD_MAGIC_BLANK = 0xcbd43194 | 0;

export const TOTAL_SIZE_AT = 0;
export const MAGIC_AT = 4;
export const BODY_CRC_AT = 8;
export const QUEUE_ID_AT = 12;
export const FLAG_AT = 16;
export const QUEUE_OFFSET_AT = 20;
export const PHYSICAL_OFFSET_AT = 28;
export const SYS_FLAG_AT = 36;
export const BORN_TIMESTAMP_AT = 40;
export const BORN_HOST_AT = 48;
export const STORE_TIMESTAMP_AT = 56;
export const STORE_HOST_AT = 64;
export const RECONSUME_TIMES_AT = 72;
export const PREPARED_OFFSET_AT = 76;
export const BODY_LENGTH_AT = 84;
export const BODY_AT = 88;

/** What a V1 record with IPv4 hosts has beside body, topic and properties. */
export const RECORD_FIXED_BYTES = 91;
/** A blank record: total size and magic; a record must leave room for one at its segment's end. */
export const BLANK_RECORD_BYTES = 8;
export const HOST_V6_EXTRA_BYTES = 12;
export const TOPIC_V1_BYTES_MAX = 127;
export const PROPERTIES_BYTES_MAX = 32767;

/** 4 or 16 bytes of address, and a port. */
export type Host = { readonly address: Uint8Array; readonly port: number };

export type MessageRecord = {
  readonly totalSize: number;
  readonly version: 1 | 2;
  readonly bodyCrc: number;
  readonly queueId: number;
  readonly flag: number;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly bornHost: Host;
  readonly storeTimestamp: number;
  readonly storeHost: Host;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  /** A view of the bytes given. */
  readonly body: Uint8Array;
  readonly topic: string;
  /** `name \x01 value \x02 …`, as stored. */
  readonly properties: string;
};

/** What `encodeMessageRecord` needs; what is left out is 0 or empty. `totalSize`, magic and CRC are computed. */
export type MessageRecordFields = {
  readonly queueId?: number;
  readonly flag?: number;
  readonly queueOffset?: number;
  readonly physicalOffset?: number;
  /** The IPv6 bits are set from the hosts. */
  readonly sysFlag?: number;
  readonly bornTimestamp?: number;
  readonly bornHost?: Host;
  readonly storeTimestamp?: number;
  readonly storeHost?: Host;
  readonly reconsumeTimes?: number;
  readonly preparedTransactionOffset?: number;
  readonly body?: Uint8Array;
  readonly topic: string;
  readonly properties?: string;
};

const NO_HOST: Host = { address: new Uint8Array(4), port: 0 };
const NO_BYTES = new Uint8Array(0);

/** Size in bytes of a V1 record with IPv4 hosts. */
export function recordSize(bodyBytes: number, topicBytes: number, propertiesBytes: number): number {
  return RECORD_FIXED_BYTES + bodyBytes + topicBytes + propertiesBytes;
}

/** Big-endian int32 at `at`. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
}

/** Big-endian int64 at `at` as a double: exact to 2^53, nearest beyond. */
export function readInt64(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) * 0x1_0000_0000 + (readInt32(bytes, at + 4) >>> 0);
}

/** Where the length of the body stands in the record at `at`, which is trusted to be sound. */
export function bodyLengthAt(bytes: Uint8Array, at: number): number {
  // Both flags are in the last of the four bytes.
  const flags = bytes[at + SYS_FLAG_AT + 3] as number;
  if ((flags & (BORN_HOST_V6_FLAG | STORE_HOST_V6_FLAG)) === 0) return at + BODY_LENGTH_AT;
  const isBoth = (flags & BORN_HOST_V6_FLAG) !== 0 && (flags & STORE_HOST_V6_FLAG) !== 0;
  return at + BODY_LENGTH_AT + (isBoth ? 2 : 1) * HOST_V6_EXTRA_BYTES;
}

/** Where the length (two bytes) of the properties stands in the record at `at`, which is trusted to be sound. */
export function propertiesLengthAt(bytes: Uint8Array, at: number): number {
  const lengthAt = bodyLengthAt(bytes, at);
  const topicAt = lengthAt + 4 + readInt32(bytes, lengthAt);
  // The two versions differ in the last byte.
  return bytes[at + MAGIC_AT + 3] === (RECORD_MAGIC_V2 & 0xff)
    ? topicAt + 2 + (((bytes[topicAt] as number) << 8) | (bytes[topicAt + 1] as number))
    : topicAt + 1 + (bytes[topicAt] as number);
}

export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes an integer within ±2^53 as a big-endian int64. */
export function writeInt64(bytes: Uint8Array, at: number, value: number): void {
  writeInt32(bytes, at, Math.floor(value / 0x1_0000_0000));
  // `| 0` and `>>> 0` wrap modulo 2^32, which is the low word also of a negative value.
  writeInt32(bytes, at + 4, value | 0);
}

/**
 * The record that begins at `at`, checked: its size within the bytes, its magic, its inner lengths adding up to its size.
 * The body's CRC is not recomputed (`bodyCrc32` does); offsets are not compared with a position.
 */
export function decodeMessageRecord(bytes: Uint8Array, at: number): MessageRecord {
  if (bytes.length - at < RECORD_FIXED_BYTES)
    throw new MessageRecordError(`${bytes.length - at} bytes are left, a record has at least ${RECORD_FIXED_BYTES}`, at);
  const totalSize = readInt32(bytes, at);
  if (totalSize < RECORD_FIXED_BYTES || totalSize > bytes.length - at)
    throw new MessageRecordError(`its size ${totalSize} is not within ${RECORD_FIXED_BYTES} and the ${bytes.length - at} bytes left`, at);
  const magic = readInt32(bytes, at + MAGIC_AT);
  if (magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2)
    throw new MessageRecordError(`its magic is 0x${(magic >>> 0).toString(16)}`, at);
  const end = at + totalSize;
  const sysFlag = readInt32(bytes, at + SYS_FLAG_AT);
  const bornHost = hostAt(bytes, at + BORN_HOST_AT, (sysFlag & BORN_HOST_V6_FLAG) !== 0);
  let next = at + BORN_HOST_AT + bornHost.address.length + 4;
  const storeTimestamp = readInt64(bytes, next);
  const storeHost = hostAt(bytes, next + 8, (sysFlag & STORE_HOST_V6_FLAG) !== 0);
  next += 8 + storeHost.address.length + 4;
  const reconsumeTimes = readInt32(bytes, next);
  const preparedTransactionOffset = readInt64(bytes, next + 4);
  const bodyLength = readInt32(bytes, next + 12);
  const bodyAt = next + 16;
  const version = magic === RECORD_MAGIC_V1 ? 1 : 2;
  if (bodyLength < 0 || bodyLength > end - bodyAt - version - 2)
    throw new MessageRecordError(`its body of ${bodyLength} bytes does not fit its size ${totalSize}`, at);
  const topicLengthAt = bodyAt + bodyLength;
  const topicLength = version === 1 ? (bytes[topicLengthAt] as number) : readUint16(bytes, topicLengthAt);
  const topicAt = topicLengthAt + version;
  if (topicLength > end - topicAt - 2 || (version === 1 && topicLength > TOPIC_V1_BYTES_MAX))
    throw new MessageRecordError(`its topic of ${topicLength} bytes does not fit its size ${totalSize}`, at);
  const propertiesLengthAt = topicAt + topicLength;
  const propertiesLength = readUint16(bytes, propertiesLengthAt);
  if (propertiesLengthAt + 2 + propertiesLength !== end)
    throw new MessageRecordError(`its properties of ${propertiesLength} bytes do not end with it`, at);
  return {
    totalSize,
    version,
    bodyCrc: readInt32(bytes, at + BODY_CRC_AT),
    queueId: readInt32(bytes, at + QUEUE_ID_AT),
    flag: readInt32(bytes, at + FLAG_AT),
    queueOffset: readInt64(bytes, at + QUEUE_OFFSET_AT),
    physicalOffset: readInt64(bytes, at + PHYSICAL_OFFSET_AT),
    sysFlag,
    bornTimestamp: readInt64(bytes, at + BORN_TIMESTAMP_AT),
    bornHost,
    storeTimestamp,
    storeHost,
    reconsumeTimes,
    preparedTransactionOffset,
    body: bytes.subarray(bodyAt, topicLengthAt),
    topic: utf8Text(bytes, topicAt, propertiesLengthAt),
    properties: utf8Text(bytes, propertiesLengthAt + 2, end),
  };
}

/** The records that lie back to back in `bytes[start, end)`, as in the body of a pull's answer. */
export function decodeMessageRecords(bytes: Uint8Array, start = 0, end: number = bytes.length): MessageRecord[] {
  const records: MessageRecord[] = [];
  const span = bytes.subarray(start, end);
  for (let at = 0; at < span.length; ) {
    const record = decodeMessageRecord(span, at);
    records.push(record);
    at += record.totalSize;
  }
  return records;
}

/** A record of these fields; V2 when the topic needs it. Throws MessageRecordError when a part is longer than its length field says. */
export function encodeMessageRecord(fields: MessageRecordFields): Uint8Array {
  const topic = Buffer.from(fields.topic);
  const propertiesBytes = Buffer.byteLength(fields.properties ?? '');
  // Memory of its own, not a part of Node's pool: who has a record may hand it to another thread.
  const bytes = new Uint8Array(encodedBytes(fields, topic.length, propertiesBytes));
  writeMessageRecord(Buffer.from(bytes.buffer), 0, fields, topic, propertiesBytes);
  return bytes;
}

/** The size of a record of these fields. */
export function encodedBytes({ body, bornHost, storeHost }: MessageRecordFields, topicBytes: number, propertiesBytes: number): number {
  const hostBytes = (bornHost ?? NO_HOST).address.length + (storeHost ?? NO_HOST).address.length + 8;
  const versionBytes = topicBytes > TOPIC_V1_BYTES_MAX ? 1 : 0;
  return RECORD_FIXED_BYTES - 16 + hostBytes + (body?.length ?? 0) + topicBytes + versionBytes + propertiesBytes;
}

/**
 * Writes a record of these fields at `start`, `encodedBytes` long. @param topic the name's bytes
 * @param propertiesBytes of the properties in UTF-8
 */
export function writeMessageRecord(
  bytes: Buffer,
  start: number,
  fields: MessageRecordFields,
  topic: Uint8Array,
  propertiesBytes: number,
): void {
  const properties = fields.properties ?? '';
  const at = writeRecordHead(bytes, start, fields, topic, propertiesBytes);
  bytes.write(properties, at, propertiesBytes, propertiesBytes === properties.length ? 'latin1' : 'utf8');
}

/** The same up to its properties, which are for the caller to write at the place that this gives. */
export function writeRecordHead(
  bytes: Buffer,
  start: number,
  fields: MessageRecordFields,
  topic: Uint8Array,
  propertiesBytes: number,
): number {
  const body = fields.body ?? NO_BYTES;
  const bornHost = fields.bornHost ?? NO_HOST;
  const storeHost = fields.storeHost ?? NO_HOST;
  if (propertiesBytes > PROPERTIES_BYTES_MAX)
    throw new MessageRecordError(`properties of ${propertiesBytes} bytes, ${PROPERTIES_BYTES_MAX} are allowed`, 0);
  if (topic.length > 0xffff) throw new MessageRecordError(`a topic of ${topic.length} bytes, 65535 are allowed`, 0);
  const version = topic.length > TOPIC_V1_BYTES_MAX ? 2 : 1;
  let sysFlag = (fields.sysFlag ?? 0) & ~(BORN_HOST_V6_FLAG | STORE_HOST_V6_FLAG);
  if (bornHost.address.length === 16) sysFlag |= BORN_HOST_V6_FLAG;
  if (storeHost.address.length === 16) sysFlag |= STORE_HOST_V6_FLAG;
  writeInt32(bytes, start + TOTAL_SIZE_AT, encodedBytes(fields, topic.length, propertiesBytes));
  writeInt32(bytes, start + MAGIC_AT, version === 1 ? RECORD_MAGIC_V1 : RECORD_MAGIC_V2);
  writeInt32(bytes, start + BODY_CRC_AT, bodyCrc32(body, 0, body.length));
  writeInt32(bytes, start + QUEUE_ID_AT, fields.queueId ?? 0);
  writeInt32(bytes, start + FLAG_AT, fields.flag ?? 0);
  writeInt64(bytes, start + QUEUE_OFFSET_AT, fields.queueOffset ?? 0);
  writeInt64(bytes, start + PHYSICAL_OFFSET_AT, fields.physicalOffset ?? 0);
  writeInt32(bytes, start + SYS_FLAG_AT, sysFlag);
  writeInt64(bytes, start + BORN_TIMESTAMP_AT, fields.bornTimestamp ?? 0);
  let at = writeHost(bytes, start + BORN_HOST_AT, bornHost);
  writeInt64(bytes, at, fields.storeTimestamp ?? 0);
  at = writeHost(bytes, at + 8, storeHost);
  writeInt32(bytes, at, fields.reconsumeTimes ?? 0);
  writeInt64(bytes, at + 4, fields.preparedTransactionOffset ?? 0);
  writeInt32(bytes, at + 12, body.length);
  bytes.set(body, at + 16);
  at += 16 + body.length;
  if (version === 2) bytes[at++] = topic.length >>> 8;
  bytes[at++] = topic.length;
  bytes.set(topic, at);
  at += topic.length;
  bytes[at] = propertiesBytes >>> 8;
  bytes[at + 1] = propertiesBytes;
  return at + 2;
}

function hostAt(bytes: Uint8Array, at: number, isV6: boolean): Host {
  const addressBytes = isV6 ? 16 : 4;
  // The fixed part covers IPv4 hosts only; a lying IPv6 flag must not read past the bytes.
  if (at + addressBytes + 4 > bytes.length) throw new MessageRecordError('its IPv6 host does not fit', at);
  return { address: bytes.slice(at, at + addressBytes), port: readInt32(bytes, at + addressBytes) };
}

function writeHost(bytes: Uint8Array, at: number, host: Host): number {
  if (host.address.length !== 4 && host.address.length !== 16)
    throw new MessageRecordError(`a host address of ${host.address.length} bytes, 4 or 16 are allowed`, 0);
  bytes.set(host.address, at);
  writeInt32(bytes, at + host.address.length, host.port);
  return at + host.address.length + 4;
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

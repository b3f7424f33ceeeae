/**
 * Our own snapshot of all consume queues, written with each checkpoint, so that a start takes as long for 100 000 queues as
 * for one: ranges come from here, and only the log behind `position` is walked. Pure encoding and reading; a snapshot that
 * is missing, damaged or older than the checkpoint file says (a Java broker wrote since) is none, and the files are scanned.
 *
 *   magic 'RQTS' 4 | version 4 | body bytes 4 | CRC-32 of the body, 31 bits 4 | body
 *   body: position 8 | log minimum 8 | index end 8 | checkpoint times 3 × 8 | former checkpoint times 3 × 8 | topic count 4 | topics
 *   topic: name bytes 2 | name | queue count 4 | queues: queue id 4 | min 8 | max 8
 */
import { bodyCrc32 } from '../../model/crc32.ts';
import { readInt32, readInt64, writeInt32, writeInt64 } from '../../model/message-record.ts';

/** The times of the checkpoint file: by them a snapshot is known to belong to it. */
export type CheckpointTimes = { readonly physicMs: number; readonly logicsMs: number; readonly indexMs: number };

export type QueueRange = { readonly queueId: number; readonly min: number; readonly max: number };

export type QueueTable = {
  /** Every message before this log position has its unit and its index entries on disk. A record begins here. */
  readonly position: number;
  /** Where the log began then; minima of queues hold for it. */
  readonly logMin: number;
  /** Log position of the last message with an index entry; −1 for none: an index that ends before it has lost a file. */
  readonly indexEnd: number;
  readonly checkpoint: CheckpointTimes;
  /** What the checkpoint file said before: it is replaced after the snapshot, and a crash may come between. */
  readonly formerCheckpoint: CheckpointTimes;
  readonly topics: ReadonlyMap<string, readonly QueueRange[]>;
};

const MAGIC = 0x52515453;
const VERSION = 2;
const HEAD_BYTES = 16;
const BODY_FIXED_BYTES = 76;
const QUEUE_BYTES = 20;
/** A larger file is no snapshot of ours: 10 000 000 queues have 200 MB. */
export const QUEUE_TABLE_BYTES_MAX = 512 * 1024 * 1024;

export function encodeQueueTable(table: QueueTable): Uint8Array {
  const names = new Map<string, Buffer>();
  let size = HEAD_BYTES + BODY_FIXED_BYTES;
  for (const [topic, queues] of table.topics) {
    const name = Buffer.from(topic);
    names.set(topic, name);
    size += 6 + name.length + queues.length * QUEUE_BYTES;
  }
  const bytes = new Uint8Array(size);
  writeInt32(bytes, 0, MAGIC);
  writeInt32(bytes, 4, VERSION);
  writeInt32(bytes, 8, size - HEAD_BYTES);
  let at = HEAD_BYTES;
  const { checkpoint, formerCheckpoint } = table;
  const numbers = [table.position, table.logMin, table.indexEnd, checkpoint.physicMs, checkpoint.logicsMs, checkpoint.indexMs];
  for (const value of [...numbers, formerCheckpoint.physicMs, formerCheckpoint.logicsMs, formerCheckpoint.indexMs]) {
    writeInt64(bytes, at, value);
    at += 8;
  }
  writeInt32(bytes, at, table.topics.size);
  at += 4;
  for (const [topic, queues] of table.topics) {
    const name = names.get(topic) ?? Buffer.alloc(0);
    bytes[at] = name.length >>> 8;
    bytes[at + 1] = name.length;
    bytes.set(name, at + 2);
    at += 2 + name.length;
    writeInt32(bytes, at, queues.length);
    at += 4;
    for (const { queueId, min, max } of queues) {
      writeInt32(bytes, at, queueId);
      writeInt64(bytes, at + 4, min);
      writeInt64(bytes, at + 12, max);
      at += QUEUE_BYTES;
    }
  }
  writeInt32(bytes, 12, bodyCrc32(bytes, HEAD_BYTES, size));
  return bytes;
}

/** The table in `bytes`, or null when they are no whole snapshot. */
export function decodeQueueTable(bytes: Uint8Array): QueueTable | null {
  const size = bytes.length;
  if (size < HEAD_BYTES + BODY_FIXED_BYTES || readInt32(bytes, 0) !== MAGIC || readInt32(bytes, 4) !== VERSION) return null;
  if (readInt32(bytes, 8) !== size - HEAD_BYTES || readInt32(bytes, 12) !== bodyCrc32(bytes, HEAD_BYTES, size)) return null;
  const topics = new Map<string, QueueRange[]>();
  const topicCount = readInt32(bytes, HEAD_BYTES + BODY_FIXED_BYTES - 4);
  let at = HEAD_BYTES + BODY_FIXED_BYTES;
  for (let topic = 0; topic < topicCount; topic++) {
    if (at + 2 > size) return null;
    const nameLength = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    if (at + 6 + nameLength > size) return null;
    const name = Buffer.from(bytes.buffer, bytes.byteOffset + at + 2, nameLength).toString('utf8');
    at += 2 + nameLength;
    const count = readInt32(bytes, at);
    at += 4;
    if (count < 0 || count > (size - at) / QUEUE_BYTES) return null;
    const queues: QueueRange[] = [];
    for (let index = 0; index < count; index++, at += QUEUE_BYTES) {
      const range = { queueId: readInt32(bytes, at), min: readInt64(bytes, at + 4), max: readInt64(bytes, at + 12) };
      if (range.queueId < 0 || range.min < 0 || range.max < range.min || !Number.isSafeInteger(range.max)) return null;
      queues.push(range);
    }
    topics.set(name, queues);
  }
  if (at !== size) return null;
  return {
    position: readInt64(bytes, HEAD_BYTES),
    logMin: readInt64(bytes, HEAD_BYTES + 8),
    indexEnd: readInt64(bytes, HEAD_BYTES + 16),
    checkpoint: timesAt(bytes, 24),
    formerCheckpoint: timesAt(bytes, 48),
    topics,
  };
}

/** Whether the snapshot belongs to what the checkpoint file says now. */
export function isTableOf(table: QueueTable, now: CheckpointTimes): boolean {
  return isSame(table.checkpoint, now) || isSame(table.formerCheckpoint, now);
}

function isSame(one: CheckpointTimes, other: CheckpointTimes): boolean {
  return one.physicMs === other.physicMs && one.logicsMs === other.logicsMs && one.indexMs === other.indexMs;
}

function timesAt(bytes: Uint8Array, at: number): CheckpointTimes {
  const from = HEAD_BYTES + at;
  return { physicMs: readInt64(bytes, from), logicsMs: readInt64(bytes, from + 8), indexMs: readInt64(bytes, from + 16) };
}

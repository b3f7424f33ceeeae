/**
 * Commit logs made for benchmarks: as many records as asked for, as a broker would have written them, without a broker's time. Owns
 * nothing but the files that it writes. No queue, no index, no checkpoint: a start on it recovers all.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  BLANK_RECORD_BYTES,
  encodeMessageRecord,
  PHYSICAL_OFFSET_AT,
  QUEUE_ID_AT,
  QUEUE_OFFSET_AT,
  RECORD_MAGIC_BLANK,
  writeInt32,
  writeInt64,
} from '../model/message-record.ts';
import { segmentName } from '../storage/segment-set.ts';

export const SEGMENT_BYTES: number = 1024 ** 3;
export const LOG_TOPIC = 'made';
export const STORED_MS = 1_700_000_000_000;
const RUN_BYTES = 8 * 1024 * 1024;

export type MadeLog = {
  readonly bodyBytes: number;
  /** Records go to them in turn. */
  readonly queues: number;
  /** How many; or, with `bytes`, as many as fit. */
  readonly records?: number;
  readonly bytes?: number;
  /** Position of the first one, a segment's beginning. Default 0. */
  readonly from?: number;
};

/** The unique key of a record, as a client makes it: they differ at their ends. */
export function uniqueKey(record: number): string {
  return `7F0000010A2B18B4AAC2${record.toString(16).padStart(12, '0').toUpperCase()}`;
}

/** Writes the segments in `directory`. Returns the number of records and the log's end. */
export function writeLog(directory: string, options: MadeLog): { readonly records: number; readonly end: number } {
  const { bodyBytes, queues, from = 0 } = options;
  mkdirSync(directory, { recursive: true });
  const behind = '\x02WAIT\x01true\x02TAGS\x01TagA';
  const template = encodeMessageRecord({
    topic: LOG_TOPIC,
    storeTimestamp: STORED_MS,
    body: Buffer.alloc(bodyBytes, 0x61),
    properties: `UNIQ_KEY\x01${uniqueKey(0)}${behind}`,
  });
  const size = template.length;
  const uniqueAt = size - behind.length - uniqueKey(0).length;
  const recordMax = options.records ?? Number.MAX_SAFE_INTEGER;
  const end = from + (options.bytes ?? Number.MAX_SAFE_INTEGER - from);
  const run = Buffer.alloc(RUN_BYTES);
  for (let at = 0; at + size <= RUN_BYTES; at += size) run.set(template, at);
  let records = 0;
  let position = from;
  while (records < recordMax && position + size + BLANK_RECORD_BYTES <= end) {
    const base = position - (position % SEGMENT_BYTES);
    const file = openSync(join(directory, segmentName(base)), 'w');
    ftruncateSync(file, SEGMENT_BYTES);
    const room = Math.min(end, base + SEGMENT_BYTES) - BLANK_RECORD_BYTES;
    for (;;) {
      const count = Math.min(Math.floor(RUN_BYTES / size), Math.floor((room - position) / size), recordMax - records);
      if (count <= 0) break;
      for (let one = 0; one < count; one++, records++) {
        const at = one * size;
        writeInt32(run, at + QUEUE_ID_AT, records % queues);
        writeInt64(run, at + QUEUE_OFFSET_AT, Math.floor(records / queues));
        writeInt64(run, at + PHYSICAL_OFFSET_AT, position + at);
        run.write(uniqueKey(records), at + uniqueAt, 'latin1');
      }
      writeSync(file, run, 0, count * size, position - base);
      position += count * size;
    }
    if (records < recordMax && end >= base + SEGMENT_BYTES) {
      const blank = Buffer.alloc(BLANK_RECORD_BYTES);
      writeInt32(blank, 0, base + SEGMENT_BYTES - position);
      writeInt32(blank, 4, RECORD_MAGIC_BLANK);
      writeSync(file, blank, 0, blank.length, position - base);
      position = base + SEGMENT_BYTES;
    }
    closeSync(file);
  }
  return { records, end: position };
}

/** Segments that are nothing but hole, as many as fit before `to`. */
export function writeHoles(directory: string, to: number): void {
  for (let base = 0; base < to; base += SEGMENT_BYTES) {
    const file = openSync(join(directory, segmentName(base)), 'w');
    ftruncateSync(file, SEGMENT_BYTES);
    closeSync(file);
  }
}

/** Says of the store in `folder` that its former run did not end in order. */
export function markAborted(folder: string): void {
  writeFileSync(join(folder, 'abort'), '1');
}

/**
 * Recovery of the commit log: walks the records from a position to the log's end and tells each one. Owns its read buffer
 * only; changes nothing (the caller cuts the log at `end`). A bad record that a valid one follows is damage: told, skipped,
 * the rest kept. A bad record that nothing follows within the search limit is the log's end: a torn tail or the file's hole.
 * Fails by `DiskError` when the disk cannot be read.
 * Source: RocketMQ 5.3 `CommitLog.recoverNormally`, `recoverAbnormally` (Java cuts at the first bad record).
 */
import assert from 'node:assert/strict';
import { BLANK_RECORD_BYTES, MAGIC_AT } from '../../model/message-record.ts';
import { SCAN_BAD_BODY, SCAN_BLANK, SCAN_NEEDS_MORE, ScannedRecord, scanReason, scanRecord } from './scan-record.ts';

/** What recovery asks of a log: `CommitLog` and `CommitLogReader` have it. */
export interface RecoverableLog {
  readonly segmentBytes: number;
  read(buffer: Uint8Array, offset: number, length: number, position: number): number;
}

/** Bytes of the log that are no record although records follow them. */
export type Damage = {
  /** What is lost: bytes that are no record, a record that no queue can take, or one that means nothing without what was stored with it. */
  readonly kind: 'bytes' | 'queue-offset' | 'piece';
  /** First damaged byte and the first byte after it that is a record again. */
  readonly position: number;
  readonly end: number;
  readonly reason: string;
  /** Which record it was, when its frame is sound and only its body is not; else null: the next record of its queue shows the gap. */
  readonly record: {
    readonly topic: string;
    readonly queueId: number;
    readonly queueOffset: number;
    readonly size: number;
    readonly hasQueueUnit: boolean;
  } | null;
};

export type RecoverOptions = {
  /** A record's beginning, or a segment's. */
  readonly from: number;
  /** Is given one object again and again; valid during the call. */
  readonly onRecord: (record: ScannedRecord) => void;
  readonly onDamage: (damage: Damage) => void;
  /** Bytes after a bad record that are searched for a valid one. Default 64 MiB. */
  readonly searchBytesMax?: number;
  /** A larger size counts as bad. Default 16 MiB. */
  readonly recordBytesMax?: number;
  /** Default 512 KiB: it stays in the processor's cache while it is walked. */
  readonly readBytes?: number;
};

export type Recovered = {
  /** Where the log ends: cut it here. */
  readonly end: number;
  readonly records: number;
  readonly damaged: number;
  /** Store timestamp of the last record, 0 without one; not of one whose time cannot be right. */
  readonly lastStoreTimestamp: number;
  /** Why the walk ended there. */
  readonly endReason: string;
};

const READ_BYTES = 512 * 1024;
const SEARCH_BYTES_MAX = 64 * 1024 * 1024;
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** A stretch of zeros longer than any record, and than what a lost write leaves, was never written. */
const ZEROS_MAX = 6 * 1024 * 1024;
const ZERO_BYTES = Buffer.alloc(64 * 1024);
/** Segments behind a bad record whose first record is tried. */
const SEGMENTS_AHEAD = 2;
/** A last record so much later than all before it does not count for the time. */
const DOUBTFUL_LEAP_MS = 24 * 60 * 60 * 1000;
/** The three bytes that both magics begin with. */
const MAGIC_HEAD = Buffer.from([0xda, 0xa3, 0x20]);

/** A moving window over one segment of the log. */
class LogWindow {
  bytes: Uint8Array;
  /** Log position of the window's first byte, and how many bytes it has. */
  position = 0;
  filled = 0;
  readonly #log: RecoverableLog;

  constructor(log: RecoverableLog, bytes: number) {
    this.#log = log;
    this.bytes = new Uint8Array(bytes);
  }

  /** Makes the window hold at least `length` bytes from `position` on, if the segment has them. Returns how many it holds from there. */
  want(position: number, length: number): number {
    const have = this.position + this.filled - position;
    if (position >= this.position && have >= length) return have;
    const isInside = position >= this.position && have > 0 && this.#segmentOf(position) === this.#segmentOf(this.position);
    if (length > this.bytes.length) {
      const grown = new Uint8Array(length);
      if (isInside) grown.set(this.bytes.subarray(position - this.position, this.filled));
      this.bytes = grown;
    } else if (isInside) {
      this.bytes.copyWithin(0, position - this.position, this.filled);
    }
    this.filled = isInside ? have : 0;
    this.position = position;
    this.filled += this.#log.read(this.bytes, this.filled, this.bytes.length - this.filled, position + this.filled);
    return this.filled;
  }

  #segmentOf(position: number): number {
    return Math.floor(position / this.#log.segmentBytes);
  }
}

/** Walks the log; see the file's head. */
export function recoverCommitLog(log: RecoverableLog, options: RecoverOptions): Recovered {
  assert(Number.isSafeInteger(options.from) && options.from >= 0, 'Recovery begins at an offset');
  return new Recovery(log, options).run();
}

class Recovery {
  readonly #log: RecoverableLog;
  readonly #options: RecoverOptions;
  readonly #window: LogWindow;
  readonly #record = new ScannedRecord();
  readonly #sizeMax: number;
  #endReason = '';

  constructor(log: RecoverableLog, options: RecoverOptions) {
    this.#log = log;
    this.#options = options;
    this.#sizeMax = options.recordBytesMax ?? RECORD_BYTES_MAX;
    this.#window = new LogWindow(log, Math.max(4096, options.readBytes ?? READ_BYTES));
  }

  run(): Recovered {
    const record = this.#record;
    const onRecord = this.#options.onRecord;
    let position = this.#options.from;
    let records = 0;
    let damaged = 0;
    const lastTime = new LastTime();
    for (;;) {
      const result = this.#scanAt(position);
      if (result > 0) {
        records++;
        lastTime.add(record.storeTimestamp);
        onRecord(record);
        position += result;
        continue;
      }
      if (result === SCAN_BLANK) {
        position += this.#roomAt(position);
        continue;
      }
      const damage = this.#damageAt(position, result);
      if (damage === null) break;
      damaged++;
      this.#options.onDamage(damage);
      position = damage.end;
    }
    return { end: position, records, damaged, lastStoreTimestamp: lastTime.value, endReason: this.#endReason };
  }

  #roomAt(position: number): number {
    return this.#log.segmentBytes - (position % this.#log.segmentBytes);
  }

  #scanAt(position: number): number {
    const window = this.#window;
    const room = this.#roomAt(position);
    let at = position - window.position;
    if (at >= 0 && at < window.filled) {
      const result = scanRecord(window.bytes, at, window.filled, position, room, this.#sizeMax, this.#record);
      if (result !== SCAN_NEEDS_MORE) return result;
    } else {
      this.#record.size = BLANK_RECORD_BYTES;
    }
    const held = window.want(position, Math.min(room, this.#record.size));
    at = position - window.position;
    const result = scanRecord(window.bytes, at, at + held, position, room, this.#sizeMax, this.#record);
    if (result !== SCAN_NEEDS_MORE || held < BLANK_RECORD_BYTES) return result;
    const more = window.want(position, this.#record.size);
    at = position - window.position;
    return scanRecord(window.bytes, at, at + more, position, room, this.#sizeMax, this.#record);
  }

  /** What the bad record at `position` is part of: damage up to the next valid record, or null: the log's end. */
  #damageAt(position: number, result: number): Damage | null {
    const bad = this.#record;
    const known =
      result === SCAN_BAD_BODY
        ? { topic: bad.topic(), queueId: bad.queueId, queueOffset: bad.queueOffset, size: bad.size, hasQueueUnit: bad.hasQueueUnit }
        : null;
    const reason = result === SCAN_NEEDS_MORE ? 'the file ends within it' : scanReason(result);
    this.#endReason = reason;
    // A sound frame says where the next record is.
    if (known !== null) {
      const next = position + known.size;
      const after = this.#scanAt(next);
      if (after > 0 || after === SCAN_BLANK) return { kind: 'bytes', position, end: next, reason, record: known };
    }
    const end = this.#nextValid(position + 1);
    return end === null ? null : { kind: 'bytes', position, end, reason, record: known };
  }

  /** The first position at or after `from` with a valid record, in its segment or a later one, within the search limit. */
  #nextValid(from: number): number | null {
    const segmentBytes = this.#log.segmentBytes;
    const segmentEnd = from - (from % segmentBytes) + segmentBytes;
    const found = this.#searchSegment(from, segmentEnd);
    if (found !== null) return found;
    for (let ahead = 0, base = segmentEnd; ahead < SEGMENTS_AHEAD; ahead++, base += segmentBytes) {
      if (this.#scanAt(base) > 0) return base;
      const later = this.#searchSegment(base, base + segmentBytes);
      if (later !== null) return later;
    }
    return null;
  }

  #searchSegment(from: number, segmentEnd: number): number | null {
    const limit = Math.min(segmentEnd, from + (this.#options.searchBytesMax ?? SEARCH_BYTES_MAX));
    const window = this.#window;
    let position = from;
    let zeros = 0;
    while (position + BLANK_RECORD_BYTES <= limit) {
      if (window.want(position, BLANK_RECORD_BYTES) < BLANK_RECORD_BYTES) return null;
      const at = position - window.position;
      // Every start comes here, for a segment's rest is a hole: it is not read to its end each time.
      zeros = isZero(window.bytes, at, window.filled) ? zeros + window.filled - at : 0;
      if (zeros >= ZEROS_MAX) return null;
      const found = Buffer.from(window.bytes.buffer, window.bytes.byteOffset, window.filled).indexOf(MAGIC_HEAD, at + MAGIC_AT);
      if (found >= 0) {
        position = window.position + found - MAGIC_AT;
        if (position >= limit) return null;
        if (this.#scanAt(position) > 0) return position;
        position++;
      } else {
        // A magic may lie across the window's end: its last bytes are looked at again. `want` gives at least one byte more.
        const next = window.position + window.filled - BLANK_RECORD_BYTES + 1;
        if (next <= position) return null;
        position = next;
      }
    }
    return null;
  }
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += ZERO_BYTES.length) {
    const stop = Math.min(end, at + ZERO_BYTES.length);
    if (ZERO_BYTES.compare(bytes, at, stop, 0, stop - at) !== 0) return false;
  }
  return true;
}

/** Store timestamps never go back in a log, so one that is later than the next is damaged and must not rule the time to come. */
class LastTime {
  #confirmed = 0;
  #last = 0;

  add(time: number): void {
    const sure = Math.min(this.#last, time);
    if (sure > this.#confirmed) this.#confirmed = sure;
    this.#last = time;
  }

  get value(): number {
    const isDoubtful = this.#confirmed > 0 && this.#last - this.#confirmed > DOUBTFUL_LEAP_MS;
    return isDoubtful ? this.#confirmed : Math.max(this.#confirmed, this.#last);
  }
}

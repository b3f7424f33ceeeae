/**
 * Cold read: finds the units of a pull in memory or in the consume queue's files, and fetches their records from the commit log's
 * files into the memory from which the shard answers. Owns read-only descriptors and two scratch buffers. Neighbouring records
 * share one read while enough of the span is wanted. A record is served only when size, magic and its own physical offset say
 * that it is the one the unit means; one that a former run has left on the disk only with a sound body checksum. Units that cannot be right, or name another record, are told to the store worker, which makes them
 * again from the log; nothing is passed over before it has answered.
 * Fails by `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `CommitLog.getMessage`.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { bodyCrc32 } from '../../model/crc32.ts';
import {
  BODY_CRC_AT,
  BORN_HOST_AT,
  bodyLengthAt,
  HOST_V6_EXTRA_BYTES,
  MAGIC_AT,
  RECORD_FIXED_BYTES,
  RECORD_MAGIC_V1,
  readInt32,
  readInt64,
  STORE_TIMESTAMP_AT,
  SYS_FLAG_AT,
} from '../../model/message-record.ts';
import { BORN_HOST_V6_FLAG } from '../../model/system-flag.ts';
import { CommitLogReader } from '../../storage/commit-log/commit-log.ts';
import { ScannedRecord, scanRecord, wrongRecord } from '../../storage/commit-log/scan-record.ts';
import { type ConsumeQueue, UNITS_PER_FILE } from '../../storage/consume-queue/consume-queue.ts';
import { ConsumeQueueSet } from '../../storage/consume-queue/consume-queue-set.ts';
import { NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitEnd, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import { DiskError } from '../../storage/errors.ts';
import type { Disk } from '../../storage/file.ts';
import type { StoreLayout } from '../../storage/store-layout.ts';
import type { PullStatus } from '../queue/decide-pull.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { selectUnits } from '../queue/select-units.ts';
import { BlockCache } from './block-cache.ts';
import { type CommitAtEnd, CommitsAtEnd } from './commits-at-end.ts';

/** Units looked at in one pull; a filter that matches little answers "go on from here" after so many. */
const SCAN_UNITS_MAX = 8192;
/** Records that do not lie back to back come through the block cache in spans of at most this length … */
const SPAN_BYTES_MAX = 256 * 1024;
/** … of which one part in so many is wanted at least; sparser ones are read one by one. */
const SPARSE = 8;
/** Records that lie back to back are read straight to where they are wanted, up to so many bytes at once. */
const DENSE_BYTES_MAX = 1024 * 1024;
/** Up to the store time of a record with an IPv6 host. */
const HEAD_BYTES = BORN_HOST_AT + HOST_V6_EXTRA_BYTES + 8 + 8;
/** A store worker that was told of damage and has not mended it is told again: it may have been away. */
const TELL_AGAIN_MS = 1_000;
const MENDED_MS = 60_000;
const DAMAGES_MAX = 1024;
const WRONG_TOLD_MAX = 8;
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Read at once for records that are viewed and lie so close together, with so many behind the first. */
const AHEAD_BYTES = 64 * 1024;
const AHEAD_GAP_BYTES = 4096;
const AHEAD_LEAST = 3;
/** Memory kept for records that are viewed; a larger one has its own. */
const VIEW_KEPT_BYTES = 64 * 1024;

export type ColdReadParts = {
  readonly disk: Disk;
  readonly layout: StoreLayout;
  readonly segmentBytes: number;
  /** Default: the format's. */
  readonly unitsPerFile?: number;
  readonly table: QueueTable;
  readonly writtenEnd: () => number;
  /** Bodies of records before it are checked each time that they are read: a former run wrote them. */
  readonly openedEnd: () => number;
  readonly monotonicMs: () => number;
  /** A record that a unit names is not what it should be, and is passed over. */
  readonly onBadRecord: (topic: string, queueId: number, physical: number, reason: string) => void;
  /** Units of a queue's files are damaged: to be mended, and `mended` to be called then. */
  readonly onDamage: (damage: DamagedUnits) => void;
};

/** Somewhere within `count` units from `offset` on. */
export type DamagedUnits = { readonly topic: string; readonly queueId: number; readonly offset: number; readonly count: number };

export type ColdRequest = {
  readonly topic: string;
  readonly queueId: number;
  readonly handle: number;
  readonly offset: number;
  readonly max: number;
  readonly bytesMax: number;
  readonly codes: readonly number[];
  readonly visibleMax: number;
};

/** Where a read left off; reused from call to call. */
export type ColdResult = { status: PullStatus; length: number; count: number; nextOffset: number };

export type Boundary = 'LOWER' | 'UPPER';

export class ColdReader {
  readonly #parts: ColdReadParts;
  readonly #log: CommitLogReader;
  readonly #queues: ConsumeQueueSet;
  readonly #unitsPerFile: number;
  readonly #units = new Uint8Array(SCAN_UNITS_MAX * QUEUE_UNIT_BYTES);
  readonly #blocks: BlockCache;
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #result: ColdResult = { status: 'FOUND', length: 0, count: 0, nextOffset: 0 };
  /** The handle that a queue's open files belong to: a topic that was deleted and made again has others. */
  readonly #handles: WeakMap<ConsumeQueue, number> = new WeakMap();
  /** Damage by queue and offset: when it was told last, and whether it was mended since. */
  readonly #damages: Map<string, { toldMs: number; isMended: boolean }> = new Map();
  /** Units of the last read that found none were mended before, in vain. */
  #isHole = false;
  /** Records of the read at hand that are not what their units mean. */
  readonly #wrong: { readonly physical: number; readonly reason: string }[] = [];
  /** Records of the read at hand that retention has removed. */
  #gone = 0;

  constructor(parts: ColdReadParts) {
    this.#parts = parts;
    this.#log = new CommitLogReader(parts.disk, parts.layout.commitLog, parts.segmentBytes);
    const read = (buffer: Uint8Array, offset: number, length: number, position: number): number =>
      this.#readLog(buffer, offset, length, position);
    this.#blocks = new BlockCache({ segmentBytes: parts.segmentBytes, read }, parts.writtenEnd);
    this.#unitsPerFile = parts.unitsPerFile ?? UNITS_PER_FILE;
    this.#queues = ConsumeQueueSet.open(parts.disk, parts.layout.consumeQueue, { isWritable: false, unitsPerFile: this.#unitsPerFile });
  }

  /** Reads the messages of a pull back to back into `target`. The result is reused from call to call. */
  pull(request: ColdRequest, target: Uint8Array): ColdResult {
    const { offset, visibleMax, codes, max } = request;
    const wanted = Math.min(codes.length === 0 ? Math.max(1, max) : SCAN_UNITS_MAX, SCAN_UNITS_MAX, visibleMax - offset);
    if (wanted <= 0) return this.#finish('OFFSET_FOUND_NULL', 0, 0, offset);
    const units = this.#units;
    const read = this.#readUnits(request, offset, wanted);
    if (read === 0) return this.#onNoUnits(request);
    // One message is given however large it is, if it fits at all.
    const bytesMax = Math.min(request.bytesMax, target.length);
    const { found, scanned } = selectUnits(units, read, max, bytesMax, codes);
    const nextOffset = offset + scanned;
    if (found === 0) return this.#finish('NO_MATCHED_MESSAGE', 0, 0, nextOffset);
    this.#gone = 0;
    this.#wrong.length = 0;
    let length = 0;
    let count = 0;
    for (let first = 0; first < found; ) {
      const end = this.#spanEnd(first, found, target.length - length);
      const before = length;
      length = this.#readSpan(first, end, target, length);
      if (length > before) count += this.#served;
      first = end;
    }
    if (this.#wrong.length > 0 && !this.#tellDamage(request, offset, scanned)) return this.#finish('NO_MATCHED_MESSAGE', 0, 0, offset);
    for (const { physical, reason } of this.#wrong) this.#parts.onBadRecord(request.topic, request.queueId, physical, reason);
    if (count > 0) return this.#finish('FOUND', length, count, nextOffset);
    return this.#finish(this.#gone > 0 ? 'MESSAGE_WAS_REMOVING' : 'NO_MATCHED_MESSAGE', 0, 0, nextOffset);
  }

  /** The units of at most `count` offsets from `offset` on, as many as can be read now; the bytes hold until the next call. */
  units(topic: string, queueId: number, handle: number, offset: number, count: number): Uint8Array {
    const read = this.#readUnits({ topic, queueId, handle }, offset, Math.min(count, SCAN_UNITS_MAX));
    return this.#units.subarray(0, read * QUEUE_UNIT_BYTES);
  }

  /**
   * LOWER: the first offset in [min, max) stored at or after `timestamp`, `max` when there is none. UPPER: the last one stored
   * at or before it, `max − 1` when all are, `min` when none is.
   */
  searchOffset(topic: string, queueId: number, handle: number, timestamp: number, boundary: Boundary, min: number, max: number): number {
    if (max <= min) return min;
    const queue = { topic, queueId, handle };
    // First offset whose message was stored at or after `timestamp` (LOWER), or after it (UPPER): store times never go back in a queue.
    let low = min;
    let high = max;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      const { offset, time } = this.#timeFrom(queue, middle, high);
      if (offset < high && (boundary === 'LOWER' ? time >= timestamp : time > timestamp)) high = middle;
      else if (offset >= high) high = middle;
      else low = offset + 1;
    }
    if (boundary === 'LOWER') return low;
    return Math.max(min, low - 1);
  }

  /** Store time of the first message in [min, max); −1 without one. */
  earliestTime(topic: string, queueId: number, handle: number, min: number, max: number): number {
    const { offset, time } = this.#timeFrom({ topic, queueId, handle }, min, max);
    return offset < max ? time : -1;
  }

  /** Reads the record at `physical`, wherever a client has that number from: every part of it is checked. Gives its size, 0: there is none. */
  view(physical: number, end: number, target: Uint8Array): number {
    this.#viewedAt = -1;
    if (!Number.isSafeInteger(physical) || physical < 0 || physical + RECORD_FIXED_BYTES > end) return 0;
    if (this.#readAhead(this.#head, 8, physical) < 8) return 0;
    const size = readInt32(this.#head, 0);
    if (size < RECORD_FIXED_BYTES || size > target.length || physical + size > end) return 0;
    const read = this.#readAhead(target, size, physical);
    const room = this.#log.segmentBytes - (physical % this.#log.segmentBytes);
    return scanRecord(target, 0, read, physical, room, RECORD_BYTES_MAX, this.#record) === size ? size : 0;
  }

  /**
   * The same, in bytes of the reader's own, which hold until the next call; null: there is none. `viewed` describes it. The record
   * given last is not read again: who takes it in parts asks for each.
   */
  viewRecord(physical: number, end: number): Uint8Array | null {
    if (this.#viewedAt === physical) return this.#viewBytes.subarray(0, this.viewed.size);
    if (!Number.isSafeInteger(physical) || physical < 0 || physical + RECORD_FIXED_BYTES > end) return null;
    if (this.#readAhead(this.#head, 8, physical) < 8) return null;
    const wanted = readInt32(this.#head, 0);
    if (wanted > RECORD_BYTES_MAX) return null;
    const isLarge = wanted > VIEW_KEPT_BYTES;
    if (isLarge ? this.#viewBytes.length < wanted : this.#viewBytes.length !== VIEW_KEPT_BYTES)
      this.#viewBytes = new Uint8Array(isLarge ? wanted : VIEW_KEPT_BYTES);
    const size = this.view(physical, end, this.#viewBytes);
    if (size === 0) return null;
    this.#viewedAt = physical;
    return this.#viewBytes.subarray(0, size);
  }

  /**
   * Records that lie close together are about to be viewed, in the log's order or against it, from `physical[first]` on: one read for as many as
   * a span takes. What was read ahead is used until `endAhead`.
   */
  lookAhead(physical: readonly number[], first: number): void {
    const begin = physical[first]!;
    if (this.#isAhead(begin, 1)) return;
    const way = Math.sign((physical[first + 1] ?? begin) - begin);
    let last = first;
    while (
      last + 1 < physical.length &&
      (physical[last + 1]! - physical[last]!) * way > 0 &&
      (physical[last + 1]! - begin) * way < AHEAD_BYTES
    )
      last++;
    const from = Math.min(begin, physical[last]!);
    const span = Math.abs(physical[last]! - begin);
    if (last - first < AHEAD_LEAST || from < 0 || span > (last - first) * AHEAD_GAP_BYTES) return;
    if (this.#aheadBytes.length === 0) this.#aheadBytes = new Uint8Array(AHEAD_BYTES + AHEAD_GAP_BYTES);
    this.#aheadLength = this.#readLog(this.#aheadBytes, 0, span + AHEAD_GAP_BYTES, from);
    this.#aheadAt = from;
  }

  /**
   * Copies the record at `physical`, a place that the broker has from its own units, to `target[at]`, out of what was read ahead. Gives its size;
   * 0: look for it in another way.
   */
  copyAhead(physical: number, end: number, target: Uint8Array, at: number): number {
    const from = physical - this.#aheadAt;
    if (!this.#isAhead(physical, RECORD_FIXED_BYTES)) return 0;
    const ahead = this.#aheadBytes;
    const size = readInt32(ahead, from);
    if (size < RECORD_FIXED_BYTES || physical + size > end || at + size > target.length || !this.#isAhead(physical, size)) return 0;
    if (this.#wrongRecord(ahead, from, size, physical, this.#parts.openedEnd()) !== '' || !doLengthsAddUp(ahead, from, size)) return 0;
    copyBytes(ahead, from, from + size, target, at);
    return size;
  }

  endAhead(): void {
    this.#aheadLength = 0;
  }

  #aheadBytes = new Uint8Array(0);
  #aheadAt = 0;
  #aheadLength = 0;

  #isAhead(physical: number, length: number): boolean {
    return physical >= this.#aheadAt && physical + length <= this.#aheadAt + this.#aheadLength;
  }

  /** As `#readLog`, from what was read ahead where that has it. */
  #readAhead(buffer: Uint8Array, length: number, physical: number): number {
    if (!this.#isAhead(physical, length)) return this.#readLog(buffer, 0, length, physical);
    const at = physical - this.#aheadAt;
    buffer.set(this.#aheadBytes.subarray(at, at + length));
    return length;
  }

  /** What `viewRecord` gave last. */
  get viewed(): ScannedRecord {
    return this.#record;
  }

  readonly #record = new ScannedRecord();
  #viewBytes = new Uint8Array(0);
  #viewedAt = -1;

  /** As `CommitsAtEnd`, of the last `length` bytes before `end`. */
  commitsAtEnd(end: number, length: number): CommitAtEnd[] {
    const commits = new CommitsAtEnd();
    const { segmentBytes } = this.#log;
    for (let position = Math.max(0, end - length); position < end; ) {
      const bytes = new Uint8Array(Math.min(end, position - (position % segmentBytes) + segmentBytes) - position);
      const read = this.#readLog(bytes, 0, bytes.length, position);
      commits.add(bytes.subarray(0, read), position, segmentBytes);
      position += bytes.length;
    }
    return commits.found;
  }

  /** Retention has removed the log before `min`: lets the files go, whose space is free only then. */
  forgetBefore(min: number): void {
    this.#viewedAt = -1;
    this.#log.forgetBefore(min);
    this.#blocks.forgetBefore(min);
  }

  /** Lets go the memory that makes neighbouring pulls cheap. */
  release(): void {
    this.#blocks.release();
    this.#aheadBytes = new Uint8Array(0);
    this.#aheadLength = 0;
  }

  close(): void {
    this.#log.close();
    this.#queues.close();
  }

  #finish(status: PullStatus, length: number, count: number, nextOffset: number): ColdResult {
    const result = this.#result;
    result.status = status;
    result.length = length;
    result.count = count;
    result.nextOffset = nextOffset;
    return result;
  }

  /**
   * Units from `offset` on into `#units`: from memory, else from the files. Units at the end that were never written are not
   * counted: what is visible is there, so they are just being written again by a store worker that took over.
   */
  #readUnits(queue: { topic: string; queueId: number; handle: number }, offset: number, count: number): number {
    const { table } = this.#parts;
    const units = this.#units;
    const inMemory = table.readUnits(queue.handle, offset, count, units);
    if (inMemory > 0) return inMemory;
    // Nothing behind FILED is certain to be in the file yet; what was filed meanwhile may still lie in memory.
    const filed = Math.min(count, table.filed(queue.handle) - offset);
    const sound = filed <= 0 ? table.readUnits(queue.handle, offset, count, units) : this.#countSound(this.#readFile(queue, offset, filed));
    const isVisible = offset >= table.min(queue.handle) && offset < table.next(queue.handle);
    if (sound === 0 && count > 0) this.#isHole = isVisible && this.#tellDamage(queue, offset, count);
    return sound;
  }

  /** Of the first `read` units, those before the first that was never written, or cannot be right. */
  #countSound(read: number): number {
    const units = this.#units;
    const end = this.#parts.writtenEnd();
    let behind = 0;
    for (let unit = 0; unit < read; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      const size = unitSize(units, at);
      if (size === NO_MESSAGE_SIZE) continue;
      const physical = unitPhysicalOffset(units, at);
      if (size <= 0 || physical < behind || physical + size > end) return unit;
      behind = physical + size;
    }
    return read;
  }

  /** Has damaged units mended. True: they were, as far as they can be. */
  #tellDamage({ topic, queueId }: { topic: string; queueId: number }, offset: number, count: number): boolean {
    const name = `${topic}/${queueId}/${offset}`;
    const known = this.#damages.get(name);
    const now = this.#parts.monotonicMs();
    // What was mended long ago has been damaged again.
    if (known?.isMended === true && now - known.toldMs < MENDED_MS) return true;
    if (known?.isMended === false && now - known.toldMs < TELL_AGAIN_MS) return false;
    if (this.#damages.size >= DAMAGES_MAX) this.#damages.clear();
    this.#damages.set(name, { toldMs: now, isMended: false });
    this.#parts.onDamage({ topic, queueId, offset, count });
    return false;
  }

  /** What `onDamage` told was mended. */
  mended({ topic, queueId, offset }: Pick<DamagedUnits, 'topic' | 'queueId' | 'offset'>): void {
    const known = this.#damages.get(`${topic}/${queueId}/${offset}`);
    if (known !== undefined) known.isMended = true;
  }

  #readFile(queue: { topic: string; queueId: number; handle: number }, offset: number, count: number): number {
    try {
      return this.#filesOf(queue).read(this.#units, 0, offset, count);
    } catch (error) {
      if (isGone(error)) return 0;
      throw error;
    }
  }

  #filesOf({ topic, queueId, handle }: { topic: string; queueId: number; handle: number }): ConsumeQueue {
    let files = this.#queues.queue(topic, queueId);
    const known = this.#handles.get(files);
    if (known === handle) return files;
    if (known !== undefined) {
      this.#queues.forget(topic);
      files = this.#queues.queue(topic, queueId);
    }
    this.#handles.set(files, handle);
    return files;
  }

  /** As `CommitLogReader.read`; 0 also for a segment that retention has just removed. */
  #readLog(buffer: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return this.#log.read(buffer, offset, length, position);
    } catch (error) {
      if (isGone(error)) return 0;
      throw error;
    }
  }

  /** A visible offset without a unit: removed by retention, or damaged; what stays so after it was mended is passed over, and told. */
  #onNoUnits(request: ColdRequest): ColdResult {
    const { topic, queueId, handle, offset, visibleMax } = request;
    const min = this.#parts.table.min(handle);
    if (offset < min) return this.#finish('OFFSET_FOUND_NULL', 0, 0, Math.min(min, visibleMax));
    if (!this.#isHole) return this.#finish('NO_MATCHED_MESSAGE', 0, 0, offset);
    this.#damages.delete(`${topic}/${queueId}/${offset}`);
    const perFile = this.#unitsPerFile;
    const next = Math.min(offset - (offset % perFile) + perFile, visibleMax);
    this.#parts.onBadRecord(topic, queueId, -1, `the consume queue has no units from ${offset} on; going on at ${next}`);
    return this.#finish('OFFSET_FOUND_NULL', 0, 0, next);
  }

  /** Behind the last unit that is read together with `first`. */
  #spanEnd(first: number, found: number, roomBytes: number): number {
    const units = this.#units;
    const segmentBytes = this.#log.segmentBytes;
    const start = unitPhysicalOffset(units, first * QUEUE_UNIT_BYTES);
    const segmentEnd = start - (start % segmentBytes) + segmentBytes;
    let end = unitEnd(units, first * QUEUE_UNIT_BYTES);
    let wanted = end - start;
    let isDense = true;
    let unit = first + 1;
    for (; unit < found; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      const physical = unitPhysicalOffset(units, at);
      const next = unitEnd(units, at);
      if (physical < end || next > segmentEnd) break;
      const span = next - start;
      wanted += unitSize(units, at);
      isDense = isDense && physical === end;
      if (isDense ? span > Math.min(DENSE_BYTES_MAX, roomBytes) : span > SPAN_BYTES_MAX || wanted * SPARSE < span) break;
      end = next;
    }
    return unit;
  }

  /** Records that the last `#readSpan` served. */
  #served = 0;

  /** Reads the records of units [first, end) in one go and puts the sound ones into `target` from `length` on; gives the new length. */
  #readSpan(first: number, end: number, target: Uint8Array, length: number): number {
    const units = this.#units;
    const start = unitPhysicalOffset(units, first * QUEUE_UNIT_BYTES);
    const bytes = unitEnd(units, (end - 1) * QUEUE_UNIT_BYTES) - start;
    this.#served = 0;
    let wanted = 0;
    for (let unit = first; unit < end; unit++) wanted += unitSize(units, unit * QUEUE_UNIT_BYTES);
    const isDense = wanted === bytes;
    if (isDense ? bytes > target.length - length : bytes > SPAN_BYTES_MAX) {
      this.#noteWrong(start, `its unit says ${bytes} bytes`);
      return length;
    }
    const read = isDense ? this.#readLog(target, length, bytes, start) : 0;
    const checkedEnd = this.#parts.openedEnd();
    let next = length;
    for (let unit = first; unit < end; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      const physical = unitPhysicalOffset(units, at);
      const size = unitSize(units, at);
      // Back to back they lie where they are wanted; else each is copied from its block and counts only if it is sound.
      const from = isDense ? length + physical - start : next;
      const isThere = isDense
        ? physical - start + size <= read
        : next + size <= target.length && this.#blocks.copy(physical, size, target, next);
      if (!isThere) {
        this.#gone++;
        continue;
      }
      let reason = this.#wrongRecord(target, from, size, physical, checkedEnd);
      // The file has the last word, not a block of it.
      if (reason !== '' && !isDense && this.#readLog(target, from, size, physical) === size)
        reason = this.#wrongRecord(target, from, size, physical, checkedEnd);
      if (reason !== '') {
        this.#noteWrong(physical, reason);
        continue;
      }
      if (from !== next) target.copyWithin(next, from, from + size);
      next += size;
      this.#served++;
    }
    return next;
  }

  #wrongRecord(bytes: Uint8Array, at: number, size: number, physical: number, checkedEnd: number): string {
    const reason = wrongRecord(bytes, at, size, physical);
    return reason === '' && physical < checkedEnd ? wrongBody(bytes, at, size) : reason;
  }

  #noteWrong(physical: number, reason: string): void {
    if (this.#wrong.length < WRONG_TOLD_MAX) this.#wrong.push({ physical, reason });
  }

  readonly #found = { offset: 0, time: 0 };

  /** Store time of the first message at or after `offset` that can be read; `end` when there is none before it. One that was removed is older than all. */
  #timeFrom(
    queue: { topic: string; queueId: number; handle: number },
    offset: number,
    end: number,
  ): { readonly offset: number; readonly time: number } {
    const found = this.#found;
    const unit = this.#units;
    for (let probe = offset; probe < end; probe++) {
      if (this.#readUnits(queue, probe, 1) === 0) return this.#at(probe, -1);
      if (selectUnits(unit, 1, 1, RECORD_BYTES_MAX, []).found === 0) continue;
      const physical = unitPhysicalOffset(unit, 0);
      const head = this.#head;
      if (this.#readLog(head, 0, HEAD_BYTES, physical) < STORE_TIMESTAMP_AT + 8) return this.#at(probe, -1);
      if (wrongRecord(head, 0, readInt32(head, 0), physical) !== '') continue;
      const isV6 = (readInt32(head, SYS_FLAG_AT) & BORN_HOST_V6_FLAG) !== 0;
      return this.#at(probe, readInt64(head, STORE_TIMESTAMP_AT + (isV6 ? HOST_V6_EXTRA_BYTES : 0)));
    }
    found.offset = end;
    found.time = -1;
    return found;
  }

  #at(offset: number, time: number): { readonly offset: number; readonly time: number } {
    this.#found.offset = offset;
    this.#found.time = time;
    return this.#found;
  }
}

/** Retention removes files while this thread reads: one that was there a moment ago. */
function isGone(error: unknown): boolean {
  return error instanceof DiskError && error.errno === 'ENOENT';
}

/** Whether the lengths of a record whose head is sound make its size. */
function doLengthsAddUp(bytes: Uint8Array, at: number, size: number): boolean {
  const lengthAt = bodyLengthAt(bytes, at);
  const bodyBytes = readInt32(bytes, lengthAt);
  const end = at + size;
  if (bodyBytes < 0 || lengthAt + 4 + bodyBytes > end) return false;
  let next = lengthAt + 4 + bodyBytes;
  const topicBytes = readInt32(bytes, at + MAGIC_AT) === RECORD_MAGIC_V1 ? bytes[next++]! : (bytes[next++]! << 8) | bytes[next++]!;
  next += topicBytes;
  return next + 2 + ((bytes[next]! << 8) | bytes[next + 1]!) === end;
}

/** Why the body of a record whose head is sound is not the one that was stored; '' when it is. */
function wrongBody(bytes: Uint8Array, at: number, size: number): string {
  const lengthAt = bodyLengthAt(bytes, at);
  const length = readInt32(bytes, lengthAt);
  const start = lengthAt + 4;
  if (length < 0 || start + length > at + size) return 'its lengths do not add up to its size';
  const isSound = length === 0 || bodyCrc32(bytes, start, start + length) === readInt32(bytes, at + BODY_CRC_AT);
  return isSound ? '' : 'its body does not have its CRC';
}

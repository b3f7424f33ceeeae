/**
 * Cold read: finds the units of a pull (cold-units.ts) and fetches their records from the commit log's files into the memory from which the
 * shard answers; finds offsets by time; shows single records (record-views.ts). Neighbouring records share one read while enough
 * of the span is wanted. A record is served only when size, magic and its own physical offset say that it is the one the unit means; one
 * that a former run has left on the disk only with a sound body checksum. Nothing is passed over before the store worker has answered
 * that it is as whole as it gets.
 * Fails by `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `CommitLog.getMessage`.
 */
import { BORN_HOST_AT, HOST_V6_EXTRA_BYTES, readInt32, readInt64, STORE_TIMESTAMP_AT, SYS_FLAG_AT } from '../../model/message-record.ts';
import { BORN_HOST_V6_FLAG } from '../../model/system-flag.ts';
import { wrongRecord } from '../../storage/commit-log/scan-record.ts';
import { QUEUE_UNIT_BYTES, unitEnd, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import type { Disk } from '../../storage/file.ts';
import type { StoreLayout } from '../../storage/store-layout.ts';
import type { PullStatus } from '../queue/decide-pull.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { selectUnits } from '../queue/select-units.ts';
import { BlockCache } from './block-cache.ts';
import { ColdLog } from './cold-log.ts';
import { ColdUnits, type DamagedUnits, type QueueName, SCAN_UNITS_MAX } from './cold-units.ts';
import { type CommitAtEnd, CommitsAtEnd } from './commits-at-end.ts';
import { RecordViews } from './record-views.ts';
import { wrongStored } from './sound-record.ts';
import type { WasmMemory } from './web-assembly.ts';

/** Records that do not lie back to back come through the block cache in spans of at most this length … */
const SPAN_BYTES_MAX = 256 * 1024;
/** … of which one part in so many is wanted at least; sparser ones are read one by one. */
const SPARSE = 8;
/** Records that lie back to back are read straight to where they are wanted, up to so many bytes at once. */
const DENSE_BYTES_MAX = 1024 * 1024;
/** Up to the store time of a record with an IPv6 host. */
const HEAD_BYTES = BORN_HOST_AT + HOST_V6_EXTRA_BYTES + 8 + 8;
const WRONG_TOLD_MAX = 8;
const RECORD_BYTES_MAX = 16 * 1024 * 1024;

export type ColdReadParts = {
  readonly disk: Disk;
  readonly layout: StoreLayout;
  readonly segmentBytes: number;
  /** Default: the format's. */
  readonly unitsPerFile?: number;
  readonly table: QueueTable;
  /** The memories of the read slots; none: records are moved one by one. */
  readonly slots?: readonly WasmMemory[];
  readonly writtenEnd: () => number;
  /** Bodies of records before it are checked each time that they are read: a former run wrote them. */
  readonly openedEnd: () => number;
  readonly monotonicMs: () => number;
  /** A record that a unit names is not what it should be, and is passed over. */
  readonly onBadRecord: (topic: string, queueId: number, physical: number, reason: string) => void;
  /** Units of a queue's files are damaged: to be mended, and `mended` to be called then. */
  readonly onDamage: (damage: DamagedUnits) => void;
};

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
  /** Single records by their places. */
  readonly views: RecordViews;
  readonly #log: ColdLog;
  readonly #units: ColdUnits;
  readonly #blocks: BlockCache;
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #result: ColdResult = { status: 'FOUND', length: 0, count: 0, nextOffset: 0 };
  /** Records of the read at hand that are not what their units mean. */
  readonly #wrong: { readonly physical: number; readonly reason: string }[] = [];
  /** Records of the read at hand that retention has removed. */
  #gone = 0;

  constructor(parts: ColdReadParts) {
    this.#parts = parts;
    const { disk, layout, table, unitsPerFile, writtenEnd, monotonicMs, onDamage } = parts;
    this.#log = new ColdLog(disk, layout.commitLog, parts.segmentBytes);
    this.#blocks = new BlockCache(this.#log, writtenEnd, parts.slots ?? []);
    this.#units = new ColdUnits({ disk, directory: layout.consumeQueue, table, unitsPerFile, writtenEnd, monotonicMs, onDamage });
    this.views = new RecordViews(this.#log, parts.openedEnd);
  }

  /** Reads the messages of a pull back to back into `target`. The result is reused from call to call. */
  pull(request: ColdRequest, target: Uint8Array): ColdResult {
    const { offset, visibleMax, codes, max } = request;
    const wanted = Math.min(codes.length === 0 ? Math.max(1, max) : SCAN_UNITS_MAX, SCAN_UNITS_MAX, visibleMax - offset);
    if (wanted <= 0) return this.#finish('OFFSET_FOUND_NULL', 0, 0, offset);
    const units = this.#units.bytes;
    const read = this.#units.read(request, offset, wanted);
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
    if (this.#wrong.length > 0 && !this.#units.tellDamage(request, offset, scanned))
      return this.#finish('NO_MATCHED_MESSAGE', 0, 0, offset);
    for (const { physical, reason } of this.#wrong) this.#parts.onBadRecord(request.topic, request.queueId, physical, reason);
    if (count > 0) return this.#finish('FOUND', length, count, nextOffset);
    return this.#finish(this.#gone > 0 ? 'MESSAGE_WAS_REMOVING' : 'NO_MATCHED_MESSAGE', 0, 0, nextOffset);
  }

  /** The units of at most `count` offsets from `offset` on, as many as can be read now; the bytes hold until the next call. */
  units(topic: string, queueId: number, handle: number, offset: number, count: number): Uint8Array {
    const read = this.#units.read({ topic, queueId, handle }, offset, Math.min(count, SCAN_UNITS_MAX));
    return this.#units.bytes.subarray(0, read * QUEUE_UNIT_BYTES);
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

  /** As `CommitsAtEnd`, of the last `length` bytes before `end`. */
  commitsAtEnd(end: number, length: number): CommitAtEnd[] {
    const commits = new CommitsAtEnd();
    const { segmentBytes } = this.#log;
    for (let position = Math.max(0, end - length); position < end; ) {
      const bytes = new Uint8Array(Math.min(end, position - (position % segmentBytes) + segmentBytes) - position);
      const read = this.#log.read(bytes, 0, bytes.length, position);
      commits.add(bytes.subarray(0, read), position, segmentBytes);
      position += bytes.length;
    }
    return commits.found;
  }

  /** Retention has removed the log before `min`: lets the files go, whose space is free only then. */
  forgetBefore(min: number): void {
    this.views.forget();
    this.#log.forgetBefore(min);
    this.#blocks.forgetBefore(min);
  }

  /** What `onDamage` told was mended. */
  mended(damage: Pick<DamagedUnits, 'topic' | 'queueId' | 'offset'>): void {
    this.#units.mended(damage);
  }

  /** Lets go the memory that makes neighbouring pulls cheap. */
  release(): void {
    this.#blocks.release();
    this.views.release();
  }

  close(): void {
    this.#log.close();
    this.#units.close();
  }

  #finish(status: PullStatus, length: number, count: number, nextOffset: number): ColdResult {
    const result = this.#result;
    result.status = status;
    result.length = length;
    result.count = count;
    result.nextOffset = nextOffset;
    return result;
  }

  /** A visible offset without a unit: removed by retention, or damaged; what stays so after it was mended is passed over, and told. */
  #onNoUnits(request: ColdRequest): ColdResult {
    const { topic, queueId, handle, offset, visibleMax } = request;
    const min = this.#parts.table.min(handle);
    if (offset < min) return this.#finish('OFFSET_FOUND_NULL', 0, 0, Math.min(min, visibleMax));
    if (!this.#units.isHole) return this.#finish('NO_MATCHED_MESSAGE', 0, 0, offset);
    this.#units.forgetDamage(topic, queueId, offset);
    const perFile = this.#units.unitsPerFile;
    const next = Math.min(offset - (offset % perFile) + perFile, visibleMax);
    this.#parts.onBadRecord(topic, queueId, -1, `the consume queue has no units from ${offset} on; going on at ${next}`);
    return this.#finish('OFFSET_FOUND_NULL', 0, 0, next);
  }

  /** Behind the last unit that is read together with `first`. */
  #spanEnd(first: number, found: number, roomBytes: number): number {
    const units = this.#units.bytes;
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
    const units = this.#units.bytes;
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
    const read = isDense ? this.#log.read(target, length, bytes, start) : 0;
    const checkedEnd = this.#parts.openedEnd();
    let next = length;
    for (let unit = first; unit < end; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      const physical = unitPhysicalOffset(units, at);
      const moved = isDense || physical < checkedEnd ? 0 : this.#blocks.move(units, unit, end, target, next);
      if (moved > 0) {
        next = this.#blocks.movedEnd;
        this.#served += moved;
        unit += moved - 1;
        continue;
      }
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
      let reason = wrongStored(target, from, size, physical, checkedEnd);
      // The file has the last word, not a block of it.
      if (reason !== '' && !isDense && this.#log.read(target, from, size, physical) === size)
        reason = wrongStored(target, from, size, physical, checkedEnd);
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

  #noteWrong(physical: number, reason: string): void {
    if (this.#wrong.length < WRONG_TOLD_MAX) this.#wrong.push({ physical, reason });
  }

  readonly #found = { offset: 0, time: 0 };

  /** Store time of the first message at or after `offset` that can be read; `end` when there is none before it. One that was removed is older than all. */
  #timeFrom(queue: QueueName, offset: number, end: number): { readonly offset: number; readonly time: number } {
    const found = this.#found;
    const unit = this.#units.bytes;
    for (let probe = offset; probe < end; probe++) {
      if (this.#units.read(queue, probe, 1) === 0) return this.#at(probe, -1);
      if (selectUnits(unit, 1, 1, RECORD_BYTES_MAX, []).found === 0) continue;
      const physical = unitPhysicalOffset(unit, 0);
      const head = this.#head;
      if (this.#log.read(head, 0, HEAD_BYTES, physical) < STORE_TIMESTAMP_AT + 8) return this.#at(probe, -1);
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

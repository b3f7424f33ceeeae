/**
 * One consume queue on disk: the places of a message queue's messages, 20 bytes each, in files of 300 000 units. Owns the
 * files; its descriptors belong to the cache of its set. Everything in it follows from the commit log: what is lost is
 * written again. Not for two writers.
 * Fails by `DiskError`, the errors of `SegmentSet` and MQ_STORAGE_OUT_OF_RANGE.
 * Source: RocketMQ 5.3 `ConsumeQueue`.
 */
import assert from 'node:assert/strict';
import type { DescriptorCache } from '../descriptor-cache.ts';
import { StorageError } from '../errors.ts';
import type { Disk } from '../file.ts';
import { SegmentSet } from '../segment-set.ts';
import {
  GAP_MARK,
  HEAD_MARK,
  isGapUnit,
  NO_MESSAGE_SIZE,
  QUEUE_UNIT_BYTES,
  unitPhysicalOffset,
  unitSize,
  writeNoMessageUnits,
} from './queue-unit.ts';

/** Units in a file, as Java has it. */
export const UNITS_PER_FILE = 300_000;
/** Units that may be missing between two appends; more is no damaged message but a wrong offset. */
export const GAP_UNITS_MAX = 1_000_000;
/** Units read at once while a file is scanned. */
const SCAN_UNITS = 4096;

export class ConsumeQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly directory: string;
  readonly #disk: Disk;
  readonly #cache: DescriptorCache;
  readonly #unitsPerFile: number;
  readonly #isWritable: boolean;
  #segments: SegmentSet | null = null;
  #minOffset = 0;
  #maxOffset = 0;
  /** Units below it are synced. */
  #flushedOffset = 0;
  #isTailSuspect: boolean;

  /** @param isTailSuspect files may hold units behind `maxOffset` that no message has (after an unclean stop). */
  constructor(
    disk: Disk,
    cache: DescriptorCache,
    directory: string,
    topic: string,
    queueId: number,
    unitsPerFile: number,
    isWritable: boolean,
    isTailSuspect: boolean,
  ) {
    this.#disk = disk;
    this.#cache = cache;
    this.directory = directory;
    this.topic = topic;
    this.queueId = queueId;
    this.#unitsPerFile = unitsPerFile;
    this.#isWritable = isWritable;
    this.#isTailSuspect = isTailSuspect;
  }

  /** First unit with a message. */
  get minOffset(): number {
    return this.#minOffset;
  }

  /** One behind the last unit. */
  get maxOffset(): number {
    return this.#maxOffset;
  }

  /** Files that were short or out of place and were mended: units are missing. */
  get mended(): readonly string[] {
    return this.#segments?.mended ?? [];
  }

  get isDirty(): boolean {
    return this.#flushedOffset < this.#maxOffset;
  }

  /** Takes over a range that is known from elsewhere (the queue table) instead of from the files. */
  setRange(minOffset: number, maxOffset: number): void {
    assert(minOffset >= 0 && maxOffset >= minOffset, 'A queue ends where it begins or later');
    this.#minOffset = minOffset;
    this.#maxOffset = maxOffset;
    this.#flushedOffset = maxOffset;
  }

  /**
   * Writes contiguous units at `unitOffset`. Units that are there are written over (recovery tells messages again). A gap
   * before them is filled with units that stand for no message. The queue's first units may begin anywhere.
   */
  append(bytes: Uint8Array, offset: number, length: number, unitOffset: number): void {
    assert(length > 0 && length % QUEUE_UNIT_BYTES === 0, 'Whole units are appended');
    const segments = this.#files();
    if (this.#isTailSuspect) this.#clearSuspectTail(segments);
    if (this.#minOffset === this.#maxOffset && (segments.isEmpty || unitOffset - this.#maxOffset > GAP_UNITS_MAX))
      this.#begin(segments, unitOffset);
    else if (unitOffset > this.#maxOffset) this.#fillGap(segments, unitOffset);
    else if (unitOffset < this.#minOffset) this.#minOffset = unitOffset;
    this.#write(segments, bytes, offset, length, unitOffset);
    const end = unitOffset + length / QUEUE_UNIT_BYTES;
    // Units written over may never have reached the disk: only a flush from here on says that they have.
    if (unitOffset < this.#flushedOffset) this.#flushedOffset = unitOffset;
    if (end > this.#maxOffset) this.#maxOffset = end;
  }

  /**
   * Reads up to `unitCount` units at `unitOffset` into `into`. Returns the units read: fewer at the end of the files. Does not
   * look at `maxOffset`, for a reader's range comes from elsewhere: units of size 0 were never written.
   */
  read(into: Uint8Array, intoOffset: number, unitOffset: number, unitCount: number): number {
    const segments = this.#files();
    let done = 0;
    while (done < unitCount) {
      const position = (unitOffset + done) * QUEUE_UNIT_BYTES;
      const file = segments.find(position);
      if (file === null) break;
      const at = position % segments.segmentBytes;
      const wanted = Math.min((unitCount - done) * QUEUE_UNIT_BYTES, segments.segmentBytes - at);
      const units = Math.floor(file.read(into, intoOffset + done * QUEUE_UNIT_BYTES, wanted, at) / QUEUE_UNIT_BYTES);
      if (units === 0) break;
      done += units;
    }
    return done;
  }

  /** Ends the queue at `unitOffset`: what follows reads as never written. */
  truncateTo(unitOffset: number): void {
    const segments = this.#files();
    if (!segments.isEmpty) segments.truncateAfter(unitOffset * QUEUE_UNIT_BYTES);
    this.#maxOffset = unitOffset;
    if (this.#minOffset > unitOffset) this.#minOffset = unitOffset;
    if (this.#flushedOffset > unitOffset) this.#flushedOffset = unitOffset;
    this.#isTailSuspect = false;
  }

  /** Drops everything; the next unit is that of `unitOffset`: its topic was deleted and made again. */
  restartAt(unitOffset: number): void {
    this.#files().removeAll();
    this.setRange(unitOffset, unitOffset);
    this.#flushedOffset = unitOffset;
  }

  /** The first unit whose message begins at or behind `position`; `maxOffset` when none does. */
  offsetAt(position: number): number {
    return this.#firstMessage(position);
  }

  /** Drops the units from the first one on whose message begins at or behind `position`. */
  truncatePhysical(position: number): void {
    const end = this.#firstMessage(position);
    if (end < this.#maxOffset) this.truncateTo(end);
  }

  /** As `truncatePhysical`, but nothing of the files changes: the units that are dropped are written again just as they are there. */
  rewindPhysical(position: number): void {
    const end = this.#firstMessage(position);
    if (end >= this.#maxOffset) return;
    this.#maxOffset = end;
    this.#flushedOffset = Math.min(this.#flushedOffset, end);
  }

  /** Finds `minOffset` and `maxOffset` in the files: reads the last file with a unit in it. */
  recover(): void {
    const segments = this.#files();
    const bases = segments.bases();
    this.#minOffset = segments.firstBase / QUEUE_UNIT_BYTES;
    this.#maxOffset = this.#minOffset;
    for (let index = bases.length - 1; index >= 0; index--) {
      const first = (bases[index] as number) / QUEUE_UNIT_BYTES;
      const used = this.#usedUnits(first);
      if (used === 0) continue;
      this.#maxOffset = first + used;
      break;
    }
    // What the files show may be in the page cache only.
    this.#flushedOffset = this.#minOffset;
    this.#minOffset = this.#firstMessage(0);
  }

  /** Moves `minOffset` to the first unit whose message is still in the commit log. Binary search: units are in log order. */
  correctMin(commitLogMin: number): void {
    this.#minOffset = this.#firstMessage(commitLogMin);
  }

  /** Removes files all of whose messages lie before `commitLogMin`; never the last. Returns how many. */
  removeBefore(commitLogMin: number): number {
    this.correctMin(commitLogMin);
    const segments = this.#files();
    return segments.removeBefore(this.#minOffset * QUEUE_UNIT_BYTES);
  }

  /** Position behind the last message in the commit log; 0 for an empty queue. */
  maxPhysicalOffset(): number {
    const unit = new Uint8Array(QUEUE_UNIT_BYTES);
    for (let offset = this.#maxOffset - 1; offset >= this.#minOffset; offset--) {
      if (this.read(unit, 0, offset, 1) !== 1) return 0;
      if (unitSize(unit, 0) !== NO_MESSAGE_SIZE) return unitPhysicalOffset(unit, 0) + unitSize(unit, 0);
    }
    return 0;
  }

  /** Makes all units last a power cut. True: files are new, and the names of the directories above are to be synced. */
  flush(): boolean {
    if (!this.isDirty) return false;
    const segments = this.#files();
    const first = segments.baseOf(this.#flushedOffset * QUEUE_UNIT_BYTES);
    const end = this.#maxOffset * QUEUE_UNIT_BYTES;
    for (let base = first; base < end; base += segments.segmentBytes) segments.find(base)?.sync();
    this.#flushedOffset = this.#maxOffset;
    return segments.syncNames();
  }

  /** Removes all files and the directory. */
  removeFiles(): void {
    this.#files().removeAll();
    this.#disk.remove(this.directory);
    this.#segments = null;
    this.setRange(0, 0);
  }

  close(): void {
    this.#segments?.close();
  }

  #files(): SegmentSet {
    if (this.#segments !== null) return this.#segments;
    const bytes = this.#unitsPerFile * QUEUE_UNIT_BYTES;
    this.#segments = SegmentSet.over(this.#disk, this.#cache, this.directory, bytes, this.#isWritable ? 'derived' : 'read');
    // A writer must know what is there before it decides where a queue begins.
    if (this.#isWritable) this.#segments.scan();
    return this.#segments;
  }

  #clearSuspectTail(segments: SegmentSet): void {
    if (!segments.isEmpty) segments.truncateAfter(this.#maxOffset * QUEUE_UNIT_BYTES);
    this.#isTailSuspect = false;
  }

  /** The queue's first units: those before them in the same file stand for no message (as Java fills it). */
  #begin(segments: SegmentSet, unitOffset: number): void {
    if (!segments.isEmpty) segments.removeAll();
    const position = unitOffset * QUEUE_UNIT_BYTES;
    this.#minOffset = unitOffset;
    this.#maxOffset = unitOffset;
    this.#flushedOffset = Math.min(this.#flushedOffset, unitOffset);
    const before = (position % segments.segmentBytes) / QUEUE_UNIT_BYTES;
    if (before > 0) this.#writeNoMessages(segments, unitOffset - before, before, HEAD_MARK);
  }

  #fillGap(segments: SegmentSet, unitOffset: number): void {
    const gap = unitOffset - this.#maxOffset;
    if (gap > GAP_UNITS_MAX)
      throw new StorageError(
        'MQ_STORAGE_OUT_OF_RANGE',
        `Queue ${this.queueId} of ${this.topic} ends at ${this.#maxOffset}: an append at ${unitOffset} leaves a gap of more than ${GAP_UNITS_MAX} units`,
        {
          topic: this.topic,
          queueId: this.queueId,
          maxOffset: this.#maxOffset,
          unitOffset,
        },
      );
    this.#writeNoMessages(segments, this.#maxOffset, gap, GAP_MARK);
  }

  #writeNoMessages(segments: SegmentSet, unitOffset: number, count: number, mark: number): void {
    const chunk = Math.min(count, SCAN_UNITS);
    const bytes = new Uint8Array(chunk * QUEUE_UNIT_BYTES);
    writeNoMessageUnits(bytes, 0, chunk, mark);
    for (let done = 0; done < count; done += chunk)
      this.#write(segments, bytes, 0, Math.min(chunk, count - done) * QUEUE_UNIT_BYTES, unitOffset + done);
  }

  #write(segments: SegmentSet, bytes: Uint8Array, offset: number, length: number, unitOffset: number): void {
    let done = 0;
    while (done < length) {
      const position = unitOffset * QUEUE_UNIT_BYTES + done;
      const at = position % segments.segmentBytes;
      const part = Math.min(length - done, segments.segmentBytes - at);
      segments.ensure(position).write(bytes, offset + done, part, at);
      done += part;
    }
  }

  /** Units written in the file that begins at `first`: up to the first of size 0. */
  #usedUnits(first: number): number {
    const bytes = new Uint8Array(SCAN_UNITS * QUEUE_UNIT_BYTES);
    for (let done = 0; done < this.#unitsPerFile; ) {
      const units = this.read(bytes, 0, first + done, Math.min(SCAN_UNITS, this.#unitsPerFile - done));
      if (units === 0) return done;
      for (let unit = 0; unit < units; unit++) if (unitSize(bytes, unit * QUEUE_UNIT_BYTES) <= 0) return done + unit;
      done += units;
    }
    return this.#unitsPerFile;
  }

  /**
   * First unit at or behind `minOffset` whose message is at or behind `commitLogMin`; `maxOffset` when there is none. A gap's
   * unit has no place in the log: the next one with a message decides for it.
   */
  #firstMessage(commitLogMin: number): number {
    const unit = new Uint8Array(QUEUE_UNIT_BYTES);
    let low = this.#minOffset;
    let high = this.#maxOffset;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      let probe = middle;
      while (probe < high && this.read(unit, 0, probe, 1) === 1 && isGapUnit(unit, 0)) probe++;
      // What was never written is where a power cut took units back: nothing behind it counts as old.
      const size = unitSize(unit, 0);
      const isOld = probe < high && size > 0 && (size === NO_MESSAGE_SIZE || unitPhysicalOffset(unit, 0) < commitLogMin);
      if (isOld) low = probe + 1;
      else high = middle;
    }
    return low;
  }
}

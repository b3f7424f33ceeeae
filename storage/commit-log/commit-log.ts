/**
 * The commit log: one endless file of records in segments of one size. Owns its segments' descriptors and the place where
 * the next byte goes. It copies nothing and knows no record: what it is given is written where it is told to. A record never
 * crosses a segment; the rest of a segment is closed by a blank record. Each thread that needs the log opens its own.
 * Fails by `DiskError` and the errors of `SegmentSet`; `disk-error-policy.ts` says what follows.
 * Source: RocketMQ 5.3 `CommitLog`, `MappedFileQueue`.
 *
 *   blank record, at the end of a segment: | rest of the segment 4 | magic 0xCBD43194 4 | anything |
 */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { BLANK_RECORD_BYTES, RECORD_MAGIC_BLANK, writeInt32 } from '../../model/message-record.ts';
import { DescriptorCache } from '../descriptor-cache.ts';
import type { Disk } from '../file.ts';
import { SegmentSet } from '../segment-set.ts';

/** Descriptors that a reader holds at most. */
const READER_OPEN_MAX = 64;
/** Who writes or syncs needs the newest segments only, and a removed one keeps its space while anybody has it open. */
const REWRITE_BYTES = 1024 * 1024;
const WRITER_OPEN_MAX = 3;

/** Reads the log with descriptors of its own; sees segments that others add. */
export class CommitLogReader {
  readonly segmentBytes: number;
  readonly #segments: SegmentSet;
  readonly #cache: DescriptorCache;

  constructor(disk: Disk, directory: string, segmentBytes: number) {
    this.segmentBytes = segmentBytes;
    this.#cache = new DescriptorCache(disk, READER_OPEN_MAX);
    this.#segments = SegmentSet.over(disk, this.#cache, directory, segmentBytes, 'read');
  }

  /** Reads up to `length` bytes at `position`, never past the end of its segment. 0: there is nothing (any more). */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return readSegment(this.#segments, buffer, offset, length, position);
  }

  /** Closes the descriptors of segments that retention removed: a removed file keeps its space while it is open. */
  forgetBefore(position: number): void {
    this.#segments.forgetBefore(position);
  }

  close(): void {
    this.#cache.close();
  }
}

export class CommitLog {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly #disk: Disk;
  readonly #cache: DescriptorCache;
  readonly #segments: SegmentSet;
  readonly #blank = new Uint8Array(BLANK_RECORD_BYTES);
  #maxOffset: number;
  /** The last segment whose name is known to last. */
  #namedBase = -1;

  private constructor(disk: Disk, directory: string, segmentBytes: number) {
    this.#disk = disk;
    this.directory = directory;
    this.segmentBytes = segmentBytes;
    this.#cache = new DescriptorCache(disk, WRITER_OPEN_MAX);
    this.#segments = SegmentSet.over(disk, this.#cache, directory, segmentBytes, 'source');
    this.#segments.scan();
    this.#maxOffset = this.#segments.firstBase;
  }

  /**
   * Opens or makes the log in `directory`. `maxOffset` is the beginning of the log until `setMaxOffset`: which bytes are
   * records only recovery knows.
   */
  static open(disk: Disk, directory: string, segmentBytes: number): CommitLog {
    disk.makeDirectory(directory);
    return new CommitLog(disk, directory, segmentBytes);
  }

  /** The first offset of the first segment. Another thread may have removed more: `refresh` looks. */
  get minOffset(): number {
    return this.#segments.firstBase;
  }

  /** Where the next byte goes. */
  get maxOffset(): number {
    return this.#maxOffset;
  }

  get segmentCount(): number {
    return this.#segments.count;
  }

  /** Segments that were short and were grown when the log was opened: what they lost is gone. */
  get mended(): readonly string[] {
    return this.#segments.mended;
  }

  /** First offsets of the segments in ascending order. */
  segmentBases(): number[] {
    return this.#segments.bases();
  }

  /** Takes over where recovery, or the thread that wrote before, says that the log ends. */
  setMaxOffset(position: number): void {
    assert(position >= this.minOffset, 'A log does not end before it begins');
    this.#maxOffset = position;
  }

  /** Path of the segment that holds `position`. */
  pathOf(position: number): string {
    return this.#segments.pathOf(position);
  }

  /** Bytes from `position` to the end of its segment. A record of `n` bytes fits when `n + BLANK_RECORD_BYTES` does. */
  roomAt(position: number): number {
    return this.segmentBytes - (position % this.segmentBytes);
  }

  /** Writes `length` bytes at `position`, all in one segment, which is made when it is not there. Moves `maxOffset`. */
  write(bytes: Uint8Array, offset: number, length: number, position: number): void {
    assert(length <= this.roomAt(position), 'A write stays in one segment');
    this.#segments.ensure(position).write(bytes, offset, length, position % this.segmentBytes);
    this.#maxOffset = position + length;
  }

  /** Closes the segment at `position` with a blank record; returns the first offset of the next one, which exists then. */
  writeBlank(position: number): number {
    const room = this.roomAt(position);
    assert(room >= BLANK_RECORD_BYTES, 'A segment keeps room for its blank record');
    writeInt32(this.#blank, 0, room);
    writeInt32(this.#blank, 4, RECORD_MAGIC_BLANK);
    this.#segments.ensure(position).write(this.#blank, 0, BLANK_RECORD_BYTES, position % this.segmentBytes);
    const next = position + room;
    this.#segments.ensure(next);
    this.#maxOffset = next;
    return next;
  }

  /** Makes the segment that holds `position`, ahead of need. Cheap when it is there. */
  prepare(position: number): void {
    this.#segments.ensure(position);
  }

  /** Makes the segment after the one that holds `position` (default: `maxOffset`), ahead of need. Cheap when it is there. */
  prepareNext(position: number = this.#maxOffset): void {
    this.#segments.ensure(position);
    this.#segments.ensure(position + this.roomAt(position));
  }

  /**
   * Syncs every segment with bytes in [`from`, `to`), older first, and the names of those that were not synced here before: whoever made them
   * may have died before it came to that, or be about it still. Not to be called again after it failed.
   */
  sync(from: number, to: number): void {
    for (let base = this.#segments.baseOf(from); base < to; base += this.segmentBytes) {
      this.#segments.at(base).sync();
      if (base <= this.#namedBase) continue;
      this.#disk.syncDirectory(this.directory);
      this.#disk.syncDirectory(dirname(this.directory));
      this.#namedBase = base;
    }
  }

  /** Reads up to `length` bytes at `position`, never past the end of its segment. 0: there is nothing. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return readSegment(this.#segments, buffer, offset, length, position);
  }

  /** Writes the bytes in [`from`, `to`) once more as they are read, so that the next sync brings them to the disk whatever memory says of them. */
  rewrite(from: number, to: number): void {
    const block = new Uint8Array(REWRITE_BYTES);
    for (let at = from; at < to; ) {
      const length = this.read(block, 0, Math.min(block.length, to - at, this.roomAt(at)), at);
      assert(length > 0, 'What was walked is there');
      this.#segments.at(at).write(block, 0, length, at % this.segmentBytes);
      at += length;
    }
  }

  /** Ends the log at `position`: what follows reads as zeros, every segment keeps its full size (Java needs it). */
  cutBack(position: number): void {
    this.#segments.clearFrom(position);
    this.#maxOffset = position;
  }

  /** As `cutBack`, and removes the segments behind it. Only at the start, before other threads have the log open. */
  truncateAfter(position: number): void {
    this.#segments.truncateAfter(position);
    this.#maxOffset = position;
  }

  /** Removes segments that end at or before `position`, oldest first, never the last. Returns how many. */
  removeBefore(position: number, countMax?: number): number {
    return this.#segments.removeBefore(position, countMax);
  }

  /** Milliseconds since the epoch of the last write to the segment at `base`: what retention goes by. */
  modifiedMs(base: number): number {
    return this.#disk.modifiedMs(this.#segments.pathOf(base));
  }

  /** Looks at the directory again, for segments that other threads made or removed. */
  refresh(): void {
    this.#segments.scan();
  }

  openReader(): CommitLogReader {
    return new CommitLogReader(this.#disk, this.directory, this.segmentBytes);
  }

  close(): void {
    this.#cache.close();
  }
}

function readSegment(segments: SegmentSet, buffer: Uint8Array, offset: number, length: number, position: number): number {
  const file = segments.find(position);
  if (file === null) return 0;
  const at = position % segments.segmentBytes;
  return file.read(buffer, offset, Math.min(length, segments.segmentBytes - at), at);
}

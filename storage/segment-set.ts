/**
 * Files of one fixed size in one directory, each named by its first offset in 20 digits: together one long file. Owns the
 * names; its descriptors live in a `DescriptorCache` that sets may share. Several threads may hold a set of their own over
 * one directory: a segment's name follows from its offset, so one made by another thread is found when asked for. New
 * segments are sparse and full-sized, and their directory is synced; none is ever used again under another name.
 * Fails by `DiskError`, `MQ_STORAGE_WRONG_SIZE`, `MQ_STORAGE_BAD_NAME`, `MQ_STORAGE_MISSING_SEGMENT`.
 * Source: RocketMQ 5.3 `MappedFileQueue`, `DefaultMappedFile`.
 */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { type DescriptorCache, FileHandle } from './descriptor-cache.ts';
import { StorageError } from './errors.ts';
import type { Disk, StorageFile } from './file.ts';

const NAME = /^\d{20}$/;

/**
 * `source`: what is here exists nowhere else. A new segment is synced with its name before it is used, and files that do not
 * fit together are refused. `derived`: everything here can be made again. Names last when `syncNames` says so, and what lies
 * behind a missing file is removed. `read`: another thread writes.
 */
export type SegmentSetMode = 'source' | 'derived' | 'read';

export function segmentName(base: number): string {
  return String(base).padStart(20, '0');
}

type Segment = { readonly base: number; readonly handle: FileHandle };

export class SegmentSet {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly #disk: Disk;
  readonly #cache: DescriptorCache;
  readonly #mode: SegmentSetMode;
  #hasNewNames = false;
  readonly #mended: string[] = [];
  /** In ascending order of base, without gaps. */
  #segments: Segment[] = [];

  private constructor(disk: Disk, cache: DescriptorCache, directory: string, segmentBytes: number, mode: SegmentSetMode) {
    assert(Number.isSafeInteger(segmentBytes) && segmentBytes > 0, 'A segment has a size');
    this.#disk = disk;
    this.#cache = cache;
    this.directory = directory;
    this.segmentBytes = segmentBytes;
    this.#mode = mode;
  }

  /** A set over `directory`, which need not exist; looks at nothing before `scan` or the first use. */
  static over(disk: Disk, cache: DescriptorCache, directory: string, segmentBytes: number, mode: SegmentSetMode): SegmentSet {
    return new SegmentSet(disk, cache, directory, segmentBytes, mode);
  }

  /**
   * Reads the directory. A short file is grown to its size when this set may write, and told in `mended` (Java refuses it):
   * what was in it still counts. A longer one, a name off the grid or a gap is refused (or mended, see `SegmentSetMode`).
   */
  scan(): void {
    const known = new Map(this.#segments.map((segment) => [segment.base, segment]));
    const found: Segment[] = [];
    for (const name of this.#disk.list(this.directory)) {
      if (!NAME.test(name)) continue;
      const base = Number(name);
      if (!Number.isSafeInteger(base) || base % this.segmentBytes !== 0) this.#refuseName(name, base);
      const last = found.at(-1);
      if (last !== undefined && last.base + this.segmentBytes !== base) {
        if (this.#mode === 'source') this.#refuseGap(last.base, base);
        if (this.#mode === 'read') break;
        this.#drop(known.get(base) ?? this.#segment(base));
        this.#hasNewNames = true;
        this.#mended.push(`${join(this.directory, name)} did not follow ${segmentName(last.base)}: removed`);
        continue;
      }
      found.push(known.get(base) ?? this.#segment(base));
    }
    this.#segments = found;
    for (const segment of found) this.#checkSize(segment, segment === found.at(-1));
  }

  /** What `scan` found short or out of place, and mended. */
  get mended(): readonly string[] {
    return this.#mended;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  get count(): number {
    return this.#segments.length;
  }

  /** First offset of the first segment; 0 when there is none. */
  get firstBase(): number {
    return this.#segments[0]?.base ?? 0;
  }

  /** First offset of the last segment; 0 when there is none. */
  get lastBase(): number {
    return this.#segments.at(-1)?.base ?? 0;
  }

  /** First offsets in ascending order. */
  bases(): number[] {
    return this.#segments.map((segment) => segment.base);
  }

  baseOf(position: number): number {
    return position - (position % this.segmentBytes);
  }

  pathOf(position: number): string {
    return join(this.directory, segmentName(this.baseOf(position)));
  }

  /** The open segment that holds `position`, or null when it is not there. The file is valid until the next call. */
  find(position: number): StorageFile | null {
    const segment = this.#known(position) ?? this.#discover(position);
    return segment === null ? null : this.#cache.use(segment.handle);
  }

  /** As `find`, but a missing segment is an error. */
  at(position: number): StorageFile {
    const file = this.find(position);
    if (file !== null) return file;
    const path = this.pathOf(position);
    throw new StorageError('MQ_STORAGE_MISSING_SEGMENT', `${path} is missing, which should hold offset ${position}`, { path, position });
  }

  /** The segment that holds `position`, made full-sized and sparse when it is not there. */
  ensure(position: number): StorageFile {
    const known = this.#known(position) ?? this.#discover(position);
    if (known !== null) return this.#cache.use(known.handle);
    if (this.#segments.length === 0) this.#disk.makeDirectory(this.directory);
    const segment = this.#segment(this.baseOf(position), 'create');
    const file = this.#cache.use(segment.handle);
    if (file.size() < this.segmentBytes) file.truncate(this.segmentBytes);
    this.#hasNewNames = true;
    if (this.#mode === 'source') {
      file.sync();
      this.syncNames();
      this.#disk.syncDirectory(dirname(this.directory));
    }
    this.#add(segment);
    return file;
  }

  /** Makes the names of new segments last a power cut. True: there were some, so the directory's own may be new too. */
  syncNames(): boolean {
    if (!this.#hasNewNames) return false;
    this.#disk.syncDirectory(this.directory);
    this.#hasNewNames = false;
    return true;
  }

  /** Removes the segments that end at or before `position`, oldest first, never the last one. Returns how many. */
  removeBefore(position: number, countMax: number = Number.MAX_SAFE_INTEGER): number {
    let removed = 0;
    while (removed < countMax && this.#segments.length > 1) {
      const first = this.#segments[0];
      if (first === undefined || first.base + this.segmentBytes > position) break;
      this.#drop(first);
      this.#segments.shift();
      removed++;
    }
    if (removed > 0) this.#disk.syncDirectory(this.directory);
    return removed;
  }

  /** Closes the descriptors of segments before `position`; for a set whose files another thread removes. */
  forgetBefore(position: number): void {
    let first = this.#segments[0];
    while (first !== undefined && first.base + this.segmentBytes <= position) {
      this.#cache.release(first.handle);
      this.#segments.shift();
      first = this.#segments[0];
    }
  }

  /**
   * Empties everything from `position` on: the segment that holds it is truncated there and grown to its full size again
   * (so what follows reads as zeros), later ones likewise. No name goes, for other threads may hold the files open.
   */
  clearFrom(position: number): void {
    for (const segment of this.#segments) {
      if (segment.base + this.segmentBytes <= position) continue;
      const file = this.#cache.use(segment.handle);
      file.truncate(Math.max(0, position - segment.base));
      file.truncate(this.segmentBytes);
    }
  }

  /** As `clearFrom`, and removes the segments that begin after `position`. Only while no other thread holds the files. */
  truncateAfter(position: number): void {
    let removed = 0;
    for (let last = this.#segments.at(-1); last !== undefined && last.base > position; last = this.#segments.at(-1)) {
      this.#drop(last);
      this.#segments.pop();
      removed++;
    }
    this.clearFrom(position);
    if (removed > 0) this.#disk.syncDirectory(this.directory);
  }

  /** Removes every segment; the directory stays. */
  removeAll(): void {
    for (const segment of this.#segments) this.#drop(segment);
    this.#segments = [];
    if (this.#disk.exists(this.directory)) this.#disk.syncDirectory(this.directory);
  }

  close(): void {
    for (const segment of this.#segments) this.#cache.release(segment.handle);
  }

  #segment(base: number, mode: 'create' | 'known' = 'known'): Segment {
    const path = join(this.directory, segmentName(base));
    return { base, handle: new FileHandle(path, this.#mode === 'read' ? 'read' : mode === 'create' ? 'create' : 'write') };
  }

  #known(position: number): Segment | null {
    const first = this.#segments[0];
    if (first === undefined || position < first.base) return null;
    return this.#segments[Math.floor((position - first.base) / this.segmentBytes)] ?? null;
  }

  /** Looks whether another thread has made the segment meanwhile. */
  #discover(position: number): Segment | null {
    const base = this.baseOf(position);
    const path = join(this.directory, segmentName(base));
    if (!this.#disk.exists(path)) return null;
    // A short one is being made, or cut back and grown again. A writer grows it itself, which is the same act; to a reader what it has counts.
    if (this.#mode !== 'read' && this.#disk.sizeOf(path) < this.segmentBytes) {
      const segment = this.#segment(base);
      const file = this.#cache.use(segment.handle);
      if (file.size() < this.segmentBytes) file.truncate(this.segmentBytes);
      this.#add(segment);
      return segment;
    }
    const segment = this.#segment(base);
    this.#add(segment);
    return segment;
  }

  /** Keeps the list without gaps: a segment that does not follow makes the set read its directory again. */
  #add(segment: Segment): void {
    const last = this.#segments.at(-1);
    if (last === undefined || last.base + this.segmentBytes === segment.base) this.#segments.push(segment);
    else {
      this.scan();
    }
  }

  #checkSize(segment: Segment, isLast: boolean): void {
    const path = segment.handle.path;
    const bytes = this.#disk.sizeOf(path);
    if (bytes === this.segmentBytes) return;
    if (bytes < this.segmentBytes) {
      if (this.#mode === 'read') return;
      this.#cache.use(segment.handle).truncate(this.segmentBytes);
      // The making of a last one may have been cut off, which is no damage.
      if (!isLast || bytes > 0) this.#mended.push(`${path} had only ${bytes} of ${this.segmentBytes} bytes: the rest reads as zeros`);
      return;
    }
    const text = `${path} has ${bytes} bytes; a segment of this store has ${this.segmentBytes}. Set the segment size that the store was made with`;
    throw new StorageError('MQ_STORAGE_WRONG_SIZE', text, { path, bytes, segmentBytes: this.segmentBytes });
  }

  #refuseName(name: string, base: number): never {
    const path = join(this.directory, name);
    const text = `${path} does not begin at a multiple of the segment size ${this.segmentBytes}; set the segment size that the store was made with`;
    throw new StorageError('MQ_STORAGE_BAD_NAME', text, { path, base, segmentBytes: this.segmentBytes });
  }

  #refuseGap(before: number, after: number): never {
    const text = `${this.directory} has ${segmentName(before)} and then ${segmentName(after)}: what lies between is missing`;
    throw new StorageError('MQ_STORAGE_MISSING_SEGMENT', text, { path: this.directory, before, after });
  }

  #drop(segment: Segment): void {
    this.#cache.release(segment.handle);
    this.#disk.remove(segment.handle.path);
  }
}

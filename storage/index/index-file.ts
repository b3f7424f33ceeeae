/**
 * One index file: a hash table from keys to log positions. Owns the file, and in memory the slot table (20 MB, shared, loaded
 * at the first use) and the entries that are not written yet. `put` touches memory only; `flush` writes entries, then changed
 * slot pages, then the header, so that a file cut off in between still has a header that holds for what it counts.
 * Fails by `DiskError` and MQ_STORAGE_WRONG_SIZE.
 * Source: RocketMQ 5.3 `IndexFile`, `IndexHeader`.
 *
 *    0  beginTimestamp 8     40  slots: newest entry's number 4, one per hash
 *    8  endTimestamp   8         entries from number 1 on:
 *   16  beginPosition  8          0  keyHash 4 |  4  position 8 | 12  seconds since beginTimestamp 4 | 16  former entry of its slot 4
 *   24  endPosition    8
 *   32  used slots     4
 *   36  entry count    4  (begins at 1; entry 0 is unused)
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from '../../model/message-record.ts';
import { type DescriptorCache, FileHandle } from '../descriptor-cache.ts';
import { StorageError } from '../errors.ts';
import type { StorageFile } from '../file.ts';
import { ChainEntries } from './chain-entries.ts';
import {
  allocateSlots,
  hasSlots,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  INT32_MAX,
  PAGE_SLOTS,
  readSlots,
  rebuildSlots,
  writeSlotPages,
} from './slot-file.ts';

export const INDEX_SLOTS = 5_000_000;
export const INDEX_ENTRIES = 20_000_000;

const RUN_ENTRIES = 32 * 1024;

/** How many entries a query may still look at: a key of very many messages and a window far back end with it. */
export type QueryBudget = { entries: number };

export type IndexShape = { readonly slots: number; readonly entries: number };

export class IndexFile {
  readonly path: string;
  readonly #cache: DescriptorCache;
  readonly #handle: FileHandle;
  readonly #slotCount: number;
  readonly #entryMax: number;
  readonly #entriesAt: number;
  #slots: Int32Array | null = null;
  #dirtyPages: Uint8Array | null = null;
  #hasDirtySlots = false;
  #run: Uint8Array | null = null;
  /** The same bytes, for `put`: one store a number. */
  #runView: DataView | null = null;
  /** Number of the first entry in the run; entries before it are in the file. */
  #runBase: number;
  #beginTimestamp: number;
  #endTimestamp: number;
  #beginPosition: number;
  #endPosition: number;
  #usedSlots: number;
  /** Number of the next entry, as the header counts. */
  #entryCount: number;
  #isHeaderDirty = false;
  /** The former run may have been cut off between slots and header: the table is loaded and checked before it is asked. */
  readonly #isSuspect: boolean;
  /** Made just now: 20 MB of hole need not be read to know what stands in them. */
  readonly #isNew: boolean;

  private constructor(cache: DescriptorCache, handle: FileHandle, shape: IndexShape, isSuspect: boolean, isNew: boolean) {
    this.#isSuspect = isSuspect;
    this.#isNew = isNew;
    this.path = handle.path;
    this.#cache = cache;
    this.#handle = handle;
    this.#slotCount = shape.slots;
    this.#entryMax = shape.entries;
    this.#entriesAt = INDEX_HEADER_BYTES + shape.slots * 4;
    const header = new Uint8Array(INDEX_HEADER_BYTES);
    this.#file.read(header, 0, INDEX_HEADER_BYTES, 0);
    this.#beginTimestamp = readInt64(header, 0);
    this.#endTimestamp = readInt64(header, 8);
    this.#beginPosition = readInt64(header, 16);
    this.#endPosition = readInt64(header, 24);
    this.#usedSlots = readInt32(header, 32);
    this.#entryCount = Math.min(Math.max(1, readInt32(header, 36)), shape.entries);
    this.#runBase = this.#entryCount;
    // A header that was cut off in its middle may say an end that its count does not cover.
    if (isSuspect) this.#readEnd();
  }

  /** Opens the index file at `path`, or makes it, sparse. `isSuspect`: the former run did not end in order. */
  static open(cache: DescriptorCache, path: string, shape: IndexShape, isSuspect: boolean): IndexFile {
    const bytes = INDEX_HEADER_BYTES + shape.slots * 4 + shape.entries * INDEX_ENTRY_BYTES;
    const handle = new FileHandle(path, 'create');
    const file = cache.use(handle);
    const size = file.size();
    if (size !== bytes) {
      if (size > INDEX_HEADER_BYTES) {
        cache.release(handle);
        const text = `${path} has ${size} bytes; an index file of ${shape.slots} slots and ${shape.entries} entries has ${bytes}`;
        throw new StorageError('MQ_STORAGE_WRONG_SIZE', text, { path, size, bytes });
      }
      file.truncate(bytes);
    }
    return new IndexFile(cache, handle, shape, isSuspect, size !== bytes);
  }

  get #file(): StorageFile {
    return this.#cache.use(this.#handle);
  }

  get isFull(): boolean {
    return this.#entryCount >= this.#entryMax;
  }

  /** Entries in the file and in memory. */
  get entryCount(): number {
    return this.#entryCount - 1;
  }

  get beginTimestamp(): number {
    return this.#beginTimestamp;
  }

  get endTimestamp(): number {
    return this.#endTimestamp;
  }

  get beginPosition(): number {
    return this.#beginPosition;
  }

  /** Log position of the last message with an entry. */
  get endPosition(): number {
    return this.#endPosition;
  }

  /**
   * Brings the slot of a key that is put soon into the processor's cache. Slots lie at random in 20 MB: loads that wait for nothing
   * overlap, where those of one `put` after the other do not. Gives what stands there, so that the load is not left out.
   */
  touch(keyHash: number): number {
    const slots = this.#slots;
    return slots === null ? 0 : (slots[keyHash % this.#slotCount] as number);
  }

  /** Adds an entry. False: the file is full. */
  put(keyHash: number, position: number, storeTimestamp: number): boolean {
    const number = this.#entryCount;
    if (number >= this.#entryMax) return false;
    const slots = this.#slots ?? this.#loadSlots();
    const run = this.#runView as DataView;
    const slot = keyHash % this.#slotCount;
    const former = slots[slot] as number;
    if (number <= 1) {
      this.#beginTimestamp = storeTimestamp;
      this.#beginPosition = position;
    }
    const seconds = this.#beginTimestamp <= 0 ? 0 : Math.floor((storeTimestamp - this.#beginTimestamp) / 1000);
    const at = (number - this.#runBase) * INDEX_ENTRY_BYTES;
    run.setInt32(at, keyHash);
    run.setInt32(at + 4, Math.floor(position / 0x1_0000_0000));
    run.setInt32(at + 8, position | 0);
    run.setInt32(at + 12, seconds < 0 ? 0 : Math.min(seconds, INT32_MAX));
    run.setInt32(at + 16, former);
    slots[slot] = number;
    (this.#dirtyPages as Uint8Array)[Math.floor(slot / PAGE_SLOTS)] = 1;
    this.#hasDirtySlots = true;
    if (former === 0) this.#usedSlots++;
    this.#entryCount = number + 1;
    this.#endPosition = position;
    this.#endTimestamp = storeTimestamp;
    this.#isHeaderDirty = true;
    if (this.#entryCount - this.#runBase === RUN_ENTRIES) this.#writeRun();
    return true;
  }

  /** Writes entries and slots, makes them last a power cut, then the header that counts them. */
  flush(): void {
    if (!this.#isHeaderDirty) return;
    this.#writeRun();
    this.#writeSlots();
    this.#file.sync();
    const header = new Uint8Array(INDEX_HEADER_BYTES);
    writeInt64(header, 0, this.#beginTimestamp);
    writeInt64(header, 8, this.#endTimestamp);
    writeInt64(header, 16, this.#beginPosition);
    writeInt64(header, 24, this.#endPosition);
    writeInt32(header, 32, this.#usedSlots);
    writeInt32(header, 36, this.#entryCount);
    this.#file.write(header, 0, INDEX_HEADER_BYTES, 0);
    this.#file.sync();
    this.#isHeaderDirty = false;
  }

  /** Whether messages of [`begin`, `end`] may have entries here. */
  matchesTime(begin: number, end: number): boolean {
    const first = this.#beginTimestamp;
    const last = this.#endTimestamp;
    return (begin < first && end > last) || (begin >= first && begin <= last) || (end >= first && end <= last);
  }

  /**
   * Adds to `found` the log positions under `keyHash` of [`begin`, `end`], newest first, until it has `countMax`. An entry knows its
   * message's second only: one whose second touches the window counts. Takes the entries it looked at from `budget`, and ends with it.
   */
  query(keyHash: number, countMax: number, begin: number, end: number, found: number[], budget: QueryBudget): void {
    if (this.#entryCount <= 1) return;
    const entries = new ChainEntries((number, count, target) => this.#readEntries(number, count, target), this.#runBase);
    let number = this.#newestOf(keyHash % this.#slotCount);
    // A chain only goes down; one that does not is damaged and ends here.
    while (number > 0 && number < this.#entryCount && found.length < countMax && budget.entries > 0) {
      budget.entries--;
      entries.load(number);
      if (entries.seconds < 0) return;
      const time = this.#beginTimestamp + entries.seconds * 1000;
      if (entries.keyHash === keyHash && time + 999 >= begin && time <= end) found.push(entries.position);
      const former = entries.former;
      if (former >= number || time + 999 < begin) return;
      number = former;
    }
  }

  /** Gives the slot table's memory back; what it held is written first, but counted by the header only after `flush`. */
  unload(): void {
    this.#writeRun();
    this.#writeSlots();
    this.#slots = null;
    this.#dirtyPages = null;
    this.#run = null;
    this.#runView = null;
  }

  get isLoaded(): boolean {
    return this.#slots !== null;
  }

  /** Drops the entries of messages at or behind `position`: the log was cut there. Entries are in log order. */
  truncateFrom(position: number): void {
    if (this.#entryCount <= 1 || this.#endPosition < position) return;
    this.#writeRun();
    const entry = new Uint8Array(INDEX_ENTRY_BYTES);
    let low = 1;
    let high = this.#entryCount;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      this.#readEntry(middle, entry);
      if (readInt64(entry, 4) >= position) high = middle;
      else low = middle + 1;
    }
    this.#entryCount = low;
    this.#runBase = low;
    this.#readEnd();
    this.#isHeaderDirty = true;
    const slots = this.#slots ?? this.#loadSlots();
    if (low > 1) this.#rebuildSlots(slots);
    else this.#clearSlots(slots);
  }

  /** Lets the file go; what is not flushed is lost. */
  close(): void {
    this.#cache.release(this.#handle);
  }

  #newestOf(slot: number): number {
    if (this.#slots === null && this.#isSuspect) this.#loadSlots();
    if (this.#slots !== null) return this.#slots[slot] as number;
    const bytes = new Uint8Array(4);
    this.#file.read(bytes, 0, 4, INDEX_HEADER_BYTES + slot * 4);
    return readInt32(bytes, 0);
  }

  #readEntry(number: number, entry: Uint8Array): void {
    this.#readEntries(number, 1, entry);
  }

  /** Several entries come from the file; one may still be in memory. */
  #readEntries(number: number, count: number, target: Uint8Array): void {
    if (number >= this.#runBase && this.#run !== null) {
      const at = (number - this.#runBase) * INDEX_ENTRY_BYTES;
      target.set(this.#run.subarray(at, at + INDEX_ENTRY_BYTES));
    } else {
      this.#file.read(target, 0, count * INDEX_ENTRY_BYTES, this.#entriesAt + number * INDEX_ENTRY_BYTES);
    }
  }

  #writeRun(): void {
    const count = this.#entryCount - this.#runBase;
    if (count > 0 && this.#run !== null)
      this.#file.write(this.#run, 0, count * INDEX_ENTRY_BYTES, this.#entriesAt + this.#runBase * INDEX_ENTRY_BYTES);
    this.#runBase = this.#entryCount;
  }

  #writeSlots(): void {
    const slots = this.#slots;
    const dirty = this.#dirtyPages;
    if (slots === null || dirty === null || !this.#hasDirtySlots) return;
    writeSlotPages(this.#file, slots, dirty);
    this.#hasDirtySlots = false;
  }

  #loadSlots(): Int32Array {
    const slots = allocateSlots(this.#slotCount);
    this.#dirtyPages = new Uint8Array(Math.ceil(this.#slotCount / PAGE_SLOTS));
    this.#run = new Uint8Array(RUN_ENTRIES * INDEX_ENTRY_BYTES);
    this.#runView = new DataView(this.#run.buffer);
    this.#slots = slots;
    this.#runBase = this.#entryCount;
    if (this.#entryCount <= 1) {
      // A new file, or one whose first entries never were counted: what stands in its slots is nothing.
      if (!this.#isNew && hasSlots(this.#file, this.#slotCount)) {
        this.#dirtyPages.fill(1);
        this.#hasDirtySlots = true;
      }
      this.#usedSlots = 0;
      return slots;
    }
    if (!readSlots(this.#file, slots, this.#entryCount)) this.#rebuildSlots(slots);
    return slots;
  }

  /** Takes the end from the last entry that is counted. */
  #readEnd(): void {
    this.#endPosition = this.#beginPosition;
    this.#endTimestamp = this.#beginTimestamp;
    if (this.#entryCount <= 1) return;
    const entry = new Uint8Array(INDEX_ENTRY_BYTES);
    this.#readEntry(this.#entryCount - 1, entry);
    this.#endPosition = readInt64(entry, 4);
    // Entries count whole seconds: the end must not lie before the last one's time.
    this.#endTimestamp = this.#beginTimestamp + readInt32(entry, 12) * 1000 + 999;
  }

  #clearSlots(slots: Int32Array): void {
    slots.fill(0);
    this.#usedSlots = 0;
    (this.#dirtyPages as Uint8Array).fill(1);
    this.#hasDirtySlots = true;
  }

  /** Makes the slot table from the entries that the header counts, and corrects their chains. */
  #rebuildSlots(slots: Int32Array): void {
    this.#usedSlots = rebuildSlots(this.#file, slots, this.#entryCount);
    (this.#dirtyPages as Uint8Array).fill(1);
    this.#hasDirtySlots = true;
    this.#isHeaderDirty = true;
  }
}

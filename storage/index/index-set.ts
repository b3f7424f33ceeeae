/**
 * All index files of a store: entries go to the newest, a full one is closed and the next one made. Owns the files. Everything
 * in it follows from the commit log. One writer.
 * Fails by `DiskError` and the errors of `IndexFile`.
 * Source: RocketMQ 5.3 `IndexService`.
 */
import { join } from 'node:path';
import { DescriptorCache } from '../descriptor-cache.ts';
import { StorageError } from '../errors.ts';
import type { Disk } from '../file.ts';
import { INDEX_ENTRIES, INDEX_SLOTS, IndexFile, type IndexShape, type QueryBudget } from './index-file.ts';

const NAME = /^\d{17}$/;
const OPEN_MAX = 32;
/** Files at the end that a crash may have caught half written: the newest, and one that was full just before. */
const SUSPECT_FILES = 2;
const DAY_MS = 86_400_000;
/** Looked at in one query: some tens of milliseconds, during which nothing else is filed. */
export const QUERY_ENTRIES_MAX = 1_000_000;

export type IndexSetOptions = {
  /** Default: Java's, 5 000 000 slots and 20 000 000 entries. */
  readonly shape?: IndexShape;
  /** Wall clock in ms, for the names of files. */
  readonly now: () => number;
  /** The former run did not end in order. Default false. */
  readonly isSuspect?: boolean;
};

export class IndexSet {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #cache: DescriptorCache;
  readonly #shape: IndexShape;
  readonly #now: () => number;
  /** In ascending order of name. */
  readonly #files: IndexFile[] = [];
  #current: IndexFile | null = null;
  /** Full files that wait for their flush. */
  #unsynced: IndexFile[] = [];
  readonly #mended: string[] = [];
  #flushedPosition = -1;

  private constructor(disk: Disk, directory: string, options: IndexSetOptions) {
    this.#disk = disk;
    this.directory = directory;
    this.#cache = new DescriptorCache(disk, OPEN_MAX);
    this.#shape = options.shape ?? { slots: INDEX_SLOTS, entries: INDEX_ENTRIES };
    this.#now = options.now;
  }

  /** Opens the index in `directory`: reads the files' headers; slot tables are loaded when first written to. */
  static open(disk: Disk, directory: string, options: IndexSetOptions): IndexSet {
    disk.makeDirectory(directory);
    const set = new IndexSet(disk, directory, options);
    const names = disk.list(directory).filter((name) => NAME.test(name));
    const suspectFrom = options.isSuspect === true ? names.length - SUSPECT_FILES : names.length;
    for (const [at, name] of names.entries()) {
      const path = join(directory, name);
      try {
        set.#files.push(IndexFile.open(set.#cache, path, set.#shape, at >= suspectFrom));
      } catch (error) {
        if (!(error instanceof StorageError && error.code === 'MQ_STORAGE_WRONG_SIZE')) throw error;
        // Entries are in log order over all files: those behind a damaged one are made again with it.
        set.#dropFrom(names.slice(at), error.message);
        break;
      }
    }
    set.#current = set.#files.at(-1) ?? null;
    set.#flushedPosition = set.endPosition;
    return set;
  }

  /** Files that were no index files of this shape, and the later ones, were removed: they are to be made again. */
  get mended(): readonly string[] {
    return this.#mended;
  }

  get fileCount(): number {
    return this.#files.length;
  }

  /** Log position of the last message with an entry, −1 without one: recovery puts only what lies behind it. */
  get endPosition(): number {
    for (let index = this.#files.length - 1; index >= 0; index--) {
      const file = this.#files[index] as IndexFile;
      if (file.entryCount > 0) return file.endPosition;
    }
    return -1;
  }

  /** `endPosition` at the last flush: what a checkpoint may vouch for. */
  get flushedPosition(): number {
    return this.#flushedPosition;
  }

  /** Store timestamp of the last message with an entry, 0 without one. */
  get endTimestamp(): number {
    for (let index = this.#files.length - 1; index >= 0; index--) {
      const file = this.#files[index] as IndexFile;
      if (file.entryCount > 0) return file.endTimestamp;
    }
    return 0;
  }

  /** See `IndexFile.touch`: worth it for a few hundred keys that are put next. */
  touch(keyHash: number): number {
    return this.#current === null ? 0 : this.#current.touch(keyHash);
  }

  /** Adds an entry for the message at `position`; in memory until `flush`, save that long runs are written on the way. */
  put(keyHash: number, position: number, storeTimestamp: number): void {
    const current = this.#current;
    if (current?.put(keyHash, position, storeTimestamp)) return;
    this.#roll().put(keyHash, position, storeTimestamp);
  }

  /**
   * Log positions of messages with a key of this hash stored in [`begin`, `end`], to the second, newest first, at most `countMax`.
   * It is not complete when `budget` has no entries left afterwards.
   */
  query(keyHash: number, countMax: number, begin: number, end: number, budget: QueryBudget = { entries: QUERY_ENTRIES_MAX }): number[] {
    const found: number[] = [];
    for (let index = this.#files.length - 1; index >= 0 && found.length < countMax && budget.entries > 0; index--) {
      const file = this.#files[index] as IndexFile;
      if (file.matchesTime(begin, end)) file.query(keyHash, countMax, begin, end, found, budget);
      if (file.entryCount > 0 && file.beginTimestamp < begin) break;
    }
    return found;
  }

  /** Makes all entries last a power cut. Call it between messages, not between keys of one. */
  flush(): void {
    for (const file of this.#unsynced) file.flush();
    this.#unsynced = [];
    this.#current?.flush();
    this.#flushedPosition = this.endPosition;
  }

  /** Drops entries of messages at or behind `position`, where recovery cut the log. */
  truncateFrom(position: number): void {
    for (let index = this.#files.length - 1; index >= 0; index--) {
      const file = this.#files[index] as IndexFile;
      if (file.entryCount > 0 && file.endPosition < position) break;
      file.truncateFrom(position);
    }
  }

  /** Removes files all of whose messages lie before `commitLogMin`; never the last. Returns how many. */
  removeBefore(commitLogMin: number): number {
    let removed = 0;
    while (this.#files.length > 1) {
      const file = this.#files[0] as IndexFile;
      if (file.endPosition >= commitLogMin) break;
      this.#files.shift();
      this.#unsynced = this.#unsynced.filter((other) => other !== file);
      file.close();
      this.#disk.remove(file.path);
      removed++;
    }
    if (removed > 0) this.#disk.syncDirectory(this.directory);
    return removed;
  }

  /** Lets all files go; what is not flushed is lost. */
  close(): void {
    this.#cache.close();
  }

  #dropFrom(names: readonly string[], reason: string): void {
    for (const name of names) this.#disk.remove(join(this.directory, name));
    this.#disk.syncDirectory(this.directory);
    this.#mended.push(`${reason}: removed, with ${names.length - 1} later ones`);
  }

  #roll(): IndexFile {
    const former = this.#current;
    if (former !== null) {
      former.unload();
      this.#unsynced.push(former);
    }
    // Names give the order of the files, so one never goes back, whatever the clock does.
    const wanted = indexFileName(this.#now());
    const newest = this.#files.at(-1)?.path.slice(-17) ?? '';
    const name = wanted > newest ? wanted : String(BigInt(newest) + 1n).padStart(17, '0');
    const file = IndexFile.open(this.#cache, join(this.directory, name), this.#shape, false);
    this.#disk.syncDirectory(this.directory);
    this.#files.push(file);
    this.#current = file;
    return file;
  }
}

/** `yyyyMMddHHmmssSSS` in UTC. (Java takes its own time zone; only the order of names matters.) */
export function indexFileName(ms: number): string {
  const day = Math.floor(ms / DAY_MS);
  const rest = ms - day * DAY_MS;
  // Days to a civil date, by eras of 400 years that begin on 1 March.
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365);
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const date = ofYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const parts: [number, number][] = [
    [year, 4],
    [month, 2],
    [date, 2],
    [Math.floor(rest / 3_600_000), 2],
    [Math.floor(rest / 60_000) % 60, 2],
    [Math.floor(rest / 1000) % 60, 2],
    [Math.floor(rest) % 1000, 3],
  ];
  return parts.map(([value, width]) => String(value).padStart(width, '0')).join('');
}

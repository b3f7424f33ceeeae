/**
 * Watermarks: how far the commit log is written, flushed, replicated and dispatched, as physical ends that every thread may read.
 * One writer a mark (log worker, sync worker, replication). A mark is two words under a version word that is odd while it moves.
 * `flushed ≤ written`, `replicated ≤ written`, `dispatched ≤ written`. Beside them what all threads must know of the log: that it is open, fenced, or full and why.
 */
import assert from 'node:assert/strict';

export type Mark = 0 | 1 | 2 | 3;
export const WRITTEN_END: Mark = 0;
export const FLUSHED_END: Mark = 1;
export const REPLICATED_END: Mark = 2;
/** All units of records before it are in the queue table, and their entries in the index feed: `written` is moved before they are shown. */
export const DISPATCHED_END: Mark = 3;

const WORDS_PER_MARK = 16;
const VERSION = 0;
const LO = 1;
const HI = 2;
/** Highest end that somebody wants flushed at once: moved by the log worker, sync mode only. */
const SYNC_WANTED = 4 * WORDS_PER_MARK;
/** Not 0: no acknowledgement is given any more (a broken disk promise). */
const FENCED = 5 * WORDS_PER_MARK;
/** Not 0: a sync was begun and not ended; a new sync worker must not trust the segment. */
const SYNC_BEGUN = 6 * WORDS_PER_MARK;
/** OPEN: not 0 once the store is recovered and the marks hold; then LAST_TIME: store time of the log's last record (lo, hi). */
const OPEN = 7 * WORDS_PER_MARK;
const LAST_TIME = OPEN + 1;
/** Where the log ended then (lo, hi). */
const OPENED_END = OPEN + 3;
/**
 * Why the log takes nothing for want of room: a version (0: never said), two lengths in bytes, two places of UTF-8; written by the log
 * worker. An even version's text lies in the first place, an odd one's in the second: the one that is read is not the one that is written.
 */
const FULL = 8 * WORDS_PER_MARK;
const FULL_TEXT_BYTES = 1024;
const FULL_TEXTS_AT = (FULL + 3) * 4;
const WORDS = FULL + 3 + (2 * FULL_TEXT_BYTES) / 4;

export function allocateWatermarks(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * 4);
}

export class Watermarks {
  readonly #words: Int32Array;
  readonly #fullTexts: readonly Uint8Array[];

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#fullTexts = [0, 1].map((place) => new Uint8Array(memory, FULL_TEXTS_AT + place * FULL_TEXT_BYTES, FULL_TEXT_BYTES));
  }

  read(mark: Mark): number {
    const words = this.#words;
    const at = mark * WORDS_PER_MARK;
    for (;;) {
      // Pairs with `move`: an odd or changed version means that LO and HI may belong to two different ends.
      const before = Atomics.load(words, at + VERSION);
      const value = (words[at + HI]! >>> 0) * 0x1_0000_0000 + (words[at + LO]! >>> 0);
      if ((before & 1) === 0 && Atomics.load(words, at + VERSION) === before) return value;
    }
  }

  /** Only the mark's one writer calls this. */
  move(mark: Mark, end: number): void {
    const words = this.#words;
    const at = mark * WORDS_PER_MARK;
    const version = words[at + VERSION]!;
    Atomics.store(words, at + VERSION, version | 1);
    words[at + LO] = end | 0;
    words[at + HI] = Math.floor(end / 0x1_0000_0000);
    Atomics.store(words, at + VERSION, ((version | 1) + 1) | 0);
  }

  /**
   * Before the mark's writer reads anything, when a former one may have ended while it moved it: readers would wait for the second half of
   * that for ever. What stands there is the former end or the new one; both are true.
   * @param atLeast an end that the mark has passed: below it LO is the new end's and HI the former one's
   */
  mend(mark: Mark, atLeast = 0): void {
    const words = this.#words;
    const at = mark * WORDS_PER_MARK;
    if ((words[at + VERSION]! & 1) === 0) return;
    const end = (words[at + HI]! >>> 0) * 0x1_0000_0000 + (words[at + LO]! >>> 0);
    this.move(mark, end < atLeast ? end + 0x1_0000_0000 : end);
  }

  /** The store is recovered: WRITTEN and FLUSHED are set, and no record may get a store time before `lastStoreTimestamp`. */
  open(lastStoreTimestamp: number): void {
    this.noteStoreTime(lastStoreTimestamp);
    const end = this.read(WRITTEN_END);
    this.#words[OPENED_END] = end | 0;
    this.#words[OPENED_END + 1] = Math.floor(end / 0x1_0000_0000);
    Atomics.store(this.#words, OPEN, 1);
  }

  /** Store time of the records that are given theirs now: the log worker's alone, before they are written. */
  noteStoreTime(time: number): void {
    this.#words[LAST_TIME] = time | 0;
    // Behind the low word: who reads the high one first never sees a time that has not come.
    Atomics.store(this.#words, LAST_TIME + 1, Math.floor(time / 0x1_0000_0000));
  }

  /** Pairs with `open`: the marks and the queue table are what recovery found. */
  get isOpen(): boolean {
    return Atomics.load(this.#words, OPEN) !== 0;
  }

  /** Where the log ended when the store was opened: what lies before it is what a former run left on the disk. */
  get openedEnd(): number {
    return (this.#words[OPENED_END + 1]! >>> 0) * 0x1_0000_0000 + (this.#words[OPENED_END]! >>> 0);
  }

  /** Read after the written end: no record before that was stored later. */
  get lastStoreTimestamp(): number {
    // Pairs with `noteStoreTime`.
    const high = Atomics.load(this.#words, LAST_TIME + 1) >>> 0;
    return high * 0x1_0000_0000 + (this.#words[LAST_TIME]! >>> 0);
  }

  /** Asks for a sync of everything written; the sync worker takes the wish back with `takeSyncWanted`. */
  wantSync(): void {
    Atomics.store(this.#words, SYNC_WANTED, 1);
  }

  takeSyncWanted(): boolean {
    return Atomics.exchange(this.#words, SYNC_WANTED, 0) !== 0;
  }

  beginSync(): void {
    assert(Atomics.exchange(this.#words, SYNC_BEGUN, 1) === 0, 'One sync at a time');
  }

  endSync(): void {
    Atomics.store(this.#words, SYNC_BEGUN, 0);
  }

  /** A sync that its worker did not live to see the end of. */
  syncWasCutShort(): boolean {
    return Atomics.load(this.#words, SYNC_BEGUN) !== 0;
  }

  fence(): void {
    Atomics.store(this.#words, FENCED, 1);
  }

  get fenced(): boolean {
    return Atomics.load(this.#words, FENCED) !== 0;
  }

  /** Why the log refuses records for want of room: path, limit and value; what is longer than 1 KiB is cut. The log worker's alone. */
  sayFull(reason: string): void {
    const words = this.#words;
    const bytes = Buffer.from(reason).subarray(0, FULL_TEXT_BYTES);
    const version = (words[FULL]! + 1) | 0 || 2;
    const place = version & 1;
    this.#fullTexts[place]!.set(bytes);
    words[FULL + 1 + place] = bytes.length;
    Atomics.store(words, FULL, version);
  }

  /** The last reason that `sayFull` gave; empty while there is none. */
  get fullReason(): string {
    const words = this.#words;
    for (;;) {
      // Pairs with `sayFull`: after a changed version the place may be that of a text that is being written.
      const version = Atomics.load(words, FULL);
      if (version === 0) return '';
      const place = version & 1;
      const text = Buffer.from(this.#fullTexts[place]!.subarray(0, words[FULL + 1 + place]!)).toString('utf8');
      if (Atomics.load(words, FULL) === version) return text;
    }
  }
}

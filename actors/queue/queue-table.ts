/**
 * Queue table and queue tails: where the newest units of every consume queue lie in shared memory until the store worker has
 * brought them to their files. One row a queue, found by its handle; units in chunks of one fixed pool, so that an idle queue
 * holds none.
 *
 * Writers: the log worker appends units and moves NEXT, TAIL; the store worker moves FILED and frees chunks that have a
 * successor; the log worker frees a queue's last chunk once all of it is filed. Readers (queue actors, readers) check a chunk's
 * generation after their copy, for it may be freed under them.
 *
 *   row    16 words: VERSION NEXT(2) TAIL FILED(2) MIN(2) WAITING OWNER HEAD USED DIRTY
 *   chunk  7 words (generation, base lo, base hi, previous + 1, following + 1, queue, given) + 256 units of 20 bytes, big-endian
 *
 * Source: RocketMQ `ConsumeQueue`, `QueueOffsetOperator`.
 */

import assert from 'node:assert/strict';
import { copyBytes } from '../../model/copy-bytes.ts';
import { allocateMapped, allocateMappedWords } from '../../runtime/mapped-memory.ts';
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';

const ROW_WORDS = 16;
const VERSION = 0;
const NEXT_LO = 1;
const NEXT_HI = 2;
/** Newest chunk + 1; 0: none. */
const TAIL = 3;
const FILED_LO = 4;
const FILED_HI = 5;
const MIN_LO = 6;
const MIN_HI = 7;
/** Who holds pulls, a bit each: the log worker says when something comes. */
const WAITING = 8;
/** Bits of WAITING: the queue's owner, threads outside the system that hold pulls of their own, and that the owner holds several. */
const WAITS_OWNER = 1;
const WAITS_GUEST = 2;
const WAITS_SEVERAL = 4;
/** From so many held pulls on they are several. */
const SEVERAL = 3;
/** Index of the thread whose queue actor holds the pulls. */
const OWNER = 9;
/** Oldest chunk + 1; the store worker's, but for a queue without chunks. */
const HEAD = 10;
/** Not 0 while the handle stands for a queue. */
const USED = 11;
/** The handle lies in the dirty ring; set by the log worker, cleared by the store worker before it looks at NEXT. */
const DIRTY = 12;

export const CHUNK_UNITS = 256;
/** So far behind the newest chunk the file is asked, if it has the units. */
const FAR_UNITS = 64 * CHUNK_UNITS;
const CHUNK_HEADER_WORDS = 7;
export const CHUNK_BYTES: number = CHUNK_HEADER_WORDS * 4 + CHUNK_UNITS * QUEUE_UNIT_BYTES;
const CHUNK_WORDS = CHUNK_BYTES / 4;
const GENERATION = 0;
const BASE_LO = 1;
const BASE_HI = 2;
const PREVIOUS = 3;
const FOLLOWING = 4;
const QUEUE = 5;
/** 1 from when a queue gets the chunk until the log worker has it back, on the store worker's way to say so too. */
const GIVEN = 6;

const TWO_32 = 0x1_0000_0000;

/** The same for `take-over-tails.ts`. */
export const QUEUE_LAYOUT = {
  ...{ ROW_WORDS, VERSION, NEXT_LO, NEXT_HI, TAIL, HEAD },
  ...{ CHUNK_WORDS, GENERATION, BASE_LO, BASE_HI, PREVIOUS, FOLLOWING },
} as const;

const noGuest = (): void => {};

export type QueueMemory = {
  readonly rows: SharedArrayBuffer;
  readonly chunks: SharedArrayBuffer;
  /** Chunks on their way from the store worker back to the log worker. */
  readonly freed: Int32Array<SharedArrayBuffer>;
  /** Handles with units that are not filed, from the log worker to the store worker. */
  readonly dirty: Int32Array<SharedArrayBuffer>;
  readonly queueMax: number;
  readonly chunkCount: number;
};

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast));
}

export function allocateQueues(queueMax = 131_072, chunkCount = 4096): QueueMemory {
  return {
    rows: allocateMapped(queueMax * ROW_WORDS * 4),
    chunks: allocateMapped(chunkCount * CHUNK_BYTES),
    freed: allocateMappedWords(2 + powerOfTwo(chunkCount + 1)),
    dirty: allocateMappedWords(2 + powerOfTwo(queueMax + 1)),
    queueMax,
    chunkCount,
  };
}

/** A ring of 32-bit numbers between two threads; never fuller than its maker provided for. */
class WordRing {
  readonly #words: Int32Array;
  readonly #mask: number;
  constructor(memory: Int32Array) {
    this.#words = memory;
    this.#mask = this.#words.length - 2 - 1;
  }

  push(word: number): void {
    const words = this.#words;
    const head = words[0]!;
    assert(((head - Atomics.load(words, 1)) | 0) <= this.#mask, 'A word ring is as large as what may lie in it');
    words[2 + (head & this.#mask)] = word;
    // Pairs with the load in `pop`: the word is there before the count says so.
    Atomics.store(words, 0, (head + 1) | 0);
  }

  /** -1: nothing there. */
  pop(): number {
    const words = this.#words;
    const tail = words[1]!;
    if (tail === Atomics.load(words, 0)) return -1;
    const word = words[2 + (tail & this.#mask)]!;
    Atomics.store(words, 1, (tail + 1) | 0);
    return word;
  }

  /** The pusher's: what lies in it, and perhaps what is being popped. */
  contents(): Set<number> {
    const words = this.#words;
    const found = new Set<number>();
    for (let at = Atomics.load(words, 1); at !== words[0]; at = (at + 1) | 0) found.add(words[2 + (at & this.#mask)]!);
    return found;
  }
}

/** What everybody reads. */
export class QueueTable {
  readonly rows: Int32Array;
  readonly chunkWords: Int32Array;
  readonly chunkBytes: Uint8Array;
  readonly queueMax: number;
  readonly chunkCount: number;
  protected readonly freed: WordRing;
  protected readonly dirty: WordRing;

  constructor(memory: QueueMemory) {
    this.rows = new Int32Array(memory.rows);
    this.chunkWords = new Int32Array(memory.chunks);
    this.chunkBytes = new Uint8Array(memory.chunks);
    this.queueMax = memory.queueMax;
    this.chunkCount = memory.chunkCount;
    this.freed = new WordRing(memory.freed);
    this.dirty = new WordRing(memory.dirty);
  }

  /** Makes `handle` a queue whose offsets in [min, next) exist and are all in files. Before any other thread uses it. */
  create(handle: number, min: number, next: number, owner: number): void {
    assert(handle >= 0 && handle < this.queueMax, 'A queue handle lies in the table');
    const at = handle * ROW_WORDS;
    const rows = this.rows;
    rows[at + NEXT_LO] = next | 0;
    rows[at + NEXT_HI] = Math.floor(next / TWO_32);
    rows[at + FILED_LO] = next | 0;
    rows[at + FILED_HI] = Math.floor(next / TWO_32);
    rows[at + MIN_LO] = min | 0;
    rows[at + MIN_HI] = Math.floor(min / TWO_32);
    rows[at + OWNER] = owner;
    Atomics.store(rows, at + USED, 1);
  }

  /** The queue's topic was deleted: nothing is appended to it any more once the log worker has heard of it (`forgetRetired`). */
  retire(handle: number): void {
    // Pairs with the loads of `isUsed`: in `peek`, and in the store worker, which files nothing of it any more.
    Atomics.store(this.rows, handle * ROW_WORDS + USED, 0);
  }

  /** Whether nothing of a retired queue lies in memory any more, so that the handle may stand for another one. */
  isEmpty(handle: number): boolean {
    const at = handle * ROW_WORDS;
    return Atomics.load(this.rows, at + TAIL) === 0 && Atomics.load(this.rows, at + DIRTY) === 0;
  }

  isUsed(handle: number): boolean {
    return Atomics.load(this.rows, handle * ROW_WORDS + USED) !== 0;
  }

  /** The offset that the next message gets; every lower one down to `min` is written. */
  next(handle: number): number {
    return this.#pair(handle, NEXT_LO);
  }

  min(handle: number): number {
    return this.#pair(handle, MIN_LO);
  }

  /** Units below it are in the file. */
  filed(handle: number): number {
    return this.#pair(handle, FILED_LO);
  }

  owner(handle: number): number {
    return this.rows[handle * ROW_WORDS + OWNER]!;
  }

  setOwner(handle: number, thread: number): void {
    Atomics.store(this.rows, handle * ROW_WORDS + OWNER, thread);
  }

  #pair(handle: number, word: number): number {
    const rows = this.rows;
    const at = handle * ROW_WORDS;
    for (;;) {
      // Pairs with the two stores of `change`: an odd or changed version means that the words may be of two moments.
      const before = Atomics.load(rows, at + VERSION);
      const value = (rows[at + word + 1]! >>> 0) * TWO_32 + (rows[at + word]! >>> 0);
      if ((before & 1) === 0 && Atomics.load(rows, at + VERSION) === before) return value;
    }
  }

  /**
   * The owner of held pulls says that it waits, then looks at `next` once more; pairs with the exchange in `TailWriter.publish`.
   * @param held how many pulls it holds
   */
  setWaiting(handle: number, held = 1): void {
    Atomics.or(this.rows, handle * ROW_WORDS + WAITING, held < SEVERAL ? WAITS_OWNER : WAITS_OWNER | WAITS_SEVERAL);
  }

  /** The same from a guest, which is woken and finds out itself what came. */
  setGuestWaiting(handle: number): void {
    Atomics.or(this.rows, handle * ROW_WORDS + WAITING, WAITS_GUEST);
  }

  /**
   * Copies units [offset, offset + count) into `target` from memory, as far as they are there without a gap. Gives how many;
   * 0: `offset` is only in the file (or not written).
   */
  readUnits(handle: number, offset: number, count: number, target: Uint8Array): number {
    const next = this.next(handle);
    if (offset >= next) return 0;
    const end = Math.min(offset + count, next);
    const words = this.chunkWords;
    let chunk = Atomics.load(this.rows, handle * ROW_WORDS + TAIL) - 1;
    let expected = -1;
    // Back to the chunk that holds `offset`, remembering the way. A chunk once freed still serves until another queue gets it.
    this.#way.length = 0;
    for (;;) {
      if (chunk < 0 || this.#way.length > 3 * this.chunkCount) return 0;
      const at = chunk * CHUNK_WORDS;
      const generation = Atomics.load(words, at + GENERATION);
      const base = (words[at + BASE_HI]! >>> 0) * TWO_32 + (words[at + BASE_LO]! >>> 0);
      const previous = words[at + PREVIOUS]! - 1;
      const mine = words[at + QUEUE] === handle && (expected < 0 || base === expected);
      if (!mine || (generation & 1) !== 0 || Atomics.load(words, at + GENERATION) !== generation) return 0;
      if (base < end) this.#way.push(chunk, generation, base);
      if (base <= offset) break;
      // A long way back, each step a miss of the cache, is dearer than the file, where one is looked for anyway when the way breaks off.
      if (expected < 0 && base - offset > FAR_UNITS && end <= this.filed(handle)) return 0;
      expected = base - CHUNK_UNITS;
      chunk = previous;
    }
    let done = 0;
    for (let i = this.#way.length - 3; i >= 0 && offset + done < end; i -= 3) {
      const at = this.#way[i]!;
      const base = this.#way[i + 2]!;
      const from = offset + done - base;
      if (from < 0 || from >= CHUNK_UNITS) return done;
      const units = Math.min(CHUNK_UNITS - from, end - offset - done);
      const byteAt = at * CHUNK_BYTES + CHUNK_HEADER_WORDS * 4 + from * QUEUE_UNIT_BYTES;
      copyBytes(this.chunkBytes, byteAt, byteAt + units * QUEUE_UNIT_BYTES, target, done * QUEUE_UNIT_BYTES);
      // Pairs with the store in `TailWriter`: a chunk given to another queue has another generation.
      if (Atomics.load(words, at * CHUNK_WORDS + GENERATION) !== this.#way[i + 1]) return done;
      done += units;
    }
    return done;
  }

  readonly #way: number[] = [];

  protected change(at: number): number {
    const version = this.rows[at + VERSION]!;
    Atomics.store(this.rows, at + VERSION, version | 1);
    return version | 1;
  }

  protected changed(at: number, version: number): void {
    Atomics.store(this.rows, at + VERSION, (version + 1) | 0);
  }
}

/** The log worker's side: gives out offsets, appends units. */
export class TailWriter extends QueueTable {
  /** Next offset by handle: the one authority, ahead of the row's NEXT while a run is being written. */
  readonly #next: Float64Array;
  readonly #known: Uint8Array;
  /** Chunk + 1 by handle. */
  readonly #chunk: Int32Array;
  /** Units in that chunk. */
  readonly #filled: Int32Array;
  readonly #isTouched: Uint8Array;
  readonly #touched: number[] = [];
  readonly #free: number[] = [];
  /** Handles with a chunk, for the sweep that takes chunks back from idle queues. */
  readonly #holders: Set<number> = new Set();
  readonly #view: DataView;

  /** @param takesOver a former log worker has left chunks on the rows: see `take-over-tails.ts` */
  constructor(memory: QueueMemory, takesOver = false) {
    super(memory);
    this.#next = new Float64Array(memory.queueMax);
    this.#known = new Uint8Array(memory.queueMax);
    this.#chunk = new Int32Array(memory.queueMax);
    this.#filled = new Int32Array(memory.queueMax);
    this.#isTouched = new Uint8Array(memory.queueMax);
    this.#view = new DataView(memory.chunks);
    const used = takesOver ? this.#chunksOnRows() : new Set<number>();
    if (takesOver) this.#adoptRetired();
    for (let chunk = this.freed.pop(); chunk >= 0; chunk = this.freed.pop()) {
      this.chunkWords[chunk * CHUNK_WORDS + GIVEN] = 0;
      used.delete(chunk);
    }
    for (let chunk = memory.chunkCount - 1; chunk >= 0; chunk--) {
      // Without a look at memory that nobody has touched yet: it would be taken from the system.
      if (!takesOver) this.#free.push(chunk);
      else if (!used.has(chunk) && !this.#isUnderWay(chunk)) this.#takeHome(chunk);
    }
  }

  /** Whether the store worker has taken the chunk off its row and not come to give it back: it will, or has died, which costs the chunk. */
  #isUnderWay(chunk: number): boolean {
    const at = chunk * CHUNK_WORDS;
    // One that begins where nothing was shown was never on a row.
    return this.chunkWords[at + GIVEN] === 1 && this.#base(chunk) < this.next(this.chunkWords[at + QUEUE]!);
  }

  #takeHome(chunk: number): void {
    const at = chunk * CHUNK_WORDS + GIVEN;
    if (this.chunkWords[at] !== 0) this.chunkWords[at] = 0;
    this.#free.push(chunk);
  }

  #chunksOnRows(): Set<number> {
    const used = new Set<number>();
    for (let handle = 0; handle < this.queueMax; handle++) {
      const head = this.rows[handle * ROW_WORDS + HEAD]! - 1;
      for (
        let chunk = this.rows[handle * ROW_WORDS + TAIL]! - 1;
        chunk >= 0;
        chunk = this.chunkWords[chunk * CHUNK_WORDS + PREVIOUS]! - 1
      ) {
        used.add(chunk);
        if (chunk === head) break;
      }
    }
    return used;
  }

  /** Queues that are not asked for any more keep a chunk until it is swept. */
  #adoptRetired(): void {
    for (let handle = 0; handle < this.queueMax; handle++) {
      const tail = this.rows[handle * ROW_WORDS + TAIL]!;
      if (tail === 0 || this.isUsed(handle)) continue;
      this.#next[handle] = this.next(handle);
      this.#chunk[handle] = tail;
      this.#holders.add(handle);
    }
  }

  get freeChunks(): number {
    return this.#free.length;
  }

  /** The next offset of a queue, or -1: no such queue. Does not give it out. */
  peek(handle: number): number {
    if (this.#known[handle] !== 1) {
      if (handle < 0 || handle >= this.queueMax || !this.isUsed(handle)) return -1;
      this.#known[handle] = 1;
      this.#next[handle] = this.next(handle);
      const chunk = this.rows[handle * ROW_WORDS + TAIL]!;
      this.#chunk[handle] = chunk;
      if (chunk !== 0) {
        this.#filled[handle] = this.#next[handle]! - this.#base(chunk - 1);
        this.#holders.add(handle);
      }
    }
    return this.#next[handle]!;
  }

  #base(chunk: number): number {
    const at = chunk * CHUNK_WORDS;
    return (this.chunkWords[at + BASE_HI]! >>> 0) * TWO_32 + (this.chunkWords[at + BASE_LO]! >>> 0);
  }

  /** Queues were retired: no offset of theirs is given out from now on, and their chunks come back as far as they are filed. */
  forgetRetired(): void {
    for (let handle = 0; handle < this.queueMax; handle++) {
      if (this.#known[handle] === 1 && !this.isUsed(handle)) this.#known[handle] = 0;
    }
    this.#sweep((handle) => !this.isUsed(handle));
  }

  /** Gives the offset out. */
  take(handle: number): void {
    this.#next[handle] = this.#next[handle]! + 1;
  }

  /** Takes the last given offset back: its record was not written. */
  giveBack(handle: number): void {
    this.#next[handle] = this.#next[handle]! - 1;
  }

  /** Brings freed chunks home; gives how many are free. A record needs at most one, a batch one more than its units fill. */
  collect(): number {
    for (let chunk = this.freed.pop(); chunk >= 0; chunk = this.freed.pop()) this.#takeHome(chunk);
    if (this.#free.length < this.chunkCount / 2) this.#sweep();
    return this.#free.length;
  }

  /** Takes back the last chunk of queues whose units are all filed. */
  #sweep(isMeant: (handle: number) => boolean = () => true): void {
    for (const handle of this.#holders) {
      if (this.filed(handle) !== this.#next[handle] || !isMeant(handle)) continue;
      const at = handle * ROW_WORDS;
      const version = this.change(at);
      this.rows[at + TAIL] = 0;
      this.rows[at + HEAD] = 0;
      this.changed(at, version);
      this.#takeHome(this.#chunk[handle]! - 1);
      this.#chunk[handle] = 0;
      this.#holders.delete(handle);
    }
  }

  /** Appends the unit of `offset`, in order; visible after `publish`. `tagHigh`, `tagLow`: the unit's 8-byte tag code. */
  append(handle: number, offset: number, physicalHigh: number, physicalLow: number, size: number, tagHigh: number, tagLow: number): void {
    let filled = this.#filled[handle]!;
    if (this.#chunk[handle] === 0 || filled === CHUNK_UNITS) {
      this.#extend(handle, offset);
      filled = 0;
    }
    const at = (this.#chunk[handle]! - 1) * CHUNK_BYTES + CHUNK_HEADER_WORDS * 4 + filled * QUEUE_UNIT_BYTES;
    const view = this.#view;
    view.setInt32(at, physicalHigh);
    view.setInt32(at + 4, physicalLow);
    view.setInt32(at + 8, size);
    view.setInt32(at + 12, tagHigh);
    view.setInt32(at + 16, tagLow);
    this.#filled[handle] = filled + 1;
    if (this.#isTouched[handle] === 0) {
      this.#isTouched[handle] = 1;
      this.#touched.push(handle);
    }
  }

  #extend(handle: number, offset: number): void {
    const chunk = this.#free.pop();
    assert(chunk !== undefined, 'The sequencer looks for room before it takes a record');
    const words = this.chunkWords;
    const at = chunk * CHUNK_WORDS;
    const previous = this.#chunk[handle]!;
    // Odd while the chunk changes hands; a reader that still copies from its former life sees another generation.
    Atomics.add(words, at + GENERATION, 1);
    words[at + QUEUE] = handle;
    words[at + BASE_LO] = offset | 0;
    words[at + BASE_HI] = Math.floor(offset / TWO_32);
    words[at + PREVIOUS] = previous;
    words[at + FOLLOWING] = 0;
    words[at + GIVEN] = 1;
    Atomics.add(words, at + GENERATION, 1);
    const row = handle * ROW_WORDS;
    if (previous === 0) {
      this.rows[row + HEAD] = chunk + 1;
      this.#holders.add(handle);
    } else {
      // Pairs with the store worker's load: from now on it may free the former chunk.
      Atomics.store(words, (previous - 1) * CHUNK_WORDS + FOLLOWING, chunk + 1);
    }
    this.#chunk[handle] = chunk + 1;
    Atomics.store(this.rows, row + TAIL, chunk + 1);
  }

  /**
   * Makes the appended units of all touched queues visible. Calls `waiting(handle, owner)` for each queue with a held pull.
   */
  publish(waiting: (handle: number, owner: number, isSeveral: boolean) => void, guestWaits: () => void = noGuest): void {
    const rows = this.rows;
    for (const handle of this.#touched) {
      this.#isTouched[handle] = 0;
      const at = handle * ROW_WORDS;
      const next = this.#next[handle]!;
      const version = this.change(at);
      rows[at + NEXT_LO] = next | 0;
      rows[at + NEXT_HI] = Math.floor(next / TWO_32);
      this.changed(at, version);
      // After NEXT: either the store worker, which clears DIRTY first, sees this end, or this sees DIRTY cleared.
      if (Atomics.load(rows, at + DIRTY) === 0) {
        Atomics.store(rows, at + DIRTY, 1);
        this.dirty.push(handle);
      }
      // After NEXT: either the queue's actor sees the new end when it looks again, or this sees its flag.
      if (Atomics.load(rows, at + WAITING) !== 0) {
        const who = Atomics.exchange(rows, at + WAITING, 0);
        if ((who & WAITS_OWNER) !== 0) waiting(handle, rows[at + OWNER]!, (who & WAITS_SEVERAL) !== 0);
        if ((who & WAITS_GUEST) !== 0) guestWaits();
      }
    }
    this.#touched.length = 0;
  }

  /** Calls `waiting` for every queue whose owner may have been waiting, and nobody lived to say that something came. */
  tellUnheard(waiting: (handle: number, owner: number, isSeveral: boolean) => void): void {
    for (let handle = 0; handle < this.queueMax; handle++) {
      const at = handle * ROW_WORDS;
      const mayHaveWaited = Atomics.load(this.rows, at + WAITING) === 0 && this.rows[at + TAIL] !== 0 && this.rows[at + OWNER]! >= 0;
      if (mayHaveWaited && this.isUsed(handle)) waiting(handle, this.rows[at + OWNER]!, false);
    }
  }

  /**
   * Names every queue with units that are not filed to the store worker, but for those that it will come to anyway: a former log worker
   * may have ended after it showed units, and before it named their queue. One that the store worker has in hand may be named twice, which
   * makes it look once too often.
   */
  nameUnfiled(): void {
    const named = this.dirty.contents();
    for (let handle = 0; handle < this.queueMax; handle++) {
      const at = handle * ROW_WORDS + DIRTY;
      if (named.has(handle) || (Atomics.load(this.rows, at) === 0 && this.filed(handle) >= this.next(handle))) continue;
      Atomics.store(this.rows, at, 1);
      this.dirty.push(handle);
    }
  }
}

/** The store worker's side: takes units to their files, frees chunks. */
export class TailFiler extends QueueTable {
  /** A handle with unfiled units, or -1. It is named again when something is appended from now on. */
  nextDirty(): number {
    const handle = this.dirty.pop();
    if (handle >= 0) Atomics.store(this.rows, handle * ROW_WORDS + DIRTY, 0);
    return handle;
  }

  /**
   * Hands over every unit of [filed, upTo) in runs of contiguous bytes, then moves FILED. `write` throws when the disk fails;
   * then nothing is moved and the chunks stay.
   */
  file(handle: number, upTo: number, write: (firstOffset: number, bytes: Uint8Array) => void): void {
    const row = handle * ROW_WORDS;
    let filed = this.filed(handle);
    if (filed >= upTo) return;
    const words = this.chunkWords;
    let chunk = Atomics.load(this.rows, row + HEAD) - 1;
    const done: number[] = [];
    while (filed < upTo) {
      assert(chunk >= 0, 'Unfiled units lie in chunks');
      const at = chunk * CHUNK_WORDS;
      const base = (words[at + BASE_HI]! >>> 0) * TWO_32 + (words[at + BASE_LO]! >>> 0);
      // HEAD goes on before FILED does: a worker that died in between had filed what lies before this chunk.
      if (filed < base) filed = base;
      const end = Math.min(base + CHUNK_UNITS, upTo);
      if (filed < end) {
        const byteAt = chunk * CHUNK_BYTES + CHUNK_HEADER_WORDS * 4 + (filed - base) * QUEUE_UNIT_BYTES;
        write(filed, this.chunkBytes.subarray(byteAt, byteAt + (end - filed) * QUEUE_UNIT_BYTES));
        filed = end;
      }
      if (end < base + CHUNK_UNITS) break;
      // Pairs with the store in `#extend`: 0 means that this is the queue's last chunk, which the log worker takes back.
      const following = Atomics.load(words, at + FOLLOWING);
      if (following === 0) break;
      done.push(chunk);
      chunk = following - 1;
    }
    if (done.length > 0) Atomics.store(this.rows, row + HEAD, chunk + 1);
    this.#setFiled(row, filed);
    for (const free of done) this.freed.push(free);
  }

  #setFiled(row: number, filed: number): void {
    // FILED has a reader on every thread, but this one writer; VERSION belongs to the log worker, so the words are ordered by hand:
    // offsets pass 2^32 once in a queue's life, and then HI is stored first, which at worst makes a reader look into the file early.
    const high = Math.floor(filed / TWO_32);
    if (this.rows[row + FILED_HI] !== high) Atomics.store(this.rows, row + FILED_HI, high);
    Atomics.store(this.rows, row + FILED_LO, filed | 0);
  }

  setMin(handle: number, min: number): void {
    const row = handle * ROW_WORDS;
    const high = Math.floor(min / TWO_32);
    if (this.rows[row + MIN_HI] !== high) Atomics.store(this.rows, row + MIN_HI, high);
    Atomics.store(this.rows, row + MIN_LO, min | 0);
  }
}

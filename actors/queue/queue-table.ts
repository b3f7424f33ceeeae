/**
 * Queue table and queue tails: where the newest units of every consume queue lie in shared memory until the store worker has
 * brought them to their files. One row a queue, found by its handle; units in chunks of one fixed pool, so that an idle queue
 * holds none. This is what every side reads; the layout is drawn in queue-layout.ts.
 *
 * Writers: the log worker appends units and moves NEXT, TAIL; the store worker moves FILED and frees chunks that have a
 * successor; the log worker frees a queue's last chunk once all of it is filed. Readers (queue actors, readers) check a chunk's
 * generation after their copy, for it may be freed under them.
 *
 * Source: RocketMQ `ConsumeQueue`, `QueueOffsetOperator`.
 */
import assert from 'node:assert/strict';
import { copyBytes } from '../../model/copy-bytes.ts';
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import {
  BASE_HI,
  BASE_LO,
  CHUNK_BYTES,
  CHUNK_HEADER_WORDS,
  CHUNK_UNITS,
  CHUNK_WORDS,
  DIRTY,
  FILED_HI,
  FILED_LO,
  GENERATION,
  MIN_HI,
  MIN_LO,
  NEXT_HI,
  NEXT_LO,
  OWNER,
  PREVIOUS,
  QUEUE,
  type QueueMemory,
  ROW_WORDS,
  TAIL,
  TWO_32,
  USED,
  VERSION,
  WAITING,
  WAITS_GUEST,
  WAITS_OWNER,
  WAITS_SEVERAL,
} from './queue-layout.ts';
import { WordRing } from './word-ring.ts';

/** From so many held pulls on they are several. */
const SEVERAL = 3;
/** So far behind the newest chunk the file is asked, if it has the units. */
const FAR_UNITS = 64 * CHUNK_UNITS;

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

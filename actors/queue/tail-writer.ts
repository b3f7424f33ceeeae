/**
 * Tail writer: the log worker's side of the queue tails. Owns the next offset of every queue, the only place that gives one out, and the pool of
 * chunks; says who is to hear of what was appended. One a log worker. Fails by assertion only; its successor takes over what the shared
 * rows show (take-over-tails.ts).
 * Source: RocketMQ `QueueOffsetOperator`, `ConsumeQueue.putMessagePositionInfo`.
 */
import assert from 'node:assert/strict';
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import {
  BASE_HI,
  BASE_LO,
  CHUNK_BYTES,
  CHUNK_HEADER_WORDS,
  CHUNK_UNITS,
  CHUNK_WORDS,
  DIRTY,
  FOLLOWING,
  GENERATION,
  GIVEN,
  HEAD,
  NEXT_HI,
  NEXT_LO,
  OWNER,
  PREVIOUS,
  QUEUE,
  type QueueMemory,
  ROW_WORDS,
  TAIL,
  TWO_32,
  WAITING,
  WAITS_GUEST,
  WAITS_OWNER,
  WAITS_SEVERAL,
} from './queue-layout.ts';
import { QueueTable } from './queue-table.ts';

const noGuest = (): void => {};

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
    for (let chunk = this.freed.peek(); chunk >= 0; chunk = this.freed.peek()) {
      this.#notGiven(chunk);
      this.freed.pop();
      used.delete(chunk);
    }
    for (let chunk = memory.chunkCount - 1; chunk >= 0; chunk--) {
      // Without a look at memory that nobody has touched yet: it would be taken from the system.
      if (!takesOver) this.#free.push(chunk);
      else if (!used.has(chunk) && !this.#isUnderWay(chunk)) this.#takeHome(chunk);
    }
  }

  /** Whether the store worker has taken the chunk off its row and not come to give it back: it will, or its successor. */
  #isUnderWay(chunk: number): boolean {
    const at = chunk * CHUNK_WORDS;
    // One that begins where nothing was shown was never on a row.
    return this.chunkWords[at + GIVEN] === 1 && this.#base(chunk) < this.next(this.chunkWords[at + QUEUE]!);
  }

  #takeHome(chunk: number): void {
    this.#notGiven(chunk);
    this.#free.push(chunk);
  }

  /** Before it goes from the ring: a chunk that is given and in no place is a lost one, see `TailFiler.reclaim`. */
  #notGiven(chunk: number): void {
    const at = chunk * CHUNK_WORDS + GIVEN;
    if (this.chunkWords[at] !== 0) this.chunkWords[at] = 0;
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
    for (let chunk = this.freed.peek(); chunk >= 0; chunk = this.freed.peek()) {
      this.#takeHome(chunk);
      this.freed.pop();
    }
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

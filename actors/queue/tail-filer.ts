/**
 * Tail filer: the store worker's side of the queue tails: names the queues with units that no file has, hands the units over, moves FILED, and
 * frees chunks that have a successor. One a store worker. Fails by what `write` throws, with nothing moved; its successor goes on from FILED, and frees what it did not come to.
 * Source: RocketMQ `FlushConsumeQueueService`.
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
  FILED_HI,
  FILED_LO,
  FOLLOWING,
  GENERATION,
  GIVEN,
  HEAD,
  MIN_HI,
  MIN_LO,
  QUEUE,
  ROW_WORDS,
  TWO_32,
} from './queue-layout.ts';
import { QueueTable } from './queue-table.ts';

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
      const base = this.#base(chunk);
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

  /**
   * For a store worker that takes over, before it files anything: names the chunks as free that its predecessor took off their row and did not live to
   * name. Such a chunk is given, full, filed and followed by another one; it lies on no row and not in the ring. The log worker, or one that takes over
   * from it, may work meanwhile. Gives how many there were.
   */
  reclaim(): number {
    const words = this.chunkWords;
    const generations = new Map<number, number>();
    for (let chunk = 0; chunk < this.chunkCount; chunk++) {
      const at = chunk * CHUNK_WORDS;
      const generation = Atomics.load(words, at + GENERATION);
      // 0: nobody has had it yet.
      if (generation === 0 || (generation & 1) !== 0) continue;
      if (Atomics.load(words, at + GIVEN) === 1 && Atomics.load(words, at + FOLLOWING) !== 0) generations.set(chunk, generation);
    }
    // What is followed is linked, and only this side takes it off its row: what is on none now, was on none.
    for (let row = 0; row < this.rows.length; row += ROW_WORDS) {
      let next = Atomics.load(this.rows, row + HEAD);
      if (next === 0) continue;
      // The predecessor had filed what lies before HEAD, and may not have come to say so.
      const base = this.#base(next - 1);
      if (this.filed(row / ROW_WORDS) < base) this.#setFiled(row, base);
      for (; next !== 0; next = Atomics.load(words, (next - 1) * CHUNK_WORDS + FOLLOWING)) generations.delete(next - 1);
    }
    const named = this.freed.contents();
    let count = 0;
    for (const [chunk, generation] of generations) {
      const at = chunk * CHUNK_WORDS;
      if (named.has(chunk) || this.#base(chunk) + CHUNK_UNITS > this.filed(words[at + QUEUE]!)) continue;
      // Pairs with `TailWriter.collect`, which takes the mark off before the chunk goes from the ring: one that has it still was not in there.
      if (Atomics.load(words, at + GIVEN) !== 1 || Atomics.load(words, at + GENERATION) !== generation) continue;
      this.freed.push(chunk);
      count++;
    }
    return count;
  }

  #base(chunk: number): number {
    const at = chunk * CHUNK_WORDS;
    return (this.chunkWords[at + BASE_HI]! >>> 0) * TWO_32 + (this.chunkWords[at + BASE_LO]! >>> 0);
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

/**
 * Tail filer: the store worker's side of the queue tails: names the queues with units that no file has, hands the units over, moves FILED, and
 * frees chunks that have a successor. One a store worker. Fails by what `write` throws, with nothing moved; its successor goes on from FILED.
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
  HEAD,
  MIN_HI,
  MIN_LO,
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

/**
 * Take-over of queue tails: a log worker that ended in the middle of its work has left rows and chunks half changed. Here they become what
 * its successor goes on from: exactly the units that the rows show, and every one that no file has known to the store worker.
 * Runs on the successor's thread before it writes anything; the store worker and readers go on meanwhile. Cannot fail.
 */
import {
  BASE_HI,
  BASE_LO,
  CHUNK_WORDS,
  FOLLOWING,
  GENERATION,
  HEAD,
  NEXT_HI,
  NEXT_LO,
  PREVIOUS,
  type QueueMemory,
  ROW_WORDS,
  TAIL,
  TWO_32,
  VERSION,
} from './queue-layout.ts';
import { TailWriter } from './tail-writer.ts';

export function takeOverTails(memory: QueueMemory): TailWriter {
  const rows = new Int32Array(memory.rows);
  const chunks = new Int32Array(memory.chunks);
  // Odd: it changed hands, and belongs to nobody.
  for (let at = GENERATION; at < chunks.length; at += CHUNK_WORDS) if ((chunks[at]! & 1) !== 0) Atomics.add(chunks, at, 1);
  for (let row = 0; row < rows.length; row += ROW_WORDS) mendRow(rows, chunks, row);
  const writer = new TailWriter(memory, true);
  writer.nameUnfiled();
  return writer;
}

function mendRow(rows: Int32Array, chunks: Int32Array, row: number): void {
  // Odd: readers wait for the end of a change that nobody will end.
  if ((rows[row + VERSION]! & 1) !== 0) Atomics.add(rows, row + VERSION, 1);
  let tail = rows[row + TAIL]!;
  if (tail === 0) return;
  // The store worker may have gone on to a chunk already that readers were not yet told of.
  for (let next = chunks[wordOf(tail, FOLLOWING)]!; next !== 0; next = chunks[wordOf(tail, FOLLOWING)]!) tail = next;
  // Nothing of these was shown: they begin behind the queue's end. Nobody reads or files them.
  const end = pair(rows, row + NEXT_LO, row + NEXT_HI);
  while (tail !== 0 && pair(chunks, wordOf(tail, BASE_LO), wordOf(tail, BASE_HI)) > end) {
    tail = chunks[wordOf(tail, PREVIOUS)]!;
    if (tail !== 0) Atomics.store(chunks, wordOf(tail, FOLLOWING), 0);
  }
  if (tail === 0) rows[row + HEAD] = 0;
  // Pairs with the load in `QueueTable.readUnits`.
  Atomics.store(rows, row + TAIL, tail);
}

/** @param chunk its number + 1 */
function wordOf(chunk: number, word: number): number {
  return (chunk - 1) * CHUNK_WORDS + word;
}

function pair(words: Int32Array, low: number, high: number): number {
  return (words[high]! >>> 0) * TWO_32 + (words[low]! >>> 0);
}

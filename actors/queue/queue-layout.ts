/**
 * Queue layout: the byte map of the memory that queue tails share, named once for all sides, and how it is allocated. One a broker.
 * A row belongs to a handle, a chunk to whoever holds it; who may write which word stands in queue-table.ts. Decides nothing.
 *
 *   row    16 words: VERSION NEXT(2) TAIL FILED(2) MIN(2) WAITING OWNER HEAD USED DIRTY
 *   chunk  7 words (generation, base lo, base hi, previous + 1, following + 1, queue, given) + 256 units of 20 bytes, big-endian
 *
 * Fails by the allocation's own error only.
 */
import { allocateMapped, allocateMappedWords } from '../../runtime/mapped-memory.ts';
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';

export const ROW_WORDS = 16;
export const VERSION = 0;
export const NEXT_LO = 1;
export const NEXT_HI = 2;
/** Newest chunk + 1; 0: none. */
export const TAIL = 3;
export const FILED_LO = 4;
export const FILED_HI = 5;
export const MIN_LO = 6;
export const MIN_HI = 7;
/** Who holds pulls, a bit each: the log worker says when something comes. */
export const WAITING = 8;
/** Bits of WAITING: the queue's owner, threads outside the system that hold pulls of their own, and that the owner holds several. */
export const WAITS_OWNER = 1;
export const WAITS_GUEST = 2;
export const WAITS_SEVERAL = 4;
/** Index of the thread whose queue actor holds the pulls. */
export const OWNER = 9;
/** Oldest chunk + 1; the store worker's, but for a queue without chunks. */
export const HEAD = 10;
/** Not 0 while the handle stands for a queue. */
export const USED = 11;
/** The handle lies in the dirty ring; set by the log worker, cleared by the store worker before it looks at NEXT. */
export const DIRTY = 12;

export const CHUNK_UNITS = 256;
export const CHUNK_HEADER_WORDS = 7;
export const CHUNK_BYTES: number = CHUNK_HEADER_WORDS * 4 + CHUNK_UNITS * QUEUE_UNIT_BYTES;
export const CHUNK_WORDS: number = CHUNK_BYTES / 4;
export const GENERATION = 0;
export const BASE_LO = 1;
export const BASE_HI = 2;
export const PREVIOUS = 3;
export const FOLLOWING = 4;
export const QUEUE = 5;
/** 1 from when a queue gets the chunk until the log worker has it back, on the store worker's way to say so too. */
export const GIVEN = 6;

export const TWO_32 = 0x1_0000_0000;

/** Both pools and both rings, as every side is given them. */
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

/** Room for `queueMax` queues, and for `chunkCount` chunks that they share. */
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

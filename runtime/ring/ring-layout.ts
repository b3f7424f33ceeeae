/**
 * Byte map of one ring: the lane from one producing thread to one consuming thread, in shared memory.
 *
 *   byte   0  HEAD        int32, bytes ever published, wrapping; stored by the producer only
 *   byte   4  GENERATION  int32, generation of the producing thread that attached last
 *   byte  64  TAIL        int32, bytes ever released, wrapping; stored by the consumer only (its own cache line)
 *   byte  68  PROGRESS    int32, end of the record that the consumer took up last: a replacement goes on behind it, so that
 *                         a record that kills its reader is not read twice
 *   byte 128  data        `capacity` bytes, a power of two
 *
 *   record    int32 length of the payload · int32 type · payload · padding to 8 bytes
 *   wrap      int32 −1: the rest up to the end of the data is unused, go on at its begin
 *
 * Positions are compared as (a − b) | 0, which is right over the wrap at 2^32 as long as less than 2^31 bytes are in flight.
 */
import { RuntimeError } from '../errors.ts';
import { allocateMapped } from '../mapped-memory.ts';

/** A ring's memory, header included; may be posted to a thread. */
export type RingMemory = Uint8Array<SharedArrayBuffer>;

export const HEAD_WORD = 0;
export const GENERATION_WORD = 1;
export const TAIL_WORD = 16;
export const PROGRESS_WORD = 17;
/** Where the data begins, in bytes. */
export const DATA_BYTES = 128;
/** Bytes before each payload. */
export const RECORD_HEADER_BYTES = 8;
/** Stands in the length's place where the data's end is left unused. */
export const WRAP_MARK = -1;
export const RING_BYTES_MIN = 1024;
export const RING_BYTES_MAX = 2 ** 30;

/** The largest payload that a ring of `capacity` bytes takes: below a quarter, so that a few always fit at once. */
export function recordBytesMax(capacity: number): number {
  return capacity / 4 - RECORD_HEADER_BYTES - 1;
}

/** Memory for one ring. `capacity` is a power of two between 1 KiB and 1 GiB. */
export function createRing(capacity: number): RingMemory {
  checkCapacity(capacity);
  return new Uint8Array(new SharedArrayBuffer(DATA_BYTES + capacity));
}

/** Memory for `count` rings, in one piece. */
export function createRings(count: number, capacity: number): RingMemory[] {
  checkCapacity(capacity);
  const bytes = DATA_BYTES + capacity;
  const memory = allocateMapped(count * bytes);
  return Array.from({ length: count }, (_, index) => new Uint8Array(memory, index * bytes, bytes));
}

function checkCapacity(capacity: number): void {
  const isPower = Number.isInteger(capacity) && (capacity & (capacity - 1)) === 0;
  if (!isPower || capacity < RING_BYTES_MIN || capacity > RING_BYTES_MAX) {
    throw new RuntimeError(
      'MQ_RUNTIME_LIMIT',
      `A ring's size must be a power of two in ${RING_BYTES_MIN}…${RING_BYTES_MAX} bytes, not ${capacity}`,
      { capacity },
    );
  }
}

/** The ring's header as words. */
export function ringWords(ring: RingMemory): Int32Array {
  return new Int32Array(ring.buffer, ring.byteOffset, DATA_BYTES / 4);
}

/** Moves both counters of an unused ring to `position` (a multiple of 8): lets a test begin just before the wrap at 2^32. */
export function startRingAt(ring: RingMemory, position: number): void {
  const words = ringWords(ring);
  words[HEAD_WORD] = position | 0;
  words[TAIL_WORD] = position | 0;
  words[PROGRESS_WORD] = position | 0;
}

/** Bytes published and not yet released: what stats() shows, read from any thread. */
export function ringFill(words: Int32Array): number {
  return Math.max(0, (Atomics.load(words, HEAD_WORD) - Atomics.load(words, TAIL_WORD)) | 0);
}

/**
 * Read-ahead: what a reader fetched beyond a cold pull's own messages, kept for the pull that goes on from there. A consumer that
 * works through a backlog asks for a few messages at a time; without this each time wakes the reader and its answer the shard.
 * One a shard; bounded; only for pulls without a filter whose queue was read in sequence before. What is kept never changes in
 * the log, and a queue's range is looked at by its actor before anything is served from here.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { QUEUE_OFFSET_AT, readInt32, readInt64 } from '../../model/message-record.ts';

/** Fetched in one go when reading ahead. */
export const AHEAD_BYTES = 256 * 1024;
/** Messages asked for, as a share of how many fit if they are like the last ones. */
const SURPLUS = 1.125;
const ENTRIES_MAX = 32;
/** Ends of earlier cold pulls remembered. */
const ENDS_MAX = 1024;
/** Kept as long as a consumer may think about a batch. */
export const AHEAD_IDLE_MS = 5_000;
/** Handles are below it: two numbers in one key. */
const HANDLES = 0x40_0000;

type Ahead = { readonly bytes: Buffer; at: number; end: number; next: number; usedAt: number };

/** A part of an answer: `bytes[start, end)`, `count` messages; the pull goes on at `next`. Reused from call to call. */
export type Cut = { bytes: Uint8Array; start: number; end: number; count: number; next: number };

export class ReadAhead {
  /** By queue and the offset of its first message; the order is that of the last use. */
  readonly #entries: Map<number, Ahead> = new Map();
  /** Average size of a message where a cold pull ended, by queue and offset. */
  readonly #ends: Map<number, number> = new Map();
  readonly #idle: Buffer[] = [];
  readonly #cut: Cut = { bytes: new Uint8Array(0), start: 0, end: 0, count: 0, next: 0 };

  /**
   * How many messages to ask the reader for, when a pull of `max` messages at `offset` goes on where one ended and is small enough to read
   * ahead of it; else 0. As many as will fit by what the last ones measured, and a few: each one more has its unit read for nothing.
   */
  wanted(handle: number, offset: number, max: number): number {
    const average = this.#ends.get(offset * HANDLES + handle);
    if (average === undefined || 2 * max * average > AHEAD_BYTES) return 0;
    return Math.ceil((AHEAD_BYTES / average) * SURPLUS);
  }

  /** Cuts the messages of a pull off what is kept for its offset; null: nothing is. */
  take(handle: number, offset: number, max: number, bytesMax: number, now: number): Cut | null {
    const key = offset * HANDLES + handle;
    const ahead = this.#entries.get(key);
    if (ahead === undefined) return null;
    this.#entries.delete(key);
    ahead.usedAt = now;
    const cut = this.#cutOff(ahead.bytes, ahead.at, ahead.end, max, bytesMax, ahead.next);
    ahead.at = cut.end;
    if (ahead.at < ahead.end) this.#entries.set(cut.next * HANDLES + handle, ahead);
    else this.#idle.push(ahead.bytes);
    this.#noteEnd(handle, cut);
    return cut;
  }

  /**
   * Cuts a pull's messages off a reader's answer of `count` messages in `bytes[start, end)`, which ends before `next`, and keeps the rest.
   */
  split(
    handle: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    next: number,
    count: number,
    max: number,
    bytesMax: number,
    now: number,
  ): Cut {
    // All of it: no look at each message, whose memory this thread would have to fetch.
    const isWhole = count <= max && end - start <= bytesMax;
    const cut = isWhole ? this.#cutAll(bytes, start, end, count, next) : this.#cutOff(bytes, start, end, max, bytesMax, next);
    this.#noteEnd(handle, cut);
    if (cut.end < end && end - cut.end <= AHEAD_BYTES) {
      const kept = this.#idle.pop() ?? this.#room();
      copyBytes(bytes, cut.end, end, kept, 0);
      this.#entries.set(cut.next * HANDLES + handle, { bytes: kept, at: 0, end: end - cut.end, next, usedAt: now });
    }
    return cut;
  }

  /** Lets go what nobody came for. */
  expire(now: number): void {
    for (const [key, ahead] of this.#entries) if (now - ahead.usedAt > AHEAD_IDLE_MS) this.#entries.delete(key);
    this.#idle.length = 0;
  }

  get size(): number {
    return this.#entries.size;
  }

  #room(): Buffer {
    if (this.#entries.size < ENTRIES_MAX) return Buffer.allocUnsafeSlow(AHEAD_BYTES);
    const [key, oldest] = this.#entries.entries().next().value!;
    this.#entries.delete(key);
    return oldest.bytes;
  }

  #cutOff(bytes: Uint8Array, start: number, end: number, max: number, bytesMax: number, next: number): Cut {
    let at = start;
    let count = 0;
    while (at < end && count < max) {
      const size = readInt32(bytes, at);
      if (count > 0 && at + size - start > bytesMax) break;
      at += size;
      count++;
    }
    return this.#cutAll(bytes, start, at, count, at < end ? readInt64(bytes, at + QUEUE_OFFSET_AT) : next);
  }

  #cutAll(bytes: Uint8Array, start: number, end: number, count: number, next: number): Cut {
    const cut = this.#cut;
    cut.bytes = bytes;
    cut.start = start;
    cut.end = end;
    cut.count = count;
    cut.next = next;
    return cut;
  }

  #noteEnd(handle: number, cut: Cut): void {
    if (cut.count === 0) return;
    if (this.#ends.size >= ENDS_MAX) this.#ends.clear();
    this.#ends.set(cut.next * HANDLES + handle, (cut.end - cut.start) / cut.count);
  }
}

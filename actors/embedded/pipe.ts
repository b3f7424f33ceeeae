/**
 * Pipe: a connection's bytes, both ways, in raw ring records between a guest and a shard. What a TCP socket would be, it is without one:
 * in order, paused and resumed, closed by either end. Never loses a byte: what a full ring does not take waits here and is tried again.
 *
 *   every record   pipe id (int32), then for DATA the bytes
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';

/** Types of raw records; ARRIVED_RECORD is 1. */
export const PIPE_OPEN = 2;
export const PIPE_OPENED = 3;
export const PIPE_DATA = 4;
/** Send no more data / go on: from the end that reads. */
export const PIPE_PAUSE = 5;
export const PIPE_RESUME = 6;
export const PIPE_CLOSE = 7;
export type PipeRecord =
  | typeof PIPE_OPEN
  | typeof PIPE_OPENED
  | typeof PIPE_DATA
  | typeof PIPE_PAUSE
  | typeof PIPE_RESUME
  | typeof PIPE_CLOSE;

export const PIPE_ID_BYTES = 4;
/** A record may take a quarter of its ring at most; smaller ones leave others room. */
const CHUNK_BYTES = 64 * 1024;
/** A full ring is tried again after this long. */
const AGAIN_MS = 1;
const NO_BYTES = new Uint8Array(0);

type Waiting = { readonly type: PipeRecord; bytes: Uint8Array; readonly done: (() => void) | undefined };

/** One end's writing side. */
export class PipeWriter {
  readonly #thread: ThreadContext;
  readonly #peer: number;
  readonly #pipe: number;
  readonly #drained: () => void;
  #waiting: Waiting[] = [];
  #isPaused = false;
  #isScheduled = false;
  #isEnded = false;
  /** Bytes that wait for room. */
  waitingBytes = 0;

  /** @param drained nothing waits any more */
  constructor(thread: ThreadContext, peer: number, pipe: number, drained: () => void) {
    this.#thread = thread;
    this.#peer = peer;
    this.#pipe = pipe;
    this.#drained = drained;
  }

  /** A word without bytes; ahead of nothing that was written before, but for those that stop and start the peer. */
  word(type: PipeRecord): void {
    const isOfReading = type === PIPE_PAUSE || type === PIPE_RESUME;
    if (isOfReading && this.#put(type, NO_BYTES, 0, 0)) return;
    if (!isOfReading && this.#waiting.length === 0 && this.#put(type, NO_BYTES, 0, 0)) return;
    const item = { type, bytes: NO_BYTES, done: undefined };
    if (isOfReading) this.#waiting.unshift(item);
    else this.#waiting.push(item);
    this.#later();
  }

  /** Data; the bytes may be reused when `done` is called, without one when this returns. False: something waits, `drained` follows. */
  data(bytes: Uint8Array, done?: () => void): boolean {
    let at = 0;
    if (!this.#isPaused && this.#waiting.length === 0) {
      for (let size = 0; at < bytes.length; at += size) {
        size = Math.min(CHUNK_BYTES, bytes.length - at);
        if (!this.#put(PIPE_DATA, bytes, at, size)) break;
      }
    }
    if (at >= bytes.length) {
      done?.();
      return true;
    }
    const left = bytes.subarray(at);
    this.#waiting.push({ type: PIPE_DATA, bytes: done === undefined ? new Uint8Array(left) : left, done });
    this.waitingBytes += left.length;
    this.#later();
    return false;
  }

  /** The peer reads no further, or goes on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused) this.#flush();
  }

  /** Nothing is written any more; what waits is dropped. */
  end(): void {
    this.#isEnded = true;
    for (const { done } of this.#waiting) done?.();
    this.#waiting = [];
    this.waitingBytes = 0;
  }

  #put(type: PipeRecord, bytes: Uint8Array, start: number, length: number): boolean {
    return this.#thread.sendRecord(this.#peer, type, PIPE_ID_BYTES + length, (target, view, offset) => {
      view.setInt32(offset, this.#pipe);
      if (length > 0) target.set(bytes.subarray(start, start + length), offset + PIPE_ID_BYTES);
    });
  }

  #flush(): void {
    if (this.#isEnded || this.#waiting.length === 0) return;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      if (first.type === PIPE_DATA && this.#isPaused) return;
      const size = Math.min(CHUNK_BYTES, first.bytes.length);
      if (!this.#put(first.type, first.bytes, 0, size)) {
        this.#later();
        return;
      }
      this.waitingBytes -= size;
      first.bytes = first.bytes.subarray(size);
      if (first.bytes.length > 0) continue;
      this.#waiting.shift();
      first.done?.();
    }
    this.#drained();
  }

  #later(): void {
    if (this.#isScheduled || this.#isEnded) return;
    this.#isScheduled = true;
    this.#thread.schedule(AGAIN_MS, () => {
      this.#isScheduled = false;
      this.#flush();
    });
  }
}

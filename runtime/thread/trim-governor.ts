/**
 * Trim governor (pure): decides when a thread that has little to do gives memory back. V8 keeps what a burst of work, or the start itself, has
 * made its heap grow to, until much more is allocated; a thread that then only waits would keep it for ever.
 */

/** A thread counts as quiet when it was busy for at most this share of the time since it was last asked. */
const QUIET_BUSY_SHARE = 0.05;
/** So long it must have been quiet after its start, and later: shorter rests are within a load. A trim stops its thread for some 20 ms. */
const FIRST_QUIET_MS = 1_000;
const QUIET_MS = 30_000;
/**
 * V8 gives up the code that only the start has run when several collections have found it unused: this many, so far apart, unless
 * the thread is at work before: its code would have to be compiled again.
 */
const START_TRIMS = 4;
const BETWEEN_START_TRIMS_MS = 500;
/** Less than this since the last trim is not worth one; those of what the start has left always are. */
const GROWN_BYTES = 6 * 1024 * 1024;

export class TrimGovernor {
  #askedMs: number;
  #busyMs = 0;
  #quietMs = 0;
  #trimmedBytes = 0;
  #trims = 0;

  constructor(nowMs: number) {
    this.#askedMs = nowMs;
  }

  /** True: collect now, and call `trimmed` after that. `busyMs`: the thread's work since it began; `heapBytes` is called only when it matters. */
  shouldTrim(nowMs: number, busyMs: number, heapBytes: () => number): boolean {
    const elapsedMs = nowMs - this.#askedMs;
    if (elapsedMs <= 0) return false;
    const isQuiet = busyMs - this.#busyMs <= elapsedMs * QUIET_BUSY_SHARE;
    this.#askedMs = nowMs;
    this.#busyMs = busyMs;
    this.#quietMs = isQuiet ? this.#quietMs + elapsedMs : 0;
    if (!isQuiet && this.#trims > 0) this.#trims = START_TRIMS;
    if (this.#trims < START_TRIMS) return this.#quietMs >= (this.#trims === 0 ? FIRST_QUIET_MS : BETWEEN_START_TRIMS_MS);
    return this.#quietMs >= QUIET_MS && heapBytes() >= this.#trimmedBytes + GROWN_BYTES;
  }

  trimmed(heapBytes: number): void {
    this.#trimmedBytes = heapBytes;
    this.#trims++;
    this.#quietMs = 0;
  }
}

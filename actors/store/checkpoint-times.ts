/**
 * Checkpoint times (pure): when the store's next checkpoint is due: every so often, sooner when a recovery would have much to walk, later when the
 * last one took long. One a store; cannot fail.
 */

/** A checkpoint writes most of the index's 20 MB of slots again: every so often, sooner when a recovery would have much to walk. */
const CHECKPOINT_MS = 10_000;
const CHECKPOINT_SOON_MS = 5_000;
const CHECKPOINT_BYTES = 128 * 1024 * 1024;
/** A checkpoint may take this share of the time. */
const CHECKPOINT_SHARE = 20;

export class CheckpointTimes {
  readonly #intervalMs: number;
  #nextMs: number;
  #spentMs = 0;

  constructor(nowMs: number, intervalMs: number = CHECKPOINT_MS) {
    this.#intervalMs = intervalMs;
    this.#nextMs = nowMs + intervalMs;
  }

  /** @param grownBytes of the log since the last checkpoint */
  isDue(nowMs: number, grownBytes: number): boolean {
    return nowMs >= this.#nextMs || (grownBytes >= CHECKPOINT_BYTES && nowMs >= this.#nextMs - this.#intervalMs + CHECKPOINT_SOON_MS);
  }

  began(): void {
    this.#spentMs = 0;
  }

  /** A step of it took `ms`. */
  spent(ms: number): void {
    this.#spentMs += ms;
  }

  written(nowMs: number): void {
    this.#nextMs = nowMs + Math.max(this.#intervalMs, this.#spentMs * CHECKPOINT_SHARE);
  }
}

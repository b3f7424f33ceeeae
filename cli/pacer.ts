/** When the next message may leave, for a steady rate. Pure. Time that was lost is not made good by a burst of more than `burstMs`. */
export class Pacer {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  #dueMs: number;

  /** @param rate a second; undefined: at once, always. */
  constructor(rate: number | undefined, nowMs: number, burstMs = 100) {
    this.#intervalMs = rate === undefined ? 0 : 1000 / rate;
    this.#burstMs = burstMs;
    this.#dueMs = nowMs;
  }

  /** Milliseconds to wait before the next one, which is then taken as sent. */
  next(nowMs: number): number {
    if (this.#intervalMs === 0) return 0;
    this.#dueMs = Math.max(this.#dueMs, nowMs - this.#burstMs);
    const waitMs = Math.max(0, this.#dueMs - nowMs);
    this.#dueMs += this.#intervalMs;
    return waitMs;
  }
}

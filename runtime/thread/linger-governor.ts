/**
 * Linger governor (pure): decides whether a thread that has run out of work looks about for a moment before it sleeps. To wake a sleeping
 * thread takes longer than all that a message makes; where what comes next comes within some microseconds, looking is cheaper than both
 * the call that wakes and the wait for it.
 *
 * It costs processor time whenever nothing comes. So what was looked for in vain is looked for ever more rarely, until it comes in time again.
 */

/** How long a thread looks: longer than what is expected takes when nobody sleeps, and not much longer. */
export const LINGER_MS = 0.1;
/** After many vain looks one of so many occasions is taken. */
const SKIPPED_MAX = 63;

export class LingerGovernor {
  #untilMs = 0;
  /** Occasions to pass by, and how many it were after the last vain look. */
  #left = 0;
  #skipped = 0;

  /** It looks, or has looked, and nothing has come yet. */
  get isLooking(): boolean {
    return this.#untilMs > 0;
  }

  /** An occasion: something is expected soon. Until when to look for it; 0: not at all. What was expected before and has not come was looked for in vain. */
  begin(nowMs: number): number {
    if (this.#untilMs > 0) this.#vain();
    if (this.#left > 0) {
      this.#left--;
      return 0;
    }
    this.#untilMs = nowMs + LINGER_MS;
    return this.#untilMs;
  }

  /** What was expected has come. */
  came(nowMs: number): void {
    if (this.#untilMs === 0) return;
    if (nowMs > this.#untilMs) {
      this.#vain();
      return;
    }
    this.#untilMs = 0;
    this.#skipped >>= 1;
  }

  #vain(): void {
    this.#untilMs = 0;
    this.#skipped = Math.min(SKIPPED_MAX, 2 * this.#skipped + 1);
    this.#left = this.#skipped;
  }
}

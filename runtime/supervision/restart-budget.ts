/**
 * Restart budget (pure): how many restarts a supervisor allows per period, and how long it waits before the next. One a supervisor.
 * Intensity and period as in OTP's `supervisor`.
 */

export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

export class RestartBudget {
  readonly #intensity: number;
  readonly #periodMs: number;
  readonly #backoff: Backoff | undefined;
  /** Times of the restarts within the period, oldest first; never longer than `intensity`. */
  #restarts: number[] = [];

  constructor(intensity: number, periodMs: number, backoff?: Backoff) {
    this.#intensity = intensity;
    this.#periodMs = periodMs;
    this.#backoff = backoff;
  }

  /** Milliseconds to wait before the restart that `nowMs` asks for, counted as done; −1: more than the intensity, escalate. */
  take(nowMs: number): number {
    this.#restarts = this.#restarts.filter((at) => nowMs - at < this.#periodMs);
    if (this.#restarts.length >= this.#intensity) return -1;
    this.#restarts.push(nowMs);
    if (this.#backoff === undefined) return 0;
    // The first restart in a period waits `minMs`, each further one twice as long.
    return Math.min(this.#backoff.maxMs, this.#backoff.minMs * 2 ** (this.#restarts.length - 1));
  }
}

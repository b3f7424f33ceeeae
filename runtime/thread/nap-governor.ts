/**
 * Nap governor (pure): decides whether an event thread rests for a fraction of a millisecond after each turn, so that the next turn
 * finds several things to do. Each wake-up of a sleeping processor costs more than the work that a single message makes; at some
 * thousand messages a second that is most of the cost. What network cards do under the name of interrupt moderation.
 *
 * A nap costs latency, and throughput where senders wait for their answers. So it is tried: the rate of work is measured without
 * naps, then with them for a moment, and they stay only if the rate does not fall. A failed trial is repeated ever more rarely.
 */

/** A rest between turns. */
export const NAP_MS = 0.3;
/** How long the rate is measured without naps, and with them. */
const WATCH_MS = 40;
const PROBE_MS = 25;
/** A trial that goes this badly ends after this long. */
const HOPELESS_MS = 5;
const HOPELESS_SHARE = 0.6;
/** The rate with naps must be at least this share of the one without. */
const KEPT_SHARE = 0.92;
/** Below this rate (work a millisecond) there is nothing to gather, above this batch it gathers by itself. */
const RATE_MIN = 3;
const BATCH_MAX = 8;
/** Naps are given this long before they are judged anew. */
const NAPPING_MS = 1_000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;

type Mode = 'watch' | 'probe' | 'nap';

export class NapGovernor {
  #mode: Mode = 'watch';
  #beganMs = Number.NEGATIVE_INFINITY;
  #beganCount = 0;
  #turns = 0;
  /** Rate without naps. */
  #base = 0;
  #retryAtMs = 0;
  #retryMs = RETRY_MIN_MS;

  get mode(): Mode {
    return this.#mode;
  }

  /** After a turn: how long to rest. @param count work done since the start, of the kind whose rate must not fall */
  afterTurn(nowMs: number, count: number): number {
    this.#turns++;
    const passedMs = nowMs - this.#beganMs;
    const rate = (count - this.#beganCount) / passedMs;
    switch (this.#mode) {
      case 'watch':
        if (passedMs < WATCH_MS) return 0;
        return this.#afterWatch(nowMs, count, passedMs, rate);
      case 'probe':
        if (passedMs >= HOPELESS_MS && rate < HOPELESS_SHARE * this.#base) return this.#fail(nowMs, count);
        if (passedMs < PROBE_MS) return NAP_MS;
        if (rate < KEPT_SHARE * this.#base) return this.#fail(nowMs, count);
        this.#retryMs = RETRY_MIN_MS;
        return this.#enter('nap', nowMs, count);
      case 'nap':
        if (passedMs < NAPPING_MS && (passedMs < WATCH_MS || rate >= RATE_MIN / 2)) return NAP_MS;
        return this.#enter('watch', nowMs, count);
    }
  }

  #afterWatch(nowMs: number, count: number, passedMs: number, rate: number): number {
    // A window with a pause in it says nothing of the rate while there is work.
    const isWhole = passedMs < 2 * WATCH_MS;
    const batch = (count - this.#beganCount) / this.#turns;
    if (!isWhole || nowMs < this.#retryAtMs || rate < RATE_MIN || batch > BATCH_MAX) return this.#enter('watch', nowMs, count);
    this.#base = rate;
    return this.#enter('probe', nowMs, count);
  }

  #fail(nowMs: number, count: number): number {
    this.#retryAtMs = nowMs + this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    return this.#enter('watch', nowMs, count);
  }

  #enter(mode: Mode, nowMs: number, count: number): number {
    this.#mode = mode;
    this.#beganMs = nowMs;
    this.#beganCount = count;
    this.#turns = 0;
    return mode === 'watch' ? 0 : NAP_MS;
  }
}

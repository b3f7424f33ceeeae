/**
 * The only source of time of the whole system: decisions get a number, shells get this. One clock a system; it cannot fail.
 * Everything else that reads a clock is a bug that the simulation cannot replay.
 */

export interface Clock {
  /** Wall-clock milliseconds since 1970; may jump. */
  now(): number;
  /** Milliseconds that never go back, with fractions; for time-outs and measurement. */
  monotonicMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** The hour of the day at `nowMs`, in the machine's time zone. */
export function hourAt(nowMs: number): number {
  return new Date(nowMs).getHours();
}

/** The day at `nowMs` as `YYYY-MM-DD`, in the machine's time zone. Not by `Intl`: what that loads stays 5 MB of each process. */
export function dayAt(nowMs: number): string {
  const date = new Date(nowMs);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

/** Begin and end of the month around `nowMs`, in the machine's time zone. */
export function monthAround(nowMs: number): { readonly startMs: number; readonly endMs: number } {
  const date = new Date(nowMs);
  const [year, month] = [date.getFullYear(), date.getMonth()];
  return { startMs: new Date(year, month, 1).getTime(), endMs: new Date(year, month + 1, 1).getTime() };
}

/** A clock that moves only when told to. */
export class VirtualClock implements Clock {
  #startMs: number;
  #elapsedMs = 0;

  /** @param startMs the wall-clock time at which the simulated world begins. */
  constructor(startMs = 1_600_000_000_000) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + Math.floor(this.#elapsedMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** Somebody sets the wall clock, forward or back; time goes on as it did. */
  setWallClock(byMs: number): void {
    this.#startMs += byMs;
  }

  /** Moves to `elapsedMs` since the start; a time in the past is ignored. */
  moveTo(elapsedMs: number): void {
    if (elapsedMs > this.#elapsedMs) this.#elapsedMs = elapsedMs;
  }
}

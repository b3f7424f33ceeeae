/**
 * Rates of a sum that only grows over the last ten seconds, minute and ten minutes. Pure: samples come every ten seconds.
 * Source: RocketMQ 5.3 `StoreStatsService.getPutTps` and its kin.
 */

const SAMPLES_MAX = 61;
/** Samples back: a window begins at the newest sample that is at least so old. */
const WINDOWS_MS = [10_000, 60_000, 600_000] as const;

export type RateTriple = readonly [number, number, number];

export class Rates {
  readonly #samples: { readonly at: number; readonly value: number }[] = [];

  sample(now: number, value: number): void {
    this.#samples.push({ at: now, value });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** A second, over each window as far as samples reach back. */
  rates(now: number, value: number): RateTriple {
    return WINDOWS_MS.map((windowMs) => this.#rate(windowMs, now, value)) as unknown as RateTriple;
  }

  #rate(windowMs: number, now: number, value: number): number {
    let from = this.#samples[0];
    for (const sample of this.#samples) if (now - sample.at >= windowMs) from = sample;
    if (from === undefined || now <= from.at) return 0;
    // A shard that was replaced counts from 0 again.
    return (Math.max(0, value - from.value) * 1000) / (now - from.at);
  }
}

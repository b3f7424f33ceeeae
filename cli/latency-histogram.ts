/** Latencies counted in buckets of 1 % width: bounded memory however many. Pure. Times in milliseconds. */

const LEAST_MS = 0.001;
const GROWTH = Math.log(1.01);
/** From 1 µs to more than three hours. */
const BUCKETS = 2400;

export type Percentiles = { readonly p50: number; readonly p90: number; readonly p99: number; readonly p999: number; readonly max: number };

export class LatencyHistogram {
  readonly #counts: Float64Array = new Float64Array(BUCKETS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  record(ms: number): void {
    const index = ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / LEAST_MS) / GROWTH));
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  /** At most this many milliseconds for the share `fraction` of all; 0 when there are none. */
  percentile(fraction: number): number {
    const wanted = Math.ceil(this.#count * fraction);
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] as number;
      if (seen >= wanted && seen > 0) return Math.min(this.#max, LEAST_MS * Math.exp(index * GROWTH));
    }
    return this.#max;
  }

  /** null when nothing was recorded. */
  percentiles(): Percentiles | null {
    if (this.#count === 0) return null;
    const at = (fraction: number): number => roundMs(this.percentile(fraction));
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: roundMs(this.#max) };
  }
}

function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

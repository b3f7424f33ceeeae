/**
 * One thing that is counted, over the last minute, hour and day: samples of a sum that only grows, taken every ten seconds, ten minutes and
 * hour. Pure. A window reaches from its oldest sample to now, so that what was counted a moment ago is in it.
 * Source: RocketMQ 5.3 `StatsItem`, `StatsSnapshot`.
 */

export const SAMPLE_MS = 10_000;
/** Sum, a second, and how much at a time. */
export type StatsSpan = { readonly sum: number; readonly tps: number; readonly avgpt: number };
export type Stats = { readonly minute: StatsSpan; readonly hour: StatsSpan; readonly day: StatsSpan };

type Sample = { readonly at: number; readonly value: number; readonly times: number };
type Window = { readonly everyMs: number; readonly max: number; readonly samples: Sample[] };

const NOTHING: StatsSpan = { sum: 0, tps: 0, avgpt: 0 };
/** A sample may come a moment early. */
const SLACK_MS = 500;

export class StatsItem {
  readonly #minute: Window = { everyMs: SAMPLE_MS, max: 6, samples: [] };
  readonly #hour: Window = { everyMs: 600_000, max: 6, samples: [] };
  readonly #day: Window = { everyMs: 3_600_000, max: 24, samples: [] };
  #value = 0;
  #times = 0;
  #changedAt: number;

  /** @param now milliseconds that never go back. */
  constructor(now: number) {
    this.#changedAt = now;
    this.sample(now);
  }

  /** When it was counted last. */
  get changedAt(): number {
    return this.#changedAt;
  }

  get value(): number {
    return this.#value;
  }

  add(value: number, times: number, now: number): void {
    this.#value += value;
    this.#times += times;
    this.#changedAt = now;
  }

  /** To be called every `SAMPLE_MS`. */
  sample(now: number): void {
    const sample: Sample = { at: now, value: this.#value, times: this.#times };
    for (const { everyMs, max, samples } of [this.#minute, this.#hour, this.#day]) {
      const last = samples.at(-1);
      if (last !== undefined && now - last.at < everyMs - SLACK_MS) continue;
      samples.push(sample);
      if (samples.length > max) samples.shift();
    }
  }

  stats(now: number): Stats {
    return { minute: this.#span(this.#minute, now), hour: this.#span(this.#hour, now), day: this.#span(this.#day, now) };
  }

  #span({ samples }: Window, now: number): StatsSpan {
    const first = samples[0];
    if (first === undefined || now <= first.at) return NOTHING;
    const sum = this.#value - first.value;
    const times = this.#times - first.times;
    return { sum, tps: (sum * 1000) / (now - first.at), avgpt: times > 0 ? sum / times : 0 };
  }
}

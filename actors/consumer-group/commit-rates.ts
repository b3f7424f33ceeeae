/**
 * How many messages of each topic a group acknowledges a second, over the last minute. Pure; one small row a topic, changed by commits, which
 * are rare beside messages.
 * Source: RocketMQ `BrokerStatsManager.tpsGroupGetNums`, which counts what pulls hand out instead.
 */

const BUCKET_MS = 10_000;
const BUCKETS = 6;
const SECONDS = (BUCKET_MS * BUCKETS) / 1000;
/** Topics counted; more than one group reasonably commits in a minute. */
const TOPICS_MAX = 4096;

type Row = { readonly counts: number[]; newest: number };

export class CommitRates {
  readonly #rows: Map<string, Row> = new Map();

  /** @param now milliseconds that never go back. */
  add(topic: string, messages: number, now: number): void {
    let row = this.#rows.get(topic);
    if (row === undefined) {
      if (this.#rows.size >= TOPICS_MAX) this.#forgetIdle(now);
      if (this.#rows.size >= TOPICS_MAX) return;
      row = { counts: new Array<number>(BUCKETS).fill(0), newest: bucketOf(now) };
      this.#rows.set(topic, row);
    }
    advance(row, now);
    row.counts[row.newest % BUCKETS]! += messages;
  }

  /** Topics with their rates, busiest first; idle ones are left out. */
  busiest(now: number, max: number): (readonly [topic: string, perSecond: number])[] {
    const all: (readonly [string, number])[] = [];
    for (const [topic, row] of this.#rows) {
      const rate = perSecond(row, now);
      if (rate > 0) all.push([topic, rate]);
    }
    return all.sort((a, b) => b[1] - a[1]).slice(0, max);
  }

  forgetTopic(topic: string): void {
    this.#rows.delete(topic);
  }

  clear(): void {
    this.#rows.clear();
  }

  #forgetIdle(now: number): void {
    for (const [topic, row] of this.#rows) if (perSecond(row, now) === 0) this.#rows.delete(topic);
  }
}

function bucketOf(now: number): number {
  return Math.floor(now / BUCKET_MS);
}

function advance(row: Row, now: number): void {
  const newest = bucketOf(now);
  for (let bucket = Math.max(row.newest + 1, newest - BUCKETS + 1); bucket <= newest; bucket++) row.counts[bucket % BUCKETS] = 0;
  row.newest = Math.max(row.newest, newest);
}

function perSecond(row: Row, now: number): number {
  advance(row, now);
  let sum = 0;
  for (const count of row.counts) sum += count;
  return sum / SECONDS;
}

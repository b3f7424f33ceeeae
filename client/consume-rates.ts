/**
 * How fast topics are consumed: counts by ten seconds over the last minute. Pure; bounded by topics.
 * Source: RocketMQ 5.3 `ConsumerStatsManager`.
 */
import type { ConsumeStatus } from '../protocol/remoting/bodies/consumer-running-info.ts';

const BUCKET_MS = 10_000;
const BUCKETS = 6;
const TOPICS_MAX = 1024;

type Bucket = { startMs: number; ok: number; failed: number; handlerMs: number; pulled: number };

export class ConsumeRates {
  readonly #topics: Map<string, Bucket[]> = new Map();

  handled(topic: string, nowMs: number, isOk: boolean, handlerMs: number): void {
    const bucket = this.#bucket(topic, nowMs);
    if (bucket === null) return;
    if (isOk) bucket.ok++;
    else bucket.failed++;
    bucket.handlerMs += handlerMs;
  }

  pulled(topic: string, nowMs: number, messages: number): void {
    const bucket = this.#bucket(topic, nowMs);
    if (bucket !== null) bucket.pulled += messages;
  }

  /** By topic. */
  status(nowMs: number): Map<string, ConsumeStatus> {
    const status = new Map<string, ConsumeStatus>();
    const seconds = (BUCKET_MS * BUCKETS) / 1_000;
    for (const [topic, buckets] of this.#topics) {
      const recent = buckets.filter((bucket) => nowMs - bucket.startMs < BUCKET_MS * BUCKETS);
      const sum = (pick: (bucket: Bucket) => number): number => recent.reduce((total, bucket) => total + pick(bucket), 0);
      const handled = sum((bucket) => bucket.ok + bucket.failed);
      status.set(topic, {
        consumeOKTPS: sum((bucket) => bucket.ok) / seconds,
        consumeFailedTPS: sum((bucket) => bucket.failed) / seconds,
        consumeRT: handled === 0 ? 0 : sum((bucket) => bucket.handlerMs) / handled,
        pullTPS: sum((bucket) => bucket.pulled) / seconds,
      });
    }
    return status;
  }

  /** The bucket of now; null: too many topics to count. */
  #bucket(topic: string, nowMs: number): Bucket | null {
    const startMs = nowMs - (nowMs % BUCKET_MS);
    let buckets = this.#topics.get(topic);
    if (buckets === undefined) {
      if (this.#topics.size >= TOPICS_MAX) return null;
      buckets = [];
      this.#topics.set(topic, buckets);
    }
    let bucket = buckets.at(-1);
    if (bucket === undefined || bucket.startMs !== startMs) {
      bucket = { startMs, ok: 0, failed: 0, handlerMs: 0, pulled: 0 };
      buckets.push(bucket);
      if (buckets.length > BUCKETS) buckets.shift();
    }
    return bucket;
  }
}

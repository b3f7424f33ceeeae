/**
 * Group metrics: asks, when somebody looks, how far each group is behind and who is on line. Nothing is counted in between, and each part is asked page
 * by page, so that no shard's turn becomes long. Owns the collection under way, which all who look at once share. Fails by rejecting when a part gives
 * no answer in time.
 * Source: RocketMQ 5.4 `ConsumerLagCalculator`; there groups without a member are left out, whose messages wait as well.
 */
import type { ActorMessage, ActorRef } from '../../runtime/actor.ts';
import { groupTablePath, type ListOnline, type OnlineListed } from '../consumer-group/group-table-actor.ts';
import { OFFSET_STORE_PATH, type OffsetsPaged, type PageOffsets } from '../consumer-group/offset-store-actor.ts';
import { READER_PATH, type StoreTimes, type StoreTimesFound } from '../store/reader-actor.ts';
import type { GroupMetrics, LagMetrics } from './metrics-snapshot.ts';

/** As `ActorSystem.ask`. */
type Ask = <R extends ActorMessage, M extends ActorMessage>(
  target: ActorRef<M>,
  build: (replyTo: ActorRef<R>) => M,
  timeoutMs: number,
) => Promise<R>;

export type GroupMetricsParts = {
  readonly ask: Ask;
  readonly ref: <M extends ActorMessage>(path: string) => ActorRef<M>;
  /** Name of the first shard, whose copy of the groups is looked at. */
  readonly shard: string;
  readonly now: () => number;
};

const PART_MAX_MS = 2_000;
/** Topics of groups told; those that are furthest behind. */
const LAGS_MAX = 2000;
/** Of them, those whose oldest waiting message is looked up: that reads the disk. */
const LATENCIES_MAX = 128;
const QUEUES_PER_LATENCY_MAX = 16;
const TIMES_PER_PAGE = 128;

/** The next message that a group has to consume in a queue. */
type Waiting = { readonly topic: string; readonly queueId: number; readonly handle: number; readonly offset: number };
type Lag = { readonly group: string; readonly topic: string; messages: number; readonly waiting: Waiting[] };

export class GroupMetricsCollector {
  readonly #parts: GroupMetricsParts;
  #underWay: Promise<GroupMetrics> | undefined;

  constructor(parts: GroupMetricsParts) {
    this.#parts = parts;
  }

  collect(): Promise<GroupMetrics> {
    this.#underWay ??= this.#collect().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #collect(): Promise<GroupMetrics> {
    const online = await this.#online();
    const all = await this.#lags();
    const shown = all.sort((a, b) => b.messages - a.messages).slice(0, LAGS_MAX);
    const since = await this.#waitingSince(shown.slice(0, LATENCIES_MAX).filter((lag) => lag.waiting.length > 0));
    const now = this.#parts.now();
    const lags = shown.map((lag): LagMetrics => {
      const { group, topic, messages } = lag;
      const oldest = since.get(lag);
      const latencyMs = messages === 0 ? 0 : oldest === undefined ? null : Math.max(0, now - oldest);
      return { group, topic, messages, latencyMs };
    });
    return { lags, lagsNotShown: all.length - shown.length, online };
  }

  async #online(): Promise<GroupMetrics['online']> {
    const table = this.#parts.ref<ListOnline>(groupTablePath(this.#parts.shard));
    const online: GroupMetrics['online'][number][] = [];
    for (let from = 0; from >= 0; ) {
      const at = from;
      const page = await this.#parts.ask<OnlineListed, ListOnline>(
        table,
        (replyTo) => ({ kind: 'list-online', from: at, replyTo }),
        PART_MAX_MS,
      );
      online.push(...page.groups);
      from = page.next;
    }
    return online;
  }

  async #lags(): Promise<Lag[]> {
    const store = this.#parts.ref<PageOffsets>(OFFSET_STORE_PATH);
    const lags = new Map<string, Lag>();
    for (let place = { group: 0, entry: 0 }; place.group >= 0; ) {
      const from = place;
      const { page, ends, handles } = await this.#parts.ask<OffsetsPaged, PageOffsets>(
        store,
        (replyTo) => ({ kind: 'page-offsets', from, replyTo }),
        PART_MAX_MS,
      );
      for (const [index, group] of page.groups.entries()) {
        const topic = page.topics[index]!;
        // Offsets of a topic that is not there are no lag.
        if (handles[index]! < 0) continue;
        const key = `${topic}@${group}`;
        let lag = lags.get(key);
        if (lag === undefined) lags.set(key, (lag = { group, topic, messages: 0, waiting: [] }));
        const messages = Math.max(0, ends[index]! - page.offsets[index]!);
        lag.messages += messages;
        if (messages === 0 || lag.waiting.length >= QUEUES_PER_LATENCY_MAX) continue;
        lag.waiting.push({ topic, queueId: page.queueIds[index]!, handle: handles[index]!, offset: page.offsets[index]! });
      }
      place = page.next;
    }
    return [...lags.values()];
  }

  /** When the oldest message that waits was stored, where it still is. */
  async #waitingSince(lags: readonly Lag[]): Promise<Map<Lag, number>> {
    const since = new Map<Lag, number>();
    const asked = lags.flatMap((lag) => lag.waiting.map((waiting) => ({ lag, waiting })));
    for (let from = 0; from < asked.length; from += TIMES_PER_PAGE) {
      const page = asked.slice(from, from + TIMES_PER_PAGE);
      const { timestamps } = await this.#parts.ask<StoreTimesFound, StoreTimes>(
        this.#parts.ref<StoreTimes>(READER_PATH),
        (replyTo) => ({
          kind: 'store-times',
          topics: page.map(({ waiting }) => waiting.topic),
          queueIds: page.map(({ waiting }) => waiting.queueId),
          handles: page.map(({ waiting }) => waiting.handle),
          offsets: page.map(({ waiting }) => waiting.offset),
          replyTo,
        }),
        PART_MAX_MS,
      );
      for (const [index, timestamp] of timestamps.entries()) {
        const { lag } = page[index]!;
        if (timestamp > 0) since.set(lag, Math.min(since.get(lag) ?? timestamp, timestamp));
      }
    }
    return since;
  }
}

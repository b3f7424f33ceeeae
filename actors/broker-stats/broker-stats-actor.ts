/**
 * Broker-stats actor: counts what came in and went out, by topic and by group, and says it for the last minute, hour and day; and the
 * broker's rates and totals. One a broker, on the first shard, at `broker-stats`. No hot path counts for it: messages of a topic are
 * the growth of its queues' ends, the broker's sums are the shards' counters, both in shared memory; what groups got the shards tell once
 * a second. Fails by assertion only; restarted it counts from there on.
 * Source: RocketMQ 5.3 `BrokerStatsManager`, `StoreStatsService`, `BrokerStats`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ShardCounts } from '../shard/shard-counters.ts';
import { Rates, type RateTriple } from './rates.ts';
import { SAMPLE_MS, StatsItem } from './stats-item.ts';

/** A shard's pulls since it told last; one row an index. */
export type GroupsPulled = {
  readonly kind: 'groups-pulled';
  readonly topics: string[];
  readonly groups: string[];
  readonly messages: number[];
  readonly pulls: number[];
};
/** Of one item by RocketMQ's name and key. */
export type QueryStats = {
  readonly kind: 'query-stats';
  readonly name: string;
  readonly key: string;
  readonly replyTo: ActorRef<StatsFound>;
};
/** `spans`: sum, tps, avgpt of minute, hour, day; empty: there is no such item. */
export type StatsFound = { readonly kind: 'stats-found'; readonly spans: readonly number[] };
/** How many messages groups were handed a second in the last minute; keys are `topic@group`. */
export type QueryGroupRates = {
  readonly kind: 'query-group-rates';
  readonly keys: readonly string[];
  readonly replyTo: ActorRef<GroupRates>;
};
export type GroupRates = { readonly kind: 'group-rates'; readonly rates: readonly number[] };
export type QueryRates = { readonly kind: 'query-rates'; readonly replyTo: ActorRef<BrokerRates> };
/** Rates a second over ten seconds, a minute, ten minutes; totals since the start, and as they were at the last two midnights. */
export type BrokerRates = {
  readonly kind: 'broker-rates';
  readonly put: RateTriple;
  readonly found: RateTriple;
  readonly missed: RateTriple;
  readonly transferred: RateTriple;
  readonly messagesIn: number;
  readonly bytesIn: number;
  readonly messagesOut: number;
  readonly refused: number;
  readonly pendingSends: number;
  readonly inTodayMorning: number;
  readonly inYesterdayMorning: number;
  readonly outTodayMorning: number;
  readonly outYesterdayMorning: number;
  readonly bootMs: number;
  readonly upMs: number;
};
export type BrokerStatsCommand = GroupsPulled | QueryStats | QueryGroupRates | QueryRates | Sample;
type Sample = { readonly kind: 'sample' };

/** What the statistics are made from. */
export interface StatsSources {
  readonly clusterName: string;
  /** Messages that topics had when this broker started: they are not counted. */
  readonly bases: Map<string, number>;
  /** Sums over all shards. */
  counts(): ShardCounts;
  /** Names of all topics and the messages that their queues ever had. */
  topics(): Iterable<readonly [topic: string, messages: number]>;
  /** 0: there is no such topic. */
  messagesOf(topic: string): number;
  /** The local day, in any form: another one after midnight. */
  dayOf(now: number): string;
}

/** Topics, and pairs of topic and group, that are told apart; the longest idle ones give way. */
const ITEMS_MAX = 20_000;
/** Shards tell what their groups got so long after the first pull. */
const TOLD_AFTER_MS = 1_000;

export class BrokerStatsActor implements Actor<BrokerStatsCommand> {
  readonly #sources: StatsSources;
  /** Items of groups by `topic@group`, and of topics by name. */
  readonly #groups: Map<string, StatsItem> = new Map();
  readonly #topics: Map<string, { readonly item: StatsItem; seen: number }> = new Map();
  #broker: { readonly put: StatsItem; readonly get: StatsItem } | null = null;
  readonly #rates = { put: new Rates(), found: new Rates(), missed: new Rates(), transferred: new Rates() };
  #counted = { messagesIn: 0, messagesOut: 0 };
  #sampledAt = 0;
  #bootMs = 0;
  #bootAt = 0;
  #day = '';
  #morning = { inToday: 0, inYesterday: 0, outToday: 0, outYesterday: 0 };

  constructor(sources: StatsSources) {
    this.#sources = sources;
  }

  started(context: ActorContext): void {
    const now = context.monotonicMs();
    this.#bootMs = context.now();
    this.#bootAt = now;
    this.#sampledAt = now;
    this.#broker = { put: new StatsItem(now), get: new StatsItem(now) };
    context.schedule(SAMPLE_MS, { kind: 'sample' });
  }

  receive(message: BrokerStatsCommand, context: ActorContext): void {
    switch (message.kind) {
      case 'sample':
        this.#sample(context);
        return;
      case 'groups-pulled':
        this.#onPulled(message, context.monotonicMs());
        return;
      case 'query-stats':
        message.replyTo.tell({ kind: 'stats-found', spans: this.#spans(message.name, message.key, context.monotonicMs()) });
        return;
      case 'query-group-rates': {
        const now = context.monotonicMs();
        message.replyTo.tell({ kind: 'group-rates', rates: message.keys.map((key) => this.#groups.get(key)?.stats(now).minute.tps ?? 0) });
        return;
      }
      case 'query-rates':
        message.replyTo.tell(this.#brokerRates(context));
        return;
    }
  }

  #sample(context: ActorContext): void {
    const now = context.monotonicMs();
    const counts = this.#sources.counts();
    this.#count(counts, now);
    for (const [topic, messages] of this.#sources.topics()) this.#seeTopic(topic, messages, now);
    for (const { item } of this.#topics.values()) item.sample(now);
    for (const item of this.#groups.values()) item.sample(now);
    for (const item of Object.values(this.#broker!)) item.sample(now);
    this.#sampledAt = now;
    this.#rates.put.sample(now, counts.messagesIn);
    this.#rates.found.sample(now, counts.pullsFound);
    this.#rates.missed.sample(now, counts.pullsMissed);
    this.#rates.transferred.sample(now, counts.messagesOut);
    const day = this.#sources.dayOf(context.now());
    if (this.#day === '') this.#day = day;
    if (day !== this.#day) {
      this.#day = day;
      const { inToday, outToday } = this.#morning;
      this.#morning = { inToday: counts.messagesIn, inYesterday: inToday, outToday: counts.messagesOut, outYesterday: outToday };
    }
    context.schedule(SAMPLE_MS, { kind: 'sample' });
  }

  /** The broker's own items follow the shards' sums. */
  #count(counts: ShardCounts, now: number): void {
    const { put, get } = this.#broker!;
    const { messagesIn, messagesOut } = this.#counted;
    // A shard that was replaced begins at 0: what it had counted is in the items already.
    const grownIn = Math.max(0, counts.messagesIn - messagesIn);
    const grownOut = Math.max(0, counts.messagesOut - messagesOut);
    if (grownIn > 0) put.add(grownIn, grownIn, now);
    if (grownOut > 0) get.add(grownOut, grownOut, now);
    this.#counted = { messagesIn: counts.messagesIn, messagesOut: counts.messagesOut };
  }

  #seeTopic(topic: string, messages: number, now: number): void {
    const known = this.#topics.get(topic);
    if (known === undefined) {
      const base = this.#sources.bases.get(topic) ?? 0;
      // A topic that was deleted and made again begins anew.
      const grown = messages < base ? messages : messages - base;
      if (grown === 0) return;
      this.#sources.bases.delete(topic);
      makeRoom(this.#topics, ({ item }) => item.changedAt);
      // They came since the last look.
      const item = new StatsItem(Math.min(this.#sampledAt, now - 1));
      item.add(grown, grown, now);
      this.#topics.set(topic, { item, seen: messages });
      return;
    }
    const grown = messages < known.seen ? messages : messages - known.seen;
    known.seen = messages;
    if (grown > 0) known.item.add(grown, grown, now);
  }

  #onPulled({ topics, groups, messages, pulls }: GroupsPulled, now: number): void {
    for (const [index, topic] of topics.entries()) {
      const key = `${topic}@${groups[index]}`;
      let item = this.#groups.get(key);
      if (item === undefined) {
        makeRoom(this.#groups, (one) => one.changedAt);
        // Told about a second after the first pull.
        item = new StatsItem(now - TOLD_AFTER_MS);
        this.#groups.set(key, item);
      }
      item.add(messages[index]!, pulls[index]!, now);
    }
  }

  #spans(name: string, key: string, now: number): number[] {
    const item = this.#item(name, key, now);
    if (item === undefined) return [];
    const { minute, hour, day } = item.stats(now);
    return [minute, hour, day].flatMap(({ sum, tps, avgpt }) => [sum, tps, avgpt]);
  }

  #item(name: string, key: string, now: number): StatsItem | undefined {
    switch (name) {
      case 'TOPIC_PUT_NUMS':
        this.#seeTopic(key, this.#sources.messagesOf(key), now);
        return this.#topics.get(key)?.item;
      case 'GROUP_GET_NUMS':
        return this.#groups.get(key);
      case 'BROKER_PUT_NUMS':
      case 'BROKER_GET_NUMS':
        if (key !== this.#sources.clusterName) return undefined;
        this.#count(this.#sources.counts(), now);
        return name === 'BROKER_PUT_NUMS' ? this.#broker!.put : this.#broker!.get;
      default:
        return undefined;
    }
  }

  #brokerRates(context: ActorContext): BrokerRates {
    const now = context.monotonicMs();
    const counts = this.#sources.counts();
    return {
      kind: 'broker-rates',
      put: this.#rates.put.rates(now, counts.messagesIn),
      found: this.#rates.found.rates(now, counts.pullsFound),
      missed: this.#rates.missed.rates(now, counts.pullsMissed),
      transferred: this.#rates.transferred.rates(now, counts.messagesOut),
      messagesIn: counts.messagesIn,
      bytesIn: counts.bytesIn,
      messagesOut: counts.messagesOut,
      refused: counts.laneFullRefusals,
      pendingSends: counts.pendingSends,
      inTodayMorning: this.#morning.inToday,
      inYesterdayMorning: this.#morning.inYesterday,
      outTodayMorning: this.#morning.outToday,
      outYesterdayMorning: this.#morning.outYesterday,
      bootMs: this.#bootMs,
      upMs: now - this.#bootAt,
    };
  }
}

/** When there are too many, the tenth that is idle longest gives way. */
function makeRoom<T>(items: Map<string, T>, changedAt: (item: T) => number): void {
  if (items.size < ITEMS_MAX) return;
  const idlest = [...items].sort(([, left], [, right]) => changedAt(left) - changedAt(right)).slice(0, ITEMS_MAX / 10);
  for (const [key] of idlest) items.delete(key);
}

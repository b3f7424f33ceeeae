/**
 * Where topics live, as the client knows it: routes asked of the name servers, kept for 30 s, asked again in the background while their topics are
 * in use. A name server that does not answer changes nothing that is known. Pure but for the asking, which it is given. Bounded by topics.
 * Source: RocketMQ 5.3 `MQClientInstance.updateTopicRouteInfoFromNameServer`, `topicRouteData2TopicPublishInfo`.
 */
import { isReadable, isWriteable } from '../model/permission.ts';
import { compareText, type MessageQueue, QUEUES_MAX } from '../model/queue-id.ts';
import { AUTO_CREATE_TOPIC } from '../model/topic.ts';
import type { BrokerData, TopicRouteData } from '../protocol/remoting/bodies/topic-route.ts';
import { ClientError } from './errors.ts';

/** How long a route counts as known without asking, in milliseconds. */
export const ROUTE_AGE_MS_MAX = 30_000;
/** A topic that nobody asked about for this long is forgotten. */
const UNUSED_MS_MAX = 600_000;
/** Topics that one client knows at once. */
const TOPICS_MAX = 65_536;
/** An error that makes a route doubtful asks again, but not more often than this. */
const DOUBT_MS_MIN = 1_000;

const MASTER_ID = 0;

/** One topic's route, worked out. */
export type TopicRoute = {
  readonly topic: string;
  readonly data: TopicRouteData;
  /** Queues that take messages: their broker has a master. Sorted by broker, then id. */
  readonly writeQueues: readonly MessageQueue[];
  readonly readQueues: readonly MessageQueue[];
  /** Made up from TBW102: the topic is created by its first message. */
  readonly isDefault: boolean;
};

/** Null: the name server knows no such topic. Rejects when no name server answers. */
export type AskRoute = (topic: string) => Promise<TopicRouteData | null>;

/** What a route says. @param queuesMax of a topic that is made up from TBW102. */
export function topicRoute(topic: string, data: TopicRouteData, isDefault: boolean, queuesMax: number = QUEUES_MAX): TopicRoute {
  const brokers = new Map(data.brokerDatas.map((broker) => [broker.brokerName, broker]));
  const queueDatas = [...data.queueDatas].sort((a, b) => compareText(a.brokerName, b.brokerName));
  const writeQueues: MessageQueue[] = [];
  const readQueues: MessageQueue[] = [];
  for (const { brokerName, perm, readQueueNums, writeQueueNums } of queueDatas) {
    const broker = brokers.get(brokerName);
    if (broker === undefined) continue;
    if (isWriteable(perm) && broker.brokerAddrs.has(MASTER_ID))
      addQueues(writeQueues, topic, brokerName, Math.min(writeQueueNums, queuesMax));
    if (isReadable(perm)) addQueues(readQueues, topic, brokerName, Math.min(readQueueNums, queuesMax));
  }
  const ordered = data.orderTopicConf === null ? null : orderedQueues(topic, data.orderTopicConf);
  return { topic, data, writeQueues: ordered ?? writeQueues, readQueues, isDefault };
}

/** `brokerA:4;brokerB:4` as queues; null when it is not of that form. */
export function orderedQueues(topic: string, conf: string): MessageQueue[] | null {
  const queues: MessageQueue[] = [];
  for (const part of conf.split(';')) {
    const [brokerName, count] = part.split(':');
    if (brokerName === undefined || brokerName === '' || !/^[0-9]{1,5}$/.test(count ?? '')) return null;
    addQueues(queues, topic, brokerName, Number(count));
  }
  return queues;
}

/** A broker's address: of this id, else of the master, else of any. Undefined: it has none. */
export function brokerAddress(route: TopicRoute, brokerName: string, brokerId: number = MASTER_ID): string | undefined {
  const addresses = route.data.brokerDatas.find((broker) => broker.brokerName === brokerName)?.brokerAddrs;
  return addresses?.get(brokerId) ?? addresses?.get(MASTER_ID) ?? addresses?.values().next().value;
}

function addQueues(queues: MessageQueue[], topic: string, brokerName: string, count: number): void {
  const most = Math.min(count, QUEUES_MAX);
  for (let queueId = 0; queueId < most; queueId++) queues.push({ brokerName, queueId, topic });
}

type Known = { route: TopicRoute | null; atMs: number; usedAtMs: number; asking: Promise<TopicRoute | null> | null };

export type RouteTableOptions = {
  readonly ask: AskRoute;
  readonly monotonicMs: () => number;
  /** Queues per broker of a topic that does not exist yet. */
  readonly defaultTopicQueues: number;
  /** Called when a topic's route is another than before. */
  readonly onChange: (topic: string, route: TopicRoute | null) => void;
};

export class RouteTable {
  readonly #options: RouteTableOptions;
  readonly #known: Map<string, Known> = new Map();
  #defaultRoute: { data: TopicRouteData | null; atMs: number } | null = null;

  constructor(options: RouteTableOptions) {
    this.#options = options;
  }

  /** The topic's route, asked for when it is not known or too old; null when there is no such topic. Rejects when it is not known and nobody answers. */
  async find(topic: string): Promise<TopicRoute | null> {
    return this.known(topic) ?? (await this.refresh(topic));
  }

  /** The route as far as it is known and not too old; without waiting. */
  known(topic: string): TopicRoute | null {
    const entry = this.#known.get(topic);
    if (entry === undefined) return null;
    const nowMs = this.#options.monotonicMs();
    entry.usedAtMs = nowMs;
    return nowMs - entry.atMs < ROUTE_AGE_MS_MAX ? entry.route : null;
  }

  /** The route last seen, however old. */
  last(topic: string): TopicRoute | null {
    return this.#known.get(topic)?.route ?? null;
  }

  /**
   * The route to send by: for a topic that does not exist, the queues that TBW102 promises. Rejects with MQ_CLIENT_NO_ROUTE when nobody takes
   * the topic.
   */
  async findToSend(topic: string): Promise<TopicRoute> {
    const route = await this.find(topic);
    if (route !== null && route.writeQueues.length > 0) return route;
    if (route === null) {
      const promised = await this.#promised(topic);
      if (promised !== null && promised.writeQueues.length > 0) return promised;
    }
    const why =
      route === null ? 'no name server knows it, and topics are not created by their first message' : 'no broker takes messages for it';
    throw new ClientError('MQ_CLIENT_NO_ROUTE', `Nobody takes topic ${topic}: ${why}`);
  }

  /** Asks the name servers now; one question a topic at a time. An old route is kept when nobody answers. */
  refresh(topic: string): Promise<TopicRoute | null> {
    let entry = this.#known.get(topic);
    if (entry === undefined) {
      if (this.#known.size >= TOPICS_MAX) {
        return Promise.reject(new ClientError('MQ_CLIENT_LIMIT', `A client uses at most ${TOPICS_MAX} topics`));
      }
      const nowMs = this.#options.monotonicMs();
      entry = { route: null, atMs: Number.NEGATIVE_INFINITY, usedAtMs: nowMs, asking: null };
      this.#known.set(topic, entry);
    }
    entry.asking ??= this.#ask(topic, entry);
    return entry.asking;
  }

  /** Something went wrong that a newer route may explain: the next `find` asks again. */
  doubt(topic: string): void {
    const entry = this.#known.get(topic);
    if (entry !== undefined && this.#options.monotonicMs() - entry.atMs >= DOUBT_MS_MIN) entry.atMs = Number.NEGATIVE_INFINITY;
  }

  /** Asks again for all topics in use; resolves with the failures. */
  async refreshAll(): Promise<unknown[]> {
    const nowMs = this.#options.monotonicMs();
    this.#defaultRoute = null;
    const failures: unknown[] = [];
    for (const [topic, entry] of this.#known) {
      if (nowMs - entry.usedAtMs > UNUSED_MS_MAX) this.#known.delete(topic);
      else await this.refresh(topic).catch((error: unknown) => failures.push(error));
    }
    return failures;
  }

  /** All brokers of all known routes, by name. */
  brokers(): Map<string, BrokerData> {
    const brokers = new Map<string, BrokerData>();
    for (const { route } of this.#known.values()) {
      for (const broker of route?.data.brokerDatas ?? []) brokers.set(broker.brokerName, broker);
    }
    return brokers;
  }

  async #ask(topic: string, entry: Known): Promise<TopicRoute | null> {
    try {
      const data = await this.#options.ask(topic);
      const before = entry.route;
      const route = data === null ? null : topicRoute(topic, data, false);
      entry.route = route;
      entry.atMs = this.#options.monotonicMs();
      if (!isSameRoute(before, route)) this.#options.onChange(topic, route);
      return route;
    } catch (error) {
      // Better the old way than none, while nobody knows better.
      if (entry.route !== null) return entry.route;
      throw error;
    } finally {
      entry.asking = null;
    }
  }

  async #promised(topic: string): Promise<TopicRoute | null> {
    const nowMs = this.#options.monotonicMs();
    if (this.#defaultRoute === null || nowMs - this.#defaultRoute.atMs >= ROUTE_AGE_MS_MAX) {
      this.#defaultRoute = { data: await this.#options.ask(AUTO_CREATE_TOPIC), atMs: nowMs };
    }
    const { data } = this.#defaultRoute;
    return data === null ? null : topicRoute(topic, data, true, this.#options.defaultTopicQueues);
  }
}

function isSameRoute(a: TopicRoute | null, b: TopicRoute | null): boolean {
  return routeText(a) === routeText(b);
}

function routeText(route: TopicRoute | null): string {
  if (route === null) return '';
  const { brokerDatas, orderTopicConf, queueDatas } = route.data;
  const brokers = brokerDatas.map((broker) => [broker.brokerName, [...broker.brokerAddrs].sort(([a], [b]) => a - b)]);
  return JSON.stringify([orderTopicConf, [...queueDatas].map(Object.values).sort(), brokers.sort()]);
}

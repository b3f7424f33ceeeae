/**
 * Topics, as an administrator sees them: listed, made, changed, deleted, and how full their queues are.
 * Source: RocketMQ 5.3 `DefaultMQAdminExtImpl`, tools `UpdateTopicSubCommand`, `DeleteTopicSubCommand`, `TopicStatusSubCommand`.
 */
import { PERM_READ_WRITE } from '../model/permission.ts';
import type { MessageQueue } from '../model/queue-id.ts';
import { AUTO_CREATE_TOPIC, topicNameFault } from '../model/topic.ts';
import { decodeTopicConfig, type TopicConfig } from '../protocol/remoting/bodies/topic-config.ts';
import { decodeTopicList } from '../protocol/remoting/bodies/topic-list.ts';
import { decodeTopicRoute, type TopicRouteData } from '../protocol/remoting/bodies/topic-route.ts';
import { decodeTopicStats, type TopicOffset } from '../protocol/remoting/bodies/topic-stats.ts';
import type { RemotingCommand } from '../protocol/remoting/command.ts';
import {
  DELETE_TOPIC_IN_BROKER,
  DELETE_TOPIC_IN_NAMESRV,
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
  GET_ROUTEINFO_BY_TOPIC,
  GET_TOPIC_CONFIG,
  GET_TOPIC_STATS_INFO,
  UPDATE_AND_CREATE_TOPIC,
} from '../protocol/remoting/request-code.ts';
import { encodeDeleteTopicInBrokerRequest } from '../protocol/remoting/requests/delete-topic-in-broker.ts';
import { encodeDeleteTopicInNamesrvRequest } from '../protocol/remoting/requests/delete-topic-in-namesrv.ts';
import { encodeGetRouteinfoByTopicRequest } from '../protocol/remoting/requests/get-routeinfo-by-topic.ts';
import { encodeGetTopicConfigRequest } from '../protocol/remoting/requests/get-topic-config.ts';
import { encodeGetTopicStatsInfoRequest } from '../protocol/remoting/requests/get-topic-stats-info.ts';
import { encodeUpdateAndCreateTopicRequest } from '../protocol/remoting/requests/update-and-create-topic.ts';
import { SUCCESS } from '../protocol/remoting/response-code.ts';
import { type AdminCalls, type BrokerChoice, CHANGE_TIMEOUT_MS } from './admin-calls.ts';
import { expectSuccess, readAnswer } from './answers.ts';
import { ClientError } from './errors.ts';

/** A topic to make or to change. What is not given: 8 queues each way, read and write, no order. */
export type TopicSettings = {
  readonly readQueues?: number;
  readonly writeQueues?: number;
  /** 2 write, 4 read, 6 both. */
  readonly perm?: number;
  readonly order?: boolean;
  /** `{ 'message.type': 'FIFO' }`; a null value takes the attribute away. */
  readonly attributes?: Readonly<Record<string, string | null>>;
  /** Where: all masters if not given. */
  readonly on?: BrokerChoice;
};

export type QueueStats = TopicOffset & { readonly queue: MessageQueue };

const QUEUES = 8;
/** How long a change may take to reach the name servers. */
const ROUTE_WAIT_MS = 5_000;
const ROUTE_POLL_MS = 20;

export class TopicAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /** The names of all topics, system and retry topics included, sorted. */
  async list(): Promise<string[]> {
    const answer = await this.#calls.nameServer('the list of topics', { code: GET_ALL_TOPIC_LIST_FROM_NAMESERVER });
    return [...readAnswer('the list of topics', 'the name server', answer.body, decodeTopicList).topicList].sort();
  }

  /** Where a topic lives, asked anew; null when there is no such topic. */
  async route(topic: string): Promise<TopicRouteData | null> {
    return (await this.#calls.core.routes.refresh(topic))?.data ?? null;
  }

  /** Makes a topic, or changes it, on each broker chosen; resolves when every name server that answers has it. */
  async create(topic: string, settings: TopicSettings = {}): Promise<void> {
    const fault = topicNameFault(topic);
    if (fault !== null) throw new ClientError('MQ_CLIENT_ARGUMENT', fault);
    const ext = encodeUpdateAndCreateTopicRequest({
      topic,
      defaultTopic: AUTO_CREATE_TOPIC,
      readQueueNums: settings.readQueues ?? settings.writeQueues ?? QUEUES,
      writeQueueNums: settings.writeQueues ?? settings.readQueues ?? QUEUES,
      perm: settings.perm ?? PERM_READ_WRITE,
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: 0,
      order: settings.order ?? false,
      attributes: attributesText(settings.attributes ?? {}),
      force: null,
    });
    const masters = await this.#calls.masters(settings.on);
    for (const { address } of masters) {
      await this.#calls.broker(address, `to make topic ${topic}`, { code: UPDATE_AND_CREATE_TOPIC, ext }, CHANGE_TIMEOUT_MS);
    }
    await this.#routed(
      topic,
      masters.map((master) => master.brokerName).filter((name) => name !== ''),
    );
  }

  /** Deletes a topic from the brokers chosen (all masters that have it), and from the name servers when it is gone everywhere. */
  async delete(topic: string, on?: BrokerChoice): Promise<void> {
    const masters = on === undefined ? await this.#calls.mastersOf(topic) : await this.#calls.masters(on);
    const ext = encodeDeleteTopicInBrokerRequest({ topic });
    for (const { address } of masters) {
      await this.#calls.broker(address, `to delete topic ${topic}`, { code: DELETE_TOPIC_IN_BROKER, ext }, CHANGE_TIMEOUT_MS);
    }
    if (on !== undefined) return;
    const request = { code: DELETE_TOPIC_IN_NAMESRV, ext: encodeDeleteTopicInNamesrvRequest({ topic, clusterName: null }) };
    const { core } = this.#calls;
    // Each name server has its own table; one that is down begins with an empty one.
    for (const address of core.nameServerAddresses) {
      let answer: RemotingCommand;
      try {
        answer = await core.nameServer(address).request(request, core.requestTimeoutMs);
      } catch (error) {
        core.report(error);
        continue;
      }
      expectSuccess(`to delete topic ${topic}`, address, answer);
    }
    await this.#calls.core.routes.refresh(topic);
  }

  /** A topic's settings on one broker. */
  config(topic: string, address: string): Promise<TopicConfig> {
    const request = { code: GET_TOPIC_CONFIG, ext: encodeGetTopicConfigRequest({ topic }) };
    return this.#calls.read(address, `the settings of topic ${topic}`, request, (answer) => decodeTopicConfig(answer.body));
  }

  /** First and next offset of every queue, sorted by broker and queue. */
  async stats(topic: string): Promise<QueueStats[]> {
    const all: QueueStats[] = [];
    const request = { code: GET_TOPIC_STATS_INFO, ext: encodeGetTopicStatsInfoRequest({ topic }) };
    for (const { address } of await this.#calls.mastersOf(topic)) {
      const stats = await this.#calls.read(address, `the queues of topic ${topic}`, request, (answer) => decodeTopicStats(answer.body));
      for (const [queue, offset] of stats.offsets) all.push({ ...offset, queue });
    }
    return all.sort((a, b) =>
      a.queue.brokerName === b.queue.brokerName ? a.queue.queueId - b.queue.queueId : a.queue.brokerName < b.queue.brokerName ? -1 : 1,
    );
  }

  /** Each name server has its own table, and a client may ask any of them: all that answer have to know. */
  async #routed(topic: string, brokerNames: readonly string[]): Promise<void> {
    const { core } = this.#calls;
    const limitMs = core.environment.monotonicMs() + ROUTE_WAIT_MS;
    for (const address of core.nameServerAddresses) {
      while (!(await this.#isRouted(address, topic, brokerNames))) {
        if (core.environment.monotonicMs() >= limitMs) {
          const text = `Topic ${topic} is made, but not at the name server ${address} after ${ROUTE_WAIT_MS} ms`;
          throw new ClientError('MQ_CLIENT_TIMEOUT', text, { address });
        }
        await core.pause(ROUTE_POLL_MS);
      }
    }
    await core.routes.refresh(topic);
  }

  /** True also for a name server that does not answer: it learns of the topic when it is back. */
  async #isRouted(address: string, topic: string, brokerNames: readonly string[]): Promise<boolean> {
    const { core } = this.#calls;
    const ext = encodeGetRouteinfoByTopicRequest({ topic, acceptStandardJsonOnly: true });
    let answer: RemotingCommand;
    try {
      answer = await core.nameServer(address).request({ code: GET_ROUTEINFO_BY_TOPIC, ext }, core.requestTimeoutMs);
    } catch (error) {
      core.report(error);
      return true;
    }
    if (answer.code !== SUCCESS) return false;
    const route = readAnswer(`the route of ${topic}`, address, answer.body, decodeTopicRoute);
    const names = new Set(route.queueDatas.map((queues) => queues.brokerName));
    return brokerNames.every((name) => names.has(name));
  }
}

/** `+key=value,-key`, as brokers read it; null for none. */
function attributesText(attributes: Readonly<Record<string, string | null>>): string | null {
  const parts = Object.entries(attributes).map(([name, value]) => (value === null ? `-${name}` : `+${name}=${value}`));
  return parts.length === 0 ? null : parts.join(',');
}

/** What commands know of a consumer group: settings, members, subscriptions, and where it is in its queues; asked of every master. */
import { refusal } from '../client/answers.ts';
import type { SubscriptionData } from '../model/subscription.ts';
import { retryTopic } from '../model/topic.ts';
import { decodeConsumeStats } from '../protocol/remoting/bodies/consume-stats.ts';
import { decodeConsumerConnection } from '../protocol/remoting/bodies/consumer-connection.ts';
import { type JsonObject, parseJsonBody } from '../protocol/remoting/bodies/tolerant-json.ts';
import { GET_ALL_SUBSCRIPTIONGROUP_CONFIG, GET_CONSUME_STATS, GET_CONSUMER_CONNECTION_LIST } from '../protocol/remoting/request-code.ts';
import { encodeGetConsumeStatsRequest } from '../protocol/remoting/requests/get-consume-stats.ts';
import { encodeGetConsumerConnectionListRequest } from '../protocol/remoting/requests/get-consumer-connection-list.ts';
import { CONSUMER_NOT_ONLINE, SUCCESS } from '../protocol/remoting/response-code.ts';
import { type BrokerNode, type Cluster, forEachOf, requestName } from './cluster.ts';
import { CommandError } from './errors.ts';
import { didYouMean } from './suggest.ts';

export type Master = BrokerNode & { readonly master: string };

export type Member = { readonly clientId: string; readonly address: string; readonly language: string; readonly version: number };

export type GroupQueue = {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  readonly lag: number;
  /** When the message that was consumed last was stored; 0: none. */
  readonly lastTimestamp: number;
};

export type GroupView = {
  readonly group: string;
  readonly members: readonly Member[];
  readonly model: string | null;
  readonly subscriptions: readonly SubscriptionData[];
  readonly queues: readonly GroupQueue[];
  readonly topics: readonly string[];
  readonly lag: number;
  readonly consumeEnabled: boolean;
};

/** A group's settings as a broker gave them, unknown members included: so a change loses nothing. */
export type RawGroupConfig = JsonObject;
export type GroupConfigs = ReadonlyMap<string, RawGroupConfig>;

const PAGES_MAX = 1000;

/** The settings of all groups of each master, in the order of `masters`. */
export function groupConfigs(cluster: Cluster, masters: readonly Master[]): Promise<GroupConfigs[]> {
  return forEachOf(masters, ({ master }) => configsOf(cluster, master));
}

/** RocketMQ 5.4 gives them page by page. */
async function configsOf(cluster: Cluster, master: string): Promise<GroupConfigs> {
  const all = new Map<string, RawGroupConfig>();
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await cluster.ask(master, GET_ALL_SUBSCRIPTIONGROUP_CONFIG, { ext: { groupSeq: all.size, maxGroupNum: 10_000 } });
    const table = memberObject(parseJsonBody(answer.body) as JsonObject, 'subscriptionGroupTable');
    const before = all.size;
    for (const [name, config] of Object.entries(table)) if (isObject(config)) all.set(name, config);
    const total = Number(answer.ext.get('totalGroupNum') ?? all.size);
    if (all.size >= total || all.size === before) break;
  }
  return all;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function memberObject(object: JsonObject, name: string): JsonObject {
  const member = Object.hasOwn(object, name) ? object[name] : undefined;
  return isObject(member) ? member : {};
}

/** Where a group is, over all brokers. */
export async function groupView(
  cluster: Cluster,
  masters: readonly Master[],
  configs: readonly GroupConfigs[],
  group: string,
): Promise<GroupView> {
  const parts = await Promise.all(
    masters.map(async (broker) => ({ ...(await connectionsOf(cluster, broker, group)), queues: await queuesOf(cluster, broker, group) })),
  );
  const members = new Map<string, Member>();
  const subscriptions = new Map<string, SubscriptionData>();
  for (const part of parts) {
    for (const member of part.members) members.set(member.clientId, member);
    for (const subscription of part.subscriptions) subscriptions.set(subscription.topic, subscription);
  }
  const queues = parts.flatMap((part) => part.queues);
  const topics = new Set([...queues.map(({ topic }) => topic), ...subscriptions.keys()].filter((topic) => topic !== retryTopic(group)));
  return {
    group,
    members: [...members.values()].sort((a, b) => (a.clientId < b.clientId ? -1 : 1)),
    model: parts.find(({ model }) => model !== null)?.model ?? null,
    subscriptions: [...subscriptions.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1)),
    queues,
    topics: [...topics].sort(),
    lag: queues.reduce((total, { lag }) => total + lag, 0),
    consumeEnabled: configs.every((table) => table.get(group)?.['consumeEnable'] !== false),
  };
}

/** Whether anybody knows the group: by settings, members or offsets. */
export function isKnownGroup(view: GroupView, configs: readonly GroupConfigs[]): boolean {
  return configs.some((table) => table.has(view.group)) || view.members.length > 0 || view.queues.length > 0;
}

/** The group, or the error with the nearest there is. */
export async function existingGroup(
  cluster: Cluster,
  masters: readonly Master[],
  configs: readonly GroupConfigs[],
  group: string,
): Promise<GroupView> {
  const view = await groupView(cluster, masters, configs, group);
  if (isKnownGroup(view, configs)) return view;
  const known = new Set(configs.flatMap((table) => [...table.keys()]));
  throw new CommandError(
    'MQ_CLI_NOT_FOUND',
    `No consumer group "${group}"${didYouMean(group, known)}; \`ringmq groups list --all\` shows all`,
  );
}

type Connections = Pick<GroupView, 'members' | 'model'> & { readonly subscriptions: Iterable<SubscriptionData> };

async function connectionsOf(cluster: Cluster, { master }: Master, group: string): Promise<Connections> {
  const ext = encodeGetConsumerConnectionListRequest({ consumerGroup: group });
  const answer = await cluster.try(master, GET_CONSUMER_CONNECTION_LIST, { ext });
  if (answer.code === CONSUMER_NOT_ONLINE) return { members: [], model: null, subscriptions: [] };
  if (answer.code !== SUCCESS) throw refusal(requestName(GET_CONSUMER_CONNECTION_LIST), master, answer);
  const { connections, messageModel, subscriptions } = decodeConsumerConnection(answer.body);
  return {
    members: connections.map(({ clientId, clientAddr, language, version }) => ({ clientId, address: clientAddr, language, version })),
    model: messageModel,
    subscriptions: subscriptions.values(),
  };
}

async function queuesOf(cluster: Cluster, { master }: Master, group: string): Promise<GroupQueue[]> {
  const ext = encodeGetConsumeStatsRequest({ consumerGroup: group, topic: null, topicList: null });
  const { offsets } = decodeConsumeStats((await cluster.ask(master, GET_CONSUME_STATS, { ext })).body);
  return offsets
    .map(([{ brokerName, queueId, topic }, { brokerOffset, consumerOffset, lastTimestamp }]) => ({
      topic,
      broker: brokerName,
      queueId,
      brokerOffset,
      consumerOffset,
      lag: Math.max(0, brokerOffset - consumerOffset),
      lastTimestamp,
    }))
    .sort((a, b) => (a.topic === b.topic ? a.queueId - b.queueId : a.topic < b.topic ? -1 : 1));
}

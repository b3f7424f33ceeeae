/** What commands know of a topic: its settings on each broker, its queues; and their words. Pure but for what is asked of the cluster. */

import { refusal } from '../client/answers.ts';
import { PERM_PRIORITY, PERM_READ, PERM_WRITE } from '../model/permission.ts';
import { isDlqTopic, isRetryTopic, isSystemTopic } from '../model/topic.ts';
import { decodeTopicConfigTable, type TopicConfig } from '../protocol/remoting/bodies/topic-config.ts';
import { decodeTopicStats, type TopicOffset } from '../protocol/remoting/bodies/topic-stats.ts';
import { GET_ALL_TOPIC_CONFIG, GET_TOPIC_STATS_INFO } from '../protocol/remoting/request-code.ts';
import { encodeGetTopicStatsInfoRequest } from '../protocol/remoting/requests/get-topic-stats-info.ts';
import { TOPIC_NOT_EXIST } from '../protocol/remoting/response-code.ts';
import { type BrokerNode, type Cluster, forEachOf, requestName } from './cluster.ts';

/** A topic's settings on one broker, as `--json` shows them. */
export type TopicOnBroker = {
  readonly broker: string;
  readonly readQueues: number;
  readonly writeQueues: number;
  readonly perm: string;
  readonly order: boolean;
  readonly attributes: Readonly<Record<string, string>>;
};

export type TopicView = { readonly topic: string; readonly brokers: readonly TopicOnBroker[] };

export type QueueView = { readonly broker: string; readonly queueId: number } & TopicOffset;

/** Topics in an answer of 21: more pages are asked for until all have come. */
const PAGES_MAX = 1000;

/** Every topic of these brokers, by name, in order. */
export async function topicViews(cluster: Cluster, brokers: readonly (BrokerNode & { master: string })[]): Promise<TopicView[]> {
  const tables = await forEachOf(brokers, ({ master }) => topicConfigs(cluster, master));
  const byTopic = new Map<string, TopicOnBroker[]>();
  brokers.forEach(({ name }, index) => {
    for (const config of (tables[index] as ReadonlyMap<string, TopicConfig>).values()) {
      const list = byTopic.get(config.topicName) ?? [];
      list.push(topicOnBroker(name, config));
      byTopic.set(config.topicName, list);
    }
  });
  return [...byTopic].map(([topic, list]) => ({ topic, brokers: list })).sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

/** All settings of one broker's topics. RocketMQ 5.4 gives them page by page. */
export async function topicConfigs(cluster: Cluster, master: string): Promise<ReadonlyMap<string, TopicConfig>> {
  const all = new Map<string, TopicConfig>();
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await cluster.ask(master, GET_ALL_TOPIC_CONFIG, { ext: { topicSeq: all.size, maxTopicNum: 10_000 } });
    const { topics } = decodeTopicConfigTable(answer.body);
    const before = all.size;
    for (const [name, config] of topics) all.set(name, config);
    // Brokers that know no pages say no total, and give all at once.
    const total = Number(answer.ext.get('totalTopicNum') ?? all.size);
    if (all.size >= total || all.size === before) break;
  }
  return all;
}

export function topicOnBroker(broker: string, config: TopicConfig): TopicOnBroker {
  return {
    broker,
    readQueues: config.readQueueNums,
    writeQueues: config.writeQueueNums,
    perm: permissionText(config.perm),
    order: config.order,
    attributes: Object.fromEntries(config.attributes),
  };
}

/** The queues of a topic on a broker; undefined when the broker does not have it. */
export async function topicQueues(
  cluster: Cluster,
  broker: BrokerNode & { master: string },
  topic: string,
): Promise<QueueView[] | undefined> {
  const answer = await cluster.try(broker.master, GET_TOPIC_STATS_INFO, { ext: encodeGetTopicStatsInfoRequest({ topic }) });
  if (answer.code === TOPIC_NOT_EXIST) return undefined;
  if (answer.code !== 0) throw refusal(requestName(GET_TOPIC_STATS_INFO), broker.master, answer);
  return decodeTopicStats(answer.body)
    .offsets.map(([{ queueId }, offset]) => ({ broker: broker.name, queueId, ...offset }))
    .sort((a, b) => a.queueId - b.queueId);
}

/** `rw`, `r`, `w` or `none`; what a user chooses. */
export function permissionText(perm: number): string {
  const text = `${perm & PERM_READ ? 'r' : ''}${perm & PERM_WRITE ? 'w' : ''}`;
  return text === '' ? 'none' : text;
}

/** The bits of `rw`, `r`, `w`, `none`; other bits of `old` stay. */
export function permissionBits(text: string, old: number): number {
  const kept = old & ~(PERM_READ | PERM_WRITE | PERM_PRIORITY);
  return kept | (text.includes('r') ? PERM_READ : 0) | (text.includes('w') ? PERM_WRITE : 0);
}

/** What belongs to the broker itself, or to a consumer group. */
export function isInternalTopic(topic: string, brokers: readonly BrokerNode[]): boolean {
  return (
    isSystemTopic(topic) ||
    topic.startsWith('RMQ_SYS_') ||
    isRetryTopic(topic) ||
    isDlqTopic(topic) ||
    topic.endsWith('_REPLY_TOPIC') ||
    brokers.some(({ name, cluster }) => topic === name || topic === cluster)
  );
}

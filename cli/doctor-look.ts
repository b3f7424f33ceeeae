/** What `ringmq doctor` looks at: each look asks the cluster and gives observations for the checks, without judging. Changes nothing. */
import { ClientError } from '../client/errors.ts';
import { bodyObject } from '../protocol/remoting/bodies/body-reader.ts';
import { decodeClusterInfo } from '../protocol/remoting/bodies/cluster-info.ts';
import { decodeKvTable } from '../protocol/remoting/bodies/kv-table.ts';
import { readSubscription } from '../protocol/remoting/bodies/subscription-data.ts';
import { decodeTopicList } from '../protocol/remoting/bodies/topic-list.ts';
import { BodyError } from '../protocol/remoting/errors.ts';
import {
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
  GET_BROKER_CLUSTER_INFO,
  GET_BROKER_RUNTIME_INFO,
  GET_CONSUMER_RUNNING_INFO,
} from '../protocol/remoting/request-code.ts';
import { encodeGetConsumerRunningInfoRequest } from '../protocol/remoting/requests/get-consumer-running-info.ts';
import { SUCCESS } from '../protocol/remoting/response-code.ts';
import { type BrokerNode, brokerNodes, type Cluster, forEachOf } from './cluster.ts';
import {
  type BrokerSeen,
  type ClockSeen,
  type DiskSeen,
  type GroupMembersSeen,
  type GroupProgressSeen,
  type NameServerSeen,
  parseRuntime,
  queueName,
} from './doctor-checks.ts';
import { CommandError } from './errors.ts';
import { type GroupView, groupConfigs, groupView, type Master } from './group-view.ts';
import { topicQueues } from './topic-view.ts';

/** All name servers, and the brokers that any of them knows. */
export async function lookAtNameServers(cluster: Cluster): Promise<{ seen: NameServerSeen[]; brokers: BrokerNode[] }> {
  const brokers = new Map<string, BrokerNode>();
  const seen = await forEachOf(cluster.nameServers, async (address): Promise<NameServerSeen> => {
    try {
      const info = decodeClusterInfo((await cluster.askOneNameServer(address, GET_BROKER_CLUSTER_INFO)).body);
      const topics = decodeTopicList((await cluster.askOneNameServer(address, GET_ALL_TOPIC_LIST_FROM_NAMESERVER)).body);
      const addresses = new Map<string, string>();
      for (const node of brokerNodes(info)) {
        brokers.set(`${node.name} ${[...node.addresses.values()].join()}`, node);
        for (const [id, where] of node.addresses) addresses.set(id === 0 ? node.name : `${node.name}/${id}`, where);
      }
      return { address, error: null, brokers: addresses, topics: new Set(topics.topicList) };
    } catch (error) {
      return { address, error: reasonOf(error) };
    }
  });
  return { seen, brokers: [...brokers.values()] };
}

export type BrokersSeen = {
  readonly brokers: BrokerSeen[];
  readonly clocks: ClockSeen[];
  readonly disks: DiskSeen[];
  /** Those that answered. */
  readonly masters: Master[];
  /** Brokers that do not tell about themselves. */
  readonly silent: string[];
};

/** Every advertised address, tried from here. */
export async function lookAtBrokers(cluster: Cluster, nodes: readonly BrokerNode[]): Promise<BrokersSeen> {
  const clocks: ClockSeen[] = [];
  const disks: DiskSeen[] = [];
  const silent: string[] = [];
  const all = nodes.flatMap((node) => [...node.addresses].map(([id, address]) => ({ node, id, address })));
  const brokers = await forEachOf(all, async ({ node, id, address }): Promise<BrokerSeen> => {
    const askedMs = Date.now();
    try {
      const answer = await cluster.core.request(address, { code: GET_BROKER_RUNTIME_INFO });
      const answeredMs = Date.now();
      if (answer.code !== SUCCESS) {
        silent.push(node.name);
        return { name: node.name, id, address, error: null };
      }
      const runtime = decodeKvTable(answer.body);
      const runtimeSeconds = parseRuntime(runtime.get('runtime'));
      const bootMs = Number(runtime.get('bootTimestamp') ?? Number.NaN);
      if (runtimeSeconds !== undefined && bootMs > 0) clocks.push({ broker: node.name, bootMs, runtimeSeconds, askedMs, answeredMs });
      disks.push({ broker: node.name, disks: diskRatios(runtime) });
      return { name: node.name, id, address, error: null };
    } catch (error) {
      return { name: node.name, id, address, error: reasonOf(error) };
    }
  });
  const answering = new Set(brokers.filter(({ error }) => error === null).map(({ address }) => address));
  const masters = nodes.filter((node): node is Master => node.master !== undefined && answering.has(node.master));
  return { brokers, clocks, disks, masters, silent };
}

/** The shares of disks that a broker tells; those of single paths say more than that of the whole. */
export function diskRatios(runtime: ReadonlyMap<string, string>): Map<string, number> {
  const ratios = new Map<string, number>();
  for (const [name, what] of [
    ['commitLogDiskRatio', 'commit log'],
    ['consumeQueueDiskRatio', 'consume queues'],
  ] as const) {
    const ratio = Number(runtime.get(name) ?? Number.NaN);
    if (ratio >= 0 && ratio <= 1) ratios.set(what, ratio);
  }
  return ratios;
}

/** Groups that have members on line. */
export async function lookAtGroups(cluster: Cluster, masters: readonly Master[]): Promise<GroupView[]> {
  const configs = await groupConfigs(cluster, masters);
  const names = new Set(configs.flatMap((table) => [...table.keys()]));
  const views = await forEachOf([...names].sort(), (group) => groupView(cluster, masters, configs, group));
  return views.filter(({ members }) => members.length > 0);
}

/** What each member says that it subscribes to. Members that do not answer are left out, and counted. */
export async function lookAtSubscriptions(
  cluster: Cluster,
  masters: readonly Master[],
  groups: readonly GroupView[],
): Promise<{ seen: GroupMembersSeen[]; silent: number }> {
  let silent = 0;
  // One member cannot differ.
  const seen = await forEachOf(
    groups.filter(({ members }) => members.length > 1),
    async ({ group, members }) => ({
      group,
      members: await forEachOf(members, async ({ clientId }) => {
        const subscriptions = await subscriptionsOf(cluster, masters, group, clientId);
        if (subscriptions === undefined) silent++;
        return { clientId, subscriptions };
      }),
    }),
  );
  return { seen, silent };
}

async function subscriptionsOf(
  cluster: Cluster,
  masters: readonly Master[],
  group: string,
  clientId: string,
): Promise<readonly string[] | undefined> {
  const ext = encodeGetConsumerRunningInfoRequest({ consumerGroup: group, clientId, jstackEnable: false });
  for (const { master } of masters) {
    try {
      // 3 may be the member's own answer, which the broker passes on.
      const answer = await cluster.core.request(master, { code: GET_CONSUMER_RUNNING_INFO, ext });
      if (answer.code !== SUCCESS) continue;
      return bodyObject(answer.body, 'a ConsumerRunningInfo')
        .objects('subscriptionSet')
        .map(readSubscription)
        .filter(({ topic }) => !topic.startsWith('%RETRY%'))
        .map(({ topic, expressionType, subString }) => `${topic} ${expressionType} ${subString}`);
    } catch (error) {
      // A member that does not answer, or not in a form that is known, is one that does not say.
      if (!(error instanceof ClientError) && !(error instanceof BodyError)) throw error;
    }
  }
  return undefined;
}

/** Groups with members and messages that wait, looked at again after `watchMs`. */
export async function lookAtProgress(
  cluster: Cluster,
  masters: readonly Master[],
  groups: readonly GroupView[],
  watchMs: number,
): Promise<GroupProgressSeen[]> {
  const waiting = groups.filter(({ lag, model, consumeEnabled }) => lag > 0 && model !== 'BROADCASTING' && consumeEnabled);
  if (waiting.length === 0) return [];
  await cluster.core.pause(watchMs);
  const configs = await groupConfigs(cluster, masters);
  return await forEachOf(waiting, async ({ group, queues: before }) => {
    const { members, queues: after } = await groupView(cluster, masters, configs, group);
    const standing = new Set(after.filter(({ lag }) => lag > 0).map(({ topic }) => topic));
    const newestMs = new Map<string, number>();
    for (const topic of standing) {
      for (const broker of masters) {
        for (const queue of (await topicQueues(cluster, broker, topic)) ?? [])
          newestMs.set(queueName({ topic, broker: broker.name, queueId: queue.queueId }), queue.lastUpdateTimestamp);
      }
    }
    return { group, members: members.map(({ clientId }) => clientId), before, after, newestMs };
  });
}

/** Why something could not be asked; what is no fault of the other side is thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof ClientError || error instanceof BodyError || error instanceof CommandError) return error.message;
  throw error;
}

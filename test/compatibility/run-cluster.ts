/**
 * Scenarios of a stock client against two brokers behind two name servers, each a process of its own. The client's program says when
 * something shall happen to one of them:
 *
 *   topics TOPIC   the topic has two queues on broker-a and four on broker-b
 *   kill NAME      SIGKILL to broker-a, broker-b, names-1 or names-2
 *   start NAME     starts it again; done when every name server that runs has all routes of the topic, at the latest after 30 s
 */
import { type Cluster, startCluster } from '../support/cluster.ts';
import { routeOf } from '../support/create-topic.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import type { RingmqProcess } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type ClientProgram, runProgram, type Verdict } from './client-programs.ts';

/** What all clients have of these. */
export const CLUSTER_SCENARIOS = ['two-brokers'] as const;

const QUEUES = { 'broker-a': 2, 'broker-b': 4 } as const;
const ROUTES_MS_MAX = 30_000;

/** Starts the cluster, runs the scenarios and ends it. */
export async function runInCluster(
  program: ClientProgram,
  shards: number,
  prefix: string,
  onVerdict: (verdict: Verdict) => void,
  timeoutMs: number,
): Promise<void> {
  const cluster = await startCluster({ nameServers: 2, brokers: Object.keys(QUEUES), shards });
  const dead = new Set<RingmqProcess>();
  let topic = '';
  try {
    await runProgram(
      program,
      cluster.address,
      CLUSTER_SCENARIOS,
      prefix,
      onVerdict,
      async (event) => {
        const [what = '', name = ''] = event.split(' ');
        if (what === 'topics') {
          topic = name;
          for (const [broker, queues] of Object.entries(QUEUES)) await setQueues(memberOf(cluster, broker).broker, topic, queues);
        } else if (what === 'kill') {
          const member = memberOf(cluster, name);
          dead.add(member);
          await member.kill();
        } else if (what === 'start') {
          const member = memberOf(cluster, name);
          await member.start();
          dead.delete(member);
        } else throw new Error(`Nobody knows how to ${event}`);
        for (const nameServer of cluster.nameServers) if (!dead.has(nameServer)) await awaitRoutes(cluster, dead, nameServer, topic);
      },
      timeoutMs,
    );
  } finally {
    await cluster.destroy();
  }
}

function memberOf(cluster: Cluster, name: string): RingmqProcess {
  const members: Record<string, RingmqProcess | undefined> = {
    'broker-a': cluster.brokers[0],
    'broker-b': cluster.brokers[1],
    'names-1': cluster.nameServers[0],
    'names-2': cluster.nameServers[1],
  };
  const member = members[name];
  if (member === undefined) throw new Error(`The cluster has no ${name}`);
  return member;
}

/** Makes the topic, or changes it. @param broker host:port */
export async function setQueues(broker: string, topic: string, queues: number): Promise<void> {
  const client = await RemotingClient.connect(broker);
  const counts = { readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6', topicSysFlag: '0', order: 'false' };
  const answer = await client.request(17, { topic, defaultTopic: 'TBW102', topicFilterType: 'SINGLE_TAG', ...counts });
  await client.close();
  if (answer.code !== 0) throw new Error(`${topic} at ${broker}: ${answer.code} ${answer.remark}`);
}

/** The name server has the queues of the brokers that live, and of no other. */
async function awaitRoutes(cluster: Cluster, dead: ReadonlySet<RingmqProcess>, nameServer: RingmqProcess, topic: string): Promise<void> {
  const expected = Object.entries(QUEUES).filter(([name]) => !dead.has(memberOf(cluster, name)));
  const client = await RemotingClient.connect(nameServer.nameServer);
  try {
    await waitUntil(
      `the route of ${topic} at ${nameServer.nameServer}`,
      async () => {
        const route = await routeOf(client, topic);
        const queues = new Map(route?.queueDatas.map(({ brokerName, writeQueueNums }) => [brokerName, writeQueueNums]));
        return queues.size === expected.length && expected.every(([name, count]) => queues.get(name) === count);
      },
      ROUTES_MS_MAX,
    );
  } finally {
    await client.close();
  }
}

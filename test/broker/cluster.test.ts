/**
 * Two brokers behind two name servers, each a process of its own, masters without replicas: topics on one broker or on both, sends over
 * all queues, and what is left when one of the four ends or is killed.
 */

import tap, { test } from 'tap';
import { readQueue, sendMessage } from '../support/broker-client.ts';
import { isForeign, uniqueName } from '../support/broker-under-test.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../support/cluster.ts';
import { routeOf, type TopicRoute, updateTopic } from '../support/create-topic.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(240_000);

type TestContext = { teardown(run: () => Promise<void>): void };

async function clusterOf(t: TestContext, options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster({ nameServers: 2, brokers: ['broker-a', 'broker-b'], ...options });
  t.teardown(() => cluster.destroy());
  return cluster;
}

async function createAt(broker: RingmqProcess, topic: string, queues: number): Promise<void> {
  const client = await RemotingClient.connect(broker.broker);
  const answer = await updateTopic(client, topic, queues);
  await client.close();
  if (answer.code !== 0) throw new Error(`Topic ${topic} was not made: ${answer.code} ${answer.remark}`);
}

/** Write queues by broker, as one name server says; null: it has no such route. */
async function queuesBy(nameServer: RingmqProcess, topic: string): Promise<Record<string, number> | null> {
  const client = await RemotingClient.connect(nameServer.nameServer);
  try {
    const route: TopicRoute | undefined = await routeOf(client, topic);
    if (route === undefined) return null;
    const served = new Set(route.brokerDatas.map(({ brokerName }) => brokerName));
    return Object.fromEntries(
      route.queueDatas
        .filter(({ brokerName }) => served.has(brokerName))
        .map(({ brokerName, writeQueueNums }) => [brokerName, writeQueueNums] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  } finally {
    await client.close();
  }
}

/** Waits until every one of these name servers says this. */
async function routesAre(
  nameServers: readonly RingmqProcess[],
  topic: string,
  expected: Record<string, number> | null,
  ms = 30_000,
): Promise<void> {
  for (const nameServer of nameServers) {
    const isRight = async (): Promise<boolean> => JSON.stringify(await queuesBy(nameServer, topic)) === JSON.stringify(expected);
    await waitUntil(`${topic} at ${nameServer.nameServer} as ${JSON.stringify(expected)}`, isRight, ms);
  }
}

/** Sends to one queue of a broker; the broker's own client. */
async function sendTo(broker: RingmqProcess, topic: string, bodies: readonly string[]): Promise<void> {
  const client = await RemotingClient.connect(broker.broker);
  for (const body of bodies) {
    const { code, remark } = await sendMessage(client, topic, body);
    if (code !== 0) throw new Error(`${body} was not stored: ${code} ${remark}`);
  }
  await client.close();
}

async function bodiesOf(broker: RingmqProcess, topic: string): Promise<string[]> {
  const client = await RemotingClient.connect(broker.broker);
  const messages = await readQueue(client, topic, 0);
  await client.close();
  return messages.map(({ body }) => body.toString());
}

/** What a process said since it was asked to stop. */
function lastWords({ output }: RingmqProcess): string {
  return output.slice(output.indexOf('SIGTERM'));
}

const names = (word: string, count: number): string[] => Array.from({ length: count }, (_, number) => `${word} ${number}`);

test('two brokers: topics of both and of one, each with its own number of queues, at both name servers', { skip: isForeign }, async (t) => {
  const cluster = await clusterOf(t, { shards: 2 });
  const [a, b] = cluster.brokers as [RingmqProcess, RingmqProcess];
  await Promise.all([createAt(a, 'OnBoth', 4), createAt(b, 'OnBoth', 4), createAt(a, 'Uneven', 4), createAt(b, 'Uneven', 12)]);
  await createAt(b, 'OnlyB', 3);
  await routesAre(cluster.nameServers, 'OnBoth', { 'broker-a': 4, 'broker-b': 4 });
  await routesAre(cluster.nameServers, 'Uneven', { 'broker-a': 4, 'broker-b': 12 });
  await routesAre(cluster.nameServers, 'OnlyB', { 'broker-b': 3 });
  const client = await RemotingClient.connect(a.broker);
  t.match(await sendMessage(client, 'Uneven', 'x', { queueId: 11 }), { code: 29 }, 'a queue that only the other broker has');
  await client.close();
  await createAt(a, 'Uneven', 6);
  await routesAre(cluster.nameServers, 'Uneven', { 'broker-a': 6, 'broker-b': 12 });
});

test('a broker that is killed has no route any more at once, and its messages when it is back', { skip: isForeign }, async (t) => {
  const cluster = await clusterOf(t);
  const [a, b] = cluster.brokers as [RingmqProcess, RingmqProcess];
  await Promise.all([createAt(a, 'Killed', 2), createAt(b, 'Killed', 2)]);
  await routesAre(cluster.nameServers, 'Killed', { 'broker-a': 2, 'broker-b': 2 });
  await Promise.all([sendTo(a, 'Killed', names('a', 10)), sendTo(b, 'Killed', names('b', 10))]);
  await b.kill();
  // Its connections are closed: nobody waits for its 120 s of silence.
  await routesAre(cluster.nameServers, 'Killed', { 'broker-a': 2 }, 10_000);
  await sendTo(a, 'Killed', names('more', 10));
  t.same(await bodiesOf(a, 'Killed'), [...names('a', 10), ...names('more', 10)]);
  await b.start();
  await routesAre(cluster.nameServers, 'Killed', { 'broker-a': 2, 'broker-b': 2 });
  t.same(await bodiesOf(b, 'Killed'), names('b', 10), 'nothing acknowledged is lost');
});

test('a name server that is killed and comes back empty has all routes within 30 s', { skip: isForeign }, async (t) => {
  const cluster = await clusterOf(t);
  const [first, second] = cluster.nameServers as [RingmqProcess, RingmqProcess];
  const [a, b] = cluster.brokers as [RingmqProcess, RingmqProcess];
  await Promise.all([createAt(a, 'Names', 2), createAt(b, 'Names', 2)]);
  await routesAre(cluster.nameServers, 'Names', { 'broker-a': 2, 'broker-b': 2 });
  await first.kill();
  await Promise.all([sendTo(a, 'Names', names('a', 10)), sendTo(b, 'Names', names('b', 10))]);
  await createAt(a, 'Meanwhile', 3);
  t.same(
    await queuesBy(second, 'Meanwhile'),
    { 'broker-a': 3 },
    'a topic that is made meanwhile has its route before its maker is answered',
  );
  await first.start();
  const backAt = performance.now();
  await routesAre([first], 'Names', { 'broker-a': 2, 'broker-b': 2 });
  await routesAre([first], 'Meanwhile', { 'broker-a': 3 });
  await routesAre([first], 'TBW102', { 'broker-a': 8, 'broker-b': 8 });
  t.ok(performance.now() - backAt < 30_000);
  await second.kill();
  await sendTo(b, 'Names', names('later', 5));
  t.same(await bodiesOf(b, 'Names'), [...names('b', 10), ...names('later', 5)], 'nothing of this stops a broker');
});

test('a broker that is stopped in order has no route left when it has ended, and says nothing of failed registrations', {
  skip: isForeign,
}, async (t) => {
  const cluster = await clusterOf(t, { shards: 2 });
  const [a, b] = cluster.brokers as [RingmqProcess, RingmqProcess];
  const topic = uniqueName('stopped');
  await Promise.all([createAt(a, topic, 2), createAt(b, topic, 2)]);
  await routesAre(cluster.nameServers, topic, { 'broker-a': 2, 'broker-b': 2 });
  const client = await RemotingClient.connect(b.broker);
  t.equal((await sendMessage(client, topic, 'x')).code, 0);
  t.same(await b.stop(), { code: 0, signal: null });
  for (const nameServer of cluster.nameServers) t.same(await queuesBy(nameServer, topic), { 'broker-a': 2 }, 'withdrawn, not timed out');
  t.notMatch(lastWords(b), /cannot register|did not take/);
  for (const nameServer of cluster.nameServers) t.notMatch(nameServer.output, /broker gone/, 'the name server was told');
  // A name server that hangs holds nobody up.
  const [first, second] = cluster.nameServers as [RingmqProcess, RingmqProcess];
  first.signal('SIGSTOP');
  t.same(await a.stop(), { code: 0, signal: null });
  first.signal('SIGCONT');
  t.equal(await queuesBy(second, topic), null);
  await routesAre([first], topic, null, 10_000);
});

test('a name server and a broker in one process, with several shards, end without a word of failed registrations', {
  skip: isForeign,
}, async (t) => {
  const one = await startRingmq({ shards: 3 });
  t.teardown(() => one.destroy());
  const two = await startRingmq({ shards: 3, args: ['--set', 'brokerName=broker-b', '--set', `namesrvAddr=${one.nameServer}`] });
  t.teardown(() => two.destroy());
  await routesAre([one], 'TBW102', { 'broker-a': 8, 'broker-b': 8 });
  await routesAre([two], 'TBW102', { 'broker-b': 8 });
  t.same(await two.stop(), { code: 0, signal: null });
  t.same(await queuesBy(one, 'TBW102'), { 'broker-a': 8 });
  t.same(await one.stop(), { code: 0, signal: null });
  for (const process of [one, two]) t.notMatch(lastWords(process), /cannot register|broker gone|did not take/);
});

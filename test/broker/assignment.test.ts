/** Queues that the broker divides: QUERY_ASSIGNMENT, the mode of a group, over a restart; with a name server in the process and without. */
import tap, { test } from 'tap';
import { heartbeatBody, sendMessage } from '../support/broker-client.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import { startCluster } from '../support/cluster.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(120_000);

type Queue = { messageQueue: { brokerName: string; queueId: number; topic: string }; mode: string };

function body(value: unknown): { body: Buffer } {
  return { body: Buffer.from(JSON.stringify(value)) };
}

async function assigned(client: RemotingClient, topic: string, consumerGroup: string, clientId: string): Promise<string | null> {
  const asked = { topic, consumerGroup, clientId, strategyName: 'AVG', messageModel: 'CLUSTERING' };
  const frame = await client.request(400, null, body(asked));
  if (frame.code !== 0) throw new Error(`${frame.code} ${frame.remark}`);
  const { messageQueueAssignments: queues } = JSON.parse(frame.body.toString()) as { messageQueueAssignments?: Queue[] };
  return queues?.map(({ messageQueue, mode }) => `${mode} ${messageQueue.queueId}`).join(', ') ?? null;
}

for (const shards of [1, 2]) {
  test(`the broker divides a topic's queues among a group's members (${shards} shards)`, async (t) => {
    const ringmq = await startRingmq({ shards });
    t.teardown(() => ringmq.destroy());
    const topic = uniqueName('assign');
    const group = uniqueName('CG_assign');
    let clients: RemotingClient[] = [];
    t.teardown(async () => {
      for (const client of clients) await client.close();
    });
    const join = async (): Promise<void> => {
      clients = await Promise.all([0, 1].map(() => RemotingClient.connect(ringmq.broker)));
      for (const [index, client] of clients.entries())
        t.equal((await client.request(34, {}, { body: heartbeatBody(`c${index}`, group, [topic]) })).code, 0);
    };
    await join();
    t.equal((await sendMessage(clients[0]!, topic, 'x')).code, 0);
    await waitUntil('the route', async () => (await assigned(clients[0]!, topic, group, 'c0')) === 'PULL 0, PULL 1');
    t.equal(await assigned(clients[1]!, topic, group, 'c1'), 'PULL 2, PULL 3');
    t.equal(await assigned(clients[0]!, topic, group, 'stranger'), '', 'none for who is no member');
    t.equal(await assigned(clients[0]!, uniqueName('nowhere'), group, 'c0'), null, 'nothing is known of the topic');
    const mode = { topic, consumerGroup: group, mode: 'POP', popShareQueueNum: 0 };
    t.equal((await clients[0]!.request(401, null, body(mode))).code, 0);
    for (const [index, client] of clients.entries())
      t.equal(await assigned(client, topic, group, `c${index}`), 'POP -1', 'each pops any queue');
    t.equal(await assigned(clients[0]!, `%RETRY%${group}`, group, 'c0'), 'PULL 0', 'a retry topic is pulled');
    for (const client of clients) await client.close();
    await ringmq.kill();
    await ringmq.start();
    await join();
    await waitUntil('the mode after kill -9', async () => (await assigned(clients[0]!, topic, group, 'c0')) === 'POP -1');
    t.equal((await clients[0]!.request(400, null, { body: Buffer.from('{') })).code, 1);
  });
}

test('brokers without a name server of their own ask those that they register with', async (t) => {
  const cluster = await startCluster({ nameServers: 1, brokers: ['b1', 'b2'] });
  t.teardown(() => cluster.destroy());
  const client = await RemotingClient.connect(cluster.brokers[0]!.broker);
  t.teardown(() => client.close());
  const topic = uniqueName('far');
  const group = uniqueName('CG_far');
  for (const { broker } of cluster.brokers) {
    const one = await RemotingClient.connect(broker);
    t.equal((await sendMessage(one, topic, 'x')).code, 0);
    await one.close();
  }
  t.equal((await client.request(34, {}, { body: heartbeatBody('c0', group, [topic]) })).code, 0);
  const all = [0, 1, 2, 3].map((queueId) => `PULL ${queueId}`);
  await waitUntil('the queues of both', async () => (await assigned(client, topic, group, 'c0')) === [...all, ...all].join(', '));
});

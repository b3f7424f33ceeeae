/**
 * The client, two brokers and two name servers, each a process of its own: sends go to both brokers, one that dies is left alone, what it has waits
 * for its return, and a name server that dies is not missed.
 */
import t from 'tap';
import { Admin, Producer, PushConsumer } from '../../client/index.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import { startCluster } from '../support/cluster.ts';
import type { RingmqProcess } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

t.setTimeout(240_000);

t.test('Producer and PushConsumer lose nothing when a broker and a name server die and come back', async (t) => {
  const cluster = await startCluster({ nameServers: 2, brokers: ['broker-a', 'broker-b'] });
  t.teardown(() => cluster.destroy());
  const nameServers = cluster.nameServers.map((each) => each.nameServer);
  const [topic, group] = [uniqueName('Two'), uniqueName('GID')];
  const admin = new Admin({ nameServers });
  await waitUntil('both brokers', async () => (await admin.brokers()).length === 2);
  await admin.topics.create(topic, { writeQueues: 2 });
  t.equal((await admin.queues.list(topic)).length, 4);

  const sent = new Set<string>();
  const seen = new Set<string>();
  const producer = new Producer({ nameServers, timeoutMs: 20_000 });
  const consumer = new PushConsumer({ nameServers, group, commitPeriodMs: 200 });
  t.teardown(async () => {
    await Promise.all([producer.close(), consumer.close(), admin.close()]);
  });
  await consumer.subscribe(topic, (message) => void seen.add(Buffer.from(message.body).toString()));
  await consumer.start();
  const brokersUsed = new Set<string>();
  const sendMany = async (word: string, count: number): Promise<void> => {
    await Promise.all(
      [...Array(count).keys()].map(async (index) => {
        const { queue } = await producer.send({ topic, body: `${word} ${index}` });
        brokersUsed.add(queue.brokerName);
        sent.add(`${word} ${index}`);
      }),
    );
  };
  await sendMany('both', 100);
  t.same([...brokersUsed].sort(), ['broker-a', 'broker-b']);
  await waitUntil('the first hundred', () => seen.size === 100);

  const [first, second] = cluster.brokers as [RingmqProcess, RingmqProcess];
  consumer.pause();
  await sendMany('before', 40);
  await second.kill();
  brokersUsed.clear();
  await sendMany('alone', 100);
  t.same([...brokersUsed], ['broker-a'], 'the other takes the sends');
  consumer.resume();
  await waitUntil(
    'what the living one has',
    () => [...sent].filter((each) => each.startsWith('alone')).every((each) => seen.has(each)),
    30_000,
  );

  await (cluster.nameServers[0] as RingmqProcess).kill();
  await sendMany('one name server', 50);
  await second.start();
  await waitUntil('all that was ever acknowledged', () => [...sent].every((each) => seen.has(each)), 60_000);
  brokersUsed.clear();
  await waitUntil(
    'sends to both again',
    async () => {
      await sendMany('again', 8);
      return brokersUsed.size === 2;
    },
    60_000,
  );
  t.ok(first.pid > 0);
});

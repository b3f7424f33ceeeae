import t from 'tap';
import { Admin, type Message, Producer, PullConsumer, type PullConsumerOptions } from '../../client/index.ts';
import { brokerUnderTest, uniqueName } from '../support/broker-under-test.ts';
import { waitUntil } from '../support/wait-until.ts';

t.setTimeout(120_000);
const ringmq = await brokerUnderTest(t, { shards: 2 });
const admin = new Admin({ nameServers: ringmq.nameServer });
const producer = new Producer({ nameServers: ringmq.nameServer });
t.teardown(async () => {
  await producer.close();
  await admin.close();
});

const bodyOf = (message: Message): string => Buffer.from(message.body).toString();

type Closing = { teardown(run: () => Promise<void>): void };

function consumerOf(t: Closing, options: Partial<PullConsumerOptions> & { group: string }): PullConsumer {
  const consumer = new PullConsumer({ nameServers: ringmq.nameServer, ...options });
  t.teardown(() => consumer.close());
  return consumer;
}

async function topicWith(word: string, queues: number, count: number): Promise<string> {
  const topic = uniqueName(word);
  await admin.topics.create(topic, { writeQueues: queues });
  // One after another: a broker may store what is sent at once in any order.
  for (let index = 0; index < count; index++) await producer.send({ topic, body: `${index}` });
  return topic;
}

async function pollAll(consumer: PullConsumer, count: number): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) {
    const messages = await consumer.poll({ max: 7, timeoutMs: 10_000 });
    if (messages.length === 0) throw new Error(`${all.length} of ${count} messages came`);
    all.push(...messages.map(bodyOf));
  }
  return all;
}

t.test('PullConsumer polls what it subscribed to, and what was polled is committed at the close', async (t) => {
  const topic = await topicWith('Poll', 3, 60);
  const group = uniqueName('GID');
  const consumer = consumerOf(t, { group });
  await consumer.subscribe(topic);
  await consumer.start();
  t.equal(consumer.queues.length, 3);
  t.same(new Set(await pollAll(consumer, 60)).size, 60);
  const empty = performance.now();
  t.same(await consumer.poll({ timeoutMs: 100 }), [], 'none after the time given');
  t.ok(performance.now() - empty >= 95);
  const waiting = consumer.poll({ timeoutMs: 60_000 });
  await consumer.close();
  t.same(await waiting, [], 'a poll that waits ends with the close');
  await t.rejects(consumer.start(), { code: 'MQ_CLIENT_CLOSED' });
  for (const queue of await admin.queues.list(topic)) t.equal(await admin.groups.offset(group, queue), await admin.queues.maxOffset(queue));
});

t.test('PullConsumer repeats after a crash what was polled and not come back for', async (t) => {
  const topic = await topicWith('Crash', 1, 10);
  const group = uniqueName('GID');
  const first = consumerOf(t, { group, autoCommit: false });
  await first.subscribe(topic);
  await first.start();
  await first.poll({ max: 4 });
  await first.commit();
  await first.poll({ max: 3 });
  await first.close();
  const second = consumerOf(t, { group });
  await second.subscribe(topic);
  await second.start();
  t.same((await second.poll()).map(bodyOf), ['4', '5', '6', '7', '8', '9']);
});

t.test('PullConsumer iterates, in the order of each queue', async (t) => {
  const topic = await topicWith('Iterate', 2, 40);
  const group = uniqueName('GID');
  const consumer = consumerOf(t, { group, commitPeriodMs: 100 });
  await consumer.subscribe(topic);
  await consumer.start();
  const offsets = new Map<number, number[]>();
  let count = 0;
  for await (const message of consumer) {
    const own = offsets.get(message.queue.queueId) ?? [];
    own.push(message.queueOffset);
    offsets.set(message.queue.queueId, own);
    if (++count === 40) break;
  }
  for (const [, own] of offsets)
    t.same(
      own,
      [...own].sort((a, b) => a - b),
    );
  t.equal(count, 40);
  await consumer.commit();
  const committed = await Promise.all(consumer.queues.map((queue) => consumer.committed(queue)));
  t.equal(
    committed.reduce<number>((sum, each) => sum + (each ?? 0), 0),
    39,
    'the last one was never come back from',
  );
});

t.test('PullConsumer takes the queues that it is given, and seeks in them', async (t) => {
  const topic = await topicWith('Assign', 2, 40);
  const consumer = consumerOf(t, { group: uniqueName('GID') });
  const [queue, other] = await consumer.queuesOf(topic);
  await consumer.assign([queue!]);
  await consumer.start();
  t.same(consumer.queues, [queue]);
  const first = await pollAll(consumer, 20);
  t.equal(consumer.position(queue!), 20);
  consumer.seek(queue!, 5);
  t.equal(consumer.position(queue!), 5);
  t.same(await pollAll(consumer, 15), first.slice(5));
  await consumer.seekToBeginning(queue!);
  t.same(await pollAll(consumer, 20), first);
  await consumer.seekToEnd(queue!);
  const sent = await producer.send({ topic, body: 'new', queue: queue! });
  t.same((await consumer.poll()).map(bodyOf), ['new']);
  const [stored] = await (async () => {
    consumer.seek(queue!, sent.queueOffset);
    return await consumer.poll();
  })();
  await consumer.seekToTime(queue!, stored!.storeTimestamp);
  t.same((await consumer.poll()).map(bodyOf).at(-1), 'new');
  t.throws(() => consumer.seek(other!, 0), { code: 'MQ_CLIENT_ARGUMENT' }, 'not its own');
  t.throws(() => consumer.seek(queue!, -1), { code: 'MQ_CLIENT_ARGUMENT' });
  await consumer.assign([other!]);
  t.same(consumer.queues, [other]);
  t.equal((await pollAll(consumer, 20)).length, 20);
  await t.rejects(consumer.subscribe(topic), { code: 'MQ_CLIENT_ARGUMENT' });
  await t.rejects(consumer.assign([{ topic: 'Nowhere', brokerName: 'b', queueId: 0 }]), { code: 'MQ_CLIENT_NO_ROUTE' });
});

t.test('PullConsumer pauses single queues', async (t) => {
  const topic = await topicWith('PauseQueue', 2, 0);
  const consumer = consumerOf(t, { group: uniqueName('GID') });
  const [queue, other] = await consumer.queuesOf(topic);
  await consumer.assign([queue!, other!]);
  await consumer.start();
  consumer.pause([queue!]);
  await producer.send({ topic, body: 'held', queue: queue! });
  await producer.send({ topic, body: 'goes', queue: other! });
  t.same((await consumer.poll()).map(bodyOf), ['goes']);
  t.same(await consumer.poll({ timeoutMs: 50 }), []);
  consumer.resume();
  t.same((await consumer.poll()).map(bodyOf), ['held']);
});

t.test('PullConsumer shares queues with members of its group, and tells of changes', async (t) => {
  const topic = await topicWith('PullShared', 4, 0);
  const group = uniqueName('GID');
  const told: number[] = [];
  const first = consumerOf(t, { group, onAssigned: (queues) => told.push(queues.length) });
  await first.subscribe(topic);
  await first.start();
  const second = consumerOf(t, { group });
  await second.subscribe(topic);
  await second.start();
  await waitUntil('half each', () => first.queues.length === 2 && second.queues.length === 2);
  t.equal(told.at(0), 4);
  t.equal(told.at(-1), 2);
  await Promise.all([...Array(40).keys()].map((index) => producer.send({ topic, body: `${index}` })));
  const all = [...(await pollAll(first, 20)), ...(await pollAll(second, 20))];
  t.equal(new Set(all).size, 40);
});

t.test('PullConsumer holds no more than its limit of a queue that nobody polls', async (t) => {
  const topic = await topicWith('Backlog', 1, 300);
  const consumer = consumerOf(t, { group: uniqueName('GID'), queueMessagesMax: 50, pullMessagesMax: 10 });
  const [queue] = await consumer.queuesOf(topic);
  await consumer.assign([queue!]);
  await consumer.start();
  let max = 0;
  const all: string[] = [];
  while (all.length < 300) {
    const messages = await consumer.poll({ max: 1_000 });
    max = Math.max(max, messages.length);
    all.push(...messages.map(bodyOf));
  }
  t.ok(max <= 60, `${max} at once`);
  t.same(all, [...Array(300).keys()].map(String));
});

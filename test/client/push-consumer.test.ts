import t from 'tap';
import { Admin, type Message, Producer, PushConsumer, type PushConsumerOptions } from '../../client/index.ts';
import { brokerUnderTest, uniqueName } from '../support/broker-under-test.ts';
import { waitUntil } from '../support/wait-until.ts';

t.setTimeout(180_000);
const ringmq = await brokerUnderTest(t, { shards: 2, args: ['--set', 'enablePropertyFilter=true'] });
const admin = new Admin({ nameServers: ringmq.nameServer });
const producer = new Producer({ nameServers: ringmq.nameServer });
t.teardown(async () => {
  await producer.close();
  await admin.close();
});

const bodyOf = (message: Message): string => Buffer.from(message.body).toString();

type Closing = { teardown(run: () => Promise<void>): void };

function consumerOf(t: Closing, options: Partial<PushConsumerOptions> & { group: string }): PushConsumer {
  const consumer = new PushConsumer({ nameServers: ringmq.nameServer, rebalancePeriodMs: 1_000, ...options });
  t.teardown(() => consumer.close());
  return consumer;
}

async function topicOf(word: string, writeQueues: number = 4): Promise<string> {
  const topic = uniqueName(word);
  await admin.topics.create(topic, { writeQueues });
  return topic;
}

const sendAll = (topic: string, count: number, tag?: string): Promise<unknown> =>
  Promise.all([...Array(count).keys()].map((index) => producer.send({ topic, body: `${index}`, ...(tag === undefined ? {} : { tag }) })));

t.test('PushConsumer hands every message to the handler, once, and commits what it has consumed', async (t) => {
  const topic = await topicOf('Push');
  const group = uniqueName('GID');
  await sendAll(topic, 300);
  const seen: string[] = [];
  const consumer = consumerOf(t, { group, commitPeriodMs: 200 });
  await consumer.subscribe(topic, (message) => {
    seen.push(bodyOf(message));
  });
  await consumer.start();
  t.equal(consumer.queues.filter((queue) => queue.topic === topic).length, 4, 'all queues are its at the end of the start');
  await sendAll(topic, 200);
  await waitUntil('all messages', () => seen.length >= 500);
  t.equal(seen.length, 500);
  t.same(new Set(seen).size, 300);
  await waitUntil('the commits', async () => {
    const lag = await Promise.all((await admin.queues.list(topic)).map((queue) => admin.groups.offset(group, queue)));
    return lag.reduce<number>((sum, offset) => sum + (offset ?? 0), 0) === 500;
  });
  await consumer.close();

  const again = consumerOf(t, { group });
  const repeated: string[] = [];
  await again.subscribe(topic, (message) => {
    repeated.push(bodyOf(message));
  });
  await again.start();
  await producer.send({ topic, body: 'last' });
  await waitUntil('the new message', () => repeated.includes('last'));
  t.same(repeated, ['last'], 'nothing is consumed twice');
});

t.test('PushConsumer takes the tags that it wants', async (t) => {
  const topic = await topicOf('Tags');
  const consumer = consumerOf(t, { group: uniqueName('GID') });
  const seen: string[] = [];
  // The hashes of Aa and BB are one.
  await consumer.subscribe(topic, (message) => void seen.push(`${message.tag} ${bodyOf(message)}`), { tags: ['Aa', 'C'] });
  await consumer.start();
  for (const tag of ['Aa', 'BB', 'C', 'D']) await producer.send({ topic, tag, body: tag });
  await producer.send({ topic, tag: 'C', body: 'end' });
  await waitUntil('the wanted ones', () => seen.length >= 3);
  t.same(seen.sort(), ['Aa Aa', 'C C', 'C end']);
});

t.test('PushConsumer takes what an SQL92 expression chooses', async (t) => {
  const topic = await topicOf('Sql');
  const consumer = consumerOf(t, { group: uniqueName('GID') });
  const seen: string[] = [];
  await consumer.subscribe(topic, (message) => void seen.push(bodyOf(message)), { sql: "price > 5 AND colour IN ('red', 'blue')" });
  await consumer.start();
  for (const [price, colour] of [
    ['3', 'red'],
    ['7', 'red'],
    ['9', 'green'],
    ['8', 'blue'],
  ] as const)
    await producer.send({ topic, body: `${price} ${colour}`, properties: { price, colour } });
  await waitUntil('the wanted ones', () => seen.length >= 2);
  t.same(seen.sort(), ['7 red', '8 blue']);
});

t.test('PushConsumer shares the queues with members that come, and takes them over from those that leave', async (t) => {
  const topic = await topicOf('Shared', 8);
  const group = uniqueName('GID');
  const seen: string[] = [];
  const members: PushConsumer[] = [];
  const counts = (): number[] => members.map((member) => member.queues.filter((queue) => queue.topic === topic).length);
  for (let index = 0; index < 3; index++) {
    const member = consumerOf(t, { group, rebalancePeriodMs: 20_000 });
    await member.subscribe(topic, (message) => void seen.push(bodyOf(message)));
    await member.start();
    members.push(member);
  }
  await waitUntil('3 + 3 + 2 queues', () => counts().sort().join() === '2,3,3', 10_000);
  await sendAll(topic, 400);
  await waitUntil('all messages', () => new Set(seen).size === 400);
  await members.pop()!.close();
  await waitUntil('4 + 4 queues, told by the broker and not by the 20 s', () => counts().join() === '4,4', 10_000);
  await members.shift()!.close();
  await waitUntil('8 queues', () => counts().join() === '8', 10_000);
  seen.length = 0;
  await sendAll(topic, 100);
  await waitUntil('all messages', () => new Set(seen).size === 100);
  t.equal(seen.length, 100, 'each once: nobody was cut off in the middle of one');
});

t.test('PushConsumer runs no more handlers at once than it may, and holds no more than it may', async (t) => {
  const topic = await topicOf('Bounded', 1);
  await sendAll(topic, 200);
  const release: (() => void)[] = [];
  let most = 0;
  let done = 0;
  const consumer = consumerOf(t, { group: uniqueName('GID'), concurrency: 3, queueMessagesMax: 40 });
  await consumer.subscribe(topic, async () => {
    most = Math.max(most, consumer.running);
    await new Promise<void>((resolve) => release.push(resolve));
    done++;
  });
  await consumer.start();
  await waitUntil('three handlers', () => release.length === 3);
  while (done < 200) {
    for (const each of release.splice(0)) each();
    await waitUntil('more handlers', () => release.length > 0 || done === 200);
  }
  t.equal(most, 3);
});

t.test('PushConsumer pauses and resumes without giving its queues up', async (t) => {
  const topic = await topicOf('Paused', 2);
  const consumer = consumerOf(t, { group: uniqueName('GID') });
  const seen: string[] = [];
  await consumer.subscribe(topic, (message) => void seen.push(bodyOf(message)));
  await consumer.start();
  consumer.pause();
  await sendAll(topic, 50);
  const queues = await admin.queues.list(topic);
  await waitUntil('the messages at the broker', async () => {
    const ends = await Promise.all(queues.map((queue) => admin.queues.maxOffset(queue)));
    return ends.reduce((sum, end) => sum + end, 0) === 50;
  });
  t.same(seen, [], 'nothing while it is paused');
  t.equal(consumer.queues.filter((queue) => queue.topic === topic).length, 2);
  consumer.resume();
  await waitUntil('all of them', () => seen.length === 50);
});

t.test('PushConsumer keeps the order of each queue when it is orderly, also when a message fails for a while', async (t) => {
  const topic = await topicOf('Orderly', 3);
  const group = uniqueName('GID');
  const seen = new Map<string, number[]>();
  const failures = new Map<string, number>();
  for (let index = 0; index < 90; index++) await producer.send({ topic, body: `${index}`, shardingKey: `key-${index % 7}` });
  const consumer = consumerOf(t, { group, orderly: true, orderlyRetryMs: 20 });
  await consumer.subscribe(topic, (message) => {
    const body = bodyOf(message);
    const failed = failures.get(body) ?? 0;
    if (Number(body) % 10 === 3 && failed < 2) {
      failures.set(body, failed + 1);
      throw new Error('not now');
    }
    if (Number(body) % 10 === 3) t.equal(message.reconsumeTimes, 2);
    const queue = String(message.queue.queueId);
    seen.set(queue, [...(seen.get(queue) ?? []), Number(body)]);
  });
  await consumer.start();
  await waitUntil('all messages', () => [...seen.values()].flat().length === 90, 20_000);
  for (const [queue, numbers] of seen)
    t.same(
      numbers,
      [...numbers].sort((a, b) => a - b),
      `queue ${queue}`,
    );

  const other = consumerOf(t, { group, orderly: true });
  await other.subscribe(topic, () => {});
  await other.start();
  await waitUntil('a share of its own', () => other.queues.some((queue) => queue.topic === topic), 10_000);
  const keys = [...consumer.queues, ...other.queues].filter((queue) => queue.topic === topic).map((queue) => queue.queueId);
  t.equal(new Set(keys).size, keys.length, 'no queue at two members');
});

t.test('PushConsumer gives every member everything when it broadcasts', async (t) => {
  const topic = await topicOf('Broadcast', 2);
  const group = uniqueName('GID');
  const seen: string[][] = [[], []];
  for (const own of seen) {
    const consumer = consumerOf(t, { group, messageModel: 'broadcasting', consumeFrom: 'first' });
    await consumer.subscribe(topic, (message) => void own.push(bodyOf(message)));
    await consumer.start();
  }
  await sendAll(topic, 40);
  await waitUntil('all messages at both', () => seen.every((own) => own.length === 40));
  t.same([...seen[0]!].sort(), [...seen[1]!].sort());
});

t.test('PushConsumer begins where it is told in a topic that has lost its beginning to no one', async (t) => {
  const topic = await topicOf('From', 1);
  await sendAll(topic, 10);
  const queue = (await admin.queues.list(topic))[0]!;
  await waitUntil('the ten', async () => (await admin.queues.maxOffset(queue)) === 10);
  const group = uniqueName('GID');
  await admin.groups.create(group);
  await admin.groups.setOffset(group, queue, 7);
  const seen: number[] = [];
  const consumer = consumerOf(t, { group, consumeFrom: 'first' });
  await consumer.subscribe(topic, (message) => void seen.push(message.queueOffset));
  await consumer.start();
  await waitUntil('three messages', () => seen.length === 3);
  t.same(seen, [7, 8, 9], 'what the group has committed comes first');
});

t.test('PushConsumer refuses what breaks a rule', async (t) => {
  const nameServers = ringmq.nameServer;
  t.throws(() => new PushConsumer({ nameServers, group: 'no good' }), { code: 'MQ_CLIENT_ARGUMENT' });
  t.throws(() => new PushConsumer({ nameServers, group: 'G', concurrency: 0 }), { code: 'MQ_CLIENT_ARGUMENT' });
  t.throws(() => new PushConsumer({ nameServers, group: 'G', queueMessagesMax: 0 }), { code: 'MQ_CLIENT_ARGUMENT' });
  const consumer = consumerOf(t, { group: 'G' });
  await t.rejects(consumer.start(), { code: 'MQ_CLIENT_ARGUMENT' });
  await t.rejects(
    consumer.subscribe('a b', () => {}),
    { code: 'MQ_CLIENT_ARGUMENT' },
  );
  await t.rejects(
    consumer.subscribe('T', () => {}, { tags: ' || ' }),
    { code: 'MQ_CLIENT_ARGUMENT' },
  );
});

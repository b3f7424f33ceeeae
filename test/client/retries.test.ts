/**
 * What becomes of messages that a push consumer cannot consume, and what tools ask of consumers, against a started broker.
 */
import t from 'tap';
import { Admin, defineTopic, type Message, Producer, PullConsumer, PushConsumer, type PushConsumerOptions } from '../../client/index.ts';
import { decodeConsumeDirectlyResult } from '../../protocol/remoting/bodies/consume-directly-result.ts';
import { decodeConsumerRunningInfo } from '../../protocol/remoting/bodies/consumer-running-info.ts';
import { decodeConsumerStatus } from '../../protocol/remoting/bodies/consumer-status.ts';
import { brokerUnderTest, uniqueName } from '../support/broker-under-test.ts';
import { waitUntil } from '../support/wait-until.ts';

t.setTimeout(180_000);
const ringmq = await brokerUnderTest(t, { shards: 2, args: ['--set', 'messageDelayLevel=1s 1s 1s 1s 1s 1s'] });
const admin = new Admin({ nameServers: ringmq.nameServer });
const producer = new Producer({ nameServers: ringmq.nameServer });
t.teardown(async () => {
  await producer.close();
  await admin.close();
});

const bodyOf = (message: Message): string => Buffer.from(message.body).toString();

type Closing = { teardown(run: () => Promise<void>): void };

function consumerOf(t: Closing, options: Partial<PushConsumerOptions> & { group: string }): PushConsumer {
  const consumer = new PushConsumer({ nameServers: ringmq.nameServer, ...options });
  t.teardown(() => consumer.close());
  return consumer;
}

async function topicOf(word: string): Promise<string> {
  const topic = uniqueName(word);
  await admin.topics.create(topic, { writeQueues: 2 });
  return topic;
}

async function deadLetters(t: Closing, group: string): Promise<Message[]> {
  const reader = new PullConsumer({ nameServers: ringmq.nameServer, group: uniqueName('GID_reader'), consumeFrom: 'first' });
  t.teardown(() => reader.close());
  await reader.assign(
    await waitUntil('the dead letters', async () => {
      const queues = await reader.queuesOf(`%DLQ%${group}`);
      return queues.length > 0 ? queues : null;
    }),
  );
  await reader.start();
  return await reader.poll({ timeoutMs: 10_000 });
}

t.test('PushConsumer gets a message that failed again, under its own topic, and then is done with it', async (t) => {
  const topic = await topicOf('Retry');
  const seen: string[] = [];
  const errors: string[] = [];
  const consumer = consumerOf(t, { group: uniqueName('GID'), onError: (error) => errors.push(error.code) });
  await consumer.subscribe(topic, (message) => {
    seen.push(`${message.topic === topic} ${bodyOf(message)} ${message.reconsumeTimes}`);
    if (bodyOf(message) === 'bad' && message.reconsumeTimes < 2) throw new Error('not yet');
  });
  await consumer.start();
  const { messageId } = await producer.send({ topic, body: 'bad' });
  await producer.send({ topic, body: 'good' });
  await waitUntil('the third time', () => seen.includes('true bad 2'), 30_000);
  t.same(seen.sort(), ['true bad 0', 'true bad 1', 'true bad 2', 'true good 0']);
  t.same(errors, ['MQ_CLIENT_HANDLER', 'MQ_CLIENT_HANDLER'], 'each failure is told');
  t.match(messageId, /^[0-9A-F]{32}$/);
});

t.test('PushConsumer leaves a message among the dead letters after the last time, or at once when it is told to', async (t) => {
  const topic = await topicOf('Dead');
  const group = uniqueName('GID');
  let times = 0;
  const consumer = consumerOf(t, { group, retriesMax: 1 });
  await consumer.subscribe(
    topic,
    (message) => {
      if (bodyOf(message) === 'never') times++;
      throw new Error('no');
    },
    { retryLevel: (message) => (bodyOf(message) === 'hopeless' ? -1 : 0) },
  );
  await consumer.start();
  await producer.send({ topic, body: 'never', keys: 'k' });
  await waitUntil('two times', () => times === 2, 30_000);
  const [dead] = await deadLetters(t, group);
  t.equal(bodyOf(dead!), 'never');
  t.same(dead!.keys, ['k'], 'with all that belongs to it');
  t.equal(dead!.properties.get('RETRY_TOPIC'), topic);
  t.equal(times, 2, 'once, and one repetition');
  await producer.send({ topic, body: 'hopeless' });
  const queue = (await admin.queues.list(`%DLQ%${group}`))[0]!;
  await waitUntil('the other one', async () => (await admin.queues.maxOffset(queue)) === 2);
});

t.test('PushConsumer gives what is not valid to its handler for that, and the rest of the queue goes on', async (t) => {
  const numbers = defineTopic<number>({
    name: await topicOf('Typed'),
    validate: (value) => {
      if (typeof value !== 'number') throw new Error('no number');
      return value;
    },
  });
  const [seen, invalid]: [number[], string[]] = [[], []];
  const group = uniqueName('GID');
  const consumer = consumerOf(t, { group });
  await consumer.subscribe(numbers, (value) => void seen.push(value), {
    onInvalid: (error, message) => void invalid.push(`${error.code} ${bodyOf(message)}`),
  });
  await consumer.start();
  for (const body of ['1', '"x"', '{', '2']) await producer.send({ topic: numbers.name, body });
  await waitUntil('all four', () => seen.length + invalid.length === 4);
  t.same(seen.sort(), [1, 2]);
  t.same(invalid.sort(), ['MQ_CLIENT_INVALID_VALUE "x"', 'MQ_CLIENT_INVALID_VALUE {']);
});

t.test('PushConsumer goes past a message that fails, when it is orderly and repetitions have an end', async (t) => {
  const topic = await topicOf('OrderlyDead');
  const group = uniqueName('GID');
  const seen: string[] = [];
  const consumer = consumerOf(t, { group, orderly: true, orderlyRetryMs: 10, retriesMax: 2 });
  await consumer.subscribe(topic, (message) => {
    seen.push(`${bodyOf(message)} ${message.reconsumeTimes}`);
    if (bodyOf(message) === 'bad') throw new Error('no');
  });
  await consumer.start();
  for (const body of ['bad', 'good']) await producer.send({ topic, body, shardingKey: 'one' });
  await waitUntil('the good one', () => seen.includes('good 0'), 20_000);
  t.same(seen.slice(0, 4), ['bad 0', 'bad 1', 'bad 2', 'good 0'], 'not before its turn');
  const [dead] = await deadLetters(t, group);
  t.equal(bodyOf(dead!), 'bad');
});

t.test('PushConsumer delivers a delayed message not before its time', async (t) => {
  const topic = await topicOf('Delayed');
  const consumer = consumerOf(t, { group: uniqueName('GID') });
  const seen: { body: string; lateMs: number }[] = [];
  await consumer.subscribe(topic, (message) => void seen.push({ body: bodyOf(message), lateMs: Date.now() - message.bornTimestamp }));
  await consumer.start();
  await producer.send({ topic, body: 'later', delayLevel: 1 });
  await producer.send({ topic, body: 'now' });
  await waitUntil('both', () => seen.length === 2);
  t.same(
    seen.map((each) => each.body),
    ['now', 'later'],
  );
  t.ok(seen[1]!.lateMs >= 1_000, `after ${seen[1]!.lateMs} ms`);
});

t.test('PushConsumer tells tools how it is, where it is, and consumes what they send', async (t) => {
  const topic = await topicOf('Tools');
  const group = uniqueName('GID');
  const consumer = consumerOf(t, { group, concurrency: 2 });
  const seen: string[] = [];
  await consumer.subscribe(topic, (message) => {
    seen.push(bodyOf(message));
    if (bodyOf(message) === 'bad') throw new Error('it is bad');
  });
  await consumer.start();
  const queue = (await admin.queues.list(topic))[0]!;
  const sent = await producer.send({ topic, body: 'x', queue });
  await waitUntil('the message', () => seen.length === 1);
  const [master] = await admin.calls.mastersOf(topic);
  const { clientId } = consumer;

  const running = await admin.request(master!.address, { code: 307, ext: { consumerGroup: group, clientId } });
  t.equal(running.code, 0, running.remark ?? '');
  const info = decodeConsumerRunningInfo(running.body);
  t.equal(info.properties.get('PROP_CONSUME_TYPE'), 'CONSUME_PASSIVELY');
  t.same(info.subscriptions.map((each) => each.topic).sort(), [`%RETRY%${group}`, topic]);
  const own = info.queues.find(([each]) => each.topic === topic && each.queueId === queue.queueId);
  t.match(own?.[1], { commitOffset: 1, cachedMsgCount: 0 });
  t.ok((info.status.get(topic)?.consumeOKTPS ?? 0) > 0);

  const status = await admin.request(master!.address, { code: 223, ext: { topic, group, clientAddr: '' } });
  t.equal(status.code, 0, status.remark ?? '');
  t.same(
    decodeConsumerStatus(status.body)
      .get(clientId)
      ?.find(([each]) => each.queueId === queue.queueId)?.[1],
    1,
  );

  const ext = { consumerGroup: group, clientId, msgId: sent.offsetMessageId, topic };
  const directly = await admin.request(master!.address, { code: 309, ext });
  t.match(decodeConsumeDirectlyResult(directly.body), { consumeResult: 'CR_SUCCESS', order: false });
  t.same(seen, ['x', 'x'], 'consumed once more');
});

for (const isForce of [true, false]) {
  t.test(`PushConsumer goes on where an administrator sets it (${isForce ? 'by force' : 'backwards'})`, async (t) => {
    const topic = await topicOf('Reset');
    const group = uniqueName('GID');
    const consumer = consumerOf(t, { group });
    const seen: string[] = [];
    await consumer.subscribe(topic, (message) => void seen.push(bodyOf(message)));
    await consumer.start();
    await Promise.all([...Array(10).keys()].map((index) => producer.send({ topic, body: `${index}` })));
    await waitUntil('the ten', () => seen.length === 10);
    const [master] = await admin.calls.mastersOf(topic);
    const answer = await admin.request(master!.address, { code: 222, ext: { topic, group, timestamp: 0, isForce } });
    t.equal(answer.code, 0, answer.remark ?? '');
    await waitUntil('the ten again', () => seen.length === 20, 30_000);
    t.equal(new Set(seen).size, 10);
  });
}

t.test('PullConsumer tells tools how it is', async (t) => {
  const topic = await topicOf('PullTools');
  const group = uniqueName('GID');
  const consumer = new PullConsumer({ nameServers: ringmq.nameServer, group });
  t.teardown(() => consumer.close());
  await consumer.subscribe(topic);
  await consumer.start();
  await producer.send({ topic, body: 'x' });
  t.equal((await consumer.poll()).length, 1);
  const [master] = await admin.calls.mastersOf(topic);
  const ext = { consumerGroup: group, clientId: consumer.clientId };
  const running = await admin.request(master!.address, { code: 307, ext });
  const info = decodeConsumerRunningInfo(running.body);
  t.equal(info.properties.get('PROP_CONSUME_TYPE'), 'CONSUME_ACTIVELY');
  t.equal(
    info.queues.reduce((sum, [, each]) => sum + each.cachedMsgCount, 0),
    1,
    'polled, and not come back for',
  );
  const directly = await admin.request(master!.address, { code: 309, ext: { ...ext, msgId: '7F0000010000632F0000000000000000', topic } });
  t.not(directly.code, 0, 'it has no handlers');
});

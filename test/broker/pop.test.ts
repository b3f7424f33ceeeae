/**
 * Pop consumption at a started broker: messages in flight, receipts, messages that come again, ordered pops, what waits. Expectations that touch no
 * process were checked against the Java broker 5.4.0 (BROKER_UNDER_TEST), but for those that are said to differ and one of the last test's.
 */
import tap, { test } from 'tap';
import { queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import { ack, batchAck, changeInvisible, type PoppedMessage, pop } from '../support/pop-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { pause, waitUntil } from '../support/wait-until.ts';

tap.setTimeout(180_000);

async function sendAll(
  client: RemotingClient,
  topic: string,
  count: number,
  queues = 4,
  properties: Record<string, string> = {},
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const sent = await sendMessage(client, topic, `m${i}`, { queueId: i % queues, properties });
    if (sent.code !== 0) throw new Error(`${sent.code} ${sent.remark}`);
  }
}

function bodies(messages: readonly PoppedMessage[]): string[] {
  return messages.map(({ body }) => body.toString()).sort();
}

async function popAll(
  client: RemotingClient,
  topic: string,
  count: number,
  options: Parameters<typeof pop>[2] = {},
): Promise<PoppedMessage[]> {
  const all: PoppedMessage[] = [];
  await waitUntil(
    `${count} messages of ${topic}`,
    async () => {
      all.push(...(await pop(client, topic, options)).messages);
      return all.length >= count;
    },
    20_000,
    5,
  );
  return all;
}

async function committed(client: RemotingClient, group: string, topic: string, queueId: number): Promise<number> {
  const frame = await client.request(14, { consumerGroup: group, topic, queueId: String(queueId), setZeroIfNotFound: 'false' });
  return frame.code === 0 ? Number(frame.ext?.['offset']) : -1;
}

for (const { flush, shards } of [
  { flush: 'async', shards: 1 },
  { flush: 'sync', shards: 2 },
] as const) {
  test(`popped messages are given out once and are done when acknowledged (${flush} flush, ${shards} shards)`, async (t) => {
    const broker = await brokerUnderTest(t, { flush, shards });
    const client = await broker.connect();
    const topic = uniqueName('pop');
    const group = uniqueName('CG_pop');
    await sendAll(client, topic, 20);
    const popped = await popAll(client, topic, 20, { group });
    t.same(bodies(popped), Array.from({ length: 20 }, (_, i) => `m${i}`).sort(), 'every message once');
    t.equal((await pop(client, topic, { group })).frame.code, 210, 'nothing is left');
    for (const message of popped) t.equal((await ack(client, message, group)).code, 0, 'acknowledged');
    for (let queueId = 0; queueId < 4; queueId++) {
      await waitUntil(`the committed offset of queue ${queueId}`, async () => (await committed(client, group, topic, queueId)) === 5);
    }
    t.equal((await ack(client, popped[0]!, group)).code, 0, 'acknowledged again, as a client that got no answer does');
  });
}

test('a message that is not acknowledged comes again after its invisible time, with one more attempt, and then as a dead letter', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('again');
  const group = uniqueName('CG_again');
  await sendAll(client, topic, 1, 1, { KEYS: 'k', TAGS: 'a' });
  if (!isForeign) {
    const config = { groupName: group, retryMaxTimes: 2, retryQueueNums: 1 };
    t.equal((await client.request(200, {}, { body: Buffer.from(JSON.stringify(config)) })).code, 0);
  }
  let popTime = 0;
  for (let attempt = 0; attempt < 3; attempt++) {
    const { frame, messages } = await pop(client, topic, { group, invisibleMs: 1000, holdMs: 8000 });
    t.equal(frame.code, 0, `attempt ${attempt}`);
    t.equal(messages.length, 1);
    const message = messages[0]!;
    t.equal(message.reconsumeTimes, attempt, 'attempts before');
    t.equal(message.topic, topic, 'told as one of the topic');
    t.equal(message.properties['KEYS'], 'k');
    if (attempt > 0) {
      t.match(message.receipt, / 1 \S+ 0 \d+$/, 'the receipt names the retry topic');
      t.ok(message.properties['1ST_POP_TIME'], 'the first pop is told');
      if (!isForeign) {
        const late = Number(frame.ext?.['popTime']) - popTime - 1000;
        // How late is checked on the virtual clock (test/simulation/pops.test.ts).
        t.ok(late >= 0, `back after its invisible time, ${late} ms late`);
      }
    }
    popTime = Number(frame.ext?.['popTime']);
  }
  if (isForeign) return;
  const dead = await waitUntil('the dead letter', async () => (await readQueue(client, `%DLQ%${group}`, 0).catch(() => []))[0], 5_000);
  t.equal(dead.body.toString(), 'm0');
  t.equal(dead.properties['RETRY_TOPIC'], topic);
  t.equal((await pop(client, topic, { group })).frame.code, 210, 'and nothing comes any more');
  await waitUntil('the committed offset', async () => (await committed(client, group, topic, 0)) === 1);
});

test('a pop waits for a message, and for one that comes again', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('wait');
  const group = uniqueName('CG_wait');
  await sendAll(client, topic, 1);
  const [first] = await popAll(client, topic, 1, { group, invisibleMs: 60_000 });
  // Longer than the test may take: what is told at the end of its time is told too late.
  const held = pop(client, topic, { group, holdMs: 200_000 });
  await pause(300);
  await sendMessage(client, topic, 'late', { queueId: 2 });
  t.same(bodies((await held).messages), ['late']);
  const again = pop(client, topic, { group, holdMs: 15_000 });
  const changed = await changeInvisible(client, first!, 500, group);
  t.equal(changed.frame.code, 0);
  t.equal(changed.frame.ext?.['invisibleTime'], '500');
  t.same(bodies((await again).messages), ['m0'], 'the one whose time was cut short');
  const empty = await pop(client, topic, { group, holdMs: 300 });
  t.equal(empty.frame.code, 210, 'nothing came');
  t.equal(empty.frame.remark, 'NO_MESSAGE_IN_QUEUE');
  t.same(Object.keys(empty.frame.ext ?? {}).sort(), [
    'invisibleTime',
    'msgOffsetInfo',
    'popTime',
    'restNum',
    'reviveQid',
    'startOffsetInfo',
  ]);
});

test('acknowledgements come in batches, receipts are exchanged, bad ones are refused by name', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('batch');
  const group = uniqueName('CG_batch');
  await sendAll(client, topic, 12);
  const popped = await popAll(client, topic, 12, { group, invisibleMs: 30_000 });
  t.equal((await batchAck(client, popped.slice(0, 10), group)).code, 0);
  const [one, two] = [popped[10]!, popped[11]!];
  const changed = await changeInvisible(client, one, 30_000, group);
  t.equal(changed.frame.code, 0);
  t.equal((await ack(client, changed.message, group)).code, 0, 'the new receipt is good');
  t.equal((await ack(client, two, group, { topic: 'nowhere' })).code, 17);
  t.equal((await ack(client, two, group, { queueId: '99' })).code, 13);
  t.equal((await ack(client, two, group, { offset: '1000' })).code, 208);
  t.equal((await client.request(200_151, {})).code, 208, 'an empty batch');
  if (isForeign) return;
  t.equal((await ack(client, two, group, { extraInfo: 'rubbish' })).code, 1);
  const other = two.receipt.replace('broker-a', 'broker-b');
  t.match(await ack(client, two, group, { extraInfo: other }), { code: 13, remark: /broker-b/ });
  const words = two.receipt.split(' ');
  words[6] = String((two.queueId + 1) % 4);
  t.match(await ack(client, two, group, { extraInfo: words.join(' ') }), { code: 13, remark: /receipt is of queue/ });
  words[6] = String(two.queueId);
  words[1] = String(Number(words[1]) + 5);
  t.match(await ack(client, two, group, { extraInfo: words.join(' ') }), { code: 208, remark: /good no more/ }, 'forged');
  t.equal((await ack(client, two, group)).code, 0, 'still good after all that');
});

test('ordered pops block their queue until its messages are done, and give them again in order', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('order');
  const group = uniqueName('CG_order');
  await sendAll(client, topic, 6, 1);
  const options = { group, queueId: 0, order: true, max: 2, invisibleMs: 2_000 };
  const first = await popAll(client, topic, 2, options);
  t.same(bodies(first), ['m0', 'm1']);
  t.match(first[0]!.receipt, /^0 \d+ 2000 999 0 /);
  t.equal((await pop(client, topic, options)).frame.code, 210, 'blocked');
  t.equal((await ack(client, first[0]!, group)).code, 0);
  t.equal((await pop(client, topic, options)).frame.code, 210, 'still blocked');
  const second = await pop(client, topic, { ...options, holdMs: 6_000 });
  if (!isForeign) t.same(bodies(second.messages), ['m1'], 'what was not acknowledged comes again');
  t.equal(second.messages.find(({ body }) => body.toString() === 'm1')!.attempts, 1, 'its second delivery');
  for (const message of second.messages) t.equal((await ack(client, message, group)).code, 0);
  const third = await popAll(client, topic, 2, { ...options, holdMs: 3_000 });
  t.equal(third[0]!.body.toString(), isForeign ? 'm3' : 'm2');
});

test('tags and SQL92 choose what is popped; what is not wanted is done', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('tags');
  for (let i = 0; i < 12; i++)
    await sendMessage(client, topic, `m${i}`, { queueId: i % 2, properties: { TAGS: i % 3 === 0 ? 'a' : 'b', n: String(i) } });
  const byTag = await popAll(client, topic, 4, { group: uniqueName('CG_tag'), expression: 'a' });
  t.same(bodies(byTag), ['m0', 'm3', 'm6', 'm9']);
  const group = uniqueName('CG_sql');
  const options = { group, expression: 'n > 8', expressionType: 'SQL92', max: 4 };
  if (isForeign) return;
  t.same(bodies(await popAll(client, topic, 3, options)), ['m10', 'm11', 'm9']);
  t.match((await pop(client, topic, { ...options, expression: 'n >' })).frame, { code: 23 });
});

test('peek, notification and polling info', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('peek');
  const group = uniqueName('CG_peek');
  await sendAll(client, topic, 3);
  await popAll(client, topic, 3, { group });
  const asked = { consumerGroup: group, topic, queueId: '-1' };
  const poll = { pollTime: '5000', bornTime: String(Date.now()) };
  t.equal((await client.request(200_052, { ...asked, maxMsgNums: '8' })).code, 19, 'nothing to peek at');
  const held = pop(client, topic, { group, holdMs: 3_000 });
  await waitUntil('a pop that waits', async () => (await client.request(200_055, asked)).ext?.['pollingNum'] === '1');
  const told = client.request(200_054, { ...asked, consumerGroup: uniqueName('CG_other'), ...poll });
  t.same((await told).ext, { hasMsg: 'true', pollingFull: 'false' }, 'a group that has all before it');
  await sendMessage(client, topic, 'new', { queueId: 1 });
  t.same(bodies((await held).messages), ['new']);
  const later = client.request(200_054, { ...asked, ...poll, bornTime: String(Date.now()) });
  await pause(200);
  await sendMessage(client, topic, 'newer', { queueId: 3 });
  t.same((await later).ext, { hasMsg: 'true', pollingFull: 'false' });
  const peeked = await client.request(200_052, { ...asked, maxMsgNums: '8' });
  t.equal(peeked.code, 0);
  t.ok(peeked.body.includes('newer'));
  t.same(bodies(await popAll(client, topic, 1, { group })), ['newer'], 'it was only looked at');
});

test('retry topics of the second kind, beside those of the first that are there already', async (t) => {
  if (isForeign) return;
  const ringmq = await startRingmq({});
  t.teardown(() => ringmq.destroy());
  const topic = uniqueName('kinds');
  const group = uniqueName('CG_kinds');
  let client = await RemotingClient.connect(ringmq.broker);
  t.teardown(() => client.close());
  await sendAll(client, topic, 2, 1);
  const [first] = await popAll(client, topic, 1, { group, max: 1, invisibleMs: 0 });
  const retry = `%RETRY%${group}_${topic}`;
  await waitUntil('the first retry topic', async () => (await readQueue(client, retry, 0).catch(() => [])).length === 1);
  t.equal((await client.request(25, {}, { body: Buffer.from('enableRetryTopicV2=true\n') })).code, 0);
  await waitUntil('the second retry topic', async () => {
    await pop(client, topic, { group, max: 1, invisibleMs: 0, queueId: 0 });
    return (await readQueue(client, `%RETRY%${group}+${topic}`, 0).catch(() => [])).length > 0;
  });
  await client.close();
  await ringmq.kill();
  await ringmq.start({});
  client = await RemotingClient.connect(ringmq.broker);
  const again = await popAll(client, topic, 2, { group });
  t.same([...new Set(bodies(again))], ['m0', 'm1'], 'both are popped, after a crash too');
  for (const message of again) t.equal((await ack(client, message, group)).code, 0);
  t.equal(first!.body.toString(), 'm0');
  t.equal((await ack(client, again[0]!, 'CG_of_nobody_at_all')).code, 13, 'the retry topic is another group’s');
});

test('a paused group gets nothing, also where it waits', async (t) => {
  if (isForeign) return;
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('paused');
  const group = uniqueName('CG_paused');
  await sendAll(client, topic, 1);
  await popAll(client, topic, 1, { group });
  const held = pop(client, topic, { group, holdMs: 2_000 });
  await pause(300);
  const enable = (consumeEnable: boolean): Promise<unknown> =>
    client.request(200, {}, { body: Buffer.from(JSON.stringify({ groupName: group, consumeEnable })) });
  await enable(false);
  await sendMessage(client, topic, 'new', { queueId: 1 });
  t.equal((await held).frame.code, 210);
  t.equal((await pop(client, topic, { group })).frame.code, 16);
  await enable(true);
  t.same(bodies(await popAll(client, topic, 1, { group })), ['new']);
});

test('requests that cannot be served are refused by the Java broker’s codes', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('bad');
  await sendAll(client, topic, 1);
  t.equal((await pop(client, 'nowhere_to_be_found')).frame.code, 17);
  t.equal((await pop(client, topic, { queueId: 99 })).frame.code, 29);
  t.equal((await pop(client, topic, { max: 33 })).frame.code, 29);
  const fields = { consumerGroup: 'CG_pop', topic, queueId: '0', maxMsgNums: '1', invisibleTime: '1000', initMode: '0' };
  const stale = { ...fields, pollTime: '1000', bornTime: String(Date.now() - 10_000) };
  t.equal((await client.request(200_050, stale)).code, 210, 'older than its own end');
  t.equal((await client.request(200_050, { ...fields, pollTime: 'x', bornTime: '0' })).code, 1);
  t.equal(await queueOffset(client, 30, topic, 0), 1);
});

test('a group that somebody sets back pops again from there, once nothing is in flight', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('pop_back');
  const group = uniqueName('CG_back');
  const setTo = (offset: number): Promise<unknown> =>
    client.request(15, { consumerGroup: group, topic, queueId: '0', commitOffset: String(offset) });
  await sendAll(client, topic, 6, 1);
  const options = { group, queueId: 0, max: 32, invisibleMs: 60_000 };
  const first = await popAll(client, topic, 6, options);
  await setTo(2);
  await pause(3_000);
  // A Java broker gives out again what is in flight.
  if (!isForeign) t.same((await pop(client, topic, options)).messages, [], 'what is in flight is not given out again');
  for (const message of first) t.equal((await ack(client, message, group)).code, 0);
  await waitUntil('the group has got on', async () => (await committed(client, group, topic, 0)) === 6, 20_000);
  await pause(3_000);
  await setTo(4);
  t.same(bodies(await popAll(client, topic, 2, options)), ['m4', 'm5']);
});

/** Transactions of a started broker: what is committed is seen once, what is not is never seen, whatever happens to the broker in between. */
import tap, { test } from 'tap';
import { queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import { updateTopic } from '../support/create-topic.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import {
  COMMIT,
  endOneway,
  endTransaction,
  GIVEN_UP_TOPIC,
  HALF_TOPIC,
  joinProducers,
  OP_TOPIC,
  onChecks,
  ROLLBACK,
  sendHalf,
  UNKNOWN,
} from '../support/transactions.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(180_000);

const QUICK = ['--set', 'transactionCheckInterval=300', '--set', 'transactionTimeOut=500', '--set', 'transactionCheckMax=3'];

async function bodies(client: RemotingClient, topic: string, queues = 4): Promise<string[]> {
  const all: string[] = [];
  for (let queue = 0; queue < queues; queue++) all.push(...(await readQueue(client, topic, queue)).map(({ body }) => body.toString()));
  return all.sort();
}

for (const { flush, shards } of [
  { flush: 'async', shards: 1 },
  { flush: 'sync', shards: 2 },
] as const) {
  test(`a half message is seen when it is committed, and once (${flush} flush, ${shards} shards)`, async (t) => {
    const broker = await brokerUnderTest(t, { flush, shards });
    const client = await broker.connect();
    const other = await broker.connect();
    const topic = uniqueName('transactions');
    t.equal((await sendMessage(client, topic, 'plain', { queueId: 0 })).code, 0);
    const properties = { TAGS: 'tag', KEYS: `k${topic}`, own: 'value' };
    const committed = await sendHalf(client, topic, 'committed', { queueId: 2, properties, fields: { h: '7' } });
    const rolledBack = await sendHalf(client, topic, 'rolled back');
    const open = await sendHalf(client, topic, 'open');
    t.same(await bodies(client, topic), ['plain'], 'nobody sees a half message');
    t.equal(await queueOffset(client, 30, topic, 2), 0);
    t.equal((await endTransaction(client, rolledBack, ROLLBACK)).code, 0);
    const commit = await endTransaction(other, committed, COMMIT);
    t.equal(commit.code, 0, `the word may come by another connection: ${commit.remark}`);
    const [message] = await waitUntil('the committed message', async () => {
      const all = await readQueue(client, topic, 2);
      return all.length > 0 ? all : undefined;
    });
    t.equal(message?.body.toString(), 'committed');
    t.equal((message?.sysFlag ?? 0) & 0xc, COMMIT, 'as the Java broker marks it');
    if (!isForeign) {
      t.equal((await endTransaction(client, committed, COMMIT)).code, 0, 'the same word once more is no fault');
      t.equal((await endTransaction(client, committed, ROLLBACK)).code, 1, 'another one is');
      t.equal((await endTransaction(client, rolledBack, COMMIT)).code, 1);
      t.equal((await endTransaction(client, open, UNKNOWN)).code, 0, 'nothing is known');
    }
    t.same(await bodies(client, topic), ['committed', 'plain'], 'the outcome stays, and is seen once');
    t.match(message, { queueId: 2, flag: 7, preparedTransactionOffset: committed.physical });
    const own = message?.properties ?? {};
    t.match(own, { ...properties, UNIQ_KEY: committed.id, PGROUP: 'PG_test', __transactionId__: committed.id });
    t.equal(own['REAL_TOPIC'], undefined);
    t.equal(own['REAL_QID'], undefined);
    t.equal(own['TRAN_ORIGIN_QUEUE_OFFSET'], undefined);
    const halves = await readQueue(client, HALF_TOPIC, 0, committed.halfOffset);
    t.match(halves[0], { sysFlag: 0, queueId: 0, properties: { REAL_TOPIC: topic, REAL_QID: '2', TRAN_MSG: 'true', PGROUP: 'PG_test' } });
    const ops = await waitUntil('the op records', async () => {
      const all = (await readQueue(client, OP_TOPIC, 0)).filter(({ properties: { TAGS } }) => TAGS === 'd');
      const named = all.flatMap(({ body }) => body.toString().split(',')).map(Number);
      return named.includes(committed.halfOffset) && named.includes(rolledBack.halfOffset) ? named : undefined;
    });
    t.notOk(ops.includes(open.halfOffset));
    const found = await client.request(12, {
      topic,
      key: `k${topic}`,
      maxNum: '8',
      beginTimestamp: '0',
      endTimestamp: String(Date.now() + 60_000),
    });
    t.equal(found.code, 0, 'it is found by its key');
  });
}

test('what ends no half message is refused with a remark that says why', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('refused');
  const plain = await sendMessage(client, topic, 'plain');
  const half = await sendHalf(client, topic, 'half');
  const end = async (more: Record<string, string>, outcome = COMMIT): Promise<{ code: number; remark: string }> => {
    const { code, remark } = await endTransaction(client, half, outcome, false, more);
    return { code, remark: String(remark) };
  };
  const plainAt = String(Number.parseInt(String(plain.ext?.['msgId']).slice(-16), 16));
  for (const [what, more, remark] of [
    ['beyond the end', { commitLogOffset: '99999999999' }, /Find prepared transaction message failed.*99999999999/],
    ['in the middle of a record', { commitLogOffset: String(half.physical + 5) }, /Find prepared transaction message failed/],
    ['negative', { commitLogOffset: '-1' }, /Find prepared transaction message failed.*-1/],
    ['a plain message', { commitLogOffset: plainAt }, /no half message/],
    ['another group', { producerGroup: 'PG_other' }, /The producer group wrong.*PG_other/],
    ['another place in the queue', { tranStateTableOffset: '4711' }, /The transaction state table offset wrong.*4711/],
    ['an outcome that is none', { commitOrRollback: '5' }, /commitOrRollback field wrong.*5/],
    ['no number', { commitLogOffset: 'x' }, /commitLogOffset/],
  ] as const) {
    const answer = await end(more);
    t.equal(answer.code, 1, `${what}: ${answer.remark}`);
    if (!isForeign) t.match(answer.remark, remark, what);
  }
  t.same(await bodies(client, topic), ['plain']);
  t.equal((await end({})).code, 0, 'and the right one is still open');
  t.equal((await end({ commitOrRollback: '0' })).code, 0);
});

test('a producer group is asked about a half message that waits, and another member when the sender has gone', async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2, args: QUICK });
  const sender = await broker.connect();
  const reader = await broker.connect();
  const group = uniqueName('PG');
  const topic = uniqueName('checked');
  await joinProducers(sender, 'sender', group);
  const half = await sendHalf(sender, topic, 'asked', { group, queueId: 3, properties: { KEYS: 'k', own: 'value' } });
  const asked = await new Promise<Parameters<Parameters<typeof onChecks>[2]>[0]>((resolve) => onChecks(sender, group, resolve));
  t.ok((asked.frame.flag & 2) !== 0, 'one-way');
  t.equal(asked.place.id, half.id);
  t.ok(asked.place.halfOffset > half.halfOffset, 'it was stored again');
  t.match(asked.frame.ext, { topic: HALF_TOPIC, msgId: half.id, transactionId: half.id });
  t.match(asked.message, {
    topic,
    queueId: 3,
    properties: { REAL_TOPIC: topic, own: 'value', TRANSACTION_CHECK_TIMES: '1', PGROUP: group },
  });
  t.equal(asked.message.body.toString(), 'asked');
  const other = await broker.connect();
  await joinProducers(other, 'other', group);
  onChecks(other, group, ({ place }) => endOneway(other, place, COMMIT, true));
  await sender.close();
  await waitUntil('the committed message', async () => (await bodies(reader, topic)).length > 0);
  t.same(await bodies(reader, topic), ['asked']);
  t.equal((await endTransaction(reader, half, COMMIT)).code, 0, 'its sender says so, too, much later');
  t.same(await bodies(reader, topic), ['asked'], 'once');
});

test('a half message can be ended by its first place after it was stored again', async (t) => {
  const broker = await brokerUnderTest(t, { args: [...QUICK.slice(0, 4), '--set', 'transactionCheckMax=1000'] });
  const client = await broker.connect();
  const group = uniqueName('PG');
  const topic = uniqueName('late');
  await joinProducers(client, 'client', group);
  let checks = 0;
  onChecks(client, group, () => void checks++);
  const half = await sendHalf(client, topic, 'late', { group });
  await waitUntil('three checks', () => checks >= 3);
  t.equal((await endTransaction(client, half, COMMIT)).code, 0);
  t.same(await bodies(client, topic), ['late']);
  const seen = checks;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  t.ok(checks <= seen + 1, 'nobody is asked any more');
});

test('a half message of its own time is asked about after it, and its late end is refused', async (t) => {
  const broker = await brokerUnderTest(t, { args: QUICK });
  const client = await broker.connect();
  const group = uniqueName('PG');
  const topic = uniqueName('immune');
  await joinProducers(client, 'client', group);
  const begin = Date.now();
  const checkedAt = new Map<string, number>();
  onChecks(client, group, ({ message }) => {
    const body = message.body.toString();
    if (!checkedAt.has(body)) checkedAt.set(body, Date.now() - begin);
  });
  const slow = await sendHalf(client, topic, 'slow', { group, properties: { CHECK_IMMUNITY_TIME_IN_SECONDS: '3' } });
  await sendHalf(client, topic, 'quick', { group });
  await waitUntil('both checks', () => checkedAt.size === 2, 20_000);
  t.ok((checkedAt.get('slow') ?? 0) >= 3_000, `asked after ${checkedAt.get('slow')} ms`);
  t.ok((checkedAt.get('quick') ?? 0) < 3_000, `asked after ${checkedAt.get('quick')} ms`);
  const late = await endTransaction(client, slow, COMMIT);
  t.equal(late.code, 604, `too late: ${late.remark}`);
});

test('after the last check a half message is kept, and can be resumed', async (t) => {
  const broker = await brokerUnderTest(t, { args: QUICK });
  const client = await broker.connect();
  const group = uniqueName('PG');
  const topic = uniqueName('given_up');
  const kept = async (): ReturnType<typeof readQueue> =>
    (await readQueue(client, GIVEN_UP_TOPIC, 0)).filter(({ properties }) => properties['PGROUP'] === group);
  await joinProducers(client, 'client', group);
  const times: string[] = [];
  let word = UNKNOWN;
  onChecks(client, group, ({ place, message }) => {
    times.push(message.properties['TRANSACTION_CHECK_TIMES'] ?? '');
    endOneway(client, place, word, true);
  });
  const half = await sendHalf(client, topic, 'nobody knows', { group });
  const [first] = await waitUntil('it is given up', async () => ((await kept()).length > 0 ? await kept() : undefined), 20_000);
  t.same(times, ['1', '2', '3'], 'asked as often as the setting says');
  t.match(first?.properties, { REAL_TOPIC: topic, TRAN_MSG: 'true' });
  if (!isForeign) t.equal((await endTransaction(client, half, COMMIT)).code, 604, 'it is resumed before it is ended');
  t.same(await bodies(client, topic), []);
  const messageId = `7F000001${Number(broker.broker.split(':')[1]).toString(16).padStart(8, '0')}${(first?.physicalOffset ?? 0).toString(16).padStart(16, '0')}`;
  word = COMMIT;
  const resumed = await client.request(323, { topic: GIVEN_UP_TOPIC, msgId: messageId.toUpperCase() });
  t.equal(resumed.code, 0, String(resumed.remark));
  if (!isForeign) t.equal((await client.request(323, { msgId: messageId })).code, 1, 'once');
  await waitUntil('the committed message', async () => (await bodies(client, topic)).length > 0, 20_000);
  t.same(await bodies(client, topic), ['nobody knows']);
  if (isForeign) return;
  t.equal((await client.request(323, { msgId: messageId })).code, 1, 'it is ended now');
  t.equal((await client.request(323, { msgId: 'x' })).code, 1);
  t.equal((await client.request(323, { msgId: `${messageId.slice(0, 16)}00000000FFFFFFFF` })).code, 1);
  t.same(await bodies(client, topic), ['nobody knows']);
});

test('what was resumed and committed is not resumed once more after a start; what is still kept is', { skip: isForeign }, async (t) => {
  const ringmq = await startRingmq({ args: QUICK });
  t.teardown(() => ringmq.destroy());
  const group = uniqueName('PG');
  const topic = uniqueName('resumed');
  let word = UNKNOWN;
  const join = async (): Promise<RemotingClient> => {
    const client = await RemotingClient.connect(ringmq.broker);
    await joinProducers(client, 'client', group);
    onChecks(client, group, ({ place }) => endOneway(client, place, word, true));
    return client;
  };
  let client = await join();
  await sendHalf(client, topic, 'one', { group });
  await sendHalf(client, topic, 'two', { group });
  const kept = await waitUntil('both are given up', async () => {
    const all = await readQueue(client, GIVEN_UP_TOPIC, 0);
    return all.length === 2 ? all : undefined;
  });
  const port = Number(ringmq.broker.split(':')[1]);
  const idOf = (body: string): string => {
    const physical = kept.find((one) => one.body.toString() === body)!.physicalOffset;
    return `7F000001${port.toString(16).padStart(8, '0')}${physical.toString(16).padStart(16, '0')}`.toUpperCase();
  };
  word = COMMIT;
  t.equal((await client.request(323, { msgId: idOf('one') })).code, 0);
  await waitUntil('the first', async () => (await bodies(client, topic)).length === 1);
  await client.close();
  await ringmq.kill();
  await ringmq.start();
  client = await join();
  const resumed = (body: string): ReturnType<RemotingClient['request']> =>
    waitUntil('an answer of who has started', async () => {
      const answer = await client.request(323, { msgId: idOf(body) });
      return answer.code === 2 ? undefined : answer;
    });
  t.match(await resumed('one'), { code: 1, remark: /resumed already/ });
  t.equal((await resumed('two')).code, 0);
  await waitUntil('the second', async () => (await bodies(client, topic)).length === 2);
  t.same(await bodies(client, topic), ['one', 'two'], 'each once');
  await client.close();
});

test('half messages can be refused, and a prepared message without TRAN_MSG takes no place in its queue', {
  skip: isForeign,
}, async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('prepared');
  t.equal((await sendMessage(client, topic, 'plain')).code, 0);
  for (const flag of ['4', '12']) {
    const answer = await sendMessage(client, topic, 'prepared', { fields: { f: flag } });
    t.match(answer, { code: 0, ext: { queueOffset: '0' } }, 'as the Java broker answers');
  }
  t.equal(await queueOffset(client, 30, topic, 0), 1);
  t.equal((await sendMessage(client, topic, 'next')).ext?.['queueOffset'], '1');
  t.same(await bodies(client, topic), ['next', 'plain']);
  t.equal((await client.request(25, {}, { body: Buffer.from('rejectTransactionMessage=true') })).code, 0);
  await t.rejects(sendHalf(client, topic, 'half'), /16/);
});

test('a delayed half message waits for its time from its commit on', async (t) => {
  const broker = await brokerUnderTest(t, { args: ['--set', 'messageDelayLevel=1s 2s 3s'] });
  const client = await broker.connect();
  const topic = uniqueName('delayed');
  await updateTopic(client, topic, 4);
  const half = await sendHalf(client, topic, 'delayed', { properties: { DELAY: '1' } });
  t.equal((await endTransaction(client, half, COMMIT)).code, 0);
  const at = Date.now();
  t.same(await bodies(client, topic), []);
  await waitUntil('it is there', async () => (await bodies(client, topic)).length > 0, 20_000);
  t.ok(Date.now() - at > 800, 'not before its time');
});

test('half messages that wait are listed with their age, before and after a kill', { skip: isForeign }, async (t) => {
  const ringmq = await startRingmq({ args: ['--set', 'transactionCheckInterval=300'] });
  t.teardown(() => ringmq.destroy());
  const topic = uniqueName('listed');
  const listed = async (): Promise<{ open: number; messages: Record<string, unknown>[] }> => {
    const answer = await fetch(`http://${ringmq.admin}/transactions`);
    return (await answer.json()) as { open: number; messages: Record<string, unknown>[] };
  };
  const client = await RemotingClient.connect(ringmq.broker);
  const open = await sendHalf(client, topic, 'open');
  const ended = await sendHalf(client, topic, 'ended');
  t.equal((await endTransaction(client, ended, COMMIT)).code, 0);
  const own = {
    queueOffset: open.halfOffset,
    physicalOffset: open.physical,
    producerGroup: 'PG_test',
    topic,
    uniqueKey: open.id,
    checks: 0,
  };
  const before = await listed();
  t.match(before, { open: 1, next: -1, messages: [own] });
  await client.close();
  await ringmq.kill();
  await ringmq.start();
  const after = await waitUntil('the list after the kill', async () => {
    const page = await listed();
    return page.open > 0 ? page : undefined;
  });
  t.match(after.messages[0], own);
  t.ok(Number(after.messages[0]?.['ageMs']) > Number(before.messages[0]?.['ageMs']), 'older');
  const metrics = await (await fetch(`http://${ringmq.admin}/metrics`)).text();
  t.match(metrics, /rocketmq_half_messages\{[^}]*\} 1\n/);
});

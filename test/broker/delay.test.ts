/** Delay levels of a started broker: messages come when their time has come, whatever happens to the broker in between. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import tap, { test } from 'tap';
import { queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import { updateTopic } from '../support/create-topic.ts';
import { encodeBatch, type RawMessage } from '../support/raw-message.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(180_000);

const LEVELS = ['--set', 'messageDelayLevel=1s 2s 3s'];
const SCHEDULE = 'SCHEDULE_TOPIC_XXXX';

function bodies(messages: readonly RawMessage[]): string[] {
  return messages.map((message) => message.body.toString());
}

/** All messages of a topic with four queues, once there are `count`. */
async function arrived(client: RemotingClient, topic: string, count: number): Promise<RawMessage[]> {
  return await waitUntil(
    `${count} messages in ${topic}`,
    async () => {
      const all: RawMessage[] = [];
      for (let queue = 0; queue < 4; queue++) all.push(...(await readQueue(client, topic, queue)));
      return new Set(bodies(all)).size >= count ? all : undefined;
    },
    30_000,
  );
}

for (const { flush, shards } of [
  { flush: 'async', shards: 1 },
  { flush: 'sync', shards: 2 },
] as const) {
  test(`a delayed message comes when its level's time is over (${flush} flush, ${shards} shards)`, { skip: isForeign }, async (t) => {
    const broker = await brokerUnderTest(t, { flush, shards, args: LEVELS });
    const client = await broker.connect();
    const topic = uniqueName('delay');
    t.equal((await sendMessage(client, topic, 'at once', { queueId: 3 })).code, 0);
    for (const [level, queueId] of [
      [1, 0],
      [2, 1],
      [3, 2],
      [99, 2],
    ] as const) {
      const properties = { DELAY: String(level), KEYS: `k${level}`, TAGS: 'tag', UNIQ_KEY: `U${level}` };
      const answer = await sendMessage(client, topic, `level ${level}`, { queueId, properties });
      t.equal(answer.code, 0, `level ${level} is taken: ${answer.remark}`);
      t.equal(answer.ext?.['queueId'], String(queueId), 'the answer names the queue that was asked for');
      t.equal(answer.ext?.['transactionId'], `U${level}`);
    }
    t.equal(await queueOffset(client, 30, topic, 0), 0, 'nobody sees it before');
    t.equal(await queueOffset(client, 30, SCHEDULE, 2), 2, 'a level above the last one is the last');
    const all = await arrived(client, topic, 5);
    for (const message of all) {
      const [, level] = /^level (\d+)$/.exec(message.body.toString()) ?? [];
      if (level === undefined) continue;
      const delayMs = Math.min(Number(level), 3) * 1000;
      const late = message.storeTimestamp - message.bornTimestamp - delayMs;
      t.ok(late >= 0, `level ${level} came ${late} ms after its time, not before`);
      t.equal(message.properties['REAL_TOPIC'], topic);
      t.equal(message.properties['KEYS'], `k${level}`, 'and is what was sent');
    }
    t.equal(all.length, 5, 'each once');
    const [first] = await readQueue(client, topic, 0);
    const found = await client.request(12, {
      topic,
      key: 'k1',
      maxNum: '8',
      beginTimestamp: '0',
      endTimestamp: String(Date.now() + 60_000),
    });
    t.equal(found.code, 0, 'it is found by its key');
    t.equal(first?.queueId, 0, 'in the queue that it was sent to');
    // The last delivery is settled when the log has told so.
    await waitUntil('the end of all levels', async () => {
      const { code, body } = await client.request(45, {});
      const { offsetTable } = JSON.parse(body.toString()) as { offsetTable: Record<string, number> };
      return code === 0 && JSON.stringify(offsetTable) === '{"1":1,"2":1,"3":2}';
    });
    const info = JSON.parse((await client.request(28, {})).body.toString()) as { table: Record<string, string> };
    t.equal(info.table['scheduleMessageOffset_3'], '2,2', 'and the tools are told the same');
  });
}

test('delayed messages are stored as the Java broker stores them', { skip: isForeign }, async (t) => {
  const { messages } = JSON.parse(readFileSync(new URL('../fixtures/delayed-messages.json', import.meta.url), 'utf8')) as {
    messages: Record<string, { properties: Record<string, string> }>;
  };
  const broker = await brokerUnderTest(t, { shards: 2, args: LEVELS });
  const client = await broker.connect();
  const topic = uniqueName('same');
  const cases: Record<string, Record<string, string>> = {
    'delay 1': { DELAY: '1', TAGS: 'a', KEYS: 'k1 k2', UNIQ_KEY: 'U2', WAIT: 'true', own: 'x' },
    'delay +2': { DELAY: '+2', UNIQ_KEY: 'U7' },
    'delay 1 and timer': { DELAY: '1', TIMER_DELAY_SEC: '100', TIMER_DELIVER_MS: '1', UNIQ_KEY: 'U8' },
    'delay 1 and timer ms': { DELAY: '1', TIMER_DELAY_MS: '100000', UNIQ_KEY: 'U8b' },
    'delay 1 and REAL_TOP': { DELAY: '1', REAL_TOPIC: 'elsewhere', REAL_QID: '7', UNIQ_KEY: 'U9' },
    'delay 0': { DELAY: '0', UNIQ_KEY: 'U4' },
    'delay -1': { DELAY: '-1', UNIQ_KEY: 'U5' },
    'REAL_TOPIC alone': { REAL_TOPIC: 'x', UNIQ_KEY: 'U11' },
  };
  for (const [body, properties] of Object.entries(cases))
    t.equal((await sendMessage(client, topic, body, { queueId: 2, properties })).code, 0, body);
  const parked = [...(await readQueue(client, SCHEDULE, 0)), ...(await readQueue(client, SCHEDULE, 1))];
  const delivered = await arrived(client, topic, Object.keys(cases).length);
  const propertiesIn = (found: readonly RawMessage[], body: string): Record<string, string> | undefined => {
    const message = found.find((one) => one.body.toString() === body);
    if (message === undefined) return undefined;
    return Object.fromEntries(Object.entries(message.properties).map(([name, value]) => [name, value.replaceAll(topic, 'T')]));
  };
  for (const body of Object.keys(cases)) {
    t.same(propertiesIn(parked, body), messages[`parked ${body}`]?.properties, `${body}: parked`);
    t.same(propertiesIn(delivered, body), messages[`delivered ${body}`]?.properties, `${body}: delivered`);
  }
});

test('delayed messages are where they were after an orderly stop, and come once', { skip: isForeign }, async (t) => {
  const ringmq = await startRingmq({ args: LEVELS });
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  for (let i = 0; i < 20; i++) await sendMessage(client, 'stop_delay', `early ${i}`, { queueId: i % 4, properties: { DELAY: '1' } });
  await arrived(client, 'stop_delay', 20);
  for (let i = 0; i < 40; i++) await sendMessage(client, 'stop_delay', `late ${i}`, { queueId: i % 4, properties: { DELAY: '3' } });
  await client.close();
  t.equal((await ringmq.stop()).code, 0);
  const saved = JSON.parse(readFileSync(join(ringmq.dataDir, 'config', 'delayOffset.json'), 'utf8')) as {
    offsetTable: Record<string, number>;
  };
  t.equal(saved.offsetTable['1'], 20, 'the first level is delivered to its end');
  t.equal(saved.offsetTable['3'], 0, 'of the third nothing was due');
  await ringmq.start();
  const again = await RemotingClient.connect(ringmq.broker);
  const all = await arrived(again, 'stop_delay', 60);
  t.equal(all.length, 60, 'nothing is lost and nothing comes twice');
  t.equal(await queueOffset(again, 30, SCHEDULE, 0), 20, 'and nothing was parked once more');
  await again.close();
});

for (const flush of ['async', 'sync'] as const) {
  test(`kill -9 among deliveries loses no acknowledged message (${flush} flush)`, { skip: isForeign }, async (t) => {
    const ringmq = await startRingmq({ flush, shards: 2, args: LEVELS });
    t.teardown(() => ringmq.destroy());
    const client = await RemotingClient.connect(ringmq.broker);
    t.equal((await sendMessage(client, 'kill_delay', 'first')).code, 0);
    const acknowledged = new Set<string>(['first']);
    const sends = Array.from({ length: 400 }, async (_, i) => {
      const answer = await sendMessage(client, 'kill_delay', `m${i}`, { queueId: i % 4, properties: { DELAY: String(1 + (i % 3)) } });
      if (answer.code === 0) acknowledged.add(`m${i}`);
    });
    await Promise.all(sends);
    t.equal(acknowledged.size, 401, 'all are acknowledged');
    await waitUntil('the first deliveries', async () => (await readQueue(client, 'kill_delay', 0)).length > 5, 20_000);
    await ringmq.kill();
    await client.close().catch(() => undefined);
    await ringmq.start();
    const again = await RemotingClient.connect(ringmq.broker);
    const all = await arrived(again, 'kill_delay', acknowledged.size);
    const seen = new Set(bodies(all));
    t.same(
      [...acknowledged].filter((body) => !seen.has(body)),
      [],
      'everything acknowledged arrives',
    );
    t.comment(`${all.length - seen.size} came twice`);
    await again.close();
  });
}

test('delayed messages whose destination changed', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { args: LEVELS });
  const client = await broker.connect();
  const topic = uniqueName('shrunk');
  const gone = uniqueName('gone');
  t.equal((await updateTopic(client, topic, 4)).code, 0);
  t.equal((await sendMessage(client, topic, 'to queue 3', { queueId: 3, properties: { DELAY: '1' } })).code, 0);
  t.equal((await sendMessage(client, gone, 'to nowhere', { queueId: 0, properties: { DELAY: '1' } })).code, 0);
  t.equal((await updateTopic(client, topic, 2)).code, 0);
  t.equal((await client.request(215, { topic: gone })).code, 0);
  await waitUntil('the message in a queue that exists', async () => (await readQueue(client, topic, 1)).length === 1, 10_000);
  t.pass('a queue that is no more gives its messages to one that is');
  t.equal((await sendMessage(client, topic, 'next', { queueId: 0, properties: { DELAY: '1' } })).code, 0);
  await waitUntil('the next one', async () => (await readQueue(client, topic, 0)).length === 1, 10_000);
  t.pass('a message for a deleted topic stops nobody behind it');
});

test('delays that are refused', async (t) => {
  const broker = await brokerUnderTest(t, isForeign ? {} : { shards: 2, args: LEVELS });
  const client = await broker.connect();
  const topic = uniqueName('refused');
  t.equal((await sendMessage(client, topic, 'good')).code, 0);
  for (const level of ['abc', '1.5', '99999999999', '', ' 1', '0x1', '__proto__']) {
    const answer = await sendMessage(client, topic, 'x', { properties: { DELAY: level } });
    if (level === '') t.equal(answer.code, 0, 'an empty value is no property');
    else {
      t.equal(answer.code, 1, `DELAY ${JSON.stringify(level)}: ${answer.remark}`);
      if (!isForeign) t.match(answer.remark, /DELAY/, 'the remark names the property');
    }
  }
  for (const level of ['0', '-1', '-2147483648'])
    t.equal((await sendMessage(client, topic, 'now', { properties: { DELAY: level } })).code, 0, `DELAY ${level} is none`);
  const batch = encodeBatch([{ body: Buffer.from('b'), properties: {} }]);
  t.equal((await sendMessage(client, topic, batch, { isBatch: true, properties: { DELAY: '1' } })).code, 13, 'a delayed batch');
  t.equal(
    (await sendMessage(client, topic, batch, { isBatch: true, properties: { DELAY: '0', MY_DELAY: '1' } })).code,
    0,
    'no delayed batch',
  );
  if (!isForeign) {
    const delayed = encodeBatch([{ body: Buffer.from('b'), properties: { DELAY: '1' } }]);
    t.equal((await sendMessage(client, topic, delayed, { isBatch: true })).code, 13, 'a delayed message in a batch');
    const half = await sendMessage(client, topic, 'x', { properties: { TRAN_MSG: 'true', DELAY: '1' } });
    t.equal(half.code, 0, 'a half message is not parked before it is committed');
    const long = await sendMessage(client, topic, 'x', { properties: { DELAY: '1', big: 'x'.repeat(32_700) } });
    t.equal(long.code, 13, 'properties that are too long with what the broker adds');
    t.match(long.remark, /32767/);
    t.equal(await queueOffset(client, 30, SCHEDULE, 0), 0, 'nothing was parked');
  }
  t.equal((await sendMessage(client, topic, 'next')).code, 0, 'the next frame is served');
});

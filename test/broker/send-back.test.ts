/**
 * Messages that consumers give back, at a started broker: another attempt after a growing delay, then the dead letters. What is
 * stored is compared with what the Java broker stored for the same requests (test/fixtures/delayed-messages.json).
 */
import { readFileSync } from 'node:fs';
import tap, { test } from 'tap';
import { heartbeatBody, queueOffset, readQueue, type SendOptions, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import type { RawMessage } from '../support/raw-message.ts';
import { RemotingClient, type RequestOptions } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(180_000);

// A Java broker to compare with is to be started with the same levels.
const LEVELS = ['--set', 'messageDelayLevel=1s 1s 2s 3s 3s'];
const SCHEDULE = 'SCHEDULE_TOPIC_XXXX';

type Stored = Omit<RawMessage, 'body' | 'properties'> & { body: string; properties: Record<string, string> };
const fixture = JSON.parse(readFileSync(new URL('../fixtures/delayed-messages.json', import.meta.url), 'utf8')) as {
  messages: Record<string, Partial<Stored>>;
};

function sendBack(client: RemotingClient, ext: Record<string, string | undefined>, options: RequestOptions = {}): Promise<RawFrame> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(ext)) if (value !== undefined) kept[name] = value;
  return client.request(36, kept, options);
}

/** The messages of a queue that may not exist yet. */
async function messages(client: RemotingClient, topic: string, queueId = 0): Promise<RawMessage[]> {
  return await readQueue(client, topic, queueId).catch(() => []);
}

async function message(client: RemotingClient, topic: string, index: number, queueId = 0): Promise<RawMessage> {
  return await waitUntil(`message ${index} of ${topic}`, async () => (await messages(client, topic, queueId))[index], 20_000, 50);
}

for (const { flush, shards } of [
  { flush: 'async', shards: 1 },
  { flush: 'sync', shards: 2 },
] as const) {
  test(`what is given back is stored as the Java broker stores it (${flush} flush, ${shards} shards)`, async (t) => {
    const broker = await brokerUnderTest(t, isForeign ? {} : { flush, shards, args: LEVELS });
    const client = await broker.connect();
    const topic = uniqueName('back');
    const group = uniqueName('CG_again');
    const retry = `%RETRY%${group}`;
    const dead = `%DLQ%${group}`;
    const same = (actual: RawMessage, name: string): void => {
      const { body, properties, queueId, reconsumeTimes, sysFlag, flag } = actual;
      const plain = (text: string): string => text.replaceAll(topic, 'T').replaceAll(group, 'G');
      const known: Record<string, string> = {};
      for (const key of Object.keys(properties).sort()) if (key !== 'WAIT') known[key] = plain(properties[key]!);
      if (known['ORIGIN_MESSAGE_ID'] !== undefined && known['ORIGIN_MESSAGE_ID'] !== 'O') {
        t.equal(known['ORIGIN_MESSAGE_ID'], originId, `${name}: the id of the message as it was stored first`);
        known['ORIGIN_MESSAGE_ID'] = '<id>';
      }
      const stored = { topic: plain(actual.topic), queueId, reconsumeTimes, sysFlag, flag, properties: known, body: body.toString() };
      t.same(stored, fixture.messages[name], name);
    };

    const plain = { KEYS: 'k1', TAGS: 'a', WAIT: 'true', UNIQ_KEY: 'U1' };
    const sent = await sendMessage(client, topic, 'plain', { queueId: 1, properties: plain });
    const originId = sent.ext?.['msgId'];
    const origin = await message(client, topic, 0, 1);
    t.equal((await client.request(34, {}, { body: heartbeatBody('cid', group, [topic]) })).code, 0);

    const parked = await queueOffset(client, 30, SCHEDULE, 2);
    const back = { group, originMsgId: 'X', originTopic: topic, unitMode: 'false', maxReconsumeTimes: '2' };
    t.equal((await sendBack(client, { ...back, offset: String(origin.physicalOffset), delayLevel: '0' })).code, 0);
    same(await message(client, SCHEDULE, parked, 2), 'sent back, parked');
    const once = await message(client, retry, 0);
    same(once, 'sent back once');
    t.ok(once.storeTimestamp - origin.storeTimestamp >= 2000, 'the first attempt again waits for level 3');
    t.equal((await sendBack(client, { ...back, offset: String(once.physicalOffset), delayLevel: '0' })).code, 0);
    const twice = await message(client, retry, 1);
    same(twice, 'sent back twice');
    t.ok(twice.storeTimestamp - once.storeTimestamp >= 3000, 'the second one for level 4');
    t.equal((await sendBack(client, { ...back, offset: String(twice.physicalOffset), delayLevel: '0' })).code, 0);
    same(await message(client, dead, 0), 'sent back too often');
    t.equal((await sendBack(client, { ...back, offset: String(origin.physicalOffset), delayLevel: '-1' })).code, 0);
    same(await message(client, dead, 1), 'sent back for good');
    const old = { ...back, offset: String(origin.physicalOffset), delayLevel: '1', maxReconsumeTimes: '0' };
    t.equal((await sendBack(client, old, { version: 100 })).code, 0);
    t.equal((await message(client, retry, 2)).reconsumeTimes, 1, 'an old client has no say in how often');
    const config = JSON.parse((await client.request(351, { topic: dead })).body.toString()) as Record<string, unknown>;
    t.match(config, { readQueueNums: 1, writeQueueNums: 1, perm: 6 }, 'dead letters can be read and written');

    const fallback = (body: string, times: number, properties: Record<string, string>): Promise<RawFrame> => {
      const options: SendOptions = { properties: { RETRY_TOPIC: topic, ...properties }, fields: { j: String(times), l: '2' } };
      return sendMessage(client, retry, body, options);
    };
    const counted = { DELAY: '4', RECONSUME_TIME: '1', MAX_RECONSUME_TIMES: '2', ORIGIN_MESSAGE_ID: 'O', UNIQ_KEY: 'F1' };
    t.equal((await fallback('fb1', 1, counted)).code, 0);
    t.equal((await fallback('fb2', 2, { DELAY: '1', UNIQ_KEY: 'F2' })).code, 0);
    t.equal((await fallback('fb3', 3, { DELAY: '1', UNIQ_KEY: 'F3', TAGS: 'tt' })).code, 0);
    t.equal((await fallback('fb4', 3, { UNIQ_KEY: 'F4' })).code, 0);
    same(await message(client, dead, 2), 'retry send fb3');
    same(await message(client, dead, 3), 'retry send fb4');
    same(await message(client, retry, 3), 'retry send fb2');
    same(await message(client, retry, 4), 'retry send fb1');
    const lock = { consumerGroup: group, clientId: 'cid', mqSet: [{ topic, brokerName: 'broker-a', queueId: 0 }] };
    t.equal((await client.request(41, {}, { body: Buffer.from(JSON.stringify(lock)) })).code, 0);
    t.equal((await fallback('fb7', 0, { DELAY: '1', UNIQ_KEY: 'F7' })).code, 0);
    same(await message(client, dead, 4), 'retry send fb7');
  });
}

test('a message that is read from the log after a restart is given back as well', { skip: isForeign }, async (t) => {
  const ringmq = await startRingmq({ shards: 2, args: LEVELS });
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  const sent: number[] = [];
  for (let i = 0; i < 3; i++) {
    await sendMessage(client, 'cold_back', `m${i}`);
    sent.push((await message(client, 'cold_back', i)).physicalOffset);
  }
  t.equal((await client.request(34, {}, { body: heartbeatBody('cid', 'CG_cold', ['cold_back']) })).code, 0);
  await client.close();
  await ringmq.kill();
  await ringmq.start();
  const again = await RemotingClient.connect(ringmq.broker);
  const answers = await Promise.all(sent.map((offset) => sendBack(again, { group: 'CG_cold', offset: String(offset), delayLevel: '1' })));
  t.same(
    answers.map(({ code }) => code),
    [0, 0, 0],
  );
  await message(again, '%RETRY%CG_cold', 2);
  const bodies = (await messages(again, '%RETRY%CG_cold')).map(({ body }) => body.toString());
  t.same(bodies.sort(), ['m0', 'm1', 'm2']);
  await again.close();
});

test('what cannot be given back', async (t) => {
  const broker = await brokerUnderTest(t, isForeign ? {} : { shards: 2, args: LEVELS });
  const client = await broker.connect();
  const topic = uniqueName('bad_back');
  const group = uniqueName('CG_bad');
  t.equal((await sendMessage(client, topic, 'a message with a body long enough to point into it')).code, 0);
  t.equal((await sendMessage(client, topic, 'later', { properties: { DELAY: '5' } })).code, 0);
  t.equal((await client.request(34, {}, { body: heartbeatBody('cid', group, [topic]) })).code, 0);
  const origin = await message(client, topic, 0);
  const right = { group, offset: String(origin.physicalOffset), delayLevel: '1', originTopic: topic };
  const delayed = isForeign ? undefined : (await message(client, SCHEDULE, 0, 4)).physicalOffset;
  const cases: { name: string; ext: Record<string, string | undefined>; codes: number[]; remark?: RegExp }[] = [
    { name: 'no offset', ext: { ...right, offset: undefined }, codes: [1], remark: /offset/ },
    { name: 'no group', ext: { ...right, group: undefined }, codes: [1], remark: /group/ },
    { name: 'no level', ext: { ...right, delayLevel: undefined }, codes: [1], remark: /delayLevel/ },
    { name: 'an offset that is no number', ext: { ...right, offset: '1e3' }, codes: [1], remark: /offset/ },
    { name: 'a level that is no number', ext: { ...right, delayLevel: '99999999999' }, codes: [1], remark: /delayLevel/ },
    { name: 'an offset below 0', ext: { ...right, offset: '-3' }, codes: [1], remark: /look message by offset failed, -3/ },
    { name: 'an offset beyond the end', ext: { ...right, offset: '9007199254740991' }, codes: [1], remark: /look message/ },
    { name: 'an offset over 2^53', ext: { ...right, offset: '9223372036854775807' }, codes: [1] },
    { name: 'an offset within a record', ext: { ...right, offset: String(origin.physicalOffset + 88) }, codes: [1] },
    { name: 'a message that waits for its time', ext: { ...right, offset: String(delayed ?? -1) }, codes: [1], remark: /look message/ },
    { name: 'a group of a bad name', ext: { ...right, group: '../x' }, codes: [26, 29], remark: /\.\.\/x/ },
    { name: 'a group named __proto__ of which nobody has heard', ext: { ...right, group: '__proto__', offset: '-1' }, codes: [1, 26] },
    { name: 'a group of 300 characters', ext: { ...right, group: 'g'.repeat(300) }, codes: [26, 29] },
  ];
  for (const { name, ext, codes, remark } of cases) {
    t.test(`${name} is refused and nothing is stored`, async (t) => {
      const before = (await messages(client, `%RETRY%${group}`)).length;
      const answer = await sendBack(client, ext);
      t.ok(codes.includes(answer.code), `code ${answer.code}, expected ${codes.join(' or ')}: ${answer.remark}`);
      if (remark !== undefined && !isForeign) t.match(answer.remark, remark);
      t.equal((await messages(client, `%RETRY%${group}`)).length, before, 'the retry topic ends where it did');
      t.equal((await sendMessage(client, topic, 'next')).code, 0, 'the next frame is served');
    });
  }
  t.test('a level far above the last one is the last', { skip: isForeign }, async (t) => {
    t.equal((await sendBack(client, { ...right, delayLevel: '2147483647' })).code, 0);
    t.equal((await message(client, SCHEDULE, 1, 4)).properties['DELAY'], '5');
  });
  t.test('a group without retry queues gives nothing back', { skip: isForeign }, async (t) => {
    const none = uniqueName('CG_none');
    const config = { groupName: none, retryQueueNums: 0, retryMaxTimes: 16 };
    t.equal((await client.request(200, {}, { body: Buffer.from(JSON.stringify(config)) })).code, 0);
    t.equal((await sendBack(client, { ...right, group: none })).code, 0, 'as the Java broker answers');
    t.same(await messages(client, `%RETRY%${none}`), []);
  });
  t.test('a retry topic that cannot be written refuses', { skip: isForeign }, async (t) => {
    const shut = uniqueName('CG_shut');
    const update = { topic: `%RETRY%${shut}`, defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '4' };
    const rest = { topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' };
    t.equal((await client.request(17, { ...update, ...rest })).code, 0);
    const answer = await sendBack(client, { ...right, group: shut });
    t.equal(answer.code, 16, `${answer.remark}`);
  });
});

test('groups that are not made by themselves', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { args: [...LEVELS, '--set', 'autoCreateSubscriptionGroup=false'] });
  const client = await broker.connect();
  t.equal((await sendMessage(client, 'nogroup', 'x')).code, 0);
  const { physicalOffset } = await message(client, 'nogroup', 0);
  const answer = await sendBack(client, { group: 'CG_unknown', offset: String(physicalOffset), delayLevel: '0' });
  t.equal(answer.code, 26, `a message given back: ${answer.remark}`);
  const sent = await sendMessage(client, '%RETRY%CG_unknown', 'x', { properties: { DELAY: '1' }, fields: { j: '1', l: '2' } });
  t.equal(sent.code, 26, `a send to its retry topic: ${sent.remark}`);
});

test('sends to retry topics, in crowds and wrong', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2, args: LEVELS });
  const client = await broker.connect();
  const group = uniqueName('CG_crowd');
  const retry = `%RETRY%${group}`;
  const crowd = Array.from({ length: 1500 }, (_, i) => {
    const times = i % 3 === 0 ? '3' : '1';
    return sendMessage(client, retry, `m${i}`, { properties: { DELAY: '1' }, fields: { j: times, l: '2' }, timeoutMs: 60_000 });
  });
  const answers = await Promise.all(crowd);
  t.same([...new Set(answers.map(({ code }) => code))], [0], 'more than may wait for their group at once are all taken');
  const bodies = async (topic: string): Promise<number> => new Set((await messages(client, topic)).map(({ body }) => `${body}`)).size;
  await waitUntil('the retries', async () => (await bodies(retry)) === 1000, 30_000, 100);
  await waitUntil('the dead letters', async () => (await bodies(`%DLQ%${group}`)) === 500, 30_000, 100);
  const cases: { name: string; topic: string; options: SendOptions; body?: string; codes: number[] }[] = [
    { name: 'a group without a name', topic: '%RETRY%', options: {}, codes: [29] },
    { name: 'a group of a bad name', topic: '%RETRY%../x', options: {}, codes: [29] },
    { name: 'a batch', topic: retry, options: { isBatch: true }, codes: [13] },
    { name: 'a queue that does not exist', topic: retry, options: { queueId: 7 }, codes: [29] },
    { name: 'no body', topic: retry, options: {}, body: '', codes: [1] },
    { name: 'a level that is none', topic: retry, options: { properties: { DELAY: 'x' } }, codes: [1] },
    { name: 'attempts that are no number', topic: retry, options: { fields: { j: 'many' } }, codes: [1] },
  ];
  for (const { name, topic, options, body = 'x', codes } of cases) {
    const before = await queueOffset(client, 30, retry, 0);
    const answer = await sendMessage(client, topic, body, options);
    t.ok(codes.includes(answer.code), `${name}: code ${answer.code}, expected ${codes.join(' or ')}: ${answer.remark}`);
    t.equal(await queueOffset(client, 30, retry, 0), before, `${name}: nothing is stored`);
  }
  const right = await sendMessage(client, retry, 'negative', { queueId: -1, fields: { j: '-5', l: '-7' } });
  t.equal(right.code, 0, `attempts below 0 are few: ${right.remark}`);
  t.equal((await sendMessage(client, retry, 'next')).code, 0, 'the next frame is served');
});

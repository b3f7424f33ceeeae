/**
 * Topics of a started broker: made by tools, read back, refused, deleted, and there again after a kill.
 */
import tap, { test } from 'tap';
import { pullMessages, readQueue, sendMessage } from '../support/broker-client.ts';
import { strictJson } from '../support/json-shape.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';

tap.setTimeout(180_000);

const json = (frame: { body: Buffer }) => JSON.parse(frame.body.toString('utf8'));
const update = (topic: string, change: Record<string, unknown> = {}) => ({
  topic,
  defaultTopic: 'TBW102',
  readQueueNums: 8,
  writeQueueNums: 8,
  perm: 6,
  topicFilterType: 'SINGLE_TAG',
  topicSysFlag: 0,
  order: false,
  ...change,
});

test('a broker of two shards keeps its topics on every connection, and over a kill', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  const clients: RemotingClient[] = [];
  const connect = async (address: string) => {
    const client = await RemotingClient.connect(address);
    clients.push(client);
    return client;
  };
  try {
    const brokers = await Promise.all(Array.from({ length: 6 }, () => connect(ringmq.broker)));
    const names = await connect(ringmq.nameServer);
    t.equal((await names.request(105, { topic: 'TBW102' })).code, 0, 'ready means that the routes are there');
    const [broker] = brokers as [RemotingClient];
    t.equal((await broker.request(17, update('Orders', { attributes: '+message.type=FIFO' }))).code, 0);
    t.equal(json(await names.request(105, { topic: 'Orders' })).queueDatas[0].writeQueueNums, 8);
    for (const one of brokers) {
      const config = json(await one.request(351, { topic: 'Orders' }));
      t.match(config, { topicName: 'Orders', perm: 6, attributes: { 'message.type': 'FIFO' } }, 'every shard knows it');
    }
    const list = { topicConfigList: ['A', 'B', 'C'].map((topicName) => ({ topicName, readQueueNums: 2, writeQueueNums: 2, perm: 6 })) };
    t.equal((await broker.request(18, null, { body: Buffer.from(JSON.stringify(list)) })).code, 0);
    const all = await broker.request(21);
    t.ok(Object.keys(json(all).topicConfigTable).includes('C'));
    t.equal(Number(all.ext?.['totalTopicNum']), Object.keys(json(all).topicConfigTable).length);
    t.ok(json(await broker.request(305)).topicList.includes('TBW102'));

    t.match(await broker.request(17, update('TBW102')), { code: 29, remark: /conflict with system topic/ });
    t.match(await broker.request(17, update('a/b')), { code: 29, remark: /illegal characters/ });
    t.match(await broker.request(17, update('Orders', { writeQueueNums: 100_000 })), { code: 29, remark: /between 0 and/ });
    t.match(await broker.request(17, update('Orders', { perm: 'x' })), { code: 1, remark: /perm/ });
    t.match(await broker.request(351, { topic: 'Nope' }), { code: 17, remark: /No topic in this broker/ });

    t.equal((await broker.request(215, { topic: 'A' })).code, 0);
    t.equal((await broker.request(215, { topic: 'A' })).code, 0, 'deleting what is not there succeeds');
    t.equal((await names.request(216, { topic: 'A' })).code, 0);
    for (const one of brokers) t.equal((await one.request(351, { topic: 'A' })).code, 17);

    t.equal((await names.request(100, { namespace: 'N', key: 'K', value: 'V' })).code, 0);
    t.equal((await broker.request(17, update('Last'))).code, 0);
    await ringmq.kill();
    await ringmq.start();
    const again = await connect(ringmq.nameServer);
    const topics = json(await again.request(206)).topicList;
    t.same(
      ['A', 'B', 'Last', 'Orders'].map((topic) => topics.includes(topic)),
      [false, true, true, true],
    );
    t.same((await again.request(101, { namespace: 'N', key: 'K' })).ext, { value: 'V' });
  } finally {
    for (const client of clients) await client.close();
    await ringmq.destroy();
  }
});

test('a topic that shrinks and grows loses no message: what is written no more is drained, and is there again', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  let client = await RemotingClient.connect(ringmq.broker);
  let names = await RemotingClient.connect(ringmq.nameServer);
  t.teardown(async () => {
    await client.close();
    await names.close();
    await ringmq.destroy();
  });
  const resize = async (readQueueNums: number, writeQueueNums: number): Promise<void> => {
    t.equal((await client.request(17, update('elastic', { readQueueNums, writeQueueNums }))).code, 0);
    t.match(json(await names.request(105, { topic: 'elastic' })).queueDatas[0], { readQueueNums, writeQueueNums });
  };
  const sent = new Map<string, number>();
  const sendAny = async (count: number): Promise<Set<number>> => {
    const queues = new Set<number>();
    for (let index = 0; index < count; index++) {
      const body = `message ${sent.size}`;
      const { code, ext } = await sendMessage(client, 'elastic', body, { queueId: -1 });
      t.equal(code, 0);
      queues.add(Number(ext?.['queueId']));
      sent.set(body, Number(ext?.['queueId']));
    }
    return queues;
  };
  const readAll = async (queues: number): Promise<Map<string, number>> => {
    const found = new Map<string, number>();
    for (let queueId = 0; queueId < queues; queueId++) {
      for (const [index, message] of (await readQueue(client, 'elastic', queueId)).entries()) {
        t.equal(message.queueOffset, index);
        found.set(message.body.toString(), queueId);
      }
    }
    return found;
  };
  const sorted = (map: Map<string, number>): [string, number][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

  await resize(4, 4);
  t.same([...(await sendAny(20))].sort(), [0, 1, 2, 3]);
  await resize(4, 2);
  t.same([...(await sendAny(10))].sort(), [0, 1], 'nothing new comes to queues that are only read');
  t.same(sorted(await readAll(4)), sorted(sent), 'which are drained');
  await resize(2, 2);
  t.match((await pullMessages(client, 'elastic', 3, 0)).frame, { code: 29, remark: /queueId/ }, 'gone for consumers');
  await client.close();
  await names.close();
  await ringmq.kill();
  await ringmq.start();
  client = await RemotingClient.connect(ringmq.broker);
  names = await RemotingClient.connect(ringmq.nameServer);
  await sendAny(4);
  await resize(6, 2);
  t.same(sorted(await readAll(6)), sorted(sent), 'read again, nothing is lost');
  await resize(6, 6);
  t.same([...(await sendAny(30))].sort(), [0, 1, 2, 3, 4, 5], 'grown: old queues go on where they ended');
  t.same(sorted(await readAll(6)), sorted(sent));
  await resize(2, 6);
  t.match((await sendMessage(client, 'elastic', 'x', { queueId: 6 })).code, 29);
});

test('a topic is read as its permissions say; that it is not written is a matter of its route, as in Java', async (t) => {
  const ringmq = await startRingmq();
  const client = await RemotingClient.connect(ringmq.broker);
  const names = await RemotingClient.connect(ringmq.nameServer);
  t.teardown(async () => {
    await client.close();
    await names.close();
    await ringmq.destroy();
  });
  const cases: [perm: number, send: number, pull: number][] = [
    [6, 0, 0],
    [4, 0, 0],
    [2, 0, 16],
    [0, 0, 16],
    [6, 0, 0],
  ];
  for (const [perm, sendCode, pullCode] of cases) {
    t.equal((await client.request(17, update('guarded', { perm }))).code, 0);
    t.equal(json(await names.request(105, { topic: 'guarded' })).queueDatas[0].perm, perm);
    const send = await sendMessage(client, 'guarded', 'x', { queueId: 0 });
    t.equal(send.code, sendCode, `a send with perm ${perm}: ${send.remark}`);
    const pull = await pullMessages(client, 'guarded', 0, 0);
    t.equal(pull.frame.code, pullCode, `a pull with perm ${perm}: ${pull.frame.remark}`);
  }
});

test('an ordered topic keeps its flag, and its order conf is put, read and deleted as a key value', async (t) => {
  const ringmq = await startRingmq();
  const client = await RemotingClient.connect(ringmq.broker);
  const names = await RemotingClient.connect(ringmq.nameServer);
  t.teardown(async () => {
    await client.close();
    await names.close();
    await ringmq.destroy();
  });
  t.equal((await client.request(17, update('ordered', { order: 'true' }))).code, 0);
  t.equal(json(await client.request(351, { topic: 'ordered' })).order, true);
  const key = { namespace: 'ORDER_TOPIC_CONFIG', key: 'ordered' };
  t.equal((await names.request(101, key)).code, 22);
  t.equal((await names.request(100, { ...key, value: 'broker-a:8' })).code, 0);
  t.same((await names.request(101, key)).ext, { value: 'broker-a:8' });
  t.equal((await names.request(102, key)).code, 0);
  t.equal((await names.request(101, key)).code, 22);
});

test('hostile topic requests are refused with rule and value, and change nothing', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  const client = await RemotingClient.connect(ringmq.broker);
  t.teardown(async () => {
    await client.close();
    await ringmq.destroy();
  });
  const before = json(await client.request(21)).topicConfigTable;
  const cases: [what: string, fields: Record<string, unknown>, code: number, remark: RegExp][] = [
    ['a path', update('../../etc/passwd'), 29, /illegal characters/],
    ['a prototype', update('__proto__.x'), 29, /illegal characters/],
    ['a long name', update('x'.repeat(5000)), 29, /127/],
    ['a count bomb', update('bomb', { writeQueueNums: 2 ** 31 - 1 }), 29, /between 0 and 4096/],
    ['a negative count', update('bomb', { readQueueNums: -1 }), 29, /between 0 and 4096/],
    ['no integer', update('bomb', { readQueueNums: '1e3' }), 1, /readQueueNums/],
    ['a perm beyond its bits', update('bomb', { perm: 255 }), 29, /perm/],
    ['a system topic', update('SCHEDULE_TOPIC_XXXX'), 29, /system topic/],
    ['an unknown attribute', update('bomb', { attributes: '+__proto__=x' }), 1, /unsupported key/],
    ['an attribute without sign', update('bomb', { attributes: 'message.type=FIFO' }), 1, /format is wrong/],
    ['no topic', { ...update('x'), topic: undefined }, 1, /topic/],
  ];
  for (const [what, fields, code, remark] of cases) t.match(await client.request(17, fields), { code, remark }, what);
  for (const body of ['', '{', '[]', '{"topicConfigList":[{"topicName":{}}]}', `{"topicConfigList":${'['.repeat(5000)}`]) {
    t.equal((await client.request(18, null, { body: Buffer.from(body) })).code, 1, `list ${body.slice(0, 40)}`);
  }
  t.match(await client.request(202, { topic: 'nowhere' }), { code: 17 });
  t.match(await client.request(202, {}), { code: 1, remark: /topic/ });
  t.match(await client.request(215, { topic: ' ' }), { code: 29 });
  t.match(await client.request(215, { topic: '../../x' }), { code: 0 }, 'there is none: nothing is deleted');
  t.same(json(await client.request(21)).topicConfigTable, before, 'the table is as it was');
});

test('topic statistics tell each queue with its range and the time of its last message', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  const client = await RemotingClient.connect(ringmq.broker);
  t.teardown(async () => {
    await client.close();
    await ringmq.destroy();
  });
  t.equal((await client.request(17, update('measured', { readQueueNums: 300, writeQueueNums: 2 }))).code, 0);
  const began = Date.now();
  for (let index = 0; index < 5; index++) await sendMessage(client, 'measured', 'x', { queueId: 1 });
  const answer = await client.request(202, { topic: 'measured' });
  t.equal(answer.code, 0);
  const { offsetTable, topicPutTps } = JSON.parse(strictJson(answer.body.toString())) as {
    offsetTable: Record<string, { minOffset: number; maxOffset: number; lastUpdateTimestamp: number }>;
    topicPutTps: number;
  };
  const queues = Object.entries(offsetTable).map(([key, value]) => ({ ...(JSON.parse(key) as { queueId: number }), ...value }));
  t.equal(queues.length, 300);
  t.match(
    queues.find(({ queueId }) => queueId === 0),
    { minOffset: 0, maxOffset: 0, lastUpdateTimestamp: 0 },
  );
  const filled = queues.find(({ queueId }) => queueId === 1);
  t.match(filled, { minOffset: 0, maxOffset: 5, topic: 'measured', brokerName: 'broker-a' });
  t.ok(filled!.lastUpdateTimestamp >= began && filled!.lastUpdateTimestamp <= Date.now());
  t.ok(topicPutTps > 0);
});

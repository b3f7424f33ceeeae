/**
 * Topics of a started broker: made by tools, read back, refused, deleted, and there again after a kill.
 */
import { test } from 'tap';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';

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

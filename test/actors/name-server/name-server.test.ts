/**
 * The name server over TCP, with one shard and with three: a broker that registers in both body forms, what clients and tools ask,
 * and a broker that goes.
 */
import { crc32, deflateSync } from 'node:zlib';
import { test } from 'tap';
import { RemotingClient } from '../../support/remoting-client.ts';
import { type StartedNameServer, startNameServer } from '../../support/start-name-server.ts';
import { waitUntil } from '../../support/wait-until.ts';

type Broker = {
  name?: string;
  addr?: string;
  id?: number;
  cluster?: string;
  compressed?: boolean;
  /** Deflated, and the header says that it is not. */
  unsaid?: boolean;
  timestamp?: number;
  counter?: number;
  timeoutMs?: number;
};

function plainBody(topics: Record<string, number>, timestamp: number, counter: number): Buffer {
  const topicConfigTable = Object.fromEntries(
    Object.entries(topics).map(([topicName, queues]) => [
      topicName,
      { order: false, perm: 6, readQueueNums: queues, topicFilterType: 'SINGLE_TAG', topicName, topicSysFlag: 0, writeQueueNums: queues },
    ]),
  );
  const wrapper = { dataVersion: { counter, timestamp }, topicConfigTable };
  return Buffer.from(JSON.stringify({ filterServerList: [], topicConfigSerializeWrapper: wrapper }));
}

/** The deflated form of a 4.9 broker: five fields a topic, nothing behind the filter servers. */
function deflatedBody(topics: Record<string, number>, timestamp: number, counter: number): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const count = Buffer.alloc(4);
  count.writeInt32BE(Object.keys(topics).length);
  const lines = Object.entries(topics).map(([name, queues]) => text(`${name} ${queues} ${queues} 6 SINGLE_TAG`));
  return deflateSync(Buffer.concat([text(JSON.stringify({ counter, timestamp })), count, ...lines, text('[]')]));
}

function identity(broker: Broker) {
  return {
    brokerName: broker.name ?? 'broker-x',
    brokerAddr: broker.addr ?? '10.1.1.1:10911',
    clusterName: broker.cluster ?? 'TestCluster',
    brokerId: broker.id ?? 0,
  };
}

async function register(client: RemotingClient, broker: Broker, topics: Record<string, number>) {
  const build = broker.compressed === true ? deflatedBody : plainBody;
  const body = build(topics, broker.timestamp ?? 1000, broker.counter ?? 1);
  const ext = {
    ...identity(broker),
    haServerAddr: '10.1.1.1:10912',
    compressed: broker.compressed === true && broker.unsaid !== true,
    bodyCrc32: crc32(body) & 0x7fffffff,
    ...(broker.timeoutMs === undefined ? {} : { heartbeatTimeoutMillis: broker.timeoutMs }),
  };
  return await client.request(103, ext, { body });
}

const json = (frame: { body: Buffer }) => JSON.parse(frame.body.toString('utf8'));
const manyTopics = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`Topic-${index}`, 1 + (index % 8)]));

for (const shards of [1, 3]) {
  test(`a name server of ${shards} shard(s) serves brokers, clients and tools`, async (t) => {
    const server: StartedNameServer = await startNameServer(shards);
    const clients: RemotingClient[] = [];
    const connect = async () => {
      const client = await RemotingClient.connect(server.address);
      clients.push(client);
      return client;
    };
    try {
      const broker = await connect();
      // Several connections, so that with three shards each of them is asked by another one's clients too.
      const [client, ...others] = [await connect(), await connect(), await connect(), await connect()] as [
        RemotingClient,
        ...RemotingClient[],
      ];
      const topics = manyTopics(1_000);
      const registered = await register(broker, {}, { ...topics, Orders: 4 });
      t.equal(registered.code, 0);
      t.equal(registered.body.length, 0, 'no order layout: no body');

      const route = await client.request(105, { topic: 'Orders' });
      t.equal(
        route.body.toString('utf8'),
        '{"brokerDatas":[{"brokerAddrs":{"0":"10.1.1.1:10911"},"brokerName":"broker-x","cluster":"TestCluster","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-x","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}',
        'compact and with quoted keys: the Go client cuts it apart by hand',
      );
      for (const one of others) {
        const answers = await Promise.all(['Topic-0', 'Topic-1', 'Topic-2', 'Topic-999'].map((topic) => one.request(105, { topic })));
        t.ok(
          answers.every((answer) => answer.code === 0),
          'every shard answers for every topic',
        );
      }
      const binary = await client.request(105, { topic: 'Orders' }, { encoding: 'binary' });
      t.equal(binary.code, 0);
      const none = await client.request(105, { topic: 'Nope' });
      t.equal(none.code, 17);
      t.match(none.remark, /^No topic route info in name server for the topic: Nope/);

      t.same(json(await client.request(106)), {
        brokerAddrTable: {
          'broker-x': { brokerAddrs: { 0: '10.1.1.1:10911' }, brokerName: 'broker-x', cluster: 'TestCluster', enableActingMaster: false },
        },
        clusterAddrTable: { TestCluster: ['broker-x'] },
      });
      t.equal(json(await client.request(206)).topicList.length, 1_001);
      t.equal(new Set(json(await client.request(224, { cluster: 'TestCluster' })).topicList).size, 1_001);
      t.same(json(await client.request(224, { cluster: 'Other' })), { topicList: [] });
      t.same(json(await client.request(304)), { topicList: ['TestCluster', 'broker-x'], brokerAddr: '10.1.1.1:10911' });
      t.same(json(await client.request(901, { clusterName: 'TestCluster', brokerName: 'broker-x' })).brokerMemberGroup.brokerAddrs, {
        0: '10.1.1.1:10911',
      });

      const same = await broker.request(322, identity({}), { body: Buffer.from('{"counter":1,"stateVersion":0,"timestamp":1000}') });
      t.same(same.ext, { changed: 'false' });
      const other = await broker.request(322, identity({}), { body: Buffer.from('{"counter":2,"timestamp":1000}') });
      t.same(other.ext, { changed: 'true' });
      t.same(json(other), { counter: 1, stateVersion: 0, timestamp: 1000 });
      t.equal((await broker.request(904, identity({}))).code, 0);

      t.same((await client.request(205, { brokerName: 'broker-x' })).ext, { wipeTopicCount: '1001' });
      t.equal(json(await client.request(105, { topic: 'Orders' })).queueDatas[0].perm, 4);
      t.same((await client.request(327, { brokerName: 'broker-x' })).ext, { addTopicCount: '1001' });
      t.equal(json(await client.request(105, { topic: 'Orders' })).queueDatas[0].perm, 6);

      t.equal((await client.request(216, { topic: 'Orders' })).code, 0);
      await register(broker, {}, { ...topics, Orders: 4 });
      t.equal((await client.request(105, { topic: 'Orders' })).code, 17, 'deletion wins over a registration under way');
      t.equal(
        (
          await client.request(
            217,
            { topic: 'Single' },
            {
              body: Buffer.from(
                '{"queueDatas":[{"brokerName":"broker-x","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}],"brokerDatas":[]}',
              ),
            },
          )
        ).code,
        0,
      );
      t.equal(json(await client.request(105, { topic: 'Single' })).queueDatas[0].readQueueNums, 2);

      const slave = await connect();
      const answer = await register(slave, { id: 1, addr: '10.1.1.2:10911' }, { ...topics });
      t.same(answer.ext, { haServerAddr: '10.1.1.1:10912', masterAddr: '10.1.1.1:10911' });
      const second = await connect();
      const compressed = await register(
        second,
        { name: 'broker-y', addr: '10.1.1.3:10911', compressed: true },
        { 'Topic-1': 12, OnlyY: 3 },
      );
      t.equal(compressed.code, 0);
      t.same(
        json(await client.request(105, { topic: 'Topic-1' })).queueDatas.map((queues: { writeQueueNums: number }) => queues.writeQueueNums),
        [2, 12],
      );

      const unsaid = await register(
        second,
        { name: 'broker-y', addr: '10.1.1.3:10911', compressed: true, unsaid: true, counter: 2 },
        { 'Topic-1': 9, OnlyY: 3 },
      );
      t.equal(unsaid.code, 0, 'deflated without a word of it, as Java 5.4 does');
      await second.close();
      await waitUntil('the closed broker to be gone', async () => (await client.request(105, { topic: 'OnlyY' })).code === 17);
      t.same(json(await client.request(106)).clusterAddrTable, { TestCluster: ['broker-x'] });
      await broker.request(104, identity({}));
      t.same(
        json(await client.request(105, { topic: 'Topic-0' })).brokerDatas[0].brokerAddrs,
        { 1: '10.1.1.2:10911' },
        'the slave is left',
      );
      await slave.close();
      await waitUntil('no broker to be left', async () => (await client.request(105, { topic: 'Topic-0' })).code === 17);
      t.same(json(await client.request(206)), { topicList: [] });
    } finally {
      for (const client of clients) await client.close();
      await server.stop();
    }
  });
}

test('a name server keeps key values and gives the order layout to brokers', async (t) => {
  const server = await startNameServer(2);
  const [one, two] = [await RemotingClient.connect(server.address), await RemotingClient.connect(server.address)];
  try {
    t.equal((await one.request(101, { namespace: 'ORDER_TOPIC_CONFIG', key: 'T' })).code, 22);
    t.equal((await one.request(219, { namespace: 'ORDER_TOPIC_CONFIG' })).code, 22);
    t.equal((await one.request(100, { namespace: 'ORDER_TOPIC_CONFIG', key: 'T', value: 'broker-x:4' })).code, 0);
    t.same((await two.request(101, { namespace: 'ORDER_TOPIC_CONFIG', key: 'T' })).ext, { value: 'broker-x:4' });
    for (let index = 0; index < 30; index++) await one.request(100, { namespace: 'Large', key: `K${index}`, value: 'v'.repeat(8_000) });
    for (const client of [one, two]) t.equal(Object.keys(json(await client.request(219, { namespace: 'Large' })).table).length, 30);
    t.same(json(await two.request(219, { namespace: 'ORDER_TOPIC_CONFIG' })), { table: { T: 'broker-x:4' } });
    t.same(json(await register(two, {}, { T: 4, U: 4 })), { table: { T: 'broker-x:4' } });
    t.equal((await one.request(102, { namespace: 'ORDER_TOPIC_CONFIG', key: 'T' })).code, 0);
    t.equal((await two.request(101, { namespace: 'ORDER_TOPIC_CONFIG', key: 'T' })).code, 22);
    t.match(await one.request(100, { namespace: 'N', key: 'K'.repeat(300), value: 'v' }), { code: 1, remark: /300 characters/ });
  } finally {
    await one.close();
    await two.close();
    await server.stop();
  }
});

test('a name server evicts a silent broker and closes its connection', async (t) => {
  const server = await startNameServer(2, { scanMs: 200 });
  const [broker, client] = [await RemotingClient.connect(server.address), await RemotingClient.connect(server.address)];
  try {
    t.equal((await register(broker, { timeoutMs: 1 }, { T: 4, U: 4 })).code, 0, 'a promise below 5 s is taken as 5 s');
    t.equal((await client.request(105, { topic: 'T' })).code, 0);
    await broker.closed;
    await waitUntil('the route to be gone', async () => (await client.request(105, { topic: 'T' })).code === 17);
    t.pass('closed by the name server, and gone on every shard');
  } finally {
    await client.close();
    await server.stop();
  }
});

test('a name server answers bad input with code and reason, and serves the next frame', async (t) => {
  const server = await startNameServer(1);
  const client = await RemotingClient.connect(server.address);
  try {
    const ext = { ...identity({}), haServerAddr: 'h:1' };
    t.match(await client.request(105, {}), { code: 1, remark: /topic/ });
    t.match(await client.request(103, { ...ext, brokerAddr: null }), { code: 1, remark: /brokerAddr/ });
    t.match(await client.request(103, { ...ext, bodyCrc32: 5 }, { body: plainBody({ T: 1, U: 1 }, 1, 1) }), {
      code: 1,
      remark: /crc32 not match/,
    });
    t.match(await client.request(103, ext, { body: Buffer.from('{"topicConfigSerializeWrapper":[]}') }), { code: 1 });
    t.match(await client.request(103, { ...ext, compressed: true }, { body: Buffer.from('no zlib') }), { code: 1, remark: /inflated/ });
    t.match(await client.request(103, ext, { body: plainBody({ T: 1 }, 1, 1) }), { code: 1, remark: /all topics/ });
    t.match(await client.request(103, ext, { body: plainBody({ T: -1, U: 1 }, 1, 1) }), { code: 1, remark: /queues/ });
    t.match(await client.request(31999), { code: 3, remark: / request type 31999 not supported/ });
    t.same(json(await client.request(106)), { brokerAddrTable: {}, clusterAddrTable: {} }, 'nothing of it left a trace');
  } finally {
    await client.close();
    await server.stop();
  }
});

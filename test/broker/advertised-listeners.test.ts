/**
 * Advertised addresses: each asker of a name server is told the address of a broker that its network reaches. Loopback addresses stand for
 * networks: a connection from 127.0.0.2 is another network than one from 127.0.0.3.
 */
import { test } from 'tap';
import { sendMessage } from '../support/broker-client.ts';
import { createTopic, routeOf } from '../support/create-topic.ts';
import { freeBrokerPort, freePort } from '../support/free-port.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';

const json = (frame: { body: Buffer }) => JSON.parse(frame.body.toString('utf8'));

test('GET_ROUTEINFO_BY_TOPIC and GET_BROKER_CLUSTER_INFO give each network its address, and follow a change', async (t) => {
  const [namesPort, port] = [await freePort(), await freeBrokerPort()];
  const ringmq = await startRingmq({
    shards: 2,
    nameServerPort: namesPort,
    brokerPort: port,
    args: ['--set', 'brokerIP1=127.0.0.1'],
    env: { NAMESRV_ADDR: `0.0.0.0:${namesPort}`, BROKER_ADDR: `0.0.0.0:${port}` },
  });
  const open: RemotingClient[] = [];
  const connect = async (host: string, at: number, from?: string): Promise<RemotingClient> => {
    const client = await RemotingClient.connect(`${host}:${at}`, 5_000, from);
    open.push(client);
    return client;
  };
  const told = async (names: RemotingClient): Promise<string | undefined> =>
    (await routeOf(names, 'Net'))?.brokerDatas[0]?.brokerAddrs['0'];
  try {
    await createTopic(ringmq.nameServer, 'Net', 1);
    const home = await connect('127.0.0.1', namesPort);
    const two = await connect('127.0.0.1', namesPort, '127.0.0.2');
    const three = await connect('127.0.0.1', namesPort, '127.0.0.3');
    const through = await connect('127.0.0.9', namesPort, '127.0.0.1');
    for (const names of [home, two, three, through]) t.equal(await told(names), `127.0.0.1:${port}`, 'brokerIP1 for all without a map');

    const broker = await connect('127.0.0.1', port);
    const update = (value: string) => broker.request(25, null, { body: Buffer.from(`advertisedListeners=${value}\n`), timeoutMs: 20_000 });
    t.match(await update(`127.0.0.2=127.0.0.2:${port};127.0.0.3/32=b3.example:4711;127.0.0.9/32=127.0.0.9:${port}`), {
      code: 0,
      remark: null,
    });
    t.equal(await told(two), `127.0.0.2:${port}`);
    t.equal(await told(three), 'b3.example:4711');
    t.equal(await told(home), `127.0.0.1:${port}`, 'by no network: brokerIP1');
    t.equal(await told(through), `127.0.0.9:${port}`, 'by the address that it reached');
    t.same(json(await two.request(106)).brokerAddrTable['broker-a'].brokerAddrs, { 0: `127.0.0.2:${port}` }, 'for tools too');
    const group = await two.request(901, { clusterName: 'DefaultCluster', brokerName: 'broker-a' });
    t.match(group.body.toString('utf8'), `127.0.0.1:${port}`, 'brokers call each other by the address that they register');

    const reached = await connect('127.0.0.2', port, '127.0.0.2');
    t.equal((await sendMessage(reached, 'Net', 'x')).code, 0, 'the address works');

    t.match(await update('127.0.0.2/31=a:1;127.0.0.2/30=b:2'), { code: 29, remark: /has bits behind its prefix of 30/ });
    t.equal(await told(two), `127.0.0.2:${port}`, 'a bad map changes nothing');
    t.equal((await update('')).code, 0);
    t.equal(await told(two), `127.0.0.1:${port}`, 'taken away');
  } finally {
    await Promise.all(open.map((client) => client.close()));
    await ringmq.destroy();
  }
});

test('REGISTER_BROKER takes a broker without a map as it is, and refuses a bad map', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  const names = await RemotingClient.connect(ringmq.nameServer);
  try {
    const broker = { brokerName: 'java', brokerAddr: '10.0.0.7:10911', clusterName: 'C', brokerId: '0', haServerAddr: '10.0.0.7:10912' };
    const topics = { A: 1, B: 1 };
    const topicConfigTable = Object.fromEntries(
      Object.keys(topics).map((topicName) => [topicName, { topicName, readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 }]),
    );
    const dataVersion = { stateVersion: 0, timestamp: 1, counter: 1 };
    const body = Buffer.from(JSON.stringify({ filterServerList: [], topicConfigSerializeWrapper: { dataVersion, topicConfigTable } }));
    for (const [map, remark] of [
      ['127.0.0.1/99=a:1', /advertisedListeners: .*prefix "99"/],
      ['__proto__', /write network=host:port/],
      ['x'.repeat(5000), /5000 characters/],
      ['127.0.0.0/8=../../etc/passwd:1', /no host:port/],
    ] as const) {
      t.match(await names.request(103, { ...broker, advertisedListeners: map }, { body }), { code: 1, remark });
    }
    t.equal((await routeOf(names, 'A')) === undefined, true, 'nothing of it was taken');
    t.equal((await names.request(103, broker, { body })).code, 0);
    t.equal((await routeOf(names, 'A'))?.brokerDatas[0]?.brokerAddrs['0'], '10.0.0.7:10911');
  } finally {
    await names.close();
    await ringmq.destroy();
  }
});

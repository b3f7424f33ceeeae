/** The embedded cluster as an application has it: started, spoken to over its sockets, parts ended, all ended. */
import { existsSync } from 'node:fs';
import tap, { test } from 'tap';
import { type Cluster, type ClusterOptions, startCluster } from '../../index.ts';
import { readQueue, sendMessage } from '../support/broker-client.ts';
import { freePort } from '../support/free-port.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

tap.setTimeout(180_000);

type TestContext = { teardown(run: () => Promise<void> | void): void };

async function cluster(t: TestContext, options: ClusterOptions = {}): Promise<Cluster> {
  const started = await startCluster({ log: () => {}, ...options });
  t.teardown(() => started.stop());
  return started;
}

async function connected(t: TestContext, address: string): Promise<RemotingClient> {
  const client = await RemotingClient.connect(address);
  t.teardown(() => client.close());
  return client;
}

for (const shards of [1, 2]) {
  test(`startCluster serves what was sent, with ${shards} shards, and removes its temporary store`, async (t) => {
    const started = await cluster(t, { shards });
    const { brokers, nameServerAddress, nameServers, ended } = started;
    t.equal(nameServerAddress, nameServers[0]!.address);
    const client = await connected(t, brokers[0]!.address);
    const sent = await sendMessage(client, 'Embedded', 'hello', { queueId: 0 });
    t.equal(sent.code, 0, sent.remark ?? '');
    const names = await connected(t, nameServerAddress);
    const route = await names.request(105, { topic: 'Embedded' });
    t.match(route.body.toString(), `"brokerName":"broker-a"`);
    t.match(route.body.toString(), brokers[0]!.address);
    t.equal((await brokers[0]!.metrics()).messagesIn, 1);
    const { store } = brokers[0]!;
    t.ok(existsSync(store));
    await started.stop();
    t.equal(await ended, null);
    t.notOk(existsSync(store), 'the temporary store has gone');
    t.notOk(existsSync(`${store}/..`), 'and the directory around it');
  });
}

test('startCluster keeps a given store, and a broker that was killed or restarted has its messages again', async (t) => {
  const { path: store, remove } = temporaryDirectory();
  t.teardown(remove);
  const first = await cluster(t, { store });
  const broker = first.brokers[0]!;
  const { address } = broker;
  let client = await connected(t, address);
  for (const text of ['one', 'two']) t.equal((await sendMessage(client, 'Kept', text, { queueId: 1 })).code, 0);
  await broker.kill();
  await t.rejects(broker.metrics(), { code: 'MQ_CLUSTER_STOPPED' });
  await t.rejects(RemotingClient.connect(address), 'nobody listens');
  await broker.restart();
  t.equal(broker.address, address);
  client = await connected(t, address);
  t.equal((await sendMessage(client, 'Kept', 'three', { queueId: 1 })).code, 0);
  await broker.restart();
  client = await connected(t, address);
  const bodies = (await readQueue(client, 'Kept', 1)).map(({ body }) => body.toString());
  t.same(bodies, ['one', 'two', 'three']);
  await first.stop();
  const second = await cluster(t, { store });
  client = await connected(t, second.brokers[0]!.address);
  const again = (await readQueue(client, 'Kept', 1)).map(({ body }) => body.toString());
  t.same(again, ['one', 'two', 'three'], 'a later cluster opens the same store');
});

test('startCluster registers every broker with every name server', async (t) => {
  const { brokers, nameServers } = await cluster(t, { nameServers: 2, brokers: 2 });
  for (const { address } of nameServers) {
    const client = await connected(t, address);
    const info = (await client.request(106, {})).body.toString();
    for (const broker of brokers) t.match(info, broker.address);
  }
});

test('startCluster names the holder of a port that is taken, also when it is a cluster of the same process', async (t) => {
  const port = await freePort();
  const first = await cluster(t, { nameServerPorts: [port] });
  const second = startCluster({ nameServerPorts: [port], log: () => {} });
  await t.rejects(second, { code: 'MQ_PORT_IN_USE', port, message: new RegExp(`pid ${process.pid}`) });
  t.equal(first.nameServerAddress, `127.0.0.1:${port}`, 'the first one runs on');
  await connected(t, first.nameServerAddress);
});

test('startCluster fails with a code, and leaves nothing, when a store is in use', async (t) => {
  const { path: store, remove } = temporaryDirectory();
  t.teardown(remove);
  await cluster(t, { store });
  await t.rejects(startCluster({ store, log: () => {} }), { code: 'MQ_STORAGE_LOCKED' });
});

test('startCluster has what tools changed on a given store, but for what its own options decide', async (t) => {
  const { path: store, remove } = temporaryDirectory();
  t.teardown(remove);
  const first = await cluster(t, { store, config: { fileReservedTime: 10 } });
  const { address } = first.brokers[0]!;
  let client = await connected(t, address);
  const update = async (text: string) => (await client.request(25, null, { body: Buffer.from(text) })).code;
  const shown = async (): Promise<string> => (await client.request(26)).body.toString();
  t.equal(await update('fileReservedTime=11\nmaxMessageSize=2048\nlistenPort=1\nbrokerName=other\n'), 0);
  await first.brokers[0]!.restart();
  client = await connected(t, address);
  t.match(await shown(), /^fileReservedTime=11$/m, 'after a restart within the cluster');
  t.equal((await sendMessage(client, 'Tuned', Buffer.alloc(3000))).code, 13);
  await first.stop();
  const second = await cluster(t, { store, config: { fileReservedTime: 12 } });
  t.equal(second.brokers[0]!.name, 'broker-a');
  client = await connected(t, second.brokers[0]!.address);
  t.match(await shown(), /^fileReservedTime=11$/m, 'and in the next one');
});

/** The embedded cluster as an application has it: started, spoken to over its sockets, parts ended, all ended. */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'tap';
import { type Cluster, type ClusterFault, type ClusterOptions, startCluster } from '../../index.ts';
import { readQueue, sendMessage } from '../support/broker-client.ts';
import { freePort } from '../support/free-port.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { waitUntil } from '../support/wait-until.ts';

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

test('startCluster goes on when a thread of a broker dies: its supervisor is not the application', async (t) => {
  const { brokers } = await cluster(t);
  await brokers[0]!.endThread('shard-0');
  await waitUntil('it serves again', async () => {
    try {
      const client = await RemotingClient.connect(brokers[0]!.address);
      const { code } = await sendMessage(client, 'After', 'death');
      await client.close();
      return code === 0;
    } catch {
      return false;
    }
  });
  t.pass('a replaced shard serves');
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

test('startCluster stops and tells when a broker can no longer keep its promises; the process lives', async (t) => {
  const faults: ClusterFault[] = [];
  const started = await cluster(t, { onFault: (fault) => faults.push(fault) });
  const address = started.brokers[0]!.address;
  // More deaths than the supervisor allows in its period: it gives up.
  const ended = started.ended;
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await waitUntil('the supervisor gives up', async () => {
    await started.brokers[0]!.endThread('log').catch(() => {});
    return over;
  });
  const fault = await ended;
  t.equal(fault?.node, 'broker-a');
  t.equal(fault?.kind, 'escalation');
  await waitUntil('onFault was called', () => faults.length === 1);
  t.equal(faults[0], fault);
  await t.rejects(started.brokers[0]!.restart(), { code: 'MQ_CLUSTER_STOPPED', message: /gives up/ });
  await t.rejects(
    new Promise((_, reject) => {
      const [host, port] = address.split(':');
      connect({ host: host!, port: Number(port) }).once('error', reject);
    }),
    { code: 'ECONNREFUSED' },
  );
  await started.stop();
});

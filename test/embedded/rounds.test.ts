/** A cluster that was stopped has never been: no thread, descriptor, resource of the event loop or file of it is left. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import tap, { test } from 'tap';
import { Producer, PullConsumer } from '../../client/index.ts';
import { startCluster } from '../../index.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(300_000);

const ROUNDS = 8;

function held(): Record<string, number> {
  return {
    threads: readdirSync('/proc/self/task').length,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
    directories: readdirSync(tmpdir()).filter((name) => name.startsWith(`ringmq-${process.pid}-`)).length,
    exitListeners: process.listenerCount('exit'),
  };
}

async function round(): Promise<void> {
  const cluster = await startCluster({ log: () => {}, shards: 2 });
  const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };
  const producer = new Producer(common);
  await producer.send({ topic: 'Round', body: 'x' });
  const consumer = new PullConsumer({ ...common, group: 'round', consumeFrom: 'first' });
  await consumer.subscribe('Round');
  await consumer.start();
  if ((await consumer.poll({ timeoutMs: 20_000 })).length !== 1) throw new Error('the message did not come');
  await consumer.close();
  await producer.close();
  await cluster.stop();
}

test('startCluster and stop leave nothing behind, round after round', { skip: process.platform !== 'linux' }, async (t) => {
  await round();
  const before = held();
  for (let i = 0; i < ROUNDS; i++) await round();
  // Node ends a closed socket's resource, and the kernel a thread, a moment later.
  const more = (): string =>
    Object.entries(held())
      .filter(([name, count]) => count > before[name]!)
      .map(([name, count]) => `${name}: ${count}, were ${before[name]}`)
      .join('; ');
  await waitUntil('nothing to be left', () => more() === '', 10_000).catch(() => {});
  t.equal(more(), '');
});

test('startCluster leaves nothing behind when it fails', { skip: process.platform !== 'linux' }, async (t) => {
  const cluster = await startCluster({ log: () => {} });
  const port = Number(cluster.nameServerAddress.split(':')[1]);
  const before = held();
  for (let i = 0; i < 3; i++) await t.rejects(startCluster({ nameServerPorts: [port], log: () => {} }), { code: 'MQ_PORT_IN_USE' });
  await waitUntil('nothing to be left', () => JSON.stringify(held()) === JSON.stringify(before), 10_000).catch(() => {});
  t.same(held(), before);
  await cluster.stop();
});

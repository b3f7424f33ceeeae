/**
 * The samples of the documents: each program is run against a started broker and type-checked, each filter plugin is loaded, each call of the
 * command in the quick start is made.
 */

import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Admin, Producer, PullConsumer } from '../client/index.ts';
import { startCluster } from '../index.ts';
import { brokerUnderTest } from './support/broker-under-test.ts';
import { checkSamples, pluginsOf, ringmqCallsOf, runSample, samplesOf, writeSample } from './support/document-samples.ts';
import { freeBrokerPort, freePort } from './support/free-port.ts';
import { pluginFolder } from './support/plugin-folder.ts';
import { runCli } from './support/run-cli.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { waitUntil } from './support/wait-until.ts';

t.setTimeout(300_000);

const docs = fileURLToPath(new URL('../docs', import.meta.url));
const documents = ['README.md', 'README.zh.md'].concat(
  readdirSync(docs)
    .filter((file) => file.endsWith('.md'))
    .sort()
    .map((file) => `docs/${file}`),
);
const ringmq = await brokerUnderTest(t, { shards: 2 });

for (const document of documents) {
  const samples = samplesOf(document);
  if (samples.length === 0) continue;
  t.test(`${document}: each of its ${samples.length} samples runs and says what the document says`, { timeout: 300_000 }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'ringmq-samples-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const paths: string[] = [];
    for (const [index, sample] of samples.entries()) paths.push(await writeSample(sample, folder, ringmq.nameServer, index));
    t.equal(await checkSamples(folder), '', 'the types fit');
    for (const [index, sample] of samples.entries()) {
      const output = await runSample(paths[index]!, sample.place);
      if (sample.output === null) t.pass(`${sample.place} runs`);
      else t.equal(output, sample.output, `${sample.place} prints what follows it`);
    }
  });
}

t.test('docs/plugins.md: its plugin is loaded, its types fit, and it filters as it says', { timeout: 120_000 }, async (t) => {
  const [plugin] = pluginsOf('docs/plugins.md');
  if (plugin === undefined) throw new Error('docs/plugins.md shows no plugin');
  const checked = temporaryDirectory();
  t.teardown(checked.remove);
  await writeSample(plugin, checked.path, ringmq.nameServer, 0);
  t.equal(await checkSamples(checked.path), '', 'the types fit');

  const folder = pluginFolder();
  t.teardown(folder.destroy);
  folder.save(plugin.name, plugin.code);
  const cluster = await startCluster({ config: { pluginDir: folder.path }, log: () => {} });
  t.teardown(() => cluster.stop());
  await waitUntil('the plugin', async () => (await cluster.brokers[0]!.metrics()).plugins[0]?.loads === 1);
  const common = { nameServers: cluster.nameServerAddress, transport: cluster.transport };
  const admin = new Admin(common);
  await admin.topics.create('Payments', { readQueues: 1, attributes: { 'filter.plugin': plugin.name.replace(/\..*$/, '') } });
  await admin.close();
  const producer = new Producer(common);
  for (const amount of ['100', '101']) await producer.send({ topic: 'Payments', body: amount, properties: { amount } });
  await producer.close();
  for (const [group, expected] of [
    ['billing', '101'],
    ['audit', '100 101'],
  ] as const) {
    const consumer = new PullConsumer({ ...common, group, consumeFrom: 'first' });
    await consumer.subscribe('Payments');
    await consumer.start();
    const bodies: string[] = [];
    await waitUntil(`what ${group} gets`, async () => {
      for (const { body } of await consumer.poll()) bodies.push(Buffer.from(body).toString());
      return bodies.length >= expected.split(' ').length;
    });
    t.equal(bodies.join(' '), expected, group);
    await consumer.close();
  }
});

t.test('docs/quick-start.md: each call of the command does what it says', { timeout: 120_000 }, async (t) => {
  const calls = ringmqCallsOf('docs/quick-start.md');
  t.same(
    calls.map(({ words }) => words[0]),
    ['start', 'send', 'tail'],
  );
  const [start, send, tail] = calls.map(({ words }) => words) as [string[], string[], string[]];
  const { path, remove } = temporaryDirectory();
  t.teardown(remove);
  const ports = [await freePort(), await freeBrokerPort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const env = { NAMESRV_ADDR: ports[0]!, BROKER_ADDR: ports[1]!, ADMIN_ADDR: ports[2]!, DATA_DIR: path };
  const stop = new AbortController();
  const running = runCli(start, { env, signal: stop.signal, timeoutMs: 100_000 });
  const sent = await waitUntil('the message', async () => {
    const result = await runCli(send, { env });
    return result.code === 0 ? result : undefined;
  });
  t.match(sent.stdout, /^SEND_OK broker-a/);
  const shown = await runCli(tail, { env, interruptWhen: (stdout) => stdout.includes('hello') });
  t.match([shown.code, shown.stdout], [0, /polite.*hello/]);
  stop.abort();
  const { code, stdout } = await running;
  t.match([code, stdout], [0, /ready in/], 'Ctrl+C ends it in order');
});

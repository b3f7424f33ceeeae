/** Filter plugins that throw, never return, take all memory or cannot be ended: what is behind them waits or passes, and goes on when the file is replaced. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import tap, { test } from 'tap';
import type { PluginView } from '../../actors/filter/plugin-messages.ts';
import { pullMessages } from '../support/broker-client.ts';
import { startInProcess } from '../support/broker-in-process.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import { byNumber, drainQueue, numbers, pluginFolder, sendNumbers, updateTopicAttributes } from '../support/plugin-folder.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(180_000);

const THROWS = `
export default (message) => {
  if (message.property('n') === '7') throw new TypeError('no seven');
  return true;
};`;
const ENDLESS = `
export default (message) => {
  if (message.property('n') === '7') for (;;) ;
  return true;
};`;
// V8 optimizes these into loops that nothing ends, unless it is told otherwise.
const FILLS = `
export default (message) => {
  if (message.property('n') === '7') for (const kept = [];;) { kept.length = 0; kept.push(new Array(1000).fill(1)); }
  return true;
};`;
const FILTERS = `
const list = [5, 4, 3];
let found = 0;
export default (message) => {
  if (message.property('n') === '7') for (;;) found += list.filter((x) => x === 3).length;
  return true;
};`;
const HOG = `
const kept = [];
export default (message) => {
  if (message.property('n') === '7') for (;;) kept.push({ offset: message.offset, list: [1, 2, 3] });
  return true;
};`;
const BUFFERS = `
const kept = [];
export default (message) => {
  if (message.property('n') === '7') kept.push(Buffer.alloc(100 * 1024 * 1024));
  return true;
};`;
const PROMISE = 'export default async () => true;';
const EXITS = "import process from 'node:process';\nexport default () => process.exit(3);";

for (const [name, text, why] of [
  ['throws', THROWS, /TypeError: no seven \(p.mjs:3:\d+\) at plug\S+\/0 offset 7/],
  ['never returns', ENDLESS, /filter\(\) took longer than 80 ms/],
  ['never returns from a loop that makes arrays', FILLS, /filter\(\) took longer than 80 ms/],
  ['never returns from a loop over a list', FILTERS, /filter\(\) took longer than 80 ms/],
  ['takes all memory', HOG, /memory|took longer/],
  ['takes memory in buffers', BUFFERS, /its buffers take \d+ bytes; 67108864 are allowed/],
  ['returns a promise', PROMISE, /filter\(\) returned a promise, not true or false/],
  ['ends its thread', EXITS, /its worker ended by itself, with 3/],
] as const) {
  test(`a filter plugin that ${name}`, { timeout: 120_000 }, async (t) => {
    const folder = pluginFolder();
    t.teardown(() => folder.destroy());
    folder.save('p.mjs', text);
    const settings = [`pluginDir=${folder.path}`, 'pluginRestarts=2', 'pluginPolicy=hold'];
    const { broker, address, logged } = await startInProcess(t, 1, 'async', settings);
    const client = await RemotingClient.connect(address);
    t.teardown(() => client.close());
    const plugin = (): PluginView | undefined => broker.metrics().plugins[0];
    await waitUntil('the plugin serves', () => plugin()?.state === 'running');
    const topic = uniqueName('plug');
    await updateTopicAttributes(client, topic, '+filter.plugin=p');
    await sendNumbers(client, topic, 0, 20);
    const held = pullMessages(client, topic, 0, 0, { holdMs: 60_000 });
    const beganMs = performance.now();
    await waitUntil('parked', () => plugin()?.state === 'parked', 60_000);
    t.comment(`parked after ${Math.round(performance.now() - beganMs)} ms`);
    t.match(plugin(), { state: 'parked', policy: 'hold', failures: 3, loads: 3 });
    t.match(plugin()!.fault, why);
    t.equal(logged.filter((line) => line.startsWith('A filter plugin has failed and is started again')).length, 2);
    t.equal(logged.filter((line) => line.startsWith('A filter plugin has failed too often')).length, 1);
    const other = await pullMessages(client, topic, 0, 0, { group: 'TOOLS_CONSUMER' });
    t.equal(other.messages.length, 20, 'others are served');
    folder.save('p.mjs', byNumber('n !== 7'));
    const pulled = await held;
    t.same(
      pulled.messages.map((message) => message.body.toString()),
      [...numbers(0, 7), ...numbers(8, 20)],
      'the held pull goes on',
    );
    t.match(plugin(), { state: 'running', fault: '' });
  });
}

test('a filter plugin that is parked lets all pass where it says so', { timeout: 60_000 }, async (t) => {
  const folder = pluginFolder();
  t.teardown(() => folder.destroy());
  folder.save('p.js', "export default { whenParked: 'pass', filter() { throw new Error('always'); } };");
  const { broker, address } = await startInProcess(t, 1, 'async', [`pluginDir=${folder.path}`, 'pluginRestarts=1']);
  const client = await RemotingClient.connect(address);
  t.teardown(() => client.close());
  await waitUntil('the plugin serves', () => broker.metrics().plugins[0]?.state === 'running');
  const topic = uniqueName('plug');
  await updateTopicAttributes(client, topic, '+filter.plugin=p');
  await sendNumbers(client, topic, 0, 20);
  const pulled = await pullMessages(client, topic, 0, 0, { holdMs: 15_000 });
  t.equal(pulled.messages.length, 20, 'given to whoever waited');
  t.match(broker.metrics().plugins[0], { state: 'parked', policy: 'pass', failures: 2 });
  t.equal((await drainQueue(client, topic, 0))[0].length, 20, 'and to whoever comes');
});

// One call of Node's own, of half an hour.
const UNSTOPPABLE = `
import { pbkdf2Sync } from 'node:crypto';
export default (message) => {
  if (message.property('n') === '7') pbkdf2Sync('a', 'b', 2 ** 31 - 1, 64, 'sha512');
  return true;
};`;

test('a filter plugin whose thread cannot be ended is parked, and the broker goes on and stops', { timeout: 60_000 }, async (t) => {
  const folder = pluginFolder();
  t.teardown(() => folder.destroy());
  folder.save('p.mjs', UNSTOPPABLE);
  const settings = join(folder.path, 'broker.conf');
  await writeFile(settings, `pluginDir=${folder.path}\npluginPolicy=pass\n`);
  const ringmq = await startRingmq({ args: ['--config', settings] });
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  const topic = uniqueName('plug');
  const bound = await waitUntil('the plugin serves', async () => {
    const { code } = await updateTopicAttributes(client, topic, '+filter.plugin=p');
    return code === 0;
  });
  t.ok(bound);
  await sendNumbers(client, topic, 0, 20);
  const pulled = await pullMessages(client, topic, 0, 0, { holdMs: 15_000, max: 32 });
  t.equal(pulled.messages.length, 20, 'all pass, as the policy says');
  folder.save('p.mjs', byNumber('n !== 7'));
  await waitUntil('the new version', async () => (await drainQueue(client, topic, 0))[0].length === 19);
  await client.close();
  const exit = await ringmq.stop();
  t.match(exit, { code: null, signal: 'SIGKILL' }, 'the process ends itself');
});

for (const file of ['p.mjs', 'p.ts', 'p.js']) {
  test(`a filter plugin that fails while its file holds a broken version goes on as the last good one (${file})`, {
    timeout: 60_000,
  }, async (t) => {
    const folder = pluginFolder();
    t.teardown(() => folder.destroy());
    const type = file === 'p.ts' ? ': { property(name: string): string | undefined }' : '';
    const open = file === 'p.js' ? 'module.exports =' : 'export default';
    folder.save(
      file,
      `let calls = 0;\n${open} (message${type}) => { if (++calls === 15) throw new Error('once'); return message.property('n') !== '7'; };`,
    );
    const { broker, address } = await startInProcess(t, 1, 'async', [`pluginDir=${folder.path}`]);
    const client = await RemotingClient.connect(address);
    t.teardown(() => client.close());
    const plugin = (): PluginView | undefined => broker.metrics().plugins[0];
    await waitUntil('the plugin serves', () => plugin()?.state === 'running');
    const topic = uniqueName('plug');
    await updateTopicAttributes(client, topic, '+filter.plugin=p');
    folder.save(file, 'export default (message => {');
    await waitUntil('the new version is refused', () => (plugin()?.fault ?? '') !== '');
    t.match(plugin(), { state: 'running', loads: 1, failures: 0 });
    await sendNumbers(client, topic, 0, 10);
    t.equal((await drainQueue(client, topic, 0))[0].length, 9);
    await pullMessages(client, topic, 0, 0, { holdMs: 15_000 });
    await waitUntil('its successor', () => plugin()?.failures === 1 && plugin()?.state === 'running');
    t.match(plugin(), { loads: 2 });
    t.equal((await drainQueue(client, topic, 0))[0].length, 9, 'it judges as before');
  });
}

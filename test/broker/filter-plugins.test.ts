/** Filter plugins over a started broker: what passes is given, from memory and from files; versions, faults and policies; nothing is lost or doubled. */
import { test } from 'tap';
import type { PluginView } from '../../actors/filter/plugin-messages.ts';
import { heartbeatBody, type PullOptions, pullMessages, sendMessage } from '../support/broker-client.ts';
import { startInProcess } from '../support/broker-in-process.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import { pluginFolder, updateGroupAttributes, updateTopicAttributes } from '../support/plugin-folder.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';

const EVEN = `
import type { FilterPlugin } from 'ringmq';
export default {
  description: 'even numbers',
  filter: (message, { group }) => Number(message.property('n')) % 2 === 0 && group !== '',
} satisfies FilterPlugin;
`;
const byNumber = (condition: string): string => `export default (message) => { const n = Number(message.property('n')); return ${condition}; };`;

async function sendNumbers(client: RemotingClient, topic: string, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    const answer = await sendMessage(client, topic, `m${n}`, { queueId: 0, properties: { n: String(n), TAGS: n % 2 === 0 ? 'Aa' : 'BB' } });
    if (answer.code !== 0) throw new Error(`send ${n}: ${answer.code} ${answer.remark}`);
  }
}

/** Bodies of all messages from `offset` on that pass, and where the last pull ended. */
async function drain(client: RemotingClient, topic: string, offset: number, options: PullOptions = {}): Promise<[string[], number]> {
  const bodies: string[] = [];
  for (let next = offset; ; ) {
    const pulled = await pullMessages(client, topic, 0, next, { max: 32, ...options });
    bodies.push(...pulled.messages.map((message) => message.body.toString()));
    if (pulled.frame.code !== 0 && pulled.frame.code !== 20) return [bodies, pulled.next];
    next = pulled.next;
  }
}

const numbers = (from: number, to: number, step = 1): string[] => {
  const all: string[] = [];
  for (let n = from; n < to; n += step) all.push(`m${n}`);
  return all;
};

for (const shards of [1, 2]) {
  test(`filter plugins, ${shards} shards`, { timeout: 120_000 }, async (t) => {
    const folder = pluginFolder();
    t.teardown(() => folder.destroy());
    folder.save('even.ts', EVEN);
    const { broker, address } = await startInProcess(t, shards, 'async', [`pluginDir=${folder.path}`]);
    const client = await RemotingClient.connect(address);
    t.teardown(() => client.close());
    await waitUntil('the plugin serves', () => broker.metrics().plugins.find(({ state }) => state === 'running'));

    const topic = uniqueName('plug');
    t.same((await updateTopicAttributes(client, topic, '+filter.plugin=even')).code, 0);
    await sendNumbers(client, topic, 0, 300);
    t.same(await drain(client, topic, 0), [numbers(0, 300, 2), 300], 'by the topic');
    t.same(await drain(client, topic, 0, { max: 1 }), [numbers(0, 300, 2), 300], 'one at a time');
    t.same(await drain(client, topic, 0, { group: 'TOOLS_CONSUMER' }), [numbers(0, 300), 300], 'a tool sees what is there');
    t.same(await drain(client, topic, 0, { expressionType: 'SQL92', expression: 'n < 10' }), [numbers(0, 10, 2), 300], 'behind SQL92');
    t.same((await updateTopicAttributes(client, topic, '-filter.plugin')).code, 0);
    t.same((await drain(client, topic, 0))[0].length, 300, 'not any more');

    t.same(await drain(client, topic, 0, { expressionType: 'PLUGIN', expression: 'even' }), [numbers(0, 300, 2), 300], 'by a subscription');
    const group = uniqueName('CG_plug');
    t.same((await updateGroupAttributes(client, group, { '+filter.plugin': 'even' })).code, 0);
    await client.request(34, {}, { body: heartbeatBody('c1', group, [topic]) });
    t.same(await drain(client, topic, 0, { group, registered: 1 }), [numbers(0, 300, 2), 300], 'by the group');

    const held = pullMessages(client, topic, 0, 300, { group, registered: 1, holdMs: 20_000 });
    const other = await RemotingClient.connect(address);
    await sendNumbers(other, topic, 301, 1);
    await sendNumbers(other, topic, 400, 1);
    let pulled = await held;
    while (pulled.frame.code === 20) pulled = await pullMessages(client, topic, 0, pulled.next, { group, registered: 1, holdMs: 20_000 });
    t.same(pulled.messages.map((message) => message.body.toString()), ['m400'], 'a held pull waits for what passes');
    await other.close();

    folder.save('even.ts', byNumber('n % 100 === 0'));
    await waitUntil('the new version', () => broker.metrics().plugins.find(({ loads }) => loads === 2));
    t.same(await drain(client, topic, 0, { group, registered: 1 }), [['m0', 'm100', 'm200', 'm400'], 302], 'the file was replaced');
    const [view] = broker.metrics().plugins;
    t.match(view, { plugin: 'even', file: 'even.ts', state: 'running', fault: '', failures: 0 });
    t.ok(view!.judged >= 1000 && view!.passed < view!.judged, `${view!.judged} judged, ${view!.passed} passed`);
  });
}

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
const HOG = `
const kept = [];
export default (message) => {
  if (message.property('n') === '7') for (;;) kept.push(new Array(1000).fill(message.offset));
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
  ['throws', THROWS, /TypeError: no seven \(p.mjs:3:46\) at plug-\S+\/0 offset 7/],
  ['never returns', ENDLESS, /filter\(\) took longer than 80 ms/],
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
    const held = pullMessages(client, topic, 0, 0, { holdMs: 15_000 });
    const beganMs = performance.now();
    await waitUntil('parked', () => plugin()?.state === 'parked', 15_000);
    t.comment(`parked after ${Math.round(performance.now() - beganMs)} ms`);
    t.match(plugin(), { state: 'parked', policy: 'hold', failures: 3, loads: 3 });
    t.match(plugin()!.fault, why);
    t.equal(logged.filter((line) => line.startsWith('A filter plugin has failed and is started again')).length, 2);
    t.equal(logged.filter((line) => line.startsWith('A filter plugin has failed too often')).length, 1);
    const other = await pullMessages(client, topic, 0, 0, { group: 'TOOLS_CONSUMER' });
    t.equal(other.messages.length, 20, 'others are served');
    folder.save('p.mjs', byNumber('n !== 7'));
    const pulled = await held;
    t.same(pulled.messages.map((message) => message.body.toString()), [...numbers(0, 7), ...numbers(8, 20)], 'the held pull goes on');
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
  t.equal((await drain(client, topic, 0))[0].length, 20, 'and to whoever comes');
});

test('a filter plugin that cannot be loaded is refused with file and position', { timeout: 60_000 }, async (t) => {
  const folder = pluginFolder();
  t.teardown(() => folder.destroy());
  folder.save('p.ts', 'export default {\n  filter(message: unknown): boolean {\n    return message === ;\n  },\n};\n');
  folder.save('ok.ts', EVEN);
  folder.save('bad name.ts', EVEN);
  folder.save('ok.js', EVEN);
  folder.save('ok.test.ts', 'throw 1');
  const { broker, address, logged } = await startInProcess(t, 1, 'async', [`pluginDir=${folder.path}`]);
  const client = await RemotingClient.connect(address);
  t.teardown(() => client.close());
  const plugin = (name: string): PluginView | undefined => broker.metrics().plugins.find((view) => view.plugin === name);
  await waitUntil('loaded', () => plugin('ok')?.state === 'running' && plugin('p')?.state === 'refused');
  t.match(plugin('p')!.fault, /^p.ts:3:24: SyntaxError: Expression expected/);
  t.equal(broker.metrics().plugins.length, 2);
  t.ok(logged.some((line) => line.includes('bad name.ts: a plugin')) && logged.some((line) => line.includes('ok.ts: there is ok.js already')));

  const topic = uniqueName('plug');
  const unknown = await updateTopicAttributes(client, topic, '+filter.plugin=nope');
  t.match([unknown.code, unknown.remark], [1, /there is no filter plugin "nope"; put its file into pluginDir \(there are: ok, p\)/]);
  const bad = await updateTopicAttributes(client, topic, '+filter.plugin=../x');
  t.match([bad.code, bad.remark], [1, /the name of a filter plugin is needed/]);
  const ofGroup = await updateGroupAttributes(client, uniqueName('CG'), { '+filter.plugin': 'nope' });
  t.match([ofGroup.code, ofGroup.remark], [1, /there is no filter plugin "nope"/]);
  await updateTopicAttributes(client, topic, '');
  await sendNumbers(client, topic, 0, 4);
  const { frame } = await pullMessages(client, topic, 0, 0, { expressionType: 'PLUGIN', expression: 'nope' });
  t.match([frame.code, frame.remark], [23, /there is no filter plugin "nope"/]);
  const config = { clientId: 'c', group: 'g', subscriptionData: { topic, subString: 'nope', expressionType: 'PLUGIN' } };
  const checked = await client.request(46, {}, { body: Buffer.from(JSON.stringify(config)) });
  t.match([checked.code, checked.remark], [23, /there is no filter plugin "nope"/]);

  t.equal((await updateTopicAttributes(client, topic, '+filter.plugin=p')).code, 0);
  t.equal((await pullMessages(client, topic, 0, 0)).frame.code, 19, 'held back');
  folder.save('p.ts', EVEN);
  const pulled = await pullMessages(client, topic, 0, 0, { holdMs: 15_000 });
  t.same(pulled.messages.map((message) => message.body.toString()), ['m0', 'm2'], 'until it can be loaded');
  folder.save('p.ts', "export default { filter: 'none' };");
  await waitUntil('refused', () => plugin('p')!.fault !== '');
  t.match(plugin('p'), { state: 'running', fault: /p.ts: the default export has no function filter/ });
  t.equal((await pullMessages(client, topic, 0, 0)).messages.length, 2, 'the version before goes on');
  folder.remove('p.ts');
  await waitUntil('gone', () => plugin('p')!.state === 'gone');
  t.equal((await pullMessages(client, topic, 0, 0)).frame.code, 19, 'held back without its file');
  folder.save('p.ts', byNumber('n === 3'));
  t.same((await pullMessages(client, topic, 0, 0, { holdMs: 15_000 })).messages.map((message) => message.body.toString()), ['m3']);
});

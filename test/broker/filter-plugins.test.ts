/** Filter plugins over a started broker: what passes is given, from memory and from files; versions and refusals; nothing is lost or doubled. */
import tap, { test } from 'tap';
import type { PluginView } from '../../actors/filter/plugin-messages.ts';
import { heartbeatBody, pullMessages } from '../support/broker-client.ts';
import { startInProcess } from '../support/broker-in-process.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import {
  byNumber,
  drainQueue,
  numbers,
  pluginFolder,
  sendNumbers,
  updateGroupAttributes,
  updateTopicAttributes,
} from '../support/plugin-folder.ts';
import { type PopOptions, pop } from '../support/pop-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(180_000);

const EVEN = `
import type { FilterPlugin } from 'ringmq';
export default {
  description: 'even numbers',
  filter: (message, { group }) => Number(message.property('n')) % 2 === 0 && group !== '',
} satisfies FilterPlugin;
`;
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
    t.same(await drainQueue(client, topic, 0), [numbers(0, 300, 2), 300], 'by the topic');
    t.same(await drainQueue(client, topic, 0, { max: 1 }), [numbers(0, 300, 2), 300], 'one at a time');
    t.same(await drainQueue(client, topic, 0, { group: 'TOOLS_CONSUMER' }), [numbers(0, 300), 300], 'a tool sees what is there');
    t.same(await drainQueue(client, topic, 0, { expressionType: 'SQL92', expression: 'n < 10' }), [numbers(0, 10, 2), 300], 'behind SQL92');
    t.same((await updateTopicAttributes(client, topic, '-filter.plugin')).code, 0);
    t.same((await drainQueue(client, topic, 0))[0].length, 300, 'not any more');

    t.same(
      await drainQueue(client, topic, 0, { expressionType: 'PLUGIN', expression: 'even' }),
      [numbers(0, 300, 2), 300],
      'by a subscription',
    );
    const group = uniqueName('CG_plug');
    t.same((await updateGroupAttributes(client, group, { '+filter.plugin': 'even' })).code, 0);
    await client.request(34, {}, { body: heartbeatBody('c1', group, [topic]) });
    t.same(await drainQueue(client, topic, 0, { group, registered: 1 }), [numbers(0, 300, 2), 300], 'by the group');

    const held = pullMessages(client, topic, 0, 300, { group, registered: 1, holdMs: 20_000 });
    const other = await RemotingClient.connect(address);
    await sendNumbers(other, topic, 301, 1);
    await sendNumbers(other, topic, 400, 1);
    let pulled = await held;
    while (pulled.frame.code === 20) pulled = await pullMessages(client, topic, 0, pulled.next, { group, registered: 1, holdMs: 20_000 });
    t.same(
      pulled.messages.map((message) => message.body.toString()),
      ['m400'],
      'a held pull waits for what passes',
    );
    await other.close();

    folder.save('even.ts', byNumber('n % 100 === 0'));
    await waitUntil('the new version', () => broker.metrics().plugins.find(({ loads }) => loads === 2));
    t.same(await drainQueue(client, topic, 0, { group, registered: 1 }), [['m0', 'm100', 'm200', 'm400'], 302], 'the file was replaced');
    const [view] = broker.metrics().plugins;
    t.match(view, { plugin: 'even', file: 'even.ts', state: 'running', fault: '', failures: 0 });
    t.ok(view!.judged >= 1000 && view!.passed < view!.judged, `${view!.judged} judged, ${view!.passed} passed`);
  });
}

test('a filter plugin that cannot be loaded is refused with file and position', { timeout: 60_000 }, async (t) => {
  const folder = pluginFolder();
  t.teardown(() => folder.destroy());
  folder.save('p.ts', 'export default {\n  filter(message: unknown): boolean {\n    return message === ;\n  },\n};\n');
  folder.save('ok.ts', EVEN);
  folder.save('bad name.ts', EVEN);
  folder.save('ok.js', byNumber('true'));
  folder.save('ok.test.ts', 'throw 1');
  const { broker, address, logged } = await startInProcess(t, 1, 'async', [`pluginDir=${folder.path}`]);
  const client = await RemotingClient.connect(address);
  t.teardown(() => client.close());
  const plugin = (name: string): PluginView | undefined => broker.metrics().plugins.find((view) => view.plugin === name);
  await waitUntil('loaded', () => plugin('ok')?.state === 'running' && plugin('p')?.state === 'refused');
  t.match(plugin('p')!.fault, /^p.ts:3:24: SyntaxError: Expression expected/);
  t.equal(broker.metrics().plugins.length, 2);
  t.ok(
    logged.some((line) => line.includes('bad name.ts: a plugin')) && logged.some((line) => line.includes('ok.ts: there is ok.js already')),
  );

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
  t.same(
    pulled.messages.map((message) => message.body.toString()),
    ['m0', 'm2'],
    'until it can be loaded',
  );
  folder.save('p.ts', "export default { filter: 'none' };");
  await waitUntil('refused', () => plugin('p')!.fault !== '');
  t.match(plugin('p'), { state: 'running', fault: /p.ts: the default export has no function filter/ });
  t.equal((await pullMessages(client, topic, 0, 0)).messages.length, 2, 'the version before goes on');
  folder.remove('p.ts');
  await waitUntil('gone', () => plugin('p')!.state === 'gone');
  t.equal((await pullMessages(client, topic, 0, 0)).frame.code, 19, 'held back without its file');
  folder.save('p.ts', byNumber('n === 3'));
  t.same(
    (await pullMessages(client, topic, 0, 0, { holdMs: 15_000 })).messages.map((message) => message.body.toString()),
    ['m3'],
  );
});

for (const shards of [1, 2]) {
  test(`tags that share a hash are told apart, and plugins are behind pops, ${shards} shards`, { timeout: 60_000 }, async (t) => {
    const folder = pluginFolder();
    t.teardown(() => folder.destroy());
    folder.save('small.js', byNumber('n < 30'));
    const { broker, address } = await startInProcess(t, shards, 'async', [`pluginDir=${folder.path}`]);
    const client = await RemotingClient.connect(address);
    t.teardown(() => client.close());
    await waitUntil('the plugin serves', () => broker.metrics().plugins[0]?.state === 'running');
    const topic = uniqueName('tags');
    await updateTopicAttributes(client, topic, '');
    // Even numbers have the tag Aa, odd ones BB: Java's hash of both is 2112.
    await sendNumbers(client, topic, 0, 100);
    t.same(await drainQueue(client, topic, 0, { expression: 'Aa' }), [numbers(0, 100, 2), 100]);
    t.same(await drainQueue(client, topic, 0, { expression: 'BB || other', max: 3 }), [numbers(1, 100, 2), 100]);
    t.same(await drainQueue(client, topic, 0, { expression: 'Aa || BB' }), [numbers(0, 100), 100]);
    t.same((await drainQueue(client, topic, 0, { expression: 'CC' }))[0], []);
    const group = uniqueName('CG_tags');
    await client.request(34, {}, { body: heartbeatBody('c1', group, [topic], { subString: 'BB', tagsSet: ['BB'], codeSet: [2112] }) });
    t.same(await drainQueue(client, topic, 0, { group, registered: 1 }), [numbers(1, 100, 2), 100], 'by a heartbeat');

    const popAll = async (options: PopOptions): Promise<string[]> => {
      const bodies: string[] = [];
      for (;;) {
        const popped = await pop(client, topic, { queueId: 0, invisibleMs: 60_000, ...options });
        if (popped.frame.code !== 0) return bodies;
        bodies.push(...popped.messages.map((message) => message.body.toString()));
      }
    };
    t.same(await popAll({ group: uniqueName('CG'), expression: 'Aa' }), numbers(0, 100, 2), 'pops by tag');
    t.same(await popAll({ group: uniqueName('CG'), expression: 'small', expressionType: 'PLUGIN' }), numbers(0, 30), 'pops by plugin');
    t.equal((await updateTopicAttributes(client, topic, '+filter.plugin=small')).code, 0);
    t.same(await popAll({ group: uniqueName('CG'), expression: 'BB' }), numbers(1, 30, 2), 'pops of a topic behind a plugin, by tag');
    t.same(await drainQueue(client, topic, 0, { expression: 'BB' }), [numbers(1, 30, 2), 100], 'pulls of it');
  });
}

/** What a plugin's file may export, how a fault is told, and how a record looks to a plugin. */
import { test } from 'tap';
import { callFault, loadFault, oneLine, pluginCode } from '../../../actors/filter/load-plugin.ts';
import { isPluginName, pluginOf, pluginsOf } from '../../../actors/filter/plugin-binding.ts';
import { pluginNameOf } from '../../../actors/filter/plugin-folder.ts';
import { PluginMessage } from '../../../actors/filter/plugin-message.ts';
import { encodeMessageRecord } from '../../../model/message-record.ts';

test('pluginCode takes a function, an object, and what CommonJS makes of them', (t) => {
  const filter = (): boolean => true;
  for (const module of [{ default: filter }, { default: { filter } }, { default: { default: { filter } } }])
    t.type(pluginCode(module), 'object');
  t.match(pluginCode({ default: { filter, description: 'a\nb', whenParked: 'pass' } }), {
    description: { description: 'a b', whenParked: 'pass' },
  });
  for (const [module, why] of [
    [{}, /no plugin/],
    [{ default: null }, /no plugin/],
    [{ default: 1 }, /no plugin/],
    [{ default: {} }, /no function filter/],
    [{ default: { filter, start: 1 } }, /start/],
    [{ default: { filter, description: 1 } }, /description/],
    [{ default: { filter, whenParked: 'drop' } }, /whenParked/],
  ] as const)
    t.match(pluginCode(module), why);
  t.end();
});

test('faults are one line with the place, and nothing of the machine', (t) => {
  const error = new TypeError('bad\u001b[31m\nthing');
  error.stack = 'TypeError: bad\n    at filter (file:///somewhere/else/p.ts:3:7)\n    at other (/x/y.ts:1:1)';
  t.equal(callFault(error), 'TypeError: bad [31m thing (p.ts:3:7)');
  t.equal(callFault('text'), 'threw text');
  t.equal(loadFault(error, 'file:///somewhere/else/p.ts', ''), 'p.ts:3:7: TypeError: bad [31m thing');
  t.equal(oneLine('x'.repeat(20), 10), `${'x'.repeat(10)}…`);
  t.end();
});

test('names: of plugins, of files, of what is bound', (t) => {
  for (const name of ['a', 'fraud-2', 'A_b', '9']) t.equal(isPluginName(name), true, name);
  for (const name of ['', '-a', 'a.b', '../x', 'a/b', 'é', 'a'.repeat(65), 'a\n']) t.equal(isPluginName(name), false, name);
  t.same(['p.ts', 'p.mjs', 'p.d.ts', 'p.test.ts', 'p', 'p.json', '.ts'].map(pluginNameOf), ['p', 'p', null, null, null, null, null]);
  t.equal(pluginOf({ 'filter.plugin': 'p' }), 'p');
  t.equal(pluginOf({ 'filter.plugin': '../p' }), null);
  t.equal(pluginOf({}), null);
  const topic = { name: 'T', isRetry: false, isDlq: false, plugin: 'a' };
  t.same(pluginsOf(topic, 'g', 'b', ['c', 'a']), ['a', 'b', 'c']);
  t.same(pluginsOf({ ...topic, plugin: null }, 'g', null, ['c']), ['c']);
  t.same(pluginsOf({ ...topic, isRetry: true }, 'g', 'b', []), []);
  t.same(pluginsOf(topic, 'TOOLS_CONSUMER', 'b', []), []);
  t.end();
});

test('PluginMessage reads what the record has', (t) => {
  const properties = 'UNIQ_KEY\u0001u\u0002TAGS\u0001red\u0002KEYS\u0001k1  k2\u0002__proto__\u0001x\u0002torn\u0002n\u00017';
  const first = encodeMessageRecord({
    topic: 'T',
    body: Buffer.from('häl'),
    properties,
    queueId: 3,
    queueOffset: 42,
    sysFlag: 1,
    reconsumeTimes: 2,
  });
  const host = { address: Uint8Array.from({ length: 16 }, (_, i) => i), port: 1 };
  const second = encodeMessageRecord({ topic: 'T'.repeat(200), body: new Uint8Array(0), properties: '', bornHost: host, storeHost: host });
  const bytes = Buffer.concat([first, second]);
  const message = new PluginMessage();
  for (let round = 0; round < 2; round++) {
    message.moveTo(bytes, 0);
    t.match(message, { topic: 'T', queueId: 3, offset: 42, tags: 'red', bodyBytes: 4, text: 'häl', isCompressed: true, reconsumeTimes: 2 });
    t.same(message.keys, ['k1', 'k2']);
    t.equal(message.property('n'), '7', 'the last separator may be missing');
    t.equal(message.property('torn'), undefined);
    t.same(
      Object.entries(message.properties).map(([name]) => name),
      ['UNIQ_KEY', 'TAGS', 'KEYS', '__proto__', 'n'],
    );
    t.equal(Object.getPrototypeOf(message.properties), null);
    t.equal(message.property('__proto__'), 'x');
    t.equal(message.property('toString'), undefined);
    const { body } = message;
    body.fill(0);
    t.equal(message.text, 'häl', 'a body is a copy');
    message.moveTo(bytes, first.length);
    t.match(message, { topic: 'T'.repeat(200), tags: undefined, bodyBytes: 0, text: '', isCompressed: false });
    t.same({ ...message.properties }, {});
    t.same(message.keys, []);
  }
  t.end();
});

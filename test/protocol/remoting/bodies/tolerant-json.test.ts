import fc from 'fast-check';
import { test } from 'tap';
import { JSON_DEPTH_MAX, JsonKeyedMap, parseTolerantJson } from '../../../../protocol/remoting/bodies/tolerant-json.ts';
import { BodyError } from '../../../../protocol/remoting/errors.ts';

test('parseTolerantJson gives what JSON.parse gives for plain JSON', async (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      const value = JSON.parse(text) as unknown;
      // Doubles that are integers beyond 2^53 come as bigint; the rest is the same.
      return /[0-9]{16}/.test(text) || JSON.stringify(parseTolerantJson(text)) === JSON.stringify(value);
    }),
    { seed: 8, numRuns: 1000 },
  );
  t.pass('1000 texts');
});

test('parseTolerantJson reads bare integer keys, object keys, and both within one another', async (t) => {
  t.same(
    { ...(parseTolerantJson('{0:"a",-1:{ "b" : [1,2.5,-3e2,true,null,"\\u4e2d"] }}') as object) },
    { 0: 'a', '-1': { b: [1, 2.5, -300, true, null, '中'] } },
  );
  const keyed = parseTolerantJson('{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:5,{"queueId":1}:{{"x":1}:2}}}') as Record<
    string,
    JsonKeyedMap
  >;
  const table = keyed['offsetTable'] as JsonKeyedMap;
  t.type(table, JsonKeyedMap);
  t.same(table.entries[0], [{ brokerName: 'b', queueId: 0, topic: 'T' }, 5]);
  t.type(table.entries[1]?.[1], JsonKeyedMap);
});

test('parseTolerantJson keeps every digit of a 64-bit integer, both ways', async (t) => {
  t.equal((parseTolerantJson('{"a":9223372036854775807}') as Record<string, unknown>)['a'], 9_223_372_036_854_775_807n);
  t.equal((parseTolerantJson('{0:-9223372036854775808}') as Record<string, unknown>)['0'], -9_223_372_036_854_775_808n);
  t.equal((parseTolerantJson('[9007199254740991]') as unknown[])[0], 9_007_199_254_740_991);
  t.equal((parseTolerantJson('[1234567890123456.5]') as unknown[])[0], 1_234_567_890_123_456.5);
});

test('parseTolerantJson cannot be made to change what objects inherit', async (t) => {
  for (const text of ['{"__proto__":{"polluted":1}}', '{0:1,"__proto__":{"polluted":1}}']) {
    const value = parseTolerantJson(text) as Record<string, unknown>;
    t.equal(({} as Record<string, unknown>)['polluted'], undefined);
    t.ok(Object.hasOwn(value, '__proto__'), 'it is a member like others');
    t.equal(value['polluted'], undefined);
  }
});

test('parseTolerantJson refuses what is no JSON of either kind, and what is nested too deep', async (t) => {
  const bad = [
    '',
    '{',
    '}',
    '{a:1}',
    '{1.5:2}',
    '{0:1,}',
    '[1,]',
    '{"a" 1}',
    '{0:"\u0000"}',
    '{0:"a}',
    '{0:01x}',
    'tru',
    '{0:1}x',
    "{0:'a'}",
    '{[1]:2}',
    '{0:"\\x"}',
  ];
  for (const text of bad) t.throws(() => parseTolerantJson(text), BodyError, text);
  t.throws(() => parseTolerantJson('['.repeat(JSON_DEPTH_MAX + 1)), /nested deeper than 64/);
  t.throws(() => parseTolerantJson('{0:'.repeat(1_000_000)), /nested deeper than 64/);
  t.equal(JSON.stringify(parseTolerantJson('['.repeat(64) + ']'.repeat(64))), '['.repeat(64) + ']'.repeat(64));
  t.equal(
    (parseTolerantJson(`{0:"${'x'.repeat(5_000_000)}"}`) as Record<string, string>)['0']?.length,
    5_000_000,
    'a long text is read in one go',
  );
});

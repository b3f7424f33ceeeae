/**
 * Messages found by key, unique key and id in a started broker, with one shard and with two: at once after the acknowledgement, after
 * a restart, by nobody else's hash, and never by an id that is none.
 */
import tap, { type Test, test } from 'tap';
import { sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import { decodeMessages, type RawMessage } from '../support/raw-message.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(180_000);

const EVER = '9223372036854775807';
type Fields = Record<string, string | undefined>;

function defined(fields: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined));
}

function query(client: RemotingClient, topic: string, key: string, fields: Fields = {}): Promise<RawFrame> {
  return client.request(12, defined({ topic, key, maxNum: '64', beginTimestamp: '0', endTimestamp: EVER, ...fields }));
}

function found(frame: RawFrame): RawMessage[] {
  return frame.code === 0 ? decodeMessages(frame.body) : [];
}

function bodies(frame: RawFrame): string[] {
  return found(frame).map(({ body }) => body.toString());
}

function view(client: RemotingClient, offset: number | string): Promise<RawFrame> {
  return client.request(33, { offset: String(offset) });
}

/** The place that an offset message id names. */
function placeOf(answer: RawFrame): number {
  return Number(BigInt(`0x${(answer.ext?.['msgId'] ?? '').slice(16, 32)}`));
}

/** Sends and gives the message's place. */
async function send(client: RemotingClient, topic: string, body: string | Uint8Array, properties: Record<string, string>): Promise<number> {
  const answer = await sendMessage(client, topic, body, { properties });
  if (answer.code !== 0) throw new Error(`Not sent: ${answer.code} ${answer.remark}`);
  return placeOf(answer);
}

for (const shards of [1, 2]) {
  test(`QUERY_MESSAGE and VIEW_MESSAGE_BY_ID find a message as soon as it is acknowledged, ${shards} shards`, async (t) => {
    // The Java broker fills its index behind the acknowledgement.
    if (isForeign) return;
    const broker = await brokerUnderTest(t, { shards });
    const sender = await broker.connect();
    const askers = [await broker.connect(), await broker.connect(), await broker.connect()];
    const topic = uniqueName('now');
    let missed = 0;
    for (let number = 0; number < 150; number++) {
      const asker = askers[number % askers.length]!;
      const place = await send(sender, topic, `body ${number}`, { KEYS: `order-${number}`, UNIQ_KEY: `unique-${number}` });
      const [byKey, byUnique, byId] = await Promise.all([
        query(asker, topic, `order-${number}`),
        query(asker, topic, `unique-${number}`, { _UNIQUE_KEY_QUERY: 'true', maxNum: '1' }),
        view(asker, place),
      ]);
      for (const frame of [byKey, byUnique, byId]) if (bodies(frame).join() !== `body ${number}`) missed++;
    }
    t.equal(missed, 0, 'each of 150 was found by key, by unique key and by id');
  });
}

test('QUERY_MESSAGE gives the newest messages of a key, the oldest of them first', async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const client = await broker.connect();
  const topic = uniqueName('many');
  for (let number = 0; number < 100; number++)
    await send(client, topic, String(number), { KEYS: `k${number} shared`, UNIQ_KEY: number < 40 ? 'same' : `u${number}` });
  await waitUntil('the index', async () => found(await query(client, topic, 'k99')).length === 1);
  const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index));
  for (const [name, key, fields, expected] of [
    ['three of them', 'shared', { maxNum: '3' }, numbers(97, 100)],
    ['as many as there can be', 'shared', { maxNum: isForeign ? '100000' : '2147483647' }, numbers(36, 100)],
    ['one key of two', 'k7', {}, ['7']],
    ['a unique key: its own limit', 'same', { _UNIQUE_KEY_QUERY: 'true', maxNum: '1' }, numbers(8, 40)],
    ['both keys in one are no key', 'k7 shared', {}, []],
    ['a key that nobody has', 'k100', {}, []],
    ['an empty key', '', {}, []],
    ['the topic in other letters', 'shared', { topic: topic.toUpperCase() }, []],
    ['none are wanted', 'shared', { maxNum: '0' }, []],
    ['a window that ends before it begins', 'shared', { beginTimestamp: EVER, endTimestamp: '0' }, []],
    ['a window before all', 'shared', { endTimestamp: '1000' }, []],
  ] as const) {
    const frame = await query(client, topic, key, fields);
    t.same(bodies(frame), expected, name);
    t.equal(frame.code, expected.length > 0 ? 0 : 22, `${name}: ${frame.remark}`);
    if (expected.length === 0) t.equal(frame.remark, 'can not find message, maybe time range not correct');
    else t.ok(Number(frame.ext?.['indexLastUpdatePhyoffset']) > 0 && Number(frame.ext?.['indexLastUpdateTimestamp']) > 0, 'the index');
  }
});

test('QUERY_MESSAGE keeps to its window of time, to the millisecond', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const topic = uniqueName('window');
  const times: number[] = [];
  for (let number = 0; number < 3; number++) {
    const place = await send(client, topic, String(number), { KEYS: 'k' });
    const stored = found(await view(client, place))[0]!.storeTimestamp;
    times.push(stored);
    await waitUntil('the next millisecond', () => Date.now() > stored);
  }
  const asked = async (begin: number, end: number): Promise<string[]> =>
    bodies(await query(client, topic, 'k', { beginTimestamp: String(begin), endTimestamp: String(end) }));
  t.same(await asked(times[0]!, times[2]!), ['0', '1', '2']);
  t.same(await asked(times[0]! + 1, times[2]!), ['1', '2'], 'begin is the first millisecond');
  t.same(await asked(times[0]!, times[2]! - 1), ['0', '1'], 'end is the last one');
  t.same(await asked(times[1]!, times[1]!), ['1']);
  t.same(await asked(times[2]! + 1, Number.MAX_SAFE_INTEGER), []);
});

test('QUERY_MESSAGE gives no message of another topic whose name and key have the same hash', async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const rest = uniqueName('same');
  // "Aa" and "BB" have one hash in Java, and so has whatever follows them alike.
  await send(client, `Aa${rest}`, 'mine', { KEYS: 'k' });
  for (let number = 0; number < 70; number++) await send(client, `BB${rest}`, 'other', { KEYS: 'k' });
  await waitUntil('the index', async () => bodies(await query(client, `BB${rest}`, 'k')).length === 64);
  if (!isForeign) t.same(bodies(await query(client, `Aa${rest}`, 'k')), ['mine'], 'behind 70 newer ones of the other');
  t.same([...new Set(bodies(await query(client, `BB${rest}`, 'k')))], ['other']);
});

test('QUERY_MESSAGE answers with what fits a frame: the newest of several large messages', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const client = await broker.connect();
  const topic = uniqueName('large');
  const body = (number: number): Buffer => Buffer.alloc(4 * 1024 * 1024 - 1000, number + 1);
  for (let number = 0; number < 5; number++) await send(client, topic, body(number), { KEYS: 'k' });
  const frame = await query(client, topic, 'k');
  t.same(
    found(frame).map((message) => message.body[0]! - 1),
    [2, 3, 4],
  );
  t.ok(
    found(frame).every((message) => message.body.equals(body(message.body[0]! - 1))),
    'whole and unharmed',
  );
  t.equal((await view(client, found(frame)[0]!.physicalOffset)).body.length, frame.body.length / 3, 'one by its id');
});

test('VIEW_MESSAGE_BY_ID gives a message only where one begins', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const client = await broker.connect();
  const topic = uniqueName('ids');
  const inner = await send(client, topic, 'first', {});
  // A body that holds a whole record: its inside must not pass for a message.
  const record = (await view(client, inner)).body;
  const places = [inner, await send(client, topic, Buffer.concat([Buffer.alloc(7), record]), {}), await send(client, topic, 'last', {})];
  const end = places[2]! + (await view(client, places[2]!)).body.length;
  let wrong = 0;
  for (let offset = 0; offset < end + 8; offset++) {
    const frame = await view(client, offset);
    if (places.includes(offset) ? frame.code !== 0 : frame.code !== 1 || frame.remark !== `can not find message by the offset, ${offset}`)
      wrong++;
  }
  t.equal(wrong, 0, `of all ${end + 8} offsets only three are messages`);
  for (const offset of [
    '-1',
    '-9223372036854775808',
    '9223372036854775807',
    '99999999999999999999',
    '1e3',
    '0x10',
    'abc',
    '',
    ' 0',
    '9007199254740991',
  ]) {
    const frame = await view(client, offset);
    t.equal(frame.code, 1, `offset "${offset}"`);
    t.match(frame.remark, /^can not find message by the offset, |^The header field offset is /, 'with a remark');
  }
  const frame = await client.request(33, {});
  t.match({ code: frame.code, remark: frame.remark }, { code: 1, remark: /header field offset is missing/ });
  t.equal((await view(client, places[0]!)).code, 0, 'the next one is served');
});

test('QUERY_MESSAGE refuses what is no query, names the field, and serves the next one', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const client = await broker.connect();
  const topic = uniqueName('bad');
  await send(client, topic, 'good', { KEYS: 'k' });
  for (const [fields, code, remark] of [
    [{ topic: undefined }, 1, /header field topic is missing/],
    [{ key: undefined }, 1, /header field key is missing/],
    [{ maxNum: undefined }, 1, /header field maxNum is missing/],
    [{ beginTimestamp: undefined }, 1, /header field beginTimestamp is missing/],
    [{ endTimestamp: undefined }, 1, /header field endTimestamp is missing/],
    [{ maxNum: 'many' }, 1, /maxNum is "many"; a 32-bit integer/],
    [{ maxNum: '-1' }, 1, /maxNum is -1; 1 to 64/],
    [{ maxNum: '4294967297' }, 1, /a 32-bit integer/],
    [{ beginTimestamp: 'yesterday' }, 1, /beginTimestamp is "yesterday"/],
    [{ endTimestamp: '9223372036854775808' }, 1, /a 64-bit integer/],
    [{ topic: 'x'.repeat(256) }, 29, /topic has 256 characters; a topic has at most 255/],
    [{ key: 'x'.repeat(32_768) }, 29, /key has 32768 characters/],
    [{ topic: '../../etc/passwd' }, 22, /can not find/],
    [{ topic: '__proto__', key: 'constructor' }, 22, /can not find/],
    [{ key: '\u0000\u0001\u0002' }, 22, /can not find/],
    [{ indexType: 'T', key: 'tag' }, 22, /no tags/],
  ] as const) {
    const frame = await query(client, topic, 'k', fields);
    t.match({ code: frame.code, remark: frame.remark }, { code, remark }, JSON.stringify(fields).slice(0, 60));
    t.same(bodies(await query(client, topic, 'k')), ['good'], 'the next one is served');
  }
});

test('QUERY_MESSAGE says when the index is switched off', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { args: ['--set', 'messageIndexEnable=false'] });
  const client = await broker.connect();
  const place = await send(client, 'Unindexed', 'body', { KEYS: 'k' });
  const frame = await query(client, 'Unindexed', 'k');
  t.match(
    { code: frame.code, remark: frame.remark },
    { code: 22, remark: /can not find message.*switched off, set messageIndexEnable=true/ },
  );
  t.same(bodies(await view(client, place)), ['body'], 'its id needs no index');
});

test('QUERY_MESSAGE and VIEW_MESSAGE_BY_ID find what a killed broker has acknowledged', { skip: isForeign }, async (t) => {
  for (const flush of ['async', 'sync'] as const) {
    const ringmq = await startRingmq({ flush, shards: 2 });
    t.teardown(() => ringmq.destroy());
    const places: number[] = [];
    const sender = await RemotingClient.connect(ringmq.broker);
    for (let number = 0; number < 50; number++)
      places.push(await send(sender, 'Kept', `${number}`, { KEYS: `k${number} all`, UNIQ_KEY: `u${number}` }));
    await ringmq.kill();
    await ringmq.start();
    const client = await RemotingClient.connect(ringmq.broker);
    await everything(t, client, places, `${flush} flush, after kill -9`);
    await client.close();
    await ringmq.stop();
    await ringmq.start();
    const again = await RemotingClient.connect(ringmq.broker);
    await everything(t, again, places, `${flush} flush, after a clean stop`);
    places.push(await send(again, 'Kept', '50', { KEYS: 'k50 all', UNIQ_KEY: 'u50' }));
    await everything(t, again, places, 'old and new ones together');
    await again.close();
    await ringmq.stop();
  }
});

async function everything(t: Test, client: RemotingClient, places: readonly number[], when: string): Promise<void> {
  const numbers = places.map((_, number) => String(number));
  t.same(bodies(await query(client, 'Kept', 'all')), numbers, when);
  const byKey: string[] = [];
  const byUnique: string[] = [];
  const byId: string[] = [];
  for (const [number, place] of places.entries()) {
    byKey.push(...bodies(await query(client, 'Kept', `k${number}`)));
    byUnique.push(...bodies(await query(client, 'Kept', `u${number}`, { _UNIQUE_KEY_QUERY: 'true' })));
    byId.push(...bodies(await view(client, place)));
  }
  t.same([byKey, byUnique, byId], [numbers, numbers, numbers], when);
}

test('QUERY_CONSUME_QUEUE gives a queue’s units, in memory and from files', async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const client = await broker.connect();
  const topic = uniqueName('units');
  const places: number[] = [];
  for (let number = 0; number < 20; number++)
    places.push(await send(client, topic, 'x'.repeat(number + 1), { TAGS: number % 2 === 0 ? 'A' : 'tag' }));
  const asked = (fields: Fields = {}): Promise<RawFrame> =>
    client.request(321, defined({ topic, queueId: '0', index: '0', count: '100', ...fields }));
  const ranges = async (): Promise<string> => String(JSON.parse((await asked({ count: '0' })).body.toString()).maxQueueIndex);
  await waitUntil('the units', async () => (await ranges()) === '20');
  const sizes = await Promise.all(places.map(async (place) => (await view(client, place)).body.length));
  const units = places.map((physicOffset, number) => ({
    eval: false,
    physicOffset,
    physicSize: sizes[number],
    tagsCode: number % 2 === 0 ? 65 : 114586,
  }));
  const json = async (fields: Fields): Promise<unknown> => {
    const { code, body } = await asked(fields);
    return code === 0 && body.length > 0 ? JSON.parse(body.toString()) : code;
  };
  const range = { maxQueueIndex: 20, minQueueIndex: 0 };
  t.same(await json({}), { ...range, queueData: units });
  t.same(await json({ index: '18' }), { ...range, queueData: units.slice(18) });
  t.same(await json({ index: '3', count: '2' }), { ...range, queueData: units.slice(3, 5) });
  t.same(await json({ count: '2147483647' }), { ...range, queueData: units }, 'a count beyond all');
  t.same(await json({ count: '0' }), { ...range, queueData: [] });
  t.same(await json({ count: '-5' }), { ...range, queueData: [] });
  t.match(await json({ count: '1', consumerGroup: 'nobody' }), { filterData: `nobody@${topic} is not online!`, queueData: [units[0]] });
  for (const [fields, code, remark] of [
    [{ index: '20' }, 0, `Index 20 of 0@${topic} is not exist!`],
    [{ index: '-1' }, 0, `Index -1 of 0@${topic} is not exist!`],
    [{ queueId: '99' }, 1, `99@${topic} is not exist!`],
    [{ queueId: '-1' }, 1, `-1@${topic} is not exist!`],
    [{ topic: 'no_such_topic' }, 1, '0@no_such_topic is not exist!'],
    [{ topic: '../commitlog' }, 1, '0@../commitlog is not exist!'],
    [{ topic: '__proto__' }, 1, '0@__proto__ is not exist!'],
  ] as const) {
    const frame = await asked(fields);
    t.match({ code: frame.code, remark: frame.remark }, { code, remark }, JSON.stringify(fields));
  }
  if (isForeign) return;
  for (const [fields, remark] of [
    [{ topic: undefined }, /field topic is missing/],
    [{ queueId: undefined }, /field queueId is missing/],
    [{ index: undefined }, /field index is missing/],
    [{ count: undefined }, /field count is missing/],
    [{ index: '9223372036854775808' }, /field index is /],
    [{ count: 'all' }, /field count is "all"/],
  ] as const) {
    const frame = await asked(fields);
    t.match({ code: frame.code, remark: frame.remark }, { code: 1, remark }, JSON.stringify(fields));
    t.same(await json({ count: '1' }), { ...range, queueData: units.slice(0, 1) }, 'the next one is served');
  }
});

/**
 * Each kind of request with each of its fields missing, of the wrong kind, or meant to harm: a code and a remark, at once; no handler fails, no thread
 * is replaced, and what others have is as it was.
 */
import tap, { test } from 'tap';
import { servedCodes } from '../../bin/compatibility-page.ts';
import { sendMessage } from '../support/broker-client.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { REQUEST_SEEDS, type RequestSeed } from '../support/request-seeds.ts';
import { startRingmq } from '../support/start-ringmq.ts';

tap.setTimeout(300_000);

/** Names as paths, as what objects inherit, as what separates in our own files and in properties, too long, or no text that a name may be. */
const HOSTILE = [
  '',
  'x y',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'a\u0001b\u0002c',
  'a\u0000b',
  '%RETRY%',
  '@',
  '{"a":1}',
  '-1',
  '1e3',
  '0x10',
  '2147483648',
  '9223372036854775807',
  '99999999999999999999',
  'x'.repeat(20_000),
];
/** How long a request may wait is no fault. */
const WAITS = new Set(['suspendTimeoutMillis', 'pollTime']);
const BODIES: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from('{"consumerGroup":'),
  Buffer.from('[1,2,3]'),
  Buffer.from('7'),
  Buffer.from('null'),
  Buffer.from(`${'['.repeat(50_000)}`),
  Buffer.from(`{"a":${'{"a":'.repeat(20_000)}`),
  Buffer.from('{"__proto__":{"topic":"P"},"constructor":{"prototype":{"topic":"P"}}}'),
  Buffer.from(
    '{"topic":{},"group":[],"groupName":7,"consumerGroup":null,"clientId":{},"mqSet":"x","topicConfigList":7,"acks":{},"queueDatas":-1}',
  ),
  Buffer.from('{"groupName":"../x","topic":"../x","consumerGroup":"../x","clientID":"../x","topicConfigList":[{"topicName":"../x"}]}'),
  Buffer.from('__proto__=1\nstorePathRootDir=/tmp/x\n../x=1\n'),
  Buffer.alloc(70_000, 0xff),
];
const NAME = /^[%|a-zA-Z0-9_-]+$/;
const INTEGER = /^-?\d+$/;
const REMARK_CHARS_MAX = 45_000;

test('each request with hostile fields is answered with a code and a remark, and changes nothing of others', async (t) => {
  t.same(
    servedCodes(),
    REQUEST_SEEDS.map(({ code }) => code).sort((a, b) => a - b),
    'there is a seed for each code that is served',
  );
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  const clients = {
    broker: await RemotingClient.connect(ringmq.broker),
    'name-server': await RemotingClient.connect(ringmq.nameServer),
  };
  t.teardown(async () => {
    for (const client of Object.values(clients)) await client.close();
  });
  const { broker } = clients;
  for (const topic of ['keeper', 'victim']) for (let n = 0; n < 3; n++) await sendMessage(broker, topic, `m${n}`, { queueId: 0 });
  for (const groupName of ['keepers', 'victims']) await broker.request(200, {}, { body: Buffer.from(JSON.stringify({ groupName })) });
  t.equal((await broker.request(15, { consumerGroup: 'keepers', topic: 'keeper', queueId: '0', commitOffset: '2' })).code, 0);

  const bodyOf = (answer: RawFrame): Record<string, Record<string, unknown>> => JSON.parse(answer.body.toString());
  const state = async (): Promise<unknown> => ({
    topic: bodyOf(await broker.request(21))['topicConfigTable']?.['keeper'],
    group: bodyOf(await broker.request(201))['subscriptionGroupTable']?.['keepers'],
    offset: (await broker.request(14, { consumerGroup: 'keepers', topic: 'keeper', queueId: '0' })).ext?.['offset'],
    range: [
      (await broker.request(31, { topic: 'keeper', queueId: '0' })).ext,
      (await broker.request(30, { topic: 'keeper', queueId: '0' })).ext,
    ],
    route: (await clients['name-server'].request(105, { topic: 'keeper' })).body.toString(),
    settings: [(await broker.request(26)).body.toString(), (await clients['name-server'].request(319)).body.toString()],
  });
  const before = await state();

  /** What is wrong with the answer, besides that it was none. */
  const ask = async (seed: RequestSeed, fields: Record<string, string>, body: Uint8Array | undefined, what: string): Promise<string[]> => {
    const answer = await clients[seed.to].request(seed.code, fields, { timeoutMs: 20_000, ...(body === undefined ? {} : { body }) });
    const remark = answer.remark ?? '';
    const problems: string[] = [];
    for (const [field, good] of Object.entries(seed.fields)) {
      const value = fields[field];
      const isNoNumber = INTEGER.test(good) && value !== undefined && value !== '' && !INTEGER.test(value);
      if (isNoNumber && answer.code === 0) problems.push(`${what}: answered as if it were a number`);
    }
    if (answer.code !== 0 && remark === '') problems.push(`${what}: ${answer.code} without a remark`);
    if (remark.length > REMARK_CHARS_MAX) problems.push(`${what}: a remark of ${remark.length} characters`);
    if (/TypeError|RangeError|undefined|failed inside the broker|\.ts:\d+/.test(remark)) problems.push(`${what}: ${remark.slice(0, 200)}`);
    return problems;
  };
  for (const seed of REQUEST_SEEDS) {
    t.test(`request ${seed.code}`, async (t) => {
      const problems: string[] = [];
      for (const field of Object.keys(seed.fields)) {
        const { [field]: _, ...others } = seed.fields;
        problems.push(...(await ask(seed, others, seed.body, `without ${field}`)));
        for (const value of HOSTILE) {
          if (WAITS.has(field) && /^\d+$/.test(value)) continue;
          const what = `${field}=${JSON.stringify(value.slice(0, 30))}`;
          problems.push(...(await ask(seed, { ...seed.fields, [field]: value }, seed.body, what)));
        }
      }
      for (const [index, body] of BODIES.entries()) problems.push(...(await ask(seed, seed.fields, body, `body ${index}`)));
      t.same(problems, []);
    });
  }

  t.test('nothing of others has changed, no handler failed, no thread was replaced', async (t) => {
    t.same(await state(), before);
    t.equal((await sendMessage(broker, 'keeper', 'last', { queueId: 0 })).code, 0);
    const topics = Object.keys(bodyOf(await broker.request(21))['topicConfigTable'] ?? {});
    const groups = Object.keys(bodyOf(await broker.request(201))['subscriptionGroupTable'] ?? {});
    t.same(
      [...topics, ...groups].filter((name) => !NAME.test(name)),
      [],
      'what came into being has a name that it may have',
    );
    const page = await (await fetch(`http://${ringmq.admin}/metrics`)).text();
    t.same(
      page.split('\n').filter((line) => /^ringmq_(handler_errors|thread_restarts|actor_restarts)\S* [1-9]/.test(line)),
      [],
    );
    t.notMatch(ringmq.output, /A handler failed|uncaught/i);
    t.equal(({} as Record<string, unknown>)['topic'], undefined);
  });
});

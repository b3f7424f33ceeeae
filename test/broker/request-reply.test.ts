/**
 * Requests and their replies at a started broker, with clients of one shard and of two: what is pushed to the client that asked, what is
 * stored, and what the one who replies is told when it cannot be.
 */
import tap, { test } from 'tap';
import { heartbeatBody, queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import { encodeProperties } from '../support/raw-message.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(120_000);

const REPLIES = 'DefaultCluster_REPLY_TOPIC';
const LONG_NAMES = [
  'producerGroup',
  'topic',
  'defaultTopic',
  'defaultTopicQueueNums',
  'queueId',
  'sysFlag',
  'bornTimestamp',
  'flag',
  'properties',
  'reconsumeTimes',
  'unitMode',
];

type ReplyOptions = { code?: 324 | 325; topic?: string; fields?: Record<string, string>; encoding?: 'json' | 'binary' };

function reply(
  client: RemotingClient,
  properties: Record<string, string>,
  body: Uint8Array | string,
  { code = 325, topic = REPLIES, fields = {}, encoding = 'json' }: ReplyOptions = {},
): Promise<RawFrame> {
  const short: Record<string, string> = {
    a: 'PG_replier',
    b: topic,
    c: 'TBW102',
    d: '4',
    e: '0',
    f: '0',
    g: '1700000000000',
    h: '7',
    i: encodeProperties(properties),
    j: '0',
    k: 'false',
    ...fields,
  };
  const ext = code === 325 ? short : Object.fromEntries(Object.values(short).map((value, at) => [LONG_NAMES[at], value]));
  return client.request(code, ext, { body: typeof body === 'string' ? Buffer.from(body) : body, encoding, timeoutMs: 20_000 });
}

/** A client that the broker knows as a producer; answers each push with `code`. */
async function asker(connect: () => Promise<RemotingClient>, clientId: string, code = 0): Promise<RemotingClient> {
  const client = await connect();
  client.onPushed = (frame) => client.reply(frame, code);
  const beat = await client.request(34, {}, { body: heartbeatBody(clientId, 'unused', []) });
  if (beat.code !== 0) throw new Error(`heartbeat: ${beat.code} ${beat.remark}`);
  return client;
}

function asked(clientId: string, more: Record<string, string> = {}): Record<string, string> {
  return { CORRELATION_ID: 'c-1', REPLY_TO_CLIENT: clientId, TTL: '3000', MSG_TYPE: 'reply', UNIQ_KEY: uniqueName('U'), ...more };
}

for (const shards of [1, 2]) {
  test(`a reply is pushed to the client that asked, and stored (${shards} shards)`, async (t) => {
    const broker = await brokerUnderTest(t, isForeign ? {} : { shards });
    const id = uniqueName('asker');
    // Connections fall on shards as the system likes: with eight of each, some are on the other one.
    const askers = await Promise.all(Array.from({ length: isForeign ? 1 : 8 }, (_, n) => asker(() => broker.connect(), `${id}-${n}`)));
    const repliers = await Promise.all(Array.from({ length: 4 }, () => broker.connect()));
    const before = await queueOffset(repliers[0]!, 30, REPLIES, 0);
    let stored = before;
    for (const [n, client] of askers.entries()) {
      for (const [m, replier] of repliers.entries()) {
        const key = `k${n}.${m}`;
        const code = m % 2 === 0 ? 325 : 324;
        const answer = await reply(replier, asked(`${id}-${n}`, { KEYS: key }), `reply ${key}`, {
          code,
          encoding: m < 2 ? 'json' : 'binary',
        });
        t.match(answer, { code: 0, ext: { queueId: '0', MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' } }, `${key}: ${answer.remark}`);
        t.equal(answer.ext?.['queueOffset'], String(stored++), 'the offset in the reply topic');
        const push = client.pushed.filter(({ code: pushed }) => pushed === 326).at(-1)!;
        t.equal(push.body.toString(), `reply ${key}`);
        t.match(push.ext, {
          topic: REPLIES,
          producerGroup: 'PG_replier',
          queueId: '0',
          flag: '7',
          sysFlag: '0',
          bornTimestamp: '1700000000000',
        });
        t.match(push.ext?.['bornHost'], /^\/?127\.0\.0\.1:\d+$/);
        t.match(push.ext?.['storeHost'], /^\/?127\.0\.0\.1:\d+$/);
        t.match(push.ext?.['properties'], /CORRELATION_ID\u0001c-1\u0002/);
        t.match(push.ext?.['properties'], /PUSH_REPLY_TIME\u0001\d+/);
      }
    }
    const kept = await waitUntil('the stored replies', async () => {
      const all = await readQueue(repliers[0]!, REPLIES, 0, before);
      return all.length === askers.length * repliers.length ? all : undefined;
    });
    t.match(kept[0], { body: Buffer.from('reply k0.0'), flag: 7, properties: { CORRELATION_ID: 'c-1', MSG_TYPE: 'reply', KEYS: 'k0.0' } });
    t.notOk(kept[0]!.properties['PUSH_REPLY_TIME'], 'what is stored is the reply as it came');
  });

  test(`a reply of 4 MiB reaches a client of another shard whole, with its flags (${shards} shards)`, { skip: isForeign }, async (t) => {
    const broker = await brokerUnderTest(t, { shards });
    const body = Buffer.alloc(4 * 1024 * 1024);
    for (let i = 0; i < body.length; i += 4) body.writeInt32BE(i, i);
    for (let n = 0; n < 6; n++) {
      const client = await asker(() => broker.connect(), `big-${n}`);
      const answer = await reply(await broker.connect(), asked(`big-${n}`), body, { fields: { f: '1' } });
      t.equal(answer.code, 0, answer.remark ?? '');
      const push = client.pushed.find(({ code }) => code === 326)!;
      t.ok(push.body.equals(body), 'every byte');
      t.equal(push.ext?.['sysFlag'], '1', 'compressed bodies are inflated by the client');
    }
  });
}

test('the newest connection of a client id gets the replies, on whatever shard the older one is', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2 });
  const replier = await broker.connect();
  const texts = (client: RemotingClient): string[] => client.pushed.filter(({ code }) => code === 326).map(({ body }) => body.toString());
  for (let n = 0; n < 6; n++) {
    const id = `moving-${n}`;
    const first = await asker(() => broker.connect(), id);
    t.equal((await reply(replier, asked(id), 'one')).code, 0);
    const second = await asker(() => broker.connect(), id);
    await waitUntil('a reply over the newer connection', async () => {
      t.equal((await reply(replier, asked(id), 'two')).code, 0);
      return texts(second).includes('two');
    });
    await first.close();
    t.equal((await reply(replier, asked(id), 'three')).code, 0, 'a Java broker forgets the client when the older connection closes');
    t.ok(texts(second).includes('three'));
  }
});

test('a reply that cannot be pushed is told, and stored all the same', async (t) => {
  const broker = await brokerUnderTest(t, isForeign ? {} : { shards: 2 });
  const replier = await broker.connect();
  let stored = await queueOffset(replier, 30, REPLIES, 0);
  const fails = async (properties: Record<string, string>, remark: RegExp, name: string): Promise<void> => {
    const answer = await reply(replier, properties, name);
    t.match(answer, { code: 1, ext: { queueOffset: String(stored++), queueId: '0' } }, name);
    t.match(answer.remark, remark, name);
  };
  const gone = uniqueName('gone');
  await fails(asked(gone), /push reply message fail, channel of <gone\S*> not found\./, 'nobody has that id');
  const { REPLY_TO_CLIENT: _, ...nobody } = asked('x');
  await fails(nobody, /reply message properties\[REPLY_TO_CLIENT\] is null/, 'it names no client');
  const rude = uniqueName('rude');
  await asker(() => broker.connect(), rude, 1);
  await fails(asked(rude), /push reply message to rude\S* ?fail/, 'the client says no');
  const leaving = uniqueName('leaving');
  const client = await asker(() => broker.connect(), leaving);
  client.onPushed = () => client.socket.destroy();
  if (!isForeign) await fails(asked(leaving), /its connection has closed/, 'the client leaves instead of answering');
  const { CORRELATION_ID: __, ...uncorrelated } = asked(rude);
  await fails(uncorrelated, /fail/, 'what it answers to is the client’s affair');
});

// A Java broker fails with a null pointer.
test('an empty reply is pushed and not stored: so the Go client makes them', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 1 });
  const id = uniqueName('empty');
  const client = await asker(() => broker.connect(), id);
  const answer = await reply(await broker.connect(), asked(id), '');
  t.match(answer, { code: 0, ext: { msgId: '0', queueOffset: '0' } });
  t.equal(client.pushed.filter(({ code }) => code === 326).length, 1);
});

test('replies of wrong shape are refused with what is wrong', { skip: isForeign }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 1 });
  const id = 'bad-input';
  const client = await asker(() => broker.connect(), id);
  const replier = await broker.connect();
  const before = await queueOffset(replier, 30, REPLIES, 0);
  const refused = async (
    code: number,
    remark: RegExp,
    options: ReplyOptions,
    body: Uint8Array = Buffer.from('x'),
    properties = asked(id),
  ): Promise<void> => {
    const answer = await reply(replier, properties, body, options);
    t.equal(answer.code, code, String(remark));
    t.match(answer.remark, remark);
  };
  t.match(await replier.request(325, { b: REPLIES }), { code: 1, remark: /producerGroup/ });
  t.match(await replier.request(324, null), { code: 1, remark: /producerGroup/ });
  await refused(1, /queueId/, { fields: { e: 'many' } });
  await refused(29, /queueId\[9\]/, { fields: { e: '9' } });
  await refused(29, /illegal characters/, { topic: 'no good' });
  await refused(16, /SCHEDULE_TOPIC_XXXX/, { topic: 'SCHEDULE_TOPIC_XXXX' });
  await refused(13, /retry topic/, { topic: '%RETRY%g', fields: { c: 'TBW102' } });
  await refused(13, /maxMessageSize is 4194304/, {}, Buffer.alloc(4 * 1024 * 1024 + 1));
  await refused(13, /properties are longer/, {}, Buffer.from('x'), asked(id, { long: 'y'.repeat(32_767) }));
  t.equal(await queueOffset(replier, 30, REPLIES, 0), before, 'nothing was stored');
  t.same(client.pushed, [], 'and nothing pushed');
  t.equal((await reply(replier, asked(id), 'fine', { topic: 'OtherReplies' })).code, 0, 'the topic of another cluster is made');
  t.equal((await readQueue(replier, 'OtherReplies', 0)).length, 1);
  t.equal((await sendMessage(replier, 'after', 'x')).code, 0, 'the broker goes on');
});

test('storeReplyMessageEnable=false: replies are pushed and not stored', { skip: isForeign }, async (t) => {
  const ringmq = await startRingmq({ shards: 1, args: ['--set', 'storeReplyMessageEnable=false'] });
  t.teardown(() => ringmq.destroy());
  const client = await asker(() => RemotingClient.connect(ringmq.broker), 'a');
  const replier = await RemotingClient.connect(ringmq.broker);
  t.match(await reply(replier, asked('a'), 'one'), { code: 0, ext: { msgId: '0' } });
  t.equal(client.pushed.at(-1)?.body.toString(), 'one');
  t.equal(await queueOffset(replier, 30, REPLIES, 0), 0);
});

/** An application that sends and pulls without a socket: what it gets is what a client over TCP gets. */
import tap, { test } from 'tap';
import { Producer, type Transport } from '../../client/index.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../../index.ts';
import { heartbeatBody, readQueue, sendMessage } from '../support/broker-client.ts';
import { InProcessLink } from '../support/in-process-link.ts';
import { encodeProperties } from '../support/raw-message.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(300_000);

type TestContext = { teardown(run: () => Promise<void> | void): void };

async function started(t: TestContext, options: ClusterOptions = {}): Promise<{ cluster: Cluster; address: string; link: InProcessLink }> {
  const cluster = await startCluster({ log: () => {}, ...options });
  t.teardown(() => cluster.stop());
  const { address } = cluster.brokers[0]!;
  return { cluster, address, link: await InProcessLink.open(cluster, address) };
}

for (const [shards, flush] of [
  [1, 'ASYNC_FLUSH'],
  [2, 'SYNC_FLUSH'],
] as const) {
  test(`InProcessTransport stores and gives messages, ${shards} shards, ${flush}`, async (t) => {
    const { cluster, address, link } = await started(t, { shards, config: { flushDiskType: flush } });
    t.ok(link.isDirect);
    const held = link.pull('Direct', 1, 0, { holdMs: 20_000 });
    const tooEarly = await held;
    t.equal(tooEarly.code, 17, 'no such topic yet: a shard says so');
    const sends = Array.from({ length: 50 }, (_, i) =>
      link.send('Direct', `body ${i}`, { queueId: 1, properties: `TAGS\u0001${i % 2 ? 'odd' : 'even'}\u0002` }),
    );
    const answers = await Promise.all(sends);
    t.same(
      answers.map(({ code, response }) => [code, response?.queueOffset]),
      answers.map((_, i) => [0, i]),
      'in order, also over the creation of the topic',
    );
    const waiting = link.pull('Direct', 1, 50, { holdMs: 20_000 });
    const stored = await link.send('Direct', 'the last', {
      queueId: 1,
      properties: encodeProperties({ KEYS: 'k1', TAGS: 'odd', ключ: 'значение' }),
    });
    t.match(stored, { code: 0, response: { queueId: 1, queueOffset: 50 } });
    const came = await waiting;
    t.same([came.code, came.messages.length], [0, 1], 'a held pull is answered when the message comes');
    t.match(came.messages[0], {
      body: Buffer.from('the last'),
      queueOffset: 50,
      properties: { KEYS: 'k1', ключ: 'значение', UNIQ_KEY: /^[0-9A-F]{32}$/ },
    });
    t.equal((await link.read('Direct', 1)).length, 51);
    t.equal((await link.read('Direct', 1, 'odd')).length, 26, 'filtered by tag');
    const tcp = await RemotingClient.connect(address);
    t.teardown(() => tcp.close());
    t.same(
      (await readQueue(tcp, 'Direct', 1)).map(({ body }) => body.toString()),
      (await link.read('Direct', 1)).map(({ body }) => body.toString()),
      'a client over TCP reads the same',
    );
    t.equal((await sendMessage(tcp, 'Direct', 'from outside', { queueId: 1 })).code, 0);
    t.equal((await link.read('Direct', 1)).at(-1)!.body.toString(), 'from outside');
    const metrics = await cluster.brokers[0]!.metrics();
    t.equal(metrics.messagesIn, 52, 'messages of the application count');
  });
}

test('InProcessTransport gives no message of another tag with the same hash', async (t) => {
  const { link } = await started(t);
  // Java's hash of both is 2112.
  for (let i = 0; i < 100; i++) await link.send('Alike', `n${i}`, { properties: `TAGS\u0001${i < 40 || i % 2 ? 'Aa' : 'BB'}\u0002` });
  const wanted = Array.from({ length: 30 }, (_, i) => `n${40 + 2 * i}`);
  const bodies = (messages: readonly { body: Buffer }[]): string[] => messages.map(({ body }) => body.toString());
  t.same(bodies(await link.read('Alike', 0, 'BB')), wanted, 'a first page without one, then every second message');
  const inFrames = { subString: 'BB', tagsSet: ['BB'], codeSet: [2112] };
  t.equal((await link.request(34, {}, heartbeatBody('app', 'CG_alike', ['Alike'], inFrames))).code, 0);
  const pulled = await link.pull('Alike', 0, 40, { consumerGroup: 'CG_alike', sysFlag: 0, subscription: null });
  t.same(bodies(pulled.messages), wanted.slice(0, 16), 'by the subscription of a heartbeat');
  const held = link.pull('Alike', 0, 100, { expression: 'BB', holdMs: 20_000 });
  await link.send('Alike', 'not this one', { properties: 'TAGS\u0001Aa\u0002' });
  await link.send('Alike', 'but this', { properties: 'TAGS\u0001BB\u0002' });
  t.same(bodies((await held).messages), ['but this'], 'a held pull waits for its own');
});

test('InProcessTransport wakes held pulls of the application and of a TCP client alike', async (t) => {
  const { address, link } = await started(t, { shards: 2 });
  await link.send('Both', 'first', { queueId: 2 });
  const tcp = await RemotingClient.connect(address);
  t.teardown(() => tcp.close());
  const { pullMessages } = await import('../support/broker-client.ts');
  for (let offset = 1; offset < 20; offset++) {
    const ours = link.pull('Both', 2, offset, { holdMs: 20_000 });
    const theirs = pullMessages(tcp, 'Both', 2, offset, { holdMs: 20_000 });
    if (offset % 2 === 0) await link.send('Both', `n${offset}`, { queueId: 2 });
    else await sendMessage(tcp, 'Both', `n${offset}`, { queueId: 2 });
    t.equal((await ours).messages[0]!.body.toString(), `n${offset}`);
    t.equal((await theirs).messages[0]!.body.toString(), `n${offset}`);
  }
});

test('InProcessTransport gives what has left the lanes, from the files', async (t) => {
  const { link } = await started(t);
  const big = Buffer.alloc(1_000_000, 7);
  for (let i = 0; i < 60; i++) {
    big.writeInt32BE(i);
    t.equal((await link.send('Cold', big)).code, 0);
  }
  const all = await link.read('Cold', 0);
  t.same(
    all.map(({ body }) => body.readInt32BE()),
    Array.from({ length: 60 }, (_, i) => i),
  );
});

test('InProcessTransport keeps a flood in bounds: a full lane makes senders wait, nothing is lost or doubled', async (t) => {
  const { link } = await started(t);
  const body = Buffer.alloc(60_000, 1);
  await link.send('Flood', body);
  const answers = await Promise.all(Array.from({ length: 1000 }, () => link.send('Flood', body)));
  t.same([...new Set(answers.map(({ code }) => code))], [0]);
  t.same(
    answers.map(({ response }) => response!.queueOffset),
    answers.map((_, i) => i + 1),
  );
});

test('InProcessTransport answers every other request by frames, those of the name server too', async (t) => {
  const { cluster, link } = await started(t, { nameServers: 1, brokers: 2, shards: 2 });
  await link.send('Framed', 'x');
  const names = await InProcessLink.open(cluster, cluster.nameServerAddress);
  t.notOk(names.isDirect);
  t.match(Buffer.from((await names.request(106, {})).body).toString(), cluster.brokers[1]!.address);
  const max = await link.request(30, { topic: 'Framed', queueId: '0' });
  t.equal(max.ext.get('offset'), '1');
  t.equal((await link.request(34, {}, heartbeatBody('app', 'CG_frames', ['Framed']))).code, 0);
  const pulled = await link.pull('Framed', 0, 0, { consumerGroup: 'CG_frames', sysFlag: 0, subscription: null });
  t.equal(pulled.messages.length, 1, 'with the subscription of the heartbeat');
  const unknown = await link.request(9_999, {});
  t.equal(unknown.code, 3);
  const large = await link.request(34, {}, Buffer.alloc(3_000_000, 32));
  t.equal(large.code, 1, 'a large frame comes over in parts and is refused as a whole');
});

test('InProcessTransport takes what is not plain by the shard: refusals are those of a TCP client', async (t) => {
  const { address, link } = await started(t, { config: { maxMessageSize: 1024 } });
  await link.send('Odd', 'x');
  const tcp = await RemotingClient.connect(address);
  t.teardown(() => tcp.close());
  for (const [name, body, direct, raw] of [
    ['an empty body', '', {}, {}],
    ['a body that is too long', 'x'.repeat(1025), {}, {}],
    ['no such queue', 'x', { queueId: 77 }, { queueId: 77 }],
    ['too many properties', 'x', { properties: `a\u0001${'b'.repeat(40_000)}\u0002` }, { properties: { a: 'b'.repeat(40_000) } }],
  ] as const) {
    const here = await link.send('Odd', body, direct);
    const there = await sendMessage(tcp, 'Odd', body, raw);
    t.same([here.code, here.remark], [there.code, there.remark], name);
    t.not(here.code, 0, name);
  }
  for (const topic of ['__proto__', '../../etc', 'a b', 'x'.repeat(200)]) {
    const here = await link.send(topic, 'x');
    const there = await sendMessage(tcp, topic, 'x');
    t.same([here.code, here.remark], [there.code, there.remark], `topic ${topic}`);
  }
  t.equal((await link.send('Odd', 'still served')).response!.queueOffset, 1, 'nothing else was stored');
});

test('InProcessTransport closes a link that breaks the protocol, and no other', async (t) => {
  const { cluster, address, link } = await started(t);
  const bad = await InProcessLink.open(cluster, address);
  bad.raw(Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
  t.match(await bad.closed, /closed by the broker/);
  t.equal((await link.send('Good', 'x')).code, 0);
});

test('InProcessTransport closes its links when their broker is killed, and opens new ones when it is back', async (t) => {
  const { cluster, address, link } = await started(t);
  for (let i = 0; i < 20; i++) t.equal((await link.send('Kept', `${i}`)).code, 0);
  await cluster.brokers[0]!.kill();
  t.match(await link.closed, /has ended/);
  await t.rejects(InProcessLink.open(cluster, address), /does not run/);
  await cluster.brokers[0]!.restart();
  const again = await InProcessLink.open(cluster, address);
  t.equal((await again.read('Kept', 0)).length, 20, 'what was acknowledged is there');
  t.equal((await again.send('Kept', 'after')).response!.queueOffset, 20);
  await cluster.brokers[0]!.restart();
  t.match(await again.closed, /stops/);
  const third = await InProcessLink.open(cluster, address);
  t.equal((await third.read('Kept', 0)).length, 21);
  await t.rejects(InProcessLink.open(cluster, '127.0.0.1:1'), /no node of this cluster/);
});

for (const thread of ['shard-0', 'log', 'store']) {
  test(`InProcessTransport goes on when the thread ${thread} dies under load`, async (t) => {
    const { cluster, address, link } = await started(t, { shards: 1 });
    await link.send('Drill', 'first');
    let sent = 1;
    let current = link;
    const load = (async () => {
      for (let i = 0; i < 400; i++) {
        const answer = await Promise.race([current.send('Drill', 'x'), current.closed]);
        if (typeof answer === 'string')
          current = await waitUntil('a new link', () => InProcessLink.open(cluster, address).catch(() => null), 60_000);
        else if (answer.code === 0) sent++;
      }
    })();
    await cluster.brokers[0]!.endThread(thread);
    await load;
    const stored = (await waitUntil('reads again', () => current.read('Drill', 0).catch(() => null), 60_000)).length;
    t.ok(stored >= sent, `${stored} stored, ${sent} acknowledged`);
  });
}

test('Producer sends through the in-process transport as it does over TCP', async (t) => {
  const { cluster, link } = await started(t);
  // The two shapes are one: this would not compile otherwise.
  const transport: Transport = cluster.transport;
  const producer = new Producer({ nameServers: cluster.nameServerAddress, transport, group: 'PG_app' });
  t.teardown(() => producer.close());
  const results = [];
  for (let i = 0; i < 40; i++) results.push(await producer.send({ topic: 'FromProducer', body: Buffer.from(`m${i}`) }));
  t.same([...new Set(results.map(({ status }) => status))], ['SEND_OK']);
  let stored = 0;
  for (let queue = 0; queue < 4; queue++) stored += (await link.read('FromProducer', queue)).length;
  t.equal(stored, 40);
});

/**
 * What a producer does when brokers fail, on a virtual clock: another broker, its own time a try, one deadline, memory that is bounded.
 */
import { test } from 'tap';
import { Producer, type ProducerOptions } from '../../client/index.ts';
import { encodeTopicRoute } from '../../protocol/remoting/bodies/topic-route.ts';
import { ClientWorld, type Peer } from '../support/client-world.ts';

const NAMES = '10.0.0.9:9876';
const A = '10.0.1.1:10911';
const B = '10.0.1.2:10911';

function brokerRoute(brokers: Readonly<Record<string, string>>): Uint8Array {
  return encodeTopicRoute({
    orderTopicConf: null,
    queueDatas: Object.keys(brokers).map((brokerName) => ({ brokerName, readQueueNums: 2, writeQueueNums: 2, perm: 6, topicSysFlag: 0 })),
    brokerDatas: Object.entries(brokers).map(([brokerName, address]) => ({
      cluster: 'C',
      brokerName,
      brokerAddrs: new Map([[0, address]]),
      enableActingMaster: false,
      zoneName: null,
    })),
  });
}

/** A broker that answers sends by `onSend` and everything else with success; null: no answer. */
function broker(
  arrived: string[],
  name: string,
  onSend: (count: number) => { code: number; remark?: string } | null = () => ({ code: 0 }),
): Peer {
  let count = 0;
  return ({ answer, request }) => {
    if (request.code !== 310 && request.code !== 320) {
      answer({ code: 0 });
      return;
    }
    arrived.push(`${name} ${Buffer.from(request.body).toString().slice(0, 8)}`);
    const given = onSend(count++);
    if (given === null) return;
    const ext = { msgId: '7F0000010000632F0000000000000000', queueId: request.ext.get('e') ?? '0', queueOffset: String(count) };
    answer({ ...given, ext: given.code === 0 ? ext : {} });
  };
}

function world(options: Partial<ProducerOptions> = {}, brokers: Readonly<Record<string, string>> = { a: A, b: B }) {
  const made = new ClientWorld(3);
  made.listen(NAMES, ({ answer }) => answer({ code: 0, body: brokerRoute(brokers) }));
  const errors: string[] = [];
  const producer = new Producer({
    nameServers: NAMES,
    transport: made.transport,
    environment: made.environment,
    onError: (error) => errors.push(error.code),
    ...options,
  });
  return { world: made, producer, errors };
}

test('Producer tries another broker when one refuses for a while', async (t) => {
  for (const code of [17, 14, 1, 2, 16, 204, 205, 1500]) {
    const arrived: string[] = [];
    const { world: net, producer } = world();
    let isFirst = true;
    const onSend = (): { code: number } => {
      const answer = { code: isFirst ? code : 0 };
      isFirst = false;
      return answer;
    };
    net.listen(A, broker(arrived, 'a', onSend));
    net.listen(B, broker(arrived, 'b', onSend));
    const result = await net.until(producer.send({ topic: 'T', body: 'm' }));
    t.equal(arrived.length, 2, `code ${code}`);
    t.not(arrived[0], arrived[1], 'at two brokers');
    t.equal(result.status, 'SEND_OK');
  }
});

test('Producer does not repeat what will be refused again', async (t) => {
  const arrived: string[] = [];
  const { world: net, producer } = world();
  const refuse = (): { code: number; remark: string } => ({ code: 13, remark: 'the message is too large' });
  net.listen(A, broker(arrived, 'a', refuse));
  net.listen(B, broker(arrived, 'b', refuse));
  await t.rejects(net.until(producer.send({ topic: 'T', body: 'm' })), {
    code: 'MQ_CLIENT_REFUSED',
    responseCode: 13,
    remark: 'the message is too large',
  });
  t.equal(arrived.length, 1);
});

test('Producer takes the answers that say stored, but not as safely as asked', async (t) => {
  for (const [code, status] of [
    [10, 'FLUSH_DISK_TIMEOUT'],
    [11, 'SLAVE_NOT_AVAILABLE'],
    [12, 'FLUSH_SLAVE_TIMEOUT'],
  ] as const) {
    const { world: net, producer } = world({}, { a: A });
    net.listen(A, ({ answer, request }) =>
      answer(request.code === 310 ? { code, ext: { msgId: '00', queueId: '1', queueOffset: '5' } } : { code: 0 }),
    );
    t.match(await net.until(producer.send({ topic: 'T', body: 'm' })), { status, queueOffset: 5, queue: { queueId: 1 } });
  }
});

test('Producer gives each try its own time, and all of them one deadline', async (t) => {
  const arrived: string[] = [];
  const { world: net, producer } = world({ tryTimeoutMs: 3_000, timeoutMs: 10_000, triesMax: 3 });
  net.listen(
    A,
    broker(arrived, 'a', () => null),
  );
  net.listen(
    B,
    broker(arrived, 'b', () => null),
  );
  const startMs = net.nowMs;
  await t.rejects(net.until(producer.send({ topic: 'T', body: 'm' })), { code: 'MQ_CLIENT_TIMEOUT' });
  t.equal(arrived.length, 3);
  t.ok(net.nowMs - startMs >= 9_000 && net.nowMs - startMs <= 10_100, `after ${net.nowMs - startMs} ms`);

  const short = world({ tryTimeoutMs: 3_000, timeoutMs: 4_000, triesMax: 10 });
  short.world.listen(
    A,
    broker(arrived, 'a', () => null),
  );
  short.world.listen(
    B,
    broker(arrived, 'b', () => null),
  );
  const shortStartMs = short.world.nowMs;
  await t.rejects(short.world.until(short.producer.send({ topic: 'T', body: 'm' })), { code: 'MQ_CLIENT_TIMEOUT' });
  t.ok(short.world.nowMs - shortStartMs <= 4_100, `after ${short.world.nowMs - shortStartMs} ms`);
});

test('Producer waits for the only broker to come back, within its deadline', async (t) => {
  const arrived: string[] = [];
  const { world: net, producer } = world({ timeoutMs: 6_000 }, { a: A });
  net.down.add(A);
  net.listen(A, broker(arrived, 'a'));
  const sent = producer.send({ topic: 'T', body: 'm' });
  await net.advance(2_000);
  t.same(arrived, []);
  net.down.clear();
  t.equal((await net.until(sent)).status, 'SEND_OK');
  net.down.add(A);
  net.cut(A);
  await t.rejects(net.until(producer.send({ topic: 'T', body: 'm' })), { code: 'MQ_CLIENT_NOT_CONNECTED' });
});

test('Producer leaves a dead broker alone while another lives', async (t) => {
  const arrived: string[] = [];
  const { world: net, producer } = world();
  net.listen(A, broker(arrived, 'a'));
  net.listen(B, broker(arrived, 'b'));
  for (let index = 0; index < 8; index++) await net.until(producer.send({ topic: 'T', body: `m${index}` }));
  t.equal(arrived.filter((each) => each.startsWith('a')).length, 4, 'half and half');
  arrived.length = 0;
  net.down.add(A);
  net.cut(A);
  const startMs = net.nowMs;
  for (let index = 0; index < 8; index++) await net.until(producer.send({ topic: 'T', body: `n${index}` }));
  t.equal(arrived.length, 8);
  t.ok(arrived.every((each) => each.startsWith('b')));
  t.ok(net.nowMs - startMs < 200, `and it cost ${net.nowMs - startMs} ms`);
});

test('Producer takes a queue that was named, whatever other brokers there are', async (t) => {
  const arrived: string[] = [];
  const { world: net, producer } = world();
  net.listen(
    A,
    broker(arrived, 'a', (count) => ({ code: count === 0 ? 2 : 0 })),
  );
  net.listen(B, broker(arrived, 'b'));
  const queue = { topic: 'T', brokerName: 'a', queueId: 1 };
  await net.until(producer.send({ topic: 'T', body: 'm', queue }));
  t.same(arrived, ['a m', 'a m']);
  await t.rejects(net.until(producer.send({ topic: 'T', body: 'm', queue: { ...queue, brokerName: 'c' } })), {
    code: 'MQ_CLIENT_NO_ROUTE',
  });
});

test('Producer has no more under way than its window, and tells who never awaits', async (t) => {
  const arrived: string[] = [];
  const { world: net, producer } = world({ windowMessages: 4, waitingMax: 6, tryTimeoutMs: 60_000, timeoutMs: 60_000 }, { a: A });
  const held: (() => void)[] = [];
  net.listen(A, ({ answer, request }) => {
    if (request.code !== 310) {
      answer({ code: 0 });
      return;
    }
    arrived.push('m');
    held.push(() => answer({ code: 0, ext: { msgId: '00', queueId: '0', queueOffset: '0' } }));
  });
  const sends = [...Array(10)].map((_, index) => producer.send({ topic: 'T', body: `m${index}` }));
  const refused = await t.rejects(producer.send({ topic: 'T', body: 'too many' }), { code: 'MQ_CLIENT_LIMIT' });
  t.ok(refused);
  await net.advance(1_000);
  t.equal(arrived.length, 4);
  while (held.length > 0 || arrived.length < 10) {
    held.shift()?.();
    await net.advance(10);
    t.ok(producer.inFlight <= 4);
  }
  await Promise.all(sends);
  const closing = producer.close();
  await net.until(closing);
});

test('Producer rejects an answer that says stored and not where, and the process lives', async (t) => {
  for (const ext of [
    {},
    { msgId: 'x', queueId: 'many', queueOffset: '1' },
    { msgId: 'x', queueId: '1', queueOffset: '99999999999999999999' },
  ]) {
    const { world: net, producer } = world({}, { a: A });
    net.listen(A, ({ answer }) => answer({ code: 0, ext }));
    await t.rejects(net.until(producer.send({ topic: 'T', body: 'm' })), { code: 'MQ_CLIENT_BAD_ANSWER' });
  }
});

test('Producer rejects a route that cannot be read', async (t) => {
  for (const body of ['', '{', '[]', '{"queueDatas":[{"brokerName":"a","perm":"all"}]}', `${'['.repeat(5_000)}`]) {
    const { world: net, producer } = world();
    net.listen(NAMES, ({ answer }) => answer({ code: 0, body: Buffer.from(body) }));
    await t.rejects(net.until(producer.send({ topic: 'T', body: 'm' })), { code: 'MQ_CLIENT_BAD_ANSWER' }, body.slice(0, 20));
  }
});

test('Producer tells brokers of itself at once and every 30 s, and says farewell', async (t) => {
  const codes: string[] = [];
  const { world: net, producer } = world({}, { a: A });
  const plain = broker([], 'a');
  net.listen(A, (call) => {
    codes.push(`${call.request.code} at ${Math.round(net.nowMs / 1_000)}`);
    plain(call);
  });
  await net.until(producer.send({ topic: 'T', body: 'm' }));
  await net.advance(65_000);
  await net.until(producer.close());
  await net.advance(10);
  t.same(codes, ['34 at 0', '310 at 0', '34 at 30', '34 at 60', '35 at 65']);
});

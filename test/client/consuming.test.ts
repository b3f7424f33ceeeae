/**
 * What consumers do when brokers fail, lie or are slow, on a virtual clock.
 */
import { test } from 'tap';
import { PullConsumer, PushConsumer, type PushConsumerOptions } from '../../client/index.ts';
import { encodeMessageRecord } from '../../model/message-record.ts';
import { encodeTopicRoute } from '../../protocol/remoting/bodies/topic-route.ts';
import { ClientWorld, type PeerCall } from '../support/client-world.ts';

const NAMES = '10.0.0.9:9876';
const A = '10.0.1.1:10911';

/** A broker of one topic with two queues, as far as a consumer asks it. */
class FakeBroker {
  readonly world: ClientWorld;
  /** What was asked, as `code at second`. */
  readonly asked: string[] = [];
  readonly commits: string[] = [];
  readonly sentBack: number[] = [];
  readonly locked: string[] = [];
  members: string[] = [];
  /** Messages of queue 0. */
  messages: string[] = [];
  /** Takes a call before the rules below; true: it is answered, or never will be. */
  before: (call: PeerCall) => boolean = () => false;
  offsetAnswer: { code: number; offset?: number } = { code: 22 };
  grantsLocks = true;

  constructor(world: ClientWorld) {
    this.world = world;
    world.listen(NAMES, ({ answer, request }) => {
      if (request.ext.get('topic') !== 'T') {
        answer({ code: 17 });
        return;
      }
      const queueDatas = [{ brokerName: 'a', readQueueNums: 2, writeQueueNums: 2, perm: 6, topicSysFlag: 0 }];
      const brokerDatas = [{ cluster: 'C', brokerName: 'a', brokerAddrs: new Map([[0, A]]), enableActingMaster: false, zoneName: null }];
      answer({ code: 0, body: encodeTopicRoute({ orderTopicConf: null, queueDatas, brokerDatas }) });
    });
    world.listen(A, (call) => this.#answer(call));
  }

  #answer(call: PeerCall): void {
    const { answer, request } = call;
    const { code, ext } = request;
    this.asked.push(`${code} at ${Math.floor(this.world.nowMs / 1_000)}`);
    if (this.before(call)) return;
    if (code === 34) {
      const { clientID } = JSON.parse(Buffer.from(request.body).toString()) as { clientID: string };
      if (!this.members.includes(clientID)) this.members.push(clientID);
      answer({ code: 0 });
    } else if (code === 38) {
      answer({ code: 0, body: Buffer.from(JSON.stringify({ consumerIdList: this.members })) });
    } else if (code === 14) {
      answer({ code: this.offsetAnswer.code, ext: { offset: this.offsetAnswer.offset } });
    } else if (code === 15) {
      this.commits.push(`${ext.get('queueId')}:${ext.get('commitOffset')}`);
    } else if (code === 30 || code === 31) {
      answer({ code: 0, ext: { offset: code === 30 && ext.get('queueId') === '0' ? this.messages.length : 0 } });
    } else if (code === 36) {
      this.sentBack.push(Number(ext.get('offset')));
      answer({ code: 0 });
    } else if (code === 41) {
      const { mqSet } = JSON.parse(Buffer.from(request.body).toString()) as { mqSet: { queueId: number }[] };
      for (const { queueId } of mqSet) this.locked.push(`${queueId}`);
      answer({ code: 0, body: Buffer.from(JSON.stringify({ lockOKMQSet: this.grantsLocks ? mqSet : [] })) });
    } else if (code === 11) {
      this.#pull(call);
    } else {
      answer({ code: 0 });
    }
  }

  #pull({ answer, request }: PeerCall): void {
    const offset = Number(request.ext.get('queueOffset'));
    const bodies = request.ext.get('queueId') === '0' ? this.messages.slice(offset, offset + 8) : [];
    const offsets = { suggestWhichBrokerId: 0, minOffset: 0, maxOffset: this.messages.length };
    if (bodies.length === 0) {
      // Held, as brokers do.
      this.world.environment.schedule(15_000, () => answer({ code: 19, ext: { ...offsets, nextBeginOffset: offset } }));
      return;
    }
    const records = bodies.map((body, index) =>
      encodeMessageRecord({
        topic: 'T',
        queueId: 0,
        queueOffset: offset + index,
        physicalOffset: 100 * (offset + index),
        body: Buffer.from(body),
      }),
    );
    answer({ code: 0, ext: { ...offsets, nextBeginOffset: offset + bodies.length }, body: Buffer.concat(records) });
  }
}

function pushIn(world: ClientWorld, options: Partial<PushConsumerOptions> = {}) {
  const errors: string[] = [];
  const consumer = new PushConsumer({
    nameServers: NAMES,
    group: 'G',
    consumeFrom: 'first',
    transport: world.transport,
    environment: world.environment,
    onError: (error) => errors.push(error.code),
    ...options,
  });
  return { consumer, errors };
}

const bodyOf = (message: { body: Uint8Array }): string => Buffer.from(message.body).toString();

test('PushConsumer commits every five seconds what is new, and at the close', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a', 'b', 'c'];
  const { consumer } = pushIn(world);
  const seen: string[] = [];
  await consumer.subscribe('T', (message) => void seen.push(bodyOf(message)));
  await world.until(consumer.start());
  await world.advance(4_000);
  t.same(seen, ['a', 'b', 'c']);
  t.same(broker.commits, []);
  await world.advance(2_000);
  t.same(broker.commits.sort(), ['0:3', '1:0']);
  await world.advance(10_000);
  t.equal(broker.commits.length, 2, 'nothing new, nothing told');
  broker.messages.push('d');
  await world.advance(15_000);
  await world.until(consumer.close());
  t.ok(broker.commits.includes('0:4'));
  t.ok(
    broker.asked.some((each) => each.startsWith('35')),
    'and it says farewell',
  );
});

test('PushConsumer begins where the group was, and never takes a fault of the moment for a new group', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = [...Array(10).keys()].map(String);
  broker.offsetAnswer = { code: 1 };
  const { consumer, errors } = pushIn(world, { consumeFrom: 'last' });
  const seen: string[] = [];
  await consumer.subscribe('T', (message) => void seen.push(bodyOf(message)));
  await world.until(consumer.start());
  await world.advance(3_000);
  t.same(seen, []);
  t.ok(errors.length > 0 && errors.every((code) => code === 'MQ_CLIENT_REFUSED'), 'told, and not taken for the end of the queue');
  broker.offsetAnswer = { code: 0, offset: 6 };
  await world.advance(10_000);
  t.same(seen, ['6', '7', '8', '9']);
});

test('PushConsumer sends back what failed, and keeps what cannot be sent back', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a', 'bad', 'c'];
  let takesBack = false;
  broker.before = ({ answer, request }) => {
    // Neither the way back nor the group's retry topic.
    if (request.code !== 36 || takesBack) return false;
    answer({ code: 1, remark: 'not now' });
    return true;
  };
  const { consumer, errors } = pushIn(world);
  let bad = 0;
  await consumer.subscribe('T', (message) => {
    if (bodyOf(message) === 'bad') {
      bad++;
      throw new Error('no');
    }
  });
  await world.until(consumer.start());
  await world.advance(14_000);
  t.ok(bad >= 2, 'tried again here');
  t.ok(broker.commits.includes('0:1') && !broker.commits.includes('0:3'), 'and nothing behind it is committed');
  t.ok(errors.includes('MQ_CLIENT_REFUSED') && errors.includes('MQ_CLIENT_NO_ROUTE'));
  takesBack = true;
  await world.advance(20_000);
  t.same(broker.sentBack, [100], 'by its place in the log');
  t.ok(broker.commits.includes('0:3'));
});

test('PushConsumer outlives a broker that goes and comes back, and tells it at once who it is', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a'];
  const { consumer, errors } = pushIn(world);
  const seen: string[] = [];
  await consumer.subscribe('T', (message) => void seen.push(bodyOf(message)));
  await world.until(consumer.start());
  await world.advance(1_000);
  world.down.add(A);
  world.cut(A);
  broker.members = [];
  await world.advance(60_000);
  t.ok(errors.length > 0 && errors.length < 200, `told ${errors.length} times in a minute`);
  t.ok((world.opened.get(A) ?? 0) < 30, `and asked ${world.opened.get(A)} times`);
  world.down.clear();
  broker.messages.push('b');
  broker.asked.length = 0;
  await world.advance(11_000);
  t.same(seen, ['a', 'b']);
  t.match(broker.asked[0], /^34 /, 'first who it is, then the pulls');
});

test('PushConsumer goes on at the offset that a moved answer gives, and forgets what it held', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = [...Array(20).keys()].map(String);
  let moves = 0;
  broker.before = ({ answer, request }) => {
    const offset = Number(request.ext.get('queueOffset'));
    if (request.code !== 11 || request.ext.get('queueId') !== '0' || offset >= 12) return false;
    moves++;
    answer({ code: 21, ext: { suggestWhichBrokerId: 0, minOffset: 12, maxOffset: 20, nextBeginOffset: 12 } });
    return true;
  };
  const { consumer } = pushIn(world);
  const seen: string[] = [];
  await consumer.subscribe('T', (message) => void seen.push(bodyOf(message)));
  await world.until(consumer.start());
  await world.advance(6_000);
  t.same(seen, ['12', '13', '14', '15', '16', '17', '18', '19']);
  t.equal(moves, 1);
  t.ok(broker.commits.includes('0:20'));
});

test('PushConsumer does not wear out a broker that answers at once that there is nothing', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  for (const [code, most] of [
    [19, 120],
    [20, 120],
    [215, 120],
    [21, 5],
    [1, 5],
  ] as const) {
    broker.before = ({ answer, request }) => {
      if (request.code !== 11) return false;
      const nextBeginOffset = request.ext.get('queueOffset') ?? '0';
      answer({ code, ext: { suggestWhichBrokerId: 0, minOffset: 0, maxOffset: 0, nextBeginOffset } });
      return true;
    };
    broker.asked.length = 0;
    broker.members = [];
    const { consumer } = pushIn(world);
    await consumer.subscribe('T', () => {});
    await world.until(consumer.start());
    await world.advance(1_000);
    const pulls = broker.asked.filter((each) => each.startsWith('11 ')).length;
    t.ok(pulls <= most, `code ${code}: ${pulls} pulls of two queues in a second`);
    await world.until(consumer.close());
  }
});

test('PushConsumer tells of hostile answers and lives', async (t) => {
  const offsets = { suggestWhichBrokerId: 0, minOffset: 0, maxOffset: 1, nextBeginOffset: 1 };
  for (const [what, code, answerWith] of [
    ['a pull without its offsets', 11, { code: 0 }],
    ['offsets that are no numbers', 11, { code: 0, ext: { ...offsets, nextBeginOffset: 'x' } }],
    ['offsets beyond what a number holds', 11, { code: 0, ext: { ...offsets, nextBeginOffset: '9223372036854775807' } }],
    ['messages that are none', 11, { code: 0, ext: offsets, body: Buffer.alloc(500, 1) }],
    ['members that are no list', 38, { code: 0, body: Buffer.from('{"consumerIdList":7}') }],
    ['members that are no JSON', 38, { code: 0, body: Buffer.from('<html>') }],
    ['an offset that is none', 14, { code: 0, ext: { offset: 'many' } }],
    ['no offset at all', 14, { code: 0 }],
  ] as const) {
    const world = new ClientWorld();
    const broker = new FakeBroker(world);
    broker.messages = ['a'];
    let isHostile = true;
    broker.before = ({ answer, request }) => {
      if (request.code !== code || !isHostile) return false;
      answer(answerWith);
      return true;
    };
    const { consumer, errors } = pushIn(world);
    const seen: string[] = [];
    await consumer.subscribe('T', (message) => void seen.push(bodyOf(message)));
    await world.until(consumer.start());
    await world.advance(3_000);
    t.ok(errors.includes('MQ_CLIENT_BAD_ANSWER'), what);
    t.ok(errors.length < 60, `${what}: told ${errors.length} times`);
    isHostile = false;
    await world.advance(25_000);
    t.same(seen, ['a'], `${what}: and it goes on when the broker does`);
    await world.until(consumer.close());
  }
});

test('PushConsumer answers hostile requests of a broker with an error, and lives', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  const answers: { code: number; opaque: number }[] = [];
  broker.before = ({ request }) => {
    if ((request.flag & 1) === 0) return false;
    answers.push({ code: request.code, opaque: request.opaque });
    return true;
  };
  const { consumer, errors } = pushIn(world);
  await consumer.subscribe('T', () => {});
  await world.until(consumer.start());
  const queueOfAnother = '{"offsetTable":{{"brokerName":"x","queueId":9,"topic":"T"}:5}}';
  for (const [code, ext, body] of [
    [40, {}, ''],
    [40, { consumerGroup: 'another' }, ''],
    [220, { topic: 'T', group: 'G', timestamp: '0', isForce: 'true' }, '{'],
    [220, { topic: 'T', group: 'G', timestamp: '0', isForce: 'true' }, queueOfAnother],
    [220, { topic: 'T', group: 'G', timestamp: '0', isForce: 'true' }, '{"offsetTable":{"__proto__":1}}'],
    [221, { topic: 'T' }, ''],
    [307, { consumerGroup: 'another', clientId: 'x' }, ''],
    [309, { consumerGroup: 'G' }, 'no message'],
    [309, { consumerGroup: 'G' }, ''],
    [39, {}, ''],
    [4711, {}, ''],
  ] as const)
    world.push(A, { code, flag: 0, ext, body: Buffer.from(body) });
  await world.advance(100);
  t.same(
    answers.map((each) => each.code),
    [1, 1, 1, 1, 1, 1, 1, 3, 3],
    'what has no answer of its own gets none; what cannot be read 1, what is not known 3',
  );
  t.ok(errors.every((code) => code === 'MQ_CLIENT_BAD_ANSWER'));
  t.equal(consumer.queues.length, 2, 'and nothing has changed');
});

test('PushConsumer begins no message of a queue whose lock it has not got or could not renew', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a'];
  broker.grantsLocks = false;
  const { consumer } = pushIn(world, { orderly: true });
  const seen: string[] = [];
  await consumer.subscribe('T', (message) => void seen.push(bodyOf(message)));
  await world.until(consumer.start());
  await world.advance(5_000);
  t.same([seen, consumer.queues.length], [[], 0], 'another member has not given the queues back');
  broker.grantsLocks = true;
  await world.advance(20_000);
  t.same([seen, consumer.queues.length], [['a'], 2]);

  // The broker no longer answers locks: those that were given count for 30 s.
  broker.before = ({ request }) => request.code === 41;
  await world.advance(60_000);
  broker.messages.push('b');
  await world.advance(20_000);
  t.same(seen, ['a'], 'without a lock nothing begins');
  broker.before = () => false;
  await world.advance(40_000);
  t.same(seen, ['a', 'b']);
});

test('PushConsumer shares anew within a second of a word from the broker, and every 20 s without', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  const { consumer } = pushIn(world);
  await consumer.subscribe('T', () => {});
  await world.until(consumer.start());
  t.equal(consumer.queues.length, 2);
  broker.members.push('10.0.0.0@another');
  world.push(A, { code: 40, flag: 2, ext: { consumerGroup: 'G' } });
  await world.advance(100);
  t.equal(consumer.queues.length, 1);
  broker.members.pop();
  await world.advance(21_000);
  t.equal(consumer.queues.length, 2);
  broker.members = [];
  await world.advance(1_000);
  t.equal(consumer.queues.length, 2, 'an empty list changes nothing');
});

test('PushConsumer waits for handlers at the close, but not for ever', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a', 'b'];
  const { consumer } = pushIn(world, { closeTimeoutMs: 3_000 });
  let release: () => void = () => {};
  await consumer.subscribe('T', (message) => {
    if (bodyOf(message) === 'a') return new Promise<void>((resolve) => (release = resolve));
  });
  await world.until(consumer.start());
  await world.advance(1_000);
  const closing = consumer.close();
  await world.advance(500);
  release();
  const atMs = world.nowMs;
  await world.until(closing);
  t.ok(world.nowMs - atMs < 100, 'at once when they end');
  t.ok(broker.commits.includes('0:2'), 'and what they did is committed');

  broker.members = [];
  const stuck = pushIn(world, { closeTimeoutMs: 3_000 });
  broker.commits.length = 0;
  await stuck.consumer.subscribe('T', () => new Promise<void>(() => {}));
  await world.until(stuck.consumer.start());
  await world.advance(1_000);
  const stuckAtMs = world.nowMs;
  await world.until(stuck.consumer.close());
  t.ok(world.nowMs - stuckAtMs >= 2_990 && world.nowMs - stuckAtMs < 3_200, `after ${world.nowMs - stuckAtMs} ms`);
  t.notOk(broker.commits.includes('0:2'));
});

test('PullConsumer leaves a message to the others that it was given and did not come back for', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a', 'b', 'c'];
  const consumer = new PullConsumer({
    nameServers: NAMES,
    group: 'G',
    consumeFrom: 'first',
    transport: world.transport,
    environment: world.environment,
  });
  await consumer.subscribe('T');
  await world.until(consumer.start());
  t.same((await world.until(consumer.poll({ max: 2 }))).map(bodyOf), ['a', 'b']);
  await world.advance(6_000);
  t.ok(broker.commits.includes('0:0') && !broker.commits.includes('0:2'), 'what is in hand is not committed');
  t.same((await world.until(consumer.poll({ max: 2 }))).map(bodyOf), ['c']);
  await world.advance(6_000);
  t.ok(broker.commits.includes('0:2') && !broker.commits.includes('0:3'));
  await world.until(consumer.close());
  t.ok(broker.commits.includes('0:3'), 'a close means that all is done');
});

test('PushConsumer keeps the offsets of broadcasting in the store that it is given, and bears one that fails', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a', 'b', 'c', 'd'];
  const saved = new Map<string, number>([['a/0', 2]]);
  let fails = true;
  const { consumer, errors } = pushIn(world, {
    messageModel: 'broadcasting',
    offsetStore: {
      load: (_topic, brokerName, queueId) =>
        fails ? Promise.reject(new Error('no disk')) : Promise.resolve(saved.get(`${brokerName}/${queueId}`) ?? null),
      save: (_topic, brokerName, queueId, offset) => {
        saved.set(`${brokerName}/${queueId}`, offset);
        return Promise.resolve();
      },
    },
  });
  const seen: string[] = [];
  await consumer.subscribe('T', (message) => {
    seen.push(bodyOf(message));
    throw new Error('no');
  });
  await world.until(consumer.start());
  await world.advance(2_000);
  t.same(seen, [], 'a store that fails is not taken for an empty one');
  t.ok(errors.includes('MQ_CLIENT_OFFSET_STORE'));
  fails = false;
  await world.advance(20_000);
  t.same(seen, ['c', 'd'], 'from where it was; what fails is told and not repeated');
  t.equal(saved.get('a/0'), 4);
  t.same([broker.commits, broker.sentBack], [[], []], 'the broker is told nothing of it');
  await world.until(consumer.close());
});

test('PushConsumer lets the broker choose when the delay that it is given is none', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['a', 'b', 'c'];
  const levels: (string | undefined)[] = [];
  broker.before = ({ request }) => {
    if (request.code === 36) levels.push(request.ext.get('delayLevel'));
    return false;
  };
  const { consumer } = pushIn(world);
  await consumer.subscribe(
    'T',
    () => {
      throw new Error('no');
    },
    {
      retryLevel: (message) => {
        if (bodyOf(message) === 'a') return 5;
        if (bodyOf(message) === 'b') return 99;
        throw new Error('no idea');
      },
    },
  );
  await world.until(consumer.start());
  await world.advance(1_000);
  t.same(levels, ['5', '0', '0']);
  await world.until(consumer.close());
});

test('PullConsumer holds nothing on for polls that ended without a message', async (t) => {
  const world = new ClientWorld();
  new FakeBroker(world);
  const consumer = new PullConsumer({ nameServers: NAMES, group: 'G', transport: world.transport, environment: world.environment });
  await consumer.subscribe('T');
  await world.until(consumer.start());
  const timers = world.timers;
  for (let index = 0; index < 50; index++) t.same(await world.until(consumer.poll({ timeoutMs: 10 })), []);
  t.ok(world.timers <= timers + 2, 'no timer is left');
  await world.until(consumer.close());
  t.equal(world.timers, 2, 'and after the close only frames and answers that are under way');
});

test('PushConsumer gives up on a handler that takes too long, and commits what is behind its message', async (t) => {
  const world = new ClientWorld();
  const broker = new FakeBroker(world);
  broker.messages = ['stuck', 'b', 'c'];
  const { consumer, errors } = pushIn(world, { handlerTimeoutMs: 60_000, closeTimeoutMs: 1_000 });
  let finish: () => void = () => {};
  await consumer.subscribe('T', (message) => {
    if (bodyOf(message) === 'stuck') return new Promise<void>((resolve) => (finish = resolve));
  });
  await world.until(consumer.start());
  await world.advance(50_000);
  t.same([broker.sentBack, broker.commits.filter((each) => each.startsWith('0:'))], [[], ['0:0']]);
  await world.advance(40_000);
  t.same(broker.sentBack, [0], 'it goes back, as one that failed');
  t.ok(broker.commits.includes('0:3'));
  t.same(errors, ['MQ_CLIENT_HANDLER']);
  finish();
  await world.advance(1_000);
  t.equal(consumer.running, 0);
  await world.until(consumer.close());
});

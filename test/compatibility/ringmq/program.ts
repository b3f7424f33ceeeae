/**
 * Runs scenarios of ringmq's own client against a name server, in the form of the programs around stock clients: so it is seen beside them, against
 * ringmq and against the Java broker. Prints one JSON line per scenario on standard output and exits with 1 when one of them failed.
 * Usage: program.ts NAMESRV SCENARIO[,SCENARIO...] PREFIX, PREFIX being the beginning of every topic's and group's name.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import {
  Admin,
  type Message,
  Producer,
  PullConsumer,
  PushConsumer,
  type PushConsumerOptions,
  type SendResult,
} from '../../../client/index.ts';
import { pause, waitUntil } from '../../support/wait-until.ts';

type Run = {
  readonly nameServers: string;
  readonly topic: string;
  readonly group: string;
  readonly admin: Admin;
  readonly producer: Producer;
  readonly closers: (() => Promise<void>)[];
};
type Received = { readonly consumer: PushConsumer; readonly messages: Message[] };

/** The longest that anything is waited for. */
const LONG_MS = 45_000;

const commands = createInterface({ input: process.stdin });

/** Asks whoever started this program to do something to the broker; resolves when it is done. */
async function askFor(event: string): Promise<void> {
  process.stdout.write(`${JSON.stringify({ event })}\n`);
  await once(commands, 'line');
}

const bodyOf = (message: Message): string => Buffer.from(message.body).toString();
const distinct = (received: Received): number => new Set(received.messages.map(bodyOf)).size;

async function send(run: Run, word: string, count: number): Promise<SendResult[]> {
  const results: SendResult[] = [];
  for (let index = 0; index < count; index++)
    results.push(await run.producer.send({ topic: run.topic, tag: word, body: `${word} ${index}` }));
  for (const { status } of results) assert.equal(status, 'SEND_OK');
  return results;
}

async function consume(
  run: Run,
  options: Partial<PushConsumerOptions> & { tags?: string } = {},
  handle: (message: Message) => void = () => {},
): Promise<Received> {
  const { tags = '*', ...more } = options;
  const consumer = new PushConsumer({ nameServers: run.nameServers, group: run.group, consumeFrom: 'first', commitPeriodMs: 500, ...more });
  run.closers.push(() => consumer.close());
  const received = { consumer, messages: [] as Message[] };
  await consumer.subscribe(
    run.topic,
    (message) => {
      received.messages.push(message);
      handle(message);
    },
    { tags },
  );
  await consumer.start();
  return received;
}

/** Waits for `expected` messages, then a little longer for any that should not come. */
async function exactly(received: Received, expected: number, what: string): Promise<void> {
  await waitUntil(`${expected} messages for ${what}`, () => distinct(received) >= expected, LONG_MS);
  await pause(300);
  assert.equal(distinct(received), expected, `distinct messages for ${what}`);
  assert.equal(received.messages.length, expected, `deliveries to ${what}`);
}

const ownQueues = (run: Run, consumer: PushConsumer): number => consumer.queues.filter((queue) => queue.topic === run.topic).length;

const scenarios: Record<string, (run: Run) => Promise<void>> = {
  'send-sync': async (run) => {
    const next = new Map<number, number>();
    for (const { queue, queueOffset } of await send(run, 'A', 40)) {
      assert.equal(queueOffset, next.get(queue.queueId) ?? 0, 'queue offsets count up by one');
      next.set(queue.queueId, queueOffset + 1);
    }
    assert.deepEqual([...next.values()], [10, 10, 10, 10], 'each queue in its turn');
  },

  'send-async': async (run) => {
    await Promise.all([...Array(500).keys()].map((index) => run.producer.send({ topic: run.topic, body: `${index}` })));
    await exactly(await consume(run), 500, 'the consumer');
  },

  'send-oneway': async (run) => {
    for (let index = 0; index < 100; index++) await run.producer.sendOneway({ topic: run.topic, body: `${index}` });
    await exactly(await consume(run), 100, 'the consumer');
  },

  'send-batch': async (run) => {
    const results = await run.producer.sendBatch(
      [...Array(30).keys()].map((index) => ({ topic: run.topic, body: `${index}`, tag: `T${index}` })),
    );
    const received = await consume(run);
    await exactly(received, 30, 'the consumer');
    const inOrder = received.messages.sort((a, b) => a.queueOffset - b.queueOffset);
    assert.deepEqual(
      inOrder.map((message) => [bodyOf(message), message.tag, message.messageId, message.offsetMessageId, message.queueOffset]),
      results.map((result, index) => [`${index}`, `T${index}`, result.messageId, result.offsetMessageId, result.queueOffset]),
    );
  },

  'send-big': async (run) => {
    const bodies = [
      Buffer.from('ringmq '.repeat(100_000)),
      Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * index * 31) & 0xff)),
    ];
    for (const body of bodies) await run.producer.send({ topic: run.topic, body });
    const received = await consume(run);
    await waitUntil('both', () => received.messages.length === 2, LONG_MS);
    for (const body of bodies)
      assert.ok(
        received.messages.some((message) => body.equals(message.body)),
        `${body.length} bytes come back as they were`,
      );
  },

  'send-properties': async (run) => {
    const sent = await run.producer.send({
      topic: run.topic,
      body: 'x',
      tag: 'Tag',
      keys: ['k1', 'k2'],
      flag: 7,
      properties: { colour: 'blau "x" ✓', empty: ' ' },
    });
    const received = await consume(run);
    await exactly(received, 1, 'the consumer');
    const [message] = received.messages;
    assert.deepEqual([message?.tag, message?.keys, message?.flag, message?.messageId], ['Tag', ['k1', 'k2'], 7, sent.messageId]);
    assert.equal(message?.properties.get('colour'), 'blau "x" ✓');
  },

  push: async (run) => {
    await send(run, 'before', 1);
    const received = await consume(run);
    await waitUntil('the first message', () => received.messages.length === 1, LONG_MS);
    await send(run, 'after', 300);
    await exactly(received, 301, 'the consumer');
  },

  'tag-filter': async (run) => {
    const received = await consume(run, { tags: 'A || C' });
    for (const word of ['A', 'B', 'C']) await send(run, word, 20);
    await exactly(received, 40, 'the consumer of two tags');
  },

  broadcast: async (run) => {
    const all = [await consume(run, { messageModel: 'broadcasting' }), await consume(run, { messageModel: 'broadcasting' })];
    await send(run, 'A', 40);
    for (const received of all) await exactly(received, 40, 'each consumer');
  },

  rebalance: async (run) => {
    const first = await consume(run);
    const second = await consume(run);
    await waitUntil('two queues each', () => ownQueues(run, first.consumer) === 2 && ownQueues(run, second.consumer) === 2, LONG_MS);
    await send(run, 'shared', 100);
    await exactly(first, 50, 'the first');
    await exactly(second, 50, 'the second');
    await first.consumer.close();
    await waitUntil('all four queues', () => ownQueues(run, second.consumer) === 4, LONG_MS);
    await send(run, 'alone', 40);
    await exactly(second, 90, 'the one that stays');
  },

  resume: async (run) => {
    await send(run, 'before', 60);
    const first = await consume(run);
    await exactly(first, 60, 'the first');
    await first.consumer.close();
    await send(run, 'after', 40);
    await exactly(await consume(run), 40, 'the one that came back');
  },

  orderly: async (run) => {
    const received = await consume(run, { orderly: true });
    const sent = new Map<number, string[]>();
    for (let index = 0; index < 80; index++) {
      const { queue } = await run.producer.send({ topic: run.topic, body: `${index}`, shardingKey: `key ${index % 5}` });
      sent.set(queue.queueId, [...(sent.get(queue.queueId) ?? []), `${index}`]);
    }
    await exactly(received, 80, 'the consumer');
    for (const [queueId, bodies] of sent)
      assert.deepEqual(received.messages.filter((message) => message.queue.queueId === queueId).map(bodyOf), bodies, `queue ${queueId}`);
  },

  delay: async (run) => {
    const arrived: number[] = [];
    const received = await consume(run, {}, (message) => arrived.push(Date.now() - message.bornTimestamp));
    await run.producer.send({ topic: run.topic, body: 'later', delayLevel: 2 });
    await exactly(received, 1, 'the consumer');
    assert.ok((arrived[0] ?? 0) >= 1_900, `after ${arrived[0]} ms, 2 s were meant`);
  },

  retry: async (run) => {
    let failures = 0;
    const received = await consume(run, {}, (message) => {
      if (message.reconsumeTimes < 2) {
        failures++;
        throw new Error('not yet');
      }
    });
    await send(run, 'bad', 1);
    await waitUntil('the third time', () => received.messages.some((message) => message.reconsumeTimes === 2), LONG_MS);
    assert.equal(failures, 2);
    assert.ok(
      received.messages.every((message) => message.topic === run.topic),
      'under its own topic each time',
    );
  },

  pull: async (run) => {
    await send(run, 'A', 60);
    const consumer = new PullConsumer({ nameServers: run.nameServers, group: run.group, consumeFrom: 'first' });
    run.closers.push(() => consumer.close());
    await consumer.subscribe(run.topic);
    await consumer.start();
    const bodies = new Set<string>();
    for await (const message of consumer) if (bodies.add(bodyOf(message)).size === 60) break;
    const [queue] = consumer.queues;
    assert.ok(queue !== undefined);
    consumer.seek(queue, 3);
    assert.equal((await consumer.poll())[0]?.queueOffset, 3);
  },

  'broker-restart': async (run) => {
    const received = await consume(run);
    await send(run, 'before', 20);
    await waitUntil('the first ones', () => distinct(received) === 20, LONG_MS);
    await askFor('restart');
    await send(run, 'after', 20);
    await waitUntil('the others', () => distinct(received) === 40, LONG_MS);
  },

  spread: async (run) => {
    await askFor(`topics ${run.topic}`);
    const used = new Set((await send(run, 'spread', 60)).map(({ queue }) => `${queue.brokerName}/${queue.queueId}`));
    assert.equal(used.size, 6, 'all queues of both brokers');
    await exactly(await consume(run), 60, 'both brokers');
  },

  'two-brokers': async (run) => {
    await askFor(`topics ${run.topic}`);
    const brokersOf = (results: readonly SendResult[]): string[] => [...new Set(results.map((result) => result.queue.brokerName))].sort();
    const received = await consume(run);
    assert.deepEqual(brokersOf(await send(run, 'both', 30)), ['broker-a', 'broker-b']);
    await askFor('kill broker-b');
    assert.deepEqual(brokersOf(await send(run, 'one', 30)), ['broker-a'], 'the other takes the sends');
    await askFor('kill names-1');
    await send(run, 'less', 10);
    await askFor('start broker-b');
    await askFor('start names-1');
    await waitUntil('all that was acknowledged', () => distinct(received) === 70, LONG_MS);
    await waitUntil('sends to both', async () => brokersOf(await send(run, 'again', 6)).length === 2, LONG_MS);
  },
};

/** Scenarios whose topic has other queues than four on each broker. */
const makesItsTopic = new Set(['two-brokers', 'spread']);

const [nameServers, names, prefix] = process.argv.slice(2);
if (nameServers === undefined || names === undefined || prefix === undefined) {
  process.stderr.write('usage: program.ts NAMESRV SCENARIO[,SCENARIO...] PREFIX\n');
  process.exit(2);
}
let failed = false;
for (const name of names === 'all' ? Object.keys(scenarios) : names.split(',')) {
  const id = `${prefix}_${name.replaceAll('-', '_')}`;
  const begin = performance.now();
  let error: string | undefined;
  const admin = new Admin({ nameServers });
  const producer = new Producer({ nameServers, timeoutMs: 20_000 });
  const run: Run = { nameServers, topic: id, group: `G_${id}`, admin, producer, closers: [] };
  try {
    const scenario = scenarios[name];
    assert.ok(scenario !== undefined, 'no such scenario');
    if (!makesItsTopic.has(name)) await admin.topics.create(run.topic, { writeQueues: 4 });
    await scenario(run);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
  }
  for (const close of [...run.closers, () => producer.close(), () => admin.close()]) await close();
  failed ||= error !== undefined;
  const line = {
    scenario: name,
    ok: error === undefined,
    ms: Math.round(performance.now() - begin),
    detail: {},
    ...(error === undefined ? {} : { error }),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
process.exit(failed ? 1 : 0);

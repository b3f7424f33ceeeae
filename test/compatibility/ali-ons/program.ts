/**
 * Runs scenarios of the unmodified `ali-ons` client against a name server. Prints one JSON line per scenario on standard
 * output and exits with 1 when one of them failed.
 * Usage: program.ts NAMESRV SCENARIO[,SCENARIO...] PREFIX, PREFIX being the beginning of every topic's and group's name.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { AliConsumer, AliProducer } from '../../support/ali-ons.ts';
import { createTopic } from '../../support/create-topic.ts';
import { pause, waitUntil } from '../../support/wait-until.ts';
import { consumer, errors, exactly, message, producer, type Run, send } from './clients.ts';

const scenarios: Record<string, (run: Run) => Promise<void>> = {
  'send-sync': async (run) => {
    const from = await producer(run);
    const results = await send(run, from, 'A', 40);
    const queues = new Map<number, number>();
    for (const result of results) {
      const { queueId } = result.messageQueue;
      assert.equal(Number(result.queueOffset), queues.get(queueId) ?? 0, 'queue offsets count up by one');
      queues.set(queueId, Number(result.queueOffset) + 1);
    }
    assert.equal(queues.size, 4, 'all four queues were used');
  },

  push: async (run) => {
    const from = await producer(run);
    const first = message(run, 'TagA', 'properties ä消息');
    first.keys = ['k1', 'k2'];
    first.properties['colour'] = 'grün "quoted" back\\slash';
    const sent = await from.send(first);
    const { received } = await consumer(run, '*');
    await waitUntil('the first message', () => received.messages.length === 1, 45_000);
    const got = received.messages[0];
    assert.ok(got !== undefined);
    assert.equal(got.body.toString('utf8'), 'properties ä消息');
    assert.equal(got.tags, 'TagA');
    assert.equal(got.keys, 'k1 k2');
    assert.equal(got.properties['colour'], 'grün "quoted" back\\slash');
    assert.equal(got.msgId, sent.msgId, 'the id that the client gave it');
    assert.equal(got.queueId, Number(sent.messageQueue.queueId));
    const begin = performance.now();
    await from.send(message(run, 'B', 'to a waiting pull'));
    await waitUntil('a message to a waiting pull', () => received.messages.length === 2, 45_000, 1);
    run.detail['longPollMs'] = Math.round(performance.now() - begin);
    await send(run, from, 'C', 200);
    await exactly(received, 202, 'the consumer');
  },

  'send-big': async (run) => {
    const from = await producer(run, { maxMessageSize: 4 * 1024 * 1024 });
    const text = Buffer.alloc(100_000, 'x');
    const noise = randomBytes(300_000);
    await from.send(message(run, 'text', text));
    await from.send(message(run, 'noise', noise));
    const { received } = await consumer(run, '*');
    await waitUntil('both messages', () => received.messages.length >= 2, 45_000);
    for (const got of received.messages) assert.ok(got.body.equals(got.tags === 'text' ? text : noise), `${got.tags} came back unchanged`);
  },

  'tag-filter': async (run) => {
    const from = await producer(run);
    for (const tag of ['A', 'B', 'C']) await send(run, from, tag, 40);
    const { received } = await consumer(run, 'A || C');
    await exactly(received, 80, 'tags A and C');
    assert.ok(
      received.messages.every((got) => got.tags !== 'B'),
      'no message with tag B',
    );
  },

  broadcast: async (run) => {
    const from = await producer(run);
    await send(run, from, 'before', 1);
    const one = await consumer(run, '*', { isBroadcast: true, instanceName: 'broadcast-1' });
    const two = await consumer(run, '*', { isBroadcast: true, instanceName: 'broadcast-2' });
    for (const { client } of [one, two]) await waitUntil('all queues', () => client.processQueueTable.size >= 4, 45_000);
    await pause(500);
    await send(run, from, 'after', 50);
    for (const { received } of [one, two]) {
      await waitUntil(
        'every message to each consumer',
        () => [...received.bodies].filter((body) => body.startsWith('after')).length === 50,
        45_000,
      );
    }
  },

  rebalance: async (run) => {
    const from = await producer(run);
    await send(run, from, 'first', 1);
    const held = (client: AliConsumer): number =>
      [...client.processQueueTable.values()].filter((item) => item !== undefined && item.messageQueue.topic === run.topic).length;
    const one = await consumer(run, '*');
    await waitUntil('all four queues for the only consumer', () => held(one.client) === 4, 45_000);
    const joined = performance.now();
    const two = await consumer(run, '*');
    await waitUntil('two queues each', () => held(one.client) === 2 && held(two.client) === 2, 45_000);
    run.detail['joinMs'] = Math.round(performance.now() - joined);
    const left = performance.now();
    await one.close();
    await waitUntil('all four queues for the one that stays', () => held(two.client) === 4, 45_000);
    run.detail['takeOverMs'] = Math.round(performance.now() - left);
    await send(run, from, 'later', 40);
    await waitUntil('every later message', () => [...two.received.bodies].filter((body) => body.startsWith('later')).length === 40, 45_000);
  },

  resume: async (run) => {
    const from = await producer(run);
    await send(run, from, 'before', 60);
    const first = await consumer(run, '*');
    await exactly(first.received, 60, 'the first consumer');
    await first.close();
    await send(run, from, 'after', 40);
    const second = await consumer(run, '*');
    await exactly(second.received, 40, 'the consumer that came back');
  },

  'consume-from': async (run) => {
    const from = await producer(run);
    await send(run, from, 'A', 40);
    for (const where of ['CONSUME_FROM_FIRST_OFFSET', 'CONSUME_FROM_LAST_OFFSET']) {
      // On a young topic a broker of this protocol answers offset 0 to a group that never committed, whatever it asks for.
      const { received, close } = await consumer({ ...run, group: `${run.group}_${where}` }, '*', { consumeFromWhere: where });
      await exactly(received, 40, where);
      await close();
    }
  },

  // Its first messages are gone, so it has a past: a group begins where its consumers say.
  'consume-from-aged': async (run) => {
    const from = await producer(run);
    await send(run, from, 'gone', 40);
    const filler = { ...run, topic: `${run.topic}_filler` };
    await createTopic(run.nameServer.split(';')[0] ?? '', filler.topic, 4);
    // Noise: the client compresses what is long.
    const body = randomBytes(4_000_000);
    for (let i = 0; i < 12; i++) await from.send(message(filler, 'A', body));
    await askFor(`age ${run.topic}`);
    await send(run, from, 'A', 40);
    for (const where of ['CONSUME_FROM_FIRST_OFFSET', 'CONSUME_FROM_LAST_OFFSET']) {
      const { received, close } = await consumer({ ...run, group: `${run.group}_${where}` }, '*', { consumeFromWhere: where });
      const isLast = where === 'CONSUME_FROM_LAST_OFFSET';
      if (isLast) {
        // It asks for the ends of its queues in the first moments after its start.
        await pause(3_000);
        await send(run, from, 'last', 20);
      }
      await exactly(received, isLast ? 20 : 40, where);
      const word = isLast ? 'last ' : 'A ';
      assert.ok(
        [...received.bodies].every((text) => text.startsWith(word)),
        `${where} brings ${[...received.bodies]}`,
      );
      await close();
    }
  },

  'two-brokers': async (run) => {
    // Half a minute each by default, as with every client.
    const often = { pollNameServerInteval: 500, heartbeatBrokerInterval: 1_000 };
    const acknowledged: string[] = [];
    const onB = new Set<string>();
    let failed = 0;
    const used = new Map<string, number>();
    const sendAll = async (from: AliProducer, word: string, count: number): Promise<void> => {
      for (let i = 0; i < count; ) {
        try {
          const { messageQueue } = await from.send(message(run, 'A', `${word} ${i}`));
          const queue = `${messageQueue.brokerName}/${messageQueue.queueId}`;
          used.set(queue, (used.get(queue) ?? 0) + 1);
          acknowledged.push(`${word} ${i}`);
          if (messageQueue.brokerName === 'broker-b') onB.add(`${word} ${i}`);
          i++;
        } catch {
          assert.ok(++failed < 100, 'sends fail for good');
          await pause(50);
        }
      }
    };
    await askFor(`topics ${run.topic}`);
    const from = await producer(run, often);
    await sendAll(from, 'first', 60);
    assert.deepEqual([...used.values()], [10, 10, 10, 10, 10, 10], 'all queues of both brokers, each alike');
    await askFor('kill broker-b');
    await sendAll(from, 'without-b', 20);
    const { received } = await consumer(run, '*', { rebalanceInterval: 300, ...often });
    const reachable = acknowledged.filter((body) => !onB.has(body));
    await exactly(received, reachable.length, 'what the living broker has');
    await askFor('start broker-b');
    await exactly(received, acknowledged.length, 'what had waited for the dead broker, too');
    await askFor('kill names-1');
    await sendAll(from, 'without-names', 20);
    await exactly(received, acknowledged.length, 'a cluster with one name server');
    await askFor('start names-1');
    await askFor('kill names-2');
    used.clear();
    // The client may have asked it when it knew one broker only.
    for (let round = 0; used.size < 6 && round < 200; round++) await sendAll(from, `restarted-names-${round}`, 6);
    assert.equal(used.size, 6, 'all queues again');
    await exactly(received, acknowledged.length, 'a name server that came back empty');
    assert.ok(acknowledged.every((body) => received.bodies.has(body)));
    run.detail['failedSends'] = failed;
    // The client reports each connection that it lost and each try of another; here that is what was asked for.
    errors.length = 0;
  },

  delay: async (run) => {
    const from = await producer(run);
    const { received } = await consumer(run, '*');
    for (const level of [1, 2]) {
      const delayed = message(run, 'A', `${level}`);
      delayed.delayTimeLevel = level;
      assert.equal((await from.send(delayed)).sendStatus, 'SEND_OK');
    }
    await exactly(received, 2, 'the consumer');
    const { bornTimestamp, storeTimestamp } = received.messages[1]!;
    assert.equal(received.messages[1]!.body.toString(), '2', 'the second level comes second');
    assert.ok(storeTimestamp - bornTimestamp >= 2_000, `level 2 came after ${storeTimestamp - bornTimestamp} ms`);
  },

  /** One message fails for ever, one once. */
  retry: async (run) => {
    const from = await producer(run);
    await from.send(message(run, 'A', 'bad'));
    await from.send(message(run, 'A', 'good'));
    const attempts: string[] = [];
    const quick = { maxReconsumeTimes: 2, pollNameServerInteval: 1_000 };
    await consumer(run, '*', quick, ({ body, reconsumeTimes }) => {
      attempts.push(`${body} ${reconsumeTimes}`);
      // What a handler gives back counts for the first attempt only; what it throws counts always.
      if (body.toString() === 'bad' || reconsumeTimes === 0) throw new Error('as the scenario wants it');
    });
    await waitUntil('every attempt', () => attempts.length >= 5, 45_000);
    assert.deepEqual([...attempts].sort(), ['bad 0', 'bad 1', 'bad 2', 'good 0', 'good 1']);
    // This client drops what was tried more often than it allows: whoever reads dead letters must allow more.
    const dead = await consumer({ ...run, topic: `%DLQ%${run.group}`, group: `${run.group}_dead` }, '*', { pollNameServerInteval: 1_000 });
    await exactly(dead.received, 1, 'the dead letters');
    assert.equal(dead.received.messages[0]!.properties['RETRY_TOPIC'], run.topic);
    assert.equal(attempts.length, 5, 'and no attempt more');
    // The client reports each failure of a handler; these were asked for. It also asks for the dead letters before there are any.
    const isExpected = /as the scenario wants it|No topic route info in name server for the topic: %(DLQ|RETRY)%/;
    const others = errors.filter((error) => !isExpected.test(error));
    errors.splice(0, errors.length, ...others);
  },

  spread: async (run) => {
    await askFor(`topics ${run.topic}`);
    const from = await producer(run);
    const used = new Set(
      (await send(run, from, 'spread', 60)).map(({ messageQueue }) => `${messageQueue.brokerName}/${messageQueue.queueId}`),
    );
    assert.equal(used.size, 6, 'all queues of both brokers');
    const { received } = await consumer(run, '*', { rebalanceInterval: 300 });
    await exactly(received, 60, 'both brokers');
  },

  'broker-restart': async (run) => {
    const from = await producer(run);
    await send(run, from, 'first', 1);
    const { received } = await consumer(run, '*');
    const acknowledged: string[] = [];
    let stopped = false;
    let failures = 0;
    let lastSuccess = 0;
    const sending = (async () => {
      for (let i = 0; !stopped; i++) {
        try {
          await from.send(message(run, 'A', `restart ${i}`));
          acknowledged.push(`restart ${i}`);
          lastSuccess = performance.now();
        } catch {
          failures++;
        }
        await pause(5);
      }
    })();
    await waitUntil('50 sends before the restart', () => acknowledged.length > 50, 45_000);
    await askFor('restart');
    const up = performance.now();
    const before = acknowledged.length;
    await waitUntil('50 sends after the restart', () => lastSuccess > up && acknowledged.length > before + 50, 60_000);
    stopped = true;
    await sending;
    await waitUntil('everything acknowledged to arrive', () => acknowledged.every((body) => received.bodies.has(body)), 60_000);
    run.detail['acknowledged'] = acknowledged.length;
    run.detail['failedSends'] = failures;
    // The client reports each lost connection; here that is what was asked for.
    errors.length = 0;
  },
};

const commands = createInterface({ input: process.stdin });

/** Asks whoever started this program to do something to the broker; resolves when it is done. */
async function askFor(event: string): Promise<void> {
  process.stdout.write(`${JSON.stringify({ event })}\n`);
  await once(commands, 'line');
}

const [nameServer, names, prefix] = process.argv.slice(2);
if (nameServer === undefined || names === undefined || prefix === undefined) {
  process.stderr.write('usage: program.ts NAMESRV SCENARIO[,SCENARIO...] PREFIX\n');
  process.exit(2);
}
let failed = false;
for (const name of names === 'all' ? Object.keys(scenarios) : names.split(',')) {
  const id = `${prefix}_${name.replaceAll('-', '_')}`;
  const run: Run = { nameServer, topic: id, group: `G_${id}`, detail: {}, closers: [] };
  const begin = performance.now();
  let error: string | undefined;
  errors.length = 0;
  try {
    const scenario = scenarios[name];
    assert.ok(scenario !== undefined, 'no such scenario');
    // This client publishes only to topics that have a route.
    await createTopic(nameServer.split(';')[0] ?? '', run.topic, 4);
    await scenario(run);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
  }
  if (errors.length > 0) run.detail['clientErrors'] = errors.slice(0, 3);
  for (const close of run.closers) await close().catch((thrown: unknown) => process.stderr.write(`close: ${String(thrown)}\n`));
  failed ||= error !== undefined;
  const line = {
    scenario: name,
    ok: error === undefined,
    ms: Math.round(performance.now() - begin),
    detail: run.detail,
    ...(error === undefined ? {} : { error }),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
process.exit(failed ? 1 : 0);

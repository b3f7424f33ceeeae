/** A started broker that is stopped or killed under load and started again on its store: nothing acknowledged is lost. */
import tap, { test } from 'tap';
import { heartbeatBody, pullMessages, queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { prepareRingmq, type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

const TOPICS = ['kill_a', 'kill_b'];

/** Sends on several connections until they break; adds what was acknowledged as body@topic/queue/offset. */
async function sendUntilGone(ringmq: RingmqProcess, round: number, acknowledged: Set<string>): Promise<void> {
  const senders = Array.from({ length: 4 }, async (_, sender) => {
    const client = await RemotingClient.connect(ringmq.broker);
    const topic = TOPICS[sender % TOPICS.length] ?? '';
    const one = async (lane: number): Promise<void> => {
      for (let i = 0; client.isOpen; i++) {
        const body = `${round}-${sender}-${lane}-${i}`;
        try {
          const { code, ext } = await sendMessage(client, topic, body, { queueId: lane % 4 });
          if (code === 0) acknowledged.add(`${body}@${topic}/${ext?.['queueId']}/${ext?.['queueOffset']}`);
        } catch {
          // Unanswered when the broker went: it may be stored or not.
          return;
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, lane) => one(lane)));
  });
  await Promise.all(senders);
}

/** Every message as body@topic/queue/offset; the offsets of each queue have no gap. */
async function readBack(ringmq: RingmqProcess): Promise<Set<string>> {
  const client = await RemotingClient.connect(ringmq.broker);
  const found = new Set<string>();
  for (const topic of TOPICS) {
    for (let queue = 0; queue < 4; queue++) {
      const read = await readQueue(client, topic, queue);
      for (const [index, message] of read.entries()) {
        if (message.queueOffset !== index) throw new Error(`${topic}/${queue}: offset ${message.queueOffset} at place ${index}`);
        found.add(`${message.body.toString()}@${topic}/${queue}/${message.queueOffset}`);
      }
      if ((await queueOffset(client, 30, topic, queue)) !== read.length)
        throw new Error(`${topic}/${queue} does not end at ${read.length}`);
    }
  }
  await client.close();
  return found;
}

for (const flush of ['async', 'sync'] as const) {
  for (const shards of [1, 2]) {
    test(`kill -9 under load loses nothing acknowledged, ${flush} flush, ${shards} shards`, { timeout: 300_000 }, async (t) => {
      const ringmq = await startRingmq({ flush, shards });
      t.teardown(() => ringmq.destroy());
      const acknowledged = new Set<string>();
      for (let round = 0; round < 2; round++) {
        const before = acknowledged.size;
        const sending = sendUntilGone(ringmq, round, acknowledged);
        // A topic exists from its first acknowledged send on.
        const hasAll = (): boolean => TOPICS.every((topic) => [...acknowledged].some((message) => message.includes(`@${topic}/`)));
        await waitUntil('sends to be acknowledged', () => acknowledged.size > before + 300 && hasAll(), 30_000);
        await ringmq.kill();
        await sending;
        await ringmq.start();
        const found = await readBack(ringmq);
        const lost = [...acknowledged].filter((message) => !found.has(message));
        t.same(lost.slice(0, 5), [], `round ${round}: all of ${acknowledged.size} acknowledged sends are there, each at its place`);
      }
    });
  }
}

test('an orderly stop keeps messages, topics and offsets', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  for (let i = 0; i < 100; i++) await sendMessage(client, 'stop', `message ${i}`, { queueId: i % 4 });
  await client.request(34, null, { body: heartbeatBody('client', 'CG_stop', ['stop']) });
  t.equal((await client.request(15, { consumerGroup: 'CG_stop', topic: 'stop', queueId: '1', commitOffset: '11' })).code, 0);
  const begin = performance.now();
  const exit = await ringmq.stop();
  t.same(exit, { code: 0, signal: null }, 'ends by itself after SIGTERM');
  t.comment(`stopped in ${Math.round(performance.now() - begin)} ms`);
  await ringmq.start();
  const again = await RemotingClient.connect(ringmq.broker);
  for (let queue = 0; queue < 4; queue++) t.equal((await readQueue(again, 'stop', queue)).length, 25, `queue ${queue}`);
  const offset = await again.request(14, { consumerGroup: 'CG_stop', topic: 'stop', queueId: '1' });
  t.equal(offset.ext?.['offset'], '11', 'the committed offset');
  t.equal((await sendMessage(again, 'stop', 'more', { queueId: 2 })).ext?.['queueOffset'], '25', 'offsets go on where they were');
  await again.close();
});

for (const shards of [1, 2]) {
  test(`an orderly stop answers the pulls that wait (${shards} shards)`, async (t) => {
    const ringmq = await startRingmq({ shards });
    t.teardown(() => ringmq.destroy());
    const clients = await Promise.all([0, 1, 2, 3].map(() => RemotingClient.connect(ringmq.broker)));
    t.equal((await sendMessage(clients[0]!, 'waits', 'x')).code, 0);
    const held = clients.map((client, queueId) => pullMessages(client, 'waits', queueId, queueId === 0 ? 1 : 0, { holdMs: 60_000 }));
    // Served in order on each connection: the pull before it has come too.
    for (const client of clients) await queueOffset(client, 30, 'waits', 0);
    await ringmq.stop();
    for (const { frame } of await Promise.all(held)) t.match([frame.code, frame.remark], [14, /the broker stops; pull again/]);
  });
}

test('a second start on the same ports names who holds them', async (t) => {
  const first = await startRingmq();
  t.teardown(() => first.destroy());
  const second = await prepareRingmq({ brokerPort: Number(first.broker.split(':')[1]) });
  t.teardown(() => second.destroy());
  second.launch();
  const exit = await second.exited();
  t.not(exit.code, 0, 'does not start');
  t.match(second.output, new RegExp(`\\b${first.pid}\\b`), 'and names the process');
  t.match(second.output, new RegExp(first.broker.split(':')[1] ?? ''), 'and the port');
  const client = await RemotingClient.connect(first.broker);
  t.equal((await sendMessage(client, 'port', 'x')).code, 0, 'the first is undisturbed');
  await client.close();
});

test('two starters on the same ports at once: one wins', async (t) => {
  const one = await prepareRingmq();
  const two = await prepareRingmq({ brokerPort: Number(one.broker.split(':')[1]), nameServerPort: Number(one.nameServer.split(':')[1]) });
  t.teardown(() => one.destroy());
  t.teardown(() => two.destroy());
  one.launch();
  two.launch();
  const ready = await Promise.allSettled([one.ready(), two.ready()]);
  t.equal(ready.filter(({ status }) => status === 'fulfilled').length, 1, 'exactly one is ready');
});

test('a second process does not open a store that is in use', async (t) => {
  const first = await startRingmq();
  t.teardown(() => first.destroy());
  const second = await prepareRingmq({ dataDir: first.dataDir });
  t.teardown(() => second.destroy());
  second.launch();
  const exit = await second.exited();
  t.not(exit.code, 0, 'does not start');
  t.match(second.output, new RegExp(first.dataDir), 'and names the store');
});

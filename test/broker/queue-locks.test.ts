/**
 * Locks of queues that are consumed in order, at a started broker: who gets them, when they are free, and what a stop and a kill leave of them.
 */
import tap, { test } from 'tap';
import { heartbeatBody, sendMessage } from '../support/broker-client.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(120_000);

/** Less than the 60 s after which a lock is free without anybody's word. */
const SOON_MS = 30_000;

const GROUP = 'CG_locks';
const TOPIC = 'locked';

function body(clientId: string, queueIds: readonly number[], group: string = GROUP, topic: string = TOPIC): Buffer {
  const mqSet = queueIds.map((queueId) => ({ topic, brokerName: 'broker-a', queueId }));
  return Buffer.from(JSON.stringify({ consumerGroup: group, clientId, mqSet }));
}

async function lock(
  client: RemotingClient,
  clientId: string,
  queueIds: readonly number[],
  group?: string,
  topic?: string,
): Promise<number[]> {
  const answer = await client.request(41, {}, { body: body(clientId, queueIds, group, topic) });
  if (answer.code !== 0) throw new Error(`lock: ${answer.code} ${answer.remark}`);
  const { lockOKMQSet } = JSON.parse(answer.body.toString()) as { lockOKMQSet: { queueId: number }[] };
  return lockOKMQSet.map(({ queueId }) => queueId).sort();
}

function unlock(client: RemotingClient, clientId: string, queueIds: readonly number[]): Promise<RawFrame> {
  return client.request(42, {}, { body: body(clientId, queueIds) });
}

/** A client of the group, with its first heartbeat behind it. */
async function member(ringmq: RingmqProcess, clientId: string): Promise<RemotingClient> {
  const client = await RemotingClient.connect(ringmq.broker);
  const beat = await client.request(34, {}, { body: heartbeatBody(clientId, GROUP, [TOPIC]) });
  if (beat.code !== 0) throw new Error(`heartbeat: ${beat.code} ${beat.remark}`);
  return client;
}

for (const flush of ['async', 'sync'] as const) {
  test(`locks go with their connection, and outlive a stop and a kill (${flush} flush)`, async (t) => {
    const ringmq = await startRingmq({ shards: 2, flush });
    t.teardown(() => ringmq.destroy());
    const [a, b] = [await member(ringmq, 'a'), await member(ringmq, 'b')];
    await sendMessage(a, TOPIC, 'x');
    t.same(await lock(a, 'a', [0, 1]), [0, 1]);
    t.same(await lock(b, 'b', [0, 1, 2]), [2], 'only what nobody has');
    t.same(await lock(a, 'a', [0, 1, 2]), [0, 1], 'renewed');
    b.pushed.length = 0;
    a.pushed.length = 0;
    t.equal((await unlock(b, 'b', [0, 2])).code, 0);
    await waitUntil('the one who was refused to be told', () => Promise.resolve(a.pushed.some(({ code }) => code === 40)), SOON_MS, 5);
    t.same(b.pushed, [], 'and nobody else');
    t.same(await lock(a, 'a', [0, 2]), [0, 2], 'b gave back what was its own');

    await a.close();
    await waitUntil('the locks of a client that has gone', async () => (await lock(b, 'b', [0, 1, 2])).length === 3, SOON_MS, 20);

    await ringmq.stop();
    await ringmq.start();
    const [other, own] = [await member(ringmq, 'c'), await RemotingClient.connect(ringmq.broker)];
    t.same(await lock(other, 'c', [0, 1, 2, 3]), [3], 'the one who had them may still be at work');
    t.same(await lock(own, 'b', [0, 1]), [0, 1], 'it renews them, even before its first heartbeat');
    await ringmq.kill();
    await ringmq.start();
    const [d, c] = [await member(ringmq, 'd'), await RemotingClient.connect(ringmq.broker)];
    t.same(await lock(d, 'd', [0, 1, 2, 3]), [], 'nobody had the time to give anything back');
    t.same(await lock(c, 'c', [3]), [3]);
    await c.close();
    await waitUntil('the lock of one that never sent a heartbeat', async () => (await lock(d, 'd', [3])).length === 1, SOON_MS, 20);
  });
}

test('requests for locks of wrong shape are refused or get nothing', async (t) => {
  const ringmq = await startRingmq({ shards: 1 });
  t.teardown(() => ringmq.destroy());
  const client = await member(ringmq, 'a');
  await sendMessage(client, TOPIC, 'x');
  t.same(await lock(client, 'a', [0], 'CG_nobody'), [], 'a group that does not exist');
  t.same(await lock(client, 'a', [0], GROUP, 'no_such_topic'), [], 'a topic that does not exist');
  t.same(await lock(client, 'a', [-1, 4]), [], 'queues that do not exist');
  for (const [wrong, remark] of [
    ['', /body/i],
    ['{"consumerGroup":', /JSON|body/i],
    ['[]', /./],
    [body('', [0]).toString(), /clientId has 0 characters/],
    [body('x'.repeat(256), [0]).toString(), /clientId has 256 characters/],
    [
      body(
        'a',
        Array.from({ length: 2049 }, (_, id) => id),
      ).toString(),
      /names 2049 queues/,
    ],
  ] as const) {
    for (const code of [41, 42]) {
      const answer = await client.request(code, {}, { body: Buffer.from(wrong) });
      t.match(answer, { code: 1 }, `${code} ${wrong.slice(0, 40)}`);
      t.match(answer.remark, remark);
    }
  }
  t.same(await lock(client, 'a', [0]), [0], 'the broker goes on');
});

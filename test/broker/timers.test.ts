/** Timed messages of a started broker: they come at their millisecond, whatever happens to the broker in between. */

import tap, { test } from 'tap';
import { queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import type { RawMessage } from '../support/raw-message.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(180_000);

const TIMER = 'rmq_sys_wheel_timer';
/** Java's own precision, where the tests run against its broker. */
const SLACK_MS = isForeign ? 1000 : 0;

/** All messages of a topic with four queues, once there are `count`. */
async function arrived(client: RemotingClient, topic: string, count: number, maxMs: number = 30_000): Promise<RawMessage[]> {
  return await waitUntil(
    `${count} messages in ${topic}`,
    async () => {
      const all: RawMessage[] = [];
      for (let queue = 0; queue < 4; queue++) all.push(...(await readQueue(client, topic, queue)));
      return new Set(all.map(({ body }) => body.toString())).size >= count ? all : undefined;
    },
    maxMs,
  );
}

for (const { flush, shards } of [
  { flush: 'async', shards: 1 },
  { flush: 'sync', shards: 2 },
] as const) {
  test(`a timed message comes at its time (${flush} flush, ${shards} shards)`, async (t) => {
    const broker = await brokerUnderTest(t, { flush, shards });
    const client = await broker.connect();
    const topic = uniqueName('timed');
    t.equal((await sendMessage(client, topic, 'at once', { queueId: 3 })).code, 0);
    const now = Date.now();
    const cases: Record<string, { properties: Record<string, string>; at: number }> = {
      seconds: { properties: { TIMER_DELAY_SEC: '1' }, at: now + 1000 },
      'more in seconds than in ms': { properties: { TIMER_DELAY_SEC: '1', TIMER_DELAY_MS: '99999' }, at: now + 1000 },
      ms: { properties: { TIMER_DELAY_MS: '777', KEYS: 'k1', TAGS: 'tag' }, at: now + 777 },
      'ms and a sign': { properties: { TIMER_DELAY_MS: '+1234' }, at: now + 1234 },
      absolute: { properties: { TIMER_DELIVER_MS: String(now + 1501) }, at: now + 1501 },
      'a full second': {
        properties: { TIMER_DELIVER_MS: String(Math.ceil(now / 1000) * 1000 + 2000) },
        at: Math.ceil(now / 1000) * 1000 + 2000,
      },
      past: { properties: { TIMER_DELIVER_MS: String(now - 5000) }, at: 0 },
      'a negative delay': { properties: { TIMER_DELAY_SEC: '-5' }, at: 0 },
      none: { properties: { TIMER_DELAY_MS: '0' }, at: 0 },
    };
    for (const [body, { properties }] of Object.entries(cases)) {
      const answer = await sendMessage(client, topic, body, {
        queueId: 2,
        properties: { UNIQ_KEY: `U${body.replaceAll(' ', '')}`, ...properties },
      });
      t.equal(answer.code, 0, `${body}: ${answer.remark}`);
      t.equal(answer.ext?.['queueId'], '2', 'the answer names the queue that was asked for');
    }
    t.equal(await queueOffset(client, 30, topic, 2), 3, 'what is to come at once is there, and nothing else');
    const all = await arrived(client, topic, Object.keys(cases).length + 1);
    for (const message of all) {
      const { at = 0 } = cases[message.body.toString()] ?? {};
      t.ok(message.storeTimestamp >= at - SLACK_MS, `${message.body} came ${message.storeTimestamp - at} ms after its time, not before`);
      if (at > 0 && !isForeign)
        t.ok(message.storeTimestamp - at < 2000, `${message.body} is not late by ${message.storeTimestamp - at} ms`);
    }
    t.equal(all.length, Object.keys(cases).length + 1, 'each once');
    t.ok(
      all.every(({ queueId }) => queueId === 2 || queueId === 3),
      'in the queue that it was sent to',
    );
    const found = await client.request(12, {
      topic,
      key: 'k1',
      maxNum: '8',
      beginTimestamp: '0',
      endTimestamp: String(Date.now() + 60_000),
    });
    t.equal(found.code, 0, 'it is found by its key');
  });
}

test('a timed message is refused when its time is none, or too far away', async (t) => {
  const broker = await brokerUnderTest(t, { args: ['--set', 'timerMaxDelaySec=100'] });
  const client = await broker.connect();
  const topic = uniqueName('badtimes');
  await sendMessage(client, topic, 'first');
  for (const [name, value] of [
    ['TIMER_DELAY_MS', 'soon'],
    ['TIMER_DELAY_MS', ' 5'],
    ['TIMER_DELAY_SEC', '1e3'],
    ['TIMER_DELIVER_MS', '9223372036854775808'],
    ['TIMER_DELIVER_MS', '9223372036854775807'],
    ['TIMER_DELAY_SEC', '259300'],
  ] as const) {
    const answer = await sendMessage(client, topic, 'x', { properties: { [name]: value } });
    t.equal(answer.code, 13, `${name}=${value}`);
    if (!isForeign) t.match(answer.remark, value.trim(), 'the remark names the value');
  }
  if (!isForeign) {
    t.equal(
      (await sendMessage(client, TIMER, 'direct', { properties: { REAL_TOPIC: topic, REAL_QID: '0' } })).code,
      16,
      'only the broker parks',
    );
    const far = await sendMessage(client, topic, 'x', { properties: { TIMER_DELAY_SEC: '101' } });
    t.match(far.remark, /TIMER_DELAY_SEC.*"101".*timerMaxDelaySec/, 'rule and value');
  }
  t.equal(await queueOffset(client, 30, topic, 0), 1, 'nothing of it is stored');
});

test('a timed message is taken back by its handle, and by nothing else', async (t) => {
  const broker = await brokerUnderTest(t, {});
  const client = await broker.connect();
  const topic = uniqueName('recall');
  await sendMessage(client, topic, 'first');
  const send = async (body: string, delayMs: number): Promise<string> => {
    const properties = { TIMER_DELAY_MS: String(delayMs), UNIQ_KEY: `U${body}` };
    const answer = await sendMessage(client, topic, body, { properties });
    t.equal(answer.code, 0);
    return answer.ext?.['recallHandle'] ?? '';
  };
  const recall = (recallHandle: string, of: string = topic): ReturnType<RemotingClient['request']> =>
    client.request(370, { producerGroup: 'PG', topic: of, recallHandle });
  const gone = await send('gone', 3000);
  const stays = await send('stays', 3000);
  t.match(Buffer.from(gone, 'base64url').toString(), new RegExp(`^v1 ${topic} \\S+ \\d+001 Ugone$`));
  const handle = (text: string): string => Buffer.from(text).toString('base64url');
  const brokerName = Buffer.from(gone, 'base64url').toString().split(' ')[2]!;
  const soon = Date.now() + 2000;
  for (const [what, text, code] of [
    ['no base64', '!!!', 604],
    ['nothing', '', 604],
    ['another version', handle(`v2 ${topic} ${brokerName} ${soon} U`), 604],
    ['too short', handle(`v1 ${topic} ${brokerName} ${soon}`), 604],
    ['another topic', handle(`v1 elsewhere ${brokerName} ${soon} U`), 604],
    ['another broker', handle(`v1 ${topic} nobody ${soon} U`), 604],
    ['a time that has passed', handle(`v1 ${topic} ${brokerName} ${soon - 5000} U`), 604],
    ['a time too far away', handle(`v1 ${topic} ${brokerName} ${soon + 4e12} U`), 604],
    ['no time', handle(`v1 ${topic} ${brokerName} soon U`), 604],
  ] as const) {
    const answer = await recall(text);
    t.equal(answer.code, code, `${what}: ${answer.remark}`);
    t.ok((answer.remark ?? '') !== '', 'with a remark');
  }
  t.equal((await recall(gone, 'nosuch')).code, 17);
  const taken = await recall(gone);
  t.equal(taken.code, 0, `taken back: ${taken.remark}`);
  t.equal(taken.ext?.['msgId'], 'Ugone');
  t.equal((await recall(gone)).code, 0, 'and once more, as in Java');
  t.equal((await recall(handle(`v1 ${topic} ${brokerName} ${soon} Unobody`))).code, 0, 'nobody looks whether it was sent');
  await send('last', 4000);
  const all = await arrived(client, topic, 3);
  t.same(all.map(({ body }) => body.toString()).sort(), ['first', 'last', 'stays']);
  t.equal((await recall(stays)).code, 604, 'too late');
});

test('timed messages wait through an orderly stop, and come once', { skip: isForeign }, async (t) => {
  const ringmq = await startRingmq({});
  t.teardown(() => ringmq.destroy());
  const client = await RemotingClient.connect(ringmq.broker);
  for (let i = 0; i < 20; i++)
    await sendMessage(client, 'stop_timers', `early ${i}`, { queueId: i % 4, properties: { TIMER_DELAY_MS: '100' } });
  await arrived(client, 'stop_timers', 20);
  const before = Date.now();
  for (let i = 0; i < 40; i++)
    await sendMessage(client, 'stop_timers', `late ${i}`, { queueId: i % 4, properties: { TIMER_DELAY_MS: '4000' } });
  await client.close();
  t.equal((await ringmq.stop()).code, 0);
  await ringmq.start();
  const again = await RemotingClient.connect(ringmq.broker);
  const all = await arrived(again, 'stop_timers', 60);
  t.equal(all.length, 60, 'nothing is lost and nothing comes twice');
  for (const { body, storeTimestamp } of all)
    if (body.toString().startsWith('late')) t.ok(storeTimestamp >= before + 4000, 'and not early');
  t.equal(await queueOffset(again, 30, TIMER, 0), 60, 'nothing was parked once more');
  await again.close();
});

for (const flush of ['async', 'sync'] as const) {
  test(`kill -9 among timed messages loses none that was acknowledged (${flush} flush)`, { skip: isForeign }, async (t) => {
    const ringmq = await startRingmq({ flush, shards: 2 });
    t.teardown(() => ringmq.destroy());
    const client = await RemotingClient.connect(ringmq.broker);
    t.equal((await sendMessage(client, 'kill_timers', 'first')).code, 0);
    const due = new Map<string, number>([['first', 0]]);
    await Promise.all(
      Array.from({ length: 400 }, async (_, i) => {
        const at = Date.now() + 500 + 10 * i;
        const answer = await sendMessage(client, 'kill_timers', `m${i}`, { queueId: i % 4, properties: { TIMER_DELIVER_MS: String(at) } });
        if (answer.code === 0) due.set(`m${i}`, at);
      }),
    );
    t.equal(due.size, 401, 'all are acknowledged');
    await arrived(client, 'kill_timers', 100);
    await ringmq.kill();
    await ringmq.start();
    const again = await RemotingClient.connect(ringmq.broker);
    const all = await arrived(again, 'kill_timers', due.size);
    for (const { body, storeTimestamp } of all)
      if (storeTimestamp < due.get(body.toString())!) t.fail(`${body} came ${due.get(body.toString())! - storeTimestamp} ms early`);
    t.ok(all.length - due.size <= 150, `${all.length - due.size} came twice: no more than a second's`);
    await again.close();
  });
}

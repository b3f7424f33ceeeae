/**
 * Pops over restarts of the broker, in order and by kill -9: what is in flight stays so until its time, what was acknowledged does not come again.
 */
import tap, { test } from 'tap';
import { sendMessage } from '../support/broker-client.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import { ack, changeInvisible, type PoppedMessage, pop } from '../support/pop-client.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(180_000);

const LATE_MAX_MS = 200;

for (const { end, flush, shards } of [
  { end: 'kill -9', flush: 'async', shards: 1 },
  { end: 'kill -9', flush: 'sync', shards: 2 },
  { end: 'a stop in order', flush: 'async', shards: 2 },
] as const) {
  test(`messages in flight outlive ${end} (${flush} flush, ${shards} shards)`, async (t) => {
    const ringmq = await startRingmq({ flush, shards });
    t.teardown(() => ringmq.destroy());
    let client = await RemotingClient.connect(ringmq.broker);
    t.teardown(() => client.close());
    const topic = uniqueName('crash');
    const group = uniqueName('CG_crash');
    for (let i = 0; i < 40; i++) t.equal((await sendMessage(client, topic, `m${i}`, { queueId: i % 4 })).code, 0);

    const popped: PoppedMessage[] = [];
    await waitUntil('30 messages in flight', async () => {
      popped.push(...(await pop(client, topic, { group, max: 3, invisibleMs: 12_000 })).messages);
      return popped.length >= 30;
    });
    const [acked, changed, open] = [popped.slice(0, 10), popped.slice(10, 13), popped.slice(13)];
    for (const message of acked) t.equal((await ack(client, message, group)).code, 0);
    const later = await Promise.all(changed.map((message) => changeInvisible(client, message, 60_000, group)));
    const dueAt = Math.min(...open.map(({ receipt }) => Number(receipt.split(' ')[1]) + 12_000));

    await client.close();
    if (end === 'kill -9') await ringmq.kill();
    else await ringmq.stop();
    await ringmq.start();
    client = await RemotingClient.connect(ringmq.broker);
    t.ok(Date.now() < dueAt, 'the broker is back before the first of them is due');

    t.equal((await ack(client, open[0]!, group)).code, 0, 'a receipt from before is good');
    for (const { message } of later) t.equal((await ack(client, message, group)).code, 0, 'also one that was exchanged');
    const rest: string[] = [];
    await waitUntil('those that nobody has had', async () => {
      const { messages } = await pop(client, topic, { group, holdMs: 200 });
      for (const message of messages) {
        rest.push(message.body.toString());
        t.equal(message.reconsumeTimes, 0);
        t.equal((await ack(client, message, group)).code, 0);
      }
      return rest.length >= 40 - popped.length;
    });
    t.ok(Date.now() < dueAt, 'and nothing else before its time');
    const again: string[] = [];
    while (again.length < open.length - 1) {
      const { frame, messages } = await pop(client, topic, { group, holdMs: 15_000 });
      t.equal(frame.code, 0, 'those in flight come again');
      for (const message of messages) {
        const before = open.find(({ body }) => body.equals(message.body))!;
        const due = Number(before.receipt.split(' ')[1]) + 12_000;
        const late = message.storeTimestamp - due;
        t.ok(late >= 0 && late <= LATE_MAX_MS, `${message.body} is back ${late} ms late`);
        t.equal(message.reconsumeTimes, 1);
        again.push(message.body.toString());
        t.equal((await ack(client, message, group)).code, 0);
      }
    }
    const expected = open.slice(1).map(({ body }) => body.toString());
    t.same(again.sort(), expected.sort(), 'once each');
    t.equal((await pop(client, topic, { group, holdMs: 500 })).frame.code, 210, 'what was acknowledged does not come again');
  });
}

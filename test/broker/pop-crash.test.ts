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

/** Nobody waits for these to come again. */
const LONG_MS = 600_000;
/** These come again; they may be due before the broker is back. */
const SHORT_MS = 3_000;

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
      popped.push(...(await pop(client, topic, { group, max: 3, invisibleMs: LONG_MS })).messages);
      return popped.length >= 30;
    });
    const [acked, changed, open, short] = [popped.slice(0, 10), popped.slice(10, 13), popped.slice(13, 17), popped.slice(17)];
    for (const message of acked) t.equal((await ack(client, message, group)).code, 0);
    const later = await Promise.all(changed.map((message) => changeInvisible(client, message, 2 * LONG_MS, group)));
    const comeAgain = (await Promise.all(short.map((one) => changeInvisible(client, one, SHORT_MS, group)))).map(({ message }) => message);

    await client.close();
    if (end === 'kill -9') await ringmq.kill();
    else await ringmq.stop();
    await ringmq.start();
    client = await RemotingClient.connect(ringmq.broker);

    t.equal((await ack(client, open[0]!, group)).code, 0, 'a receipt from before is good');
    for (const { message } of later) t.equal((await ack(client, message, group)).code, 0, 'also one that was exchanged');
    const fresh: string[] = [];
    const again: string[] = [];
    await waitUntil(
      'those that nobody has had, and those whose time was over',
      async () => {
        const { messages } = await pop(client, topic, { group, invisibleMs: LONG_MS, holdMs: 500 });
        for (const message of messages) {
          const body = message.body.toString();
          if (message.reconsumeTimes === 0) fresh.push(body);
          else {
            again.push(body);
            const before = comeAgain.find((one) => one.body.equals(message.body));
            const due = Number(before?.receipt.split(' ')[1]) + SHORT_MS;
            // How late is checked on the virtual clock (test/simulation/pops.test.ts).
            t.ok(message.storeTimestamp >= due, `${body} is back ${message.storeTimestamp - due} ms after its time`);
            t.equal(message.reconsumeTimes, 1);
          }
          t.equal((await ack(client, message, group)).code, 0);
        }
        return fresh.length >= 40 - popped.length && again.length >= comeAgain.length;
      },
      60_000,
    );
    const had = new Set(popped.map(({ body }) => body.toString()));
    const others = Array.from({ length: 40 }, (_, i) => `m${i}`).filter((body) => !had.has(body));
    t.same(fresh.sort(), others.sort(), 'what nobody has had, once each');
    t.same(again.sort(), comeAgain.map(({ body }) => body.toString()).sort(), 'what was in flight for a short time, once each');
    t.equal((await pop(client, topic, { group, holdMs: 500 })).frame.code, 210, 'and nothing else');
    for (const message of open.slice(1)) t.equal((await ack(client, message, group)).code, 0, 'what is in flight for long is there still');
  });
}

/** In sync-flush mode consumers see only what is on the disk: a message whose sync is under way is there for nobody. */
import tap, { test } from 'tap';
import { pullMessages, queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { faultyStore, missingInjector, underFaults } from '../support/disk-faults.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';

tap.setTimeout(120_000);

const SLOW_MS = 1_500;
const TOPIC = 'slow';

for (const flush of ['sync', 'async'] as const) {
  test(`a message whose sync is under way is ${flush === 'sync' ? 'seen by nobody' : 'seen by all'} with ${flush} flush`, {
    skip: missingInjector(),
  }, async (t) => {
    const dataDir = await faultyStore(t);
    const slow = { call: 'fdatasync', errno: '', delayMs: SLOW_MS, when: '1+', paths: ['commitlog/00000000000000000000'] };
    const ringmq = await startRingmq({ flush, dataDir, command: underFaults(dataDir, [slow]) });
    t.teardown(() => ringmq.destroy());
    const sender = await RemotingClient.connect(ringmq.broker);
    const reader = await RemotingClient.connect(ringmq.broker);
    t.equal((await sendMessage(sender, TOPIC, 'first')).code, 0);
    const held = pullMessages(reader, TOPIC, 0, 1, { holdMs: 10_000 });
    let isAcknowledged = false;
    const begin = performance.now();
    const sent = sendMessage(sender, TOPIC, 'second').then((answer) => {
      isAcknowledged = true;
      return answer;
    });
    let isDelivered = false;
    void held.then(() => {
      isDelivered = true;
    });
    // Looked at again and again for most of the time that the sync takes.
    while (performance.now() - begin < SLOW_MS - 500) {
      const end = await queueOffset(reader, 30, TOPIC, 0);
      const pulled = await pullMessages(sender, TOPIC, 0, 1);
      if (flush === 'sync' && !isAcknowledged && (end !== 1 || pulled.messages.length > 0 || isDelivered))
        t.fail(`seen before it was acknowledged: end ${end}, ${pulled.messages.length} pulled, delivered ${isDelivered}`);
      if (flush === 'async' && pulled.messages.length === 1) break;
    }
    if (flush === 'async') t.ok(performance.now() - begin < SLOW_MS - 500, 'seen long before the disk has it');
    const answer = await sent;
    t.equal(answer.code, 0);
    const tookMs = performance.now() - begin;
    if (flush === 'sync') t.ok(tookMs >= SLOW_MS - 50, `acknowledged after its sync: ${Math.round(tookMs)} ms`);
    t.same(
      (await held).messages.map(({ body }) => `${body}`),
      ['second'],
      'the held pull gets it',
    );
    t.same(
      (await readQueue(reader, TOPIC, 0)).map(({ body }) => `${body}`),
      ['first', 'second'],
    );
    await sender.close();
    await reader.close();
  });
}

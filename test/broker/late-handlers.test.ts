/** Handlers whose code is loaded with their first request: what comes meanwhile is neither lost, mixed up nor held up. */
import { test } from 'tap';
import { queueOffset, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, uniqueName } from '../support/broker-under-test.ts';

test('the first requests of a kind are answered each for itself', { timeout: 60_000 }, async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  const groups = Array.from({ length: 20 }, (_, i) => uniqueName(`late${i}`));
  // All in one write: the bodies lie in one read buffer, which is used again before the handler is there.
  const made = groups.map((groupName, i) =>
    client.request(200, {}, { body: Buffer.from(JSON.stringify({ groupName, retryMaxTimes: i })) }),
  );
  const topic = uniqueName('late');
  const sent = sendMessage(client, topic, 'x'.repeat(100_000));
  t.same(
    (await Promise.all(made)).map((answer) => answer.code),
    groups.map(() => 0),
  );
  t.equal((await sent).code, 0);
  const configs = await Promise.all(groups.map((group) => client.request(352, { group })));
  t.same(
    configs.map((answer) => (JSON.parse(answer.body.toString()) as { retryMaxTimes: number }).retryMaxTimes),
    groups.map((_, i) => i),
    'each group has what its own request said',
  );
});

test('a first request that is wrong is refused as any later one', { timeout: 60_000 }, async (t) => {
  const broker = await brokerUnderTest(t);
  const client = await broker.connect();
  for (const turn of ['first', 'second']) {
    const answer = await client.request(30, { topic: 'T' });
    t.equal(answer.code, 1, turn);
    t.match(answer.remark, /queueId/, 'names the field');
  }
  const topic = uniqueName('late');
  t.equal((await sendMessage(client, topic, 'x')).code, 0);
  t.equal(await queueOffset(client, 30, topic, 0), 1, 'and the next one is served');
});

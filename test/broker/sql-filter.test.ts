/** SQL92 subscriptions over a started broker: what passes is given, from memory and from files, and nothing else is waited for or lost. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { heartbeatBody, type PullOptions, pullMessages, sendMessage } from '../support/broker-client.ts';
import { uniqueName } from '../support/broker-under-test.ts';
import type { RemotingClient } from '../support/remoting-client.ts';
import { RemotingClient as Client } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';

const SQL: PullOptions = { expressionType: 'SQL92', expression: "n BETWEEN 10 AND 12 OR color = 'red'" };

async function sendNumbers(client: RemotingClient, topic: string, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    const answer = await sendMessage(client, topic, `m${n}`, { queueId: 0, properties: { n: String(n) } });
    if (answer.code !== 0) throw new Error(`send ${n}: ${answer.code} ${answer.remark}`);
  }
}

/** Bodies of all messages from `offset` on that pass, and where the last pull ended. */
async function drain(client: RemotingClient, topic: string, offset: number, options: PullOptions): Promise<[string[], number]> {
  const bodies: string[] = [];
  for (let next = offset; ; ) {
    const pulled = await pullMessages(client, topic, 0, next, options);
    bodies.push(...pulled.messages.map((message) => message.body.toString()));
    if (pulled.frame.code !== 0 && pulled.frame.code !== 20) return [bodies, pulled.next];
    next = pulled.next;
  }
}

for (const shards of [1, 2]) {
  test(`SQL92 subscriptions, ${shards} shards`, { timeout: 120_000 }, async (t) => {
    const ringmq = await startRingmq({ shards });
    t.teardown(() => ringmq.destroy());
    let client = await Client.connect(ringmq.broker);
    const topic = uniqueName('sql');
    await sendNumbers(client, topic, 0, 100);
    await sendMessage(client, topic, 'red', { queueId: 0, properties: { color: 'red' } });
    const wanted = ['m10', 'm11', 'm12', 'red'];

    t.same(await drain(client, topic, 0, SQL), [wanted, 101], 'from memory');
    t.same(await drain(client, topic, 0, { ...SQL, max: 1 }), [wanted, 101], 'one at a time');

    const group = uniqueName('CG_sql');
    const subscription = { subString: SQL.expression as string, expressionType: 'SQL92' };
    await client.request(34, {}, { body: heartbeatBody('c1', group, [topic], subscription) });
    t.same(await drain(client, topic, 0, { group, registered: 1 }), [wanted, 101], 'by the subscription of its heartbeat');

    const held = pullMessages(client, topic, 0, 101, { ...SQL, holdMs: 20_000 });
    const other = await Client.connect(ringmq.broker);
    await sendNumbers(other, topic, 200, 150);
    await sendMessage(other, topic, 'late', { queueId: 0, properties: { color: 'red', n: '1' } });
    let pulled = await held;
    // A filter that lets nothing through for long says where it is, so that the client's offset moves on.
    while (pulled.frame.code === 20) pulled = await pullMessages(client, topic, 0, pulled.next, { ...SQL, holdMs: 20_000 });
    t.same(
      pulled.messages.map((message) => message.body.toString()),
      ['late'],
      'a held pull waits for what passes',
    );
    await other.close();

    for (const [options, code, remark] of [
      [{ ...SQL, expression: 'n > ' }, 23, /found the end, at character 5/],
      [{ ...SQL, expressionType: 'GROOVY' }, 1, /filter message by GROOVY/],
    ] as const) {
      const { frame } = await pullMessages(client, topic, 0, 0, options);
      t.equal(frame.code, code);
      t.match(frame.remark, remark);
    }
    t.equal((await drain(client, topic, 0, {}))[0].length, 252, 'who asks for all gets all');

    await client.close();
    await ringmq.kill();
    await ringmq.start();
    client = await Client.connect(ringmq.broker);
    t.same(await drain(client, topic, 0, SQL), [[...wanted, 'late'], 252], 'from the files');
    await client.close();
  });
}

test('SQL92 subscriptions are refused when they are switched off', { timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ringmq-sql-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'broker.conf'), 'enablePropertyFilter=false\n');
  const ringmq = await startRingmq({ args: ['--config', join(folder, 'broker.conf')] });
  t.teardown(() => ringmq.destroy());
  const client = await Client.connect(ringmq.broker);
  const topic = uniqueName('sql');
  await sendNumbers(client, topic, 0, 1);
  const { frame } = await pullMessages(client, topic, 0, 0, SQL);
  t.match([frame.code, frame.remark], [1, /SQL92: enablePropertyFilter is false/]);
  t.equal((await pullMessages(client, topic, 0, 0)).messages.length, 1, 'tags are served');
  await client.close();
});

/** What a started broker says of itself and of what it counted; and the commands that clean it up. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import tap, { test } from 'tap';
import { pullMessages, readQueue, sendMessage } from '../support/broker-client.ts';
import { createTopic } from '../support/create-topic.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(120_000);

const MESSAGES = 10;

test('a broker of two shards counts what topics and groups send and get, from its start on', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  const open: RemotingClient[] = [];
  const connect = async (): Promise<RemotingClient> => {
    const client = await RemotingClient.connect(ringmq.broker);
    open.push(client);
    return client;
  };
  t.teardown(async () => {
    for (const client of open) await client.close();
    await ringmq.destroy();
  });
  const clients = await Promise.all([connect(), connect(), connect(), connect()]);
  const stats = async (
    client: RemotingClient,
    statsName: string,
    statsKey: string,
  ): Promise<Record<string, { sum: number; tps: number; avgpt: number }> | null> => {
    const answer = await client.request(315, { statsName, statsKey });
    if (answer.code === 1) t.match(answer.remark, /^The stats <.*> <.*> not exist$/);
    return answer.code === 0 ? JSON.parse(answer.body.toString()) : null;
  };
  const info = async (client: RemotingClient): Promise<Record<string, string>> =>
    JSON.parse((await client.request(28)).body.toString()).table as Record<string, string>;
  await createTopic(ringmq.nameServer, 'counted', 2);
  t.equal(await stats(clients[0]!, 'TOPIC_PUT_NUMS', 'counted'), null, 'nothing was sent yet');
  for (const [index, client] of clients.entries()) {
    for (let message = 0; message < MESSAGES; message++) {
      t.equal((await sendMessage(client, 'counted', 'x'.repeat(100), { queueId: index % 2 })).code, 0);
    }
  }
  for (const client of clients) {
    const put = await stats(client, 'TOPIC_PUT_NUMS', 'counted');
    for (const span of ['statsMinute', 'statsHour', 'statsDay']) t.match(put?.[span], { sum: 4 * MESSAGES, avgpt: 1 });
    t.ok((put?.['statsMinute']?.tps ?? 0) > 0);
    t.equal((await stats(client, 'BROKER_PUT_NUMS', 'DefaultCluster'))?.['statsDay']?.sum, 4 * MESSAGES);
  }
  for (const queueId of [0, 1]) await pullMessages(clients[queueId]!, 'counted', queueId, 0, { group: 'G_counted', max: 20 });
  const got = await waitUntil('the pulls to be counted', async () => {
    const found = await stats(clients[2]!, 'GROUP_GET_NUMS', 'counted@G_counted');
    return found?.['statsDay']?.sum === 4 * MESSAGES ? found : null;
  });
  t.equal(got['statsMinute']?.avgpt, 2 * MESSAGES, 'messages of one pull');
  for (const [name, key] of [
    ['TOPIC_PUT_NUMS', 'absent'],
    ['NO_SUCH', 'counted'],
    ['BROKER_PUT_NUMS', 'OtherCluster'],
    ['__proto__', 'constructor'],
  ] as const) {
    t.equal(await stats(clients[0]!, name, key), null);
  }
  t.match(await clients[0]!.request(315, { statsName: 'TOPIC_PUT_NUMS' }), { code: 1, remark: /statsKey/ });
  t.match(await clients[0]!.request(315, { statsName: 'x'.repeat(1000), statsKey: 'y' }), { code: 1, remark: /at most/ });

  const before = await info(clients[3]!);
  t.match(before, {
    putMessageTimesTotal: String(4 * MESSAGES),
    msgPutTotalTodayNow: String(4 * MESSAGES),
    msgGetTotalTodayNow: String(4 * MESSAGES),
  });
  t.ok(Number(before['commitLogMaxOffset']) > 4 * MESSAGES * 100);
  t.ok(Math.abs(Number(before['earliestMessageTimeStamp']) - Date.now()) < 60_000, 'the first message was stored just now');
  t.match(before['putTps'], /^\d+\.\d+ \d+\.\d+ \d+\.\d+$/);

  await ringmq.stop();
  await ringmq.start();
  const client = await connect();
  t.equal(await stats(client, 'TOPIC_PUT_NUMS', 'counted'), null, 'what was there at the start is not counted');
  t.equal((await sendMessage(client, 'counted', 'one more', { queueId: 0 })).code, 0);
  t.equal((await stats(client, 'TOPIC_PUT_NUMS', 'counted'))?.['statsDay']?.sum, 1);
  t.equal((await info(client))['putMessageTimesTotal'], '1');
});

test('cleanUnusedTopic removes the queues of topics that are in no table, and nothing else', async (t) => {
  const first = await startRingmq({ shards: 1 });
  t.teardown(() => first.destroy());
  let client = await RemotingClient.connect(first.broker);
  for (const topic of ['lost', 'kept']) {
    await createTopic(first.nameServer, topic, 1);
    t.equal((await sendMessage(client, topic, topic)).code, 0);
  }
  await client.close();
  await first.stop();
  // The table is lost for one of them, as when another broker has written it.
  const { readFileSync, writeFileSync, rmSync } = await import('node:fs');
  const path = join(first.dataDir, 'config', 'topics.json');
  const table = JSON.parse(readFileSync(path, 'utf8')) as { topicConfigTable: Record<string, unknown> };
  delete table.topicConfigTable['lost'];
  writeFileSync(path, JSON.stringify(table));
  rmSync(`${path}.bak`, { force: true });
  const folder = join(first.dataDir, 'consumequeue');
  await first.start();
  client = await RemotingClient.connect(first.broker);
  t.teardown(() => client.close());
  t.ok(existsSync(join(folder, 'lost')));
  t.match(await client.request(316), { code: 0, remark: '1 topics were cleaned.' });
  t.notOk(existsSync(join(folder, 'lost')));
  t.match(await client.request(316), { code: 0, remark: '0 topics were cleaned.' });
  t.same(
    (await readQueue(client, 'kept', 0)).map(({ body }) => body.toString()),
    ['kept'],
  );
  await createTopic(first.nameServer, 'lost', 1);
  t.same(await readQueue(client, 'lost', 0), []);
  for (const code of [306, 329]) t.equal((await client.request(code)).code, 0);
  t.same(
    (await readQueue(client, 'kept', 0)).map(({ body }) => body.toString()),
    ['kept'],
    'retention has nothing to remove',
  );
});

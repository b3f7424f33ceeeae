/**
 * Deleted topics: gone with their messages and offsets for everybody, and new when they are made again, also after a restart or a kill.
 */
import tap, { test } from 'tap';
import { pullMessages, queueOffset, readQueue, sendMessage } from '../support/broker-client.ts';
import { createTopic } from '../support/create-topic.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { type RingmqProcess, startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

tap.setTimeout(120_000);

const QUEUES = 3;

async function fill(client: RemotingClient, topic: string, word: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const answer = await sendMessage(client, topic, `${word} ${index}`, { queueId: index % QUEUES });
    if (answer.code !== 0) throw new Error(`${word} ${index}: ${answer.code} ${answer.remark}`);
  }
}

async function bodiesOf(client: RemotingClient, topic: string): Promise<string[]> {
  const all: string[] = [];
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    const messages = await readQueue(client, topic, queueId);
    for (const [index, message] of messages.entries()) {
      if (message.queueOffset !== index) throw new Error(`${topic}/${queueId}: offset ${message.queueOffset} at place ${index}`);
    }
    all.push(...messages.map(({ body }) => body.toString()));
  }
  return all.sort();
}

const words = (word: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${word} ${index}`).sort();

for (const shards of [1, 2]) {
  test(`a deleted topic that is made again begins at offset 0, with ${shards} shards, over a stop and over a kill`, async (t) => {
    const ringmq: RingmqProcess = await startRingmq({ shards });
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
    const group = { consumerGroup: 'G_deleted', topic: 'again', queueId: '0' };
    let client = await connect();
    await createTopic(ringmq.nameServer, 'again', QUEUES);
    await createTopic(ringmq.nameServer, 'never', QUEUES);
    await fill(client, 'again', 'old', 30);
    await fill(client, 'never', 'old', 9);
    await client.request(200, {}, { body: Buffer.from(JSON.stringify({ groupName: 'G_deleted' })) });
    t.equal((await client.request(15, { ...group, commitOffset: '7' })).code, 0);

    const names = await RemotingClient.connect(ringmq.nameServer);
    for (const topic of ['again', 'never']) {
      t.equal((await client.request(215, { topic })).code, 0);
      // As with Java the name server keeps the route until it is told too.
      t.equal((await names.request(216, { topic })).code, 0);
      t.equal((await names.request(105, { topic })).code, 17, 'it has no route');
    }
    await names.close();
    t.equal((await pullMessages(client, 'again', 0, 0)).frame.code, 17, 'nobody reads it');
    await createTopic(ringmq.nameServer, 'again', QUEUES);
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      t.equal(await queueOffset(client, 30, 'again', queueId), 0, 'made again it is empty');
    }
    // What a group committed just before is forgotten once it has been saved.
    const isForgotten = async (): Promise<boolean> => (await client.request(14, group)).ext?.['offset'] !== '7';
    t.ok(await waitUntil('the group to have no offset', isForgotten, 20_000));
    await fill(client, 'again', 'new', 12);
    t.same(await bodiesOf(client, 'again'), words('new', 12));

    t.same(await ringmq.stop(), { code: 0, signal: null });
    await ringmq.start();
    client = await connect();
    t.same(await bodiesOf(client, 'again'), words('new', 12), 'after a stop');
    t.equal((await client.request(351, { topic: 'never' })).code, 17);

    t.equal((await client.request(215, { topic: 'again' })).code, 0);
    await createTopic(ringmq.nameServer, 'again', QUEUES);
    await fill(client, 'again', 'third', 6);
    await ringmq.kill();
    await ringmq.start();
    client = await connect();
    t.same(await bodiesOf(client, 'again'), words('third', 6), 'after a kill');
    await createTopic(ringmq.nameServer, 'never', QUEUES);
    t.same(await bodiesOf(client, 'never'), [], 'what was deleted long ago does not come back');

    t.equal((await client.request(215, { topic: 'again' })).code, 0);
    await ringmq.kill();
    await ringmq.start();
    client = await connect();
    await createTopic(ringmq.nameServer, 'again', QUEUES);
    t.same(await bodiesOf(client, 'again'), [], 'deleted, killed, made again');
    await fill(client, 'again', 'last', 3);
    t.same(await bodiesOf(client, 'again'), words('last', 3));
  });
}

test('a topic that is deleted and made again under sends gives every acknowledged message or none of its former life', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  const admin = await RemotingClient.connect(ringmq.broker);
  const senders = await Promise.all(Array.from({ length: 4 }, () => RemotingClient.connect(ringmq.broker)));
  t.teardown(async () => {
    for (const client of [admin, ...senders]) await client.close();
    await ringmq.destroy();
  });
  for (let round = 0; round < 5; round++) {
    await createTopic(ringmq.nameServer, 'stormy', QUEUES);
    let isDeleted = false;
    const codes = new Set<number>();
    const sending = senders.map(async (client, sender) => {
      for (let index = 0; !isDeleted; index++) {
        const { code } = await sendMessage(client, 'stormy', `${round} ${sender} ${index}`, {
          queueId: index % QUEUES,
          fields: { c: 'none' },
        });
        codes.add(code);
      }
    });
    for (let index = 0; index < 20; index++) await sendMessage(admin, 'stormy', `${round} admin ${index}`, { queueId: index % QUEUES });
    t.equal((await admin.request(215, { topic: 'stormy' })).code, 0);
    isDeleted = true;
    await Promise.all(sending);
    t.ok(codes.has(0), 'sends went on while it was deleted');
    await createTopic(ringmq.nameServer, 'stormy', QUEUES);
    t.same(await bodiesOf(admin, 'stormy'), [], 'nothing of its former life is there');
    await fill(admin, 'stormy', 'fresh', 6);
    t.same(await bodiesOf(admin, 'stormy'), words('fresh', 6));
    t.equal((await admin.request(215, { topic: 'stormy' })).code, 0);
  }
});

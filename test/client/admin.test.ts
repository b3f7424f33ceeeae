import t from 'tap';
import { Admin } from '../../client/admin.ts';
import { sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, uniqueName } from '../support/broker-under-test.ts';
import { freePort } from '../support/free-port.ts';
import { waitUntil } from '../support/wait-until.ts';

t.setTimeout(120_000);
const ringmqOfOneShard = await brokerUnderTest(t, { shards: 1 });
const ringmqOfTwoShards = await brokerUnderTest(t, { shards: 2 });

for (const [shards, ringmq] of [
  [1, ringmqOfOneShard],
  [2, ringmqOfTwoShards],
] as const) {
  t.test(`Admin makes, shows, changes and deletes topics (${shards} shards)`, async (t) => {
    const admin = new Admin({ nameServers: ringmq.nameServer });
    t.teardown(() => admin.close());
    const topic = uniqueName('Admin');

    t.equal(await admin.topics.route(topic), null, 'not there yet');
    await admin.topics.create(topic, { readQueues: 4, writeQueues: 3 });
    const route = await admin.topics.route(topic);
    t.match(route?.queueDatas, [{ readQueueNums: 4, writeQueueNums: 3, perm: 6 }]);
    t.ok((await admin.topics.list()).includes(topic));
    const [master] = await admin.calls.mastersOf(topic);
    t.match(await admin.topics.config(topic, master!.address), { topicName: topic, readQueueNums: 4 });
    t.match(await admin.brokers(), [{ brokerId: 0, address: master!.address }]);
    t.ok((await admin.clusterInfo()).clusters.size >= 1);

    await admin.topics.create(topic, { readQueues: 5, writeQueues: 5, perm: 4 });
    t.match((await admin.topics.route(topic))?.queueDatas, [{ readQueueNums: 5, writeQueueNums: 5, perm: 4 }], 'changed');
    await admin.topics.create(topic, { readQueues: 5, writeQueues: 5 });

    const client = await ringmq.connect();
    for (const body of ['one', 'two', 'three']) await sendMessage(client, topic, body, { queueId: 2 });
    const queues = await admin.queues.list(topic);
    t.equal(queues.length, 5);
    const queue = queues[2]!;
    await waitUntil('the three messages', async () => (await admin.queues.maxOffset(queue)) === 3);
    t.equal(await admin.queues.minOffset(queue), 0);
    const storedAt = await admin.queues.earliestStoreTime(queue);
    t.ok(storedAt > 0);
    t.equal(await admin.queues.searchOffset(queue, storedAt), 0);
    t.equal(await admin.queues.searchOffset(queue, storedAt + 3_600_000), 3);

    await admin.topics.delete(topic);
    t.equal(await admin.topics.route(topic), null, 'gone');
  });
}

t.test('Admin makes, lists and deletes groups, and sets their offsets', async (t) => {
  const ringmq = ringmqOfTwoShards;
  const admin = new Admin({ nameServers: [ringmq.nameServer] });
  t.teardown(() => admin.close());
  const [topic, group] = [uniqueName('Admin'), uniqueName('GID')];
  await admin.topics.create(topic, { writeQueues: 1 });
  await admin.groups.create(group, { retryMaxTimes: 3 });
  const [master] = await admin.brokers();
  t.match(
    (await admin.groups.configs(master!.address)).find((config) => config.groupName === group),
    { retryMaxTimes: 3, consumeEnable: true },
  );
  const [queue] = await admin.queues.list(topic);
  t.equal(await admin.groups.offset(group, queue!), null);
  await admin.groups.setOffset(group, queue!, 0);
  t.equal(await admin.groups.offset(group, queue!), 0);
  t.equal(await admin.groups.connection(group), null, 'nobody is on line');
  await admin.groups.delete(group);
  t.notOk((await admin.groups.list()).includes(group));
});

t.test('Admin tells a refusal with the code and the words of the broker', async (t) => {
  const ringmq = ringmqOfTwoShards;
  const admin = new Admin({ nameServers: ringmq.nameServer });
  t.teardown(() => admin.close());
  await t.rejects(admin.topics.create('a/../b'), { code: 'MQ_CLIENT_ARGUMENT' });
  await t.rejects(admin.topics.create('TBW102', { readQueues: 0, writeQueues: 100_000_000 }), {
    code: 'MQ_CLIENT_REFUSED',
    responseCode: 29,
  });
  const [master] = await admin.brokers();
  await t.rejects(admin.topics.config(uniqueName('Nowhere'), master!.address), { code: 'MQ_CLIENT_REFUSED', responseCode: 17 });
  t.equal((await admin.request(master!.address, { code: 99_999 })).code, 3, 'any request gets its answer');
  await t.rejects(admin.topics.create('T', { on: { brokerName: 'no-such-broker' } }), { code: 'MQ_CLIENT_NO_ROUTE' });
});

t.test('Admin goes on with another name server when one is gone, and says so when all are', async (t) => {
  const ringmq = ringmqOfTwoShards;
  const dead = `127.0.0.1:${await freePort()}`;
  for (let round = 0; round < 4; round++) {
    const admin = new Admin({ nameServers: `${dead};${ringmq.nameServer}` });
    t.equal((await admin.brokers()).length, 1);
    await admin.close();
    await t.rejects(admin.brokers(), { code: 'MQ_CLIENT_CLOSED' });
  }
  const lost = new Admin({ nameServers: dead });
  await t.rejects(lost.brokers(), { code: 'MQ_CLIENT_NOT_CONNECTED', message: /ECONNREFUSED/ });
  await lost.close();
  t.throws(() => new Admin({ nameServers: ' ; ' }), { code: 'MQ_CLIENT_ARGUMENT' });
});

/** Consumer and producer groups of a started broker under raw requests: members, notices, offsets, locks, configuration. */
import tap, { test } from 'tap';
import { heartbeatBody, pullMessages, sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import { routeOf } from '../support/create-topic.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import type { RemotingClient } from '../support/remoting-client.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { pause, waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(180_000);

const NOTICE = 40;

for (const shards of isForeign ? [1] : [1, 3]) {
  test(`groups on a broker of ${shards} shards`, async (t) => {
    const broker = await brokerUnderTest(t, { shards });

    t.test('a first heartbeat: notice before the answer, retry topic with its route, own id in the list', async (t) => {
      const [topic, group] = [uniqueName('topic'), uniqueName('group')];
      const client = await broker.connect();
      const names = await broker.connectNameServer();
      await sendMessage(client, topic, 'one');
      t.equal((await list(client, group)).code, 1, 'nobody yet');
      const answer = await heartbeat(client, 'c1', group, [topic]);
      t.equal(answer.code, 0, answer.remark ?? '');
      t.equal(answer.ext?.['IS_SUPPORT_HEART_BEAT_V2'], 'true');
      t.ok(answer.version >= 232, 'a version that lets clients filter');
      t.same(
        client.pushed.map((frame) => [frame.code, frame.ext?.['consumerGroup'], frame.flag]),
        [[NOTICE, group, 2]],
        'the notice came first',
      );
      t.same(idsOf(await list(client, group)), ['c1']);
      t.ok(await routeOf(names, `%RETRY%${group}`), 'the retry topic can be found');
    });

    t.test('joins and leaves are told to the others within 100 ms', async (t) => {
      const [topic, group] = [uniqueName('topic'), uniqueName('group')];
      const clients: RemotingClient[] = [];
      for (let index = 0; index < 6; index++) {
        const client = await broker.connect();
        clients.push(client);
        await heartbeat(client, `c${index}`, group, [topic]);
      }
      const [first, second, third] = clients as [RemotingClient, RemotingClient, RemotingClient];
      for (const client of clients)
        t.same(idsOf(await list(client, group)).sort(), ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'], 'the same list on every shard');
      for (const client of clients) client.pushed.length = 0;
      await third.close();
      await waitUntil('a notice', () => first.pushed.length > 0 && second.pushed.length > 0);
      t.same(idsOf(await list(first, group)).sort(), ['c0', 'c1', 'c3', 'c4', 'c5'], 'a closed connection is gone at once');
      t.equal((await second.request(35, { clientID: 'c1', consumerGroup: group, producerGroup: 'PG_test' })).code, 0);
      t.same(idsOf(await list(first, group)).sort(), ['c0', 'c3', 'c4', 'c5'], 'as is one that says goodbye');
    });

    t.test('offsets: 0 for a young queue, what was committed, nothing beyond the end', async (t) => {
      const [topic, group] = [uniqueName('topic'), uniqueName('group')];
      const client = await broker.connect();
      for (let index = 0; index < 3; index++) await sendMessage(client, topic, `m${index}`, { queueId: 1 });
      await heartbeat(client, 'c1', group, [topic]);
      t.equal((await query(client, group, topic, 1)).ext?.['offset'], '0', 'its begin is still there');
      t.equal((await query(client, group, topic, 1, 'false')).code, 22, 'unless the client wants to know');
      t.equal((await commit(client, group, topic, 1, 2)).code, 0);
      t.equal((await query(client, group, topic, 1)).ext?.['offset'], '2');
      t.equal((await commit(client, group, topic, 1, -1)).code, 0, 'a negative one means nothing');
      if (!isForeign) t.equal((await commit(client, group, topic, 1, 99)).code, 29, 'one beyond the end is refused');
      t.equal((await query(client, group, topic, 1)).ext?.['offset'], '2');
      if (!isForeign) {
        t.equal((await commit(client, uniqueName('never'), topic, 1, 1)).code, 26);
        for (let i = 0; i < 10; i++) {
          const fresh = uniqueName('fresh');
          await pullMessages(client, topic, 1, 0, { group: fresh });
          t.equal((await commit(client, fresh, topic, 1, 1)).code, 0, 'at once after the pull that makes the group');
        }
        t.equal((await commit(client, group, uniqueName('never'), 1, 1)).code, 17);
        t.equal((await commit(client, group, topic, 77, 1)).code, 29);
      }
      t.equal((await client.request(215, { topic })).code, 0);
      await waitUntil('the offset of a deleted topic', async () => (await query(client, group, topic, 1, 'false')).code === 22);
      t.equal((await query(client, uniqueName('never'), topic, 0)).ext?.['offset'], '0', 'an unknown group is answered too');
      t.equal((await client.request(14, { consumerGroup: group, topic })).code, 1, 'a missing field');
    });

    t.test('locks: a queue has one owner, and is free when that goes', async (t) => {
      const [topic, group] = [uniqueName('topic'), uniqueName('group')];
      const first = await broker.connect();
      const second = await broker.connect();
      await sendMessage(first, topic, 'one');
      await heartbeat(first, 'c1', group, [topic]);
      await heartbeat(second, 'c2', group, [topic]);
      const queues = [0, 1].map((queueId) => ({ brokerName: 'as-it-was', queueId, topic }));
      t.same(locked(await lock(first, 'c1', group, queues)), queues, 'with the broker name as it came');
      t.same(locked(await lock(second, 'c2', group, queues)), []);
      t.equal((await unlock(first, 'c1', group, queues.slice(0, 1))).code, 0);
      t.same(locked(await lock(second, 'c2', group, queues)), queues.slice(0, 1));
      if (isForeign) return;
      await first.close();
      await waitUntil('the lock of a closed connection', async () => locked(await lock(second, 'c2', group, queues)).length === 2);
    });

    t.test('tools: connections, group configuration, its deletion', async (t) => {
      const [topic, group] = [uniqueName('topic'), uniqueName('group')];
      const client = await broker.connect();
      t.equal((await client.request(203, { consumerGroup: group })).code, 206);
      await heartbeat(client, 'c1', group, [topic, `%RETRY%${group}`]);
      const connections = JSON.parse((await client.request(203, { consumerGroup: group })).body.toString());
      t.match(connections.connectionSet, [{ clientId: 'c1', language: 'JAVA', clientAddr: /^127\.0\.0\.1:\d+$/ }]);
      t.match(connections, { consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING' });
      t.match(connections.subscriptionTable[topic], { subString: '*', subVersion: 1 });
      const producers = JSON.parse((await client.request(204, { producerGroup: 'PG_test' })).body.toString());
      t.ok(producers.connectionSet.some((one: { clientId: string }) => one.clientId === 'c1'));
      t.equal((await client.request(204, { producerGroup: uniqueName('never') })).code, 1);

      const config = JSON.parse((await client.request(352, { group })).body.toString());
      t.match(config, { groupName: group, retryMaxTimes: 16, consumeEnable: true });
      const changed = Buffer.from(JSON.stringify({ ...config, retryMaxTimes: 3 }));
      t.equal((await client.request(200, null, { body: changed })).code, 0);
      const all = JSON.parse((await client.request(201)).body.toString());
      t.equal(all.subscriptionGroupTable[group].retryMaxTimes, 3);
      const page = await client.request(201, { groupSeq: '1', maxGroupNum: '2' });
      if (!isForeign) t.equal(Object.keys(JSON.parse(page.body.toString()).subscriptionGroupTable).length, 2);
      if (!isForeign) t.equal(page.ext?.['totalGroupNum'], String(Object.keys(all.subscriptionGroupTable).length));
      t.equal((await client.request(200, null, { body: Buffer.from('{"groupName":"a b"}') })).code, 29);
      t.equal((await client.request(200, null, { body: Buffer.from('no json') })).code, 1);
      t.equal((await client.request(207, { groupName: group, cleanOffset: 'true' })).code, 0);
      const left = JSON.parse((await client.request(201)).body.toString());
      t.equal(left.subscriptionGroupTable[group], undefined);
    });

    t.test('CHECK_CLIENT_CONFIG takes tags and SQL92, and refuses what is neither', async (t) => {
      const client = await broker.connect();
      const check = (expressionType: string | undefined, subString = 'a > 1') =>
        client.request(46, null, {
          body: Buffer.from(
            JSON.stringify({
              clientId: 'c',
              group: 'g',
              subscriptionData: { topic: 'T', subString, subVersion: 1, expressionType },
            }),
          ),
        });
      t.equal((await check('TAG')).code, 0);
      t.equal((await check(undefined)).code, 0);
      if (isForeign) return;
      t.equal((await check('SQL92')).code, 0);
      t.match(await check('SQL92', 'a > '), { code: 23, remark: /found the end, at character 5/ });
      t.match(await check('GROOVY'), { code: 1, remark: /GROOVY.*tags or SQL92/ });
    });
  });
}

test('commits and groups are there after kill -9 and after a stop', { skip: isForeign, timeout: 180_000 }, async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  const { RemotingClient: Client } = await import('../support/remoting-client.ts');
  let client = await Client.connect(ringmq.broker);
  for (let index = 0; index < 5; index++) await sendMessage(client, 'T', `m${index}`, { queueId: 0 });
  await heartbeat(client, 'c1', 'G', ['T']);
  for (let index = 0; index < 300; index++) await heartbeat(client, 'c1', `G_${index}`, ['T']);
  t.equal((await commit(client, 'G', 'T', 0, 4)).code, 0);
  for (let index = 0; index < 300; index++) await commit(client, `G_${index}`, 'T', 0, 3);
  await pause(1_000);
  await client.close();
  await ringmq.kill();
  await ringmq.start();
  client = await Client.connect(ringmq.broker);
  t.equal((await query(client, 'G', 'T', 0)).ext?.['offset'], '4');
  t.equal((await query(client, 'G_299', 'T', 0)).ext?.['offset'], '3', 'of every group');
  const groups = JSON.parse((await client.request(201)).body.toString()) as { subscriptionGroupTable: Record<string, unknown> };
  t.ok(groups.subscriptionGroupTable['G_299'], 'and so is every group, though the table is larger than a ring record');

  t.equal((await commit(client, 'G', 'T', 0, 5)).code, 0);
  t.equal((await commit(client, 'G_299', 'T', 0, 2)).code, 0);
  await client.close();
  await ringmq.stop();
  await ringmq.start();
  client = await Client.connect(ringmq.broker);
  t.equal((await query(client, 'G', 'T', 0)).ext?.['offset'], '5', 'an orderly stop saves the last commit');
  t.equal((await query(client, 'G_299', 'T', 0)).ext?.['offset'], '2');
  await client.close();
});

function heartbeat(client: RemotingClient, clientId: string, group: string, topics: readonly string[]): Promise<RawFrame> {
  return client.request(34, null, { body: heartbeatBody(clientId, group, topics) });
}

function list(client: RemotingClient, consumerGroup: string): Promise<RawFrame> {
  return client.request(38, { consumerGroup });
}

function idsOf(frame: RawFrame): string[] {
  return (JSON.parse(frame.body.toString()) as { consumerIdList: string[] }).consumerIdList;
}

function query(
  client: RemotingClient,
  consumerGroup: string,
  topic: string,
  queueId: number,
  setZeroIfNotFound?: string,
): Promise<RawFrame> {
  return client.request(14, {
    consumerGroup,
    topic,
    queueId: String(queueId),
    ...(setZeroIfNotFound === undefined ? {} : { setZeroIfNotFound }),
  });
}

function commit(client: RemotingClient, consumerGroup: string, topic: string, queueId: number, offset: number): Promise<RawFrame> {
  return client.request(15, { consumerGroup, topic, queueId: String(queueId), commitOffset: String(offset) });
}

type Queue = { brokerName: string; queueId: number; topic: string };

function lock(client: RemotingClient, clientId: string, consumerGroup: string, mqSet: readonly Queue[]): Promise<RawFrame> {
  return client.request(41, null, { body: Buffer.from(JSON.stringify({ clientId, consumerGroup, mqSet, onlyThisBroker: false })) });
}

function unlock(client: RemotingClient, clientId: string, consumerGroup: string, mqSet: readonly Queue[]): Promise<RawFrame> {
  return client.request(42, null, { body: Buffer.from(JSON.stringify({ clientId, consumerGroup, mqSet, onlyThisBroker: false })) });
}

function locked(frame: RawFrame): Queue[] {
  return (JSON.parse(frame.body.toString()) as { lockOKMQSet: Queue[] }).lockOKMQSet;
}

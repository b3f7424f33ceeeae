/** What tools ask a started broker about groups, offsets and members, under raw requests. */
import tap, { test } from 'tap';
import { heartbeatBody, pullMessages, sendMessage } from '../support/broker-client.ts';
import { type BrokerUnderTest, brokerUnderTest, isForeign, uniqueName } from '../support/broker-under-test.ts';
import type { RawFrame } from '../support/raw-frame.ts';
import type { RemotingClient } from '../support/remoting-client.ts';
import { waitUntil } from '../support/wait-until.ts';

// A limit that only catches what hangs.
tap.setTimeout(300_000);

const GROUP_CONFIG = { retryMaxTimes: 5, consumeEnable: true };
type Offset = { brokerOffset: number; consumerOffset: number; pullOffset: number; lastTimestamp: number };

for (const shards of isForeign ? [1] : [1, 3]) {
  test(`tools and groups on a broker of ${shards} shards`, { timeout: 300_000 }, async (t) => {
    const broker = await brokerUnderTest(t, { shards });

    t.test('GET_CONSUME_STATS says of each read queue how far the group is', async (t) => {
      const { client, topic, group } = await consumed(broker, 5, 3);
      const stats = await consumeStats(client, { consumerGroup: group, topic });
      t.equal(stats.size, 4, 'queues that were never committed, too');
      const row = stats.get(1)!;
      t.match(row, { brokerOffset: 5, consumerOffset: 3 });
      t.ok(row.lastTimestamp > Date.now() - 60_000 && row.lastTimestamp <= Date.now(), 'when the last consumed message was stored');
      t.match(stats.get(0), { brokerOffset: 0, consumerOffset: 0, lastTimestamp: 0 });
      t.equal((await consumeStats(client, { consumerGroup: group })).size, 4, 'all topics that the group has offsets of');
      t.equal((await consumeStats(client, { consumerGroup: group, topicList: `${topic};never` })).size, 4);
      t.equal((await consumeStats(client, { consumerGroup: uniqueName('never') })).size, 0, 'an unknown group has none');
      t.equal((await client.request(208, {})).code, 1, 'a missing field');
      await heartbeat(client, 'c1', group, [uniqueName('other')]);
      t.equal((await consumeStats(client, { consumerGroup: group })).size, 0, 'a topic that is not subscribed to any more is left out');
      t.equal((await consumeStats(client, { consumerGroup: group, topicList: topic })).size, 4, 'unless it is asked for in a list');
    });

    t.test('GET_BROKER_CONSUME_STATS adds up all groups', async (t) => {
      const { client, topic, group } = await consumed(broker, 4, 1);
      await waitUntil('the commit in the table of all groups', async () => {
        const answer = await client.request(317, { isOrder: 'false' });
        const body = JSON.parse(plain(answer)) as { brokerAddr: string; totalDiff: number; consumeStatsList: Record<string, unknown[]>[] };
        const own = body.consumeStatsList.find((one) => group in one)?.[group] as { offsetTable: Record<string, Offset> }[] | undefined;
        if (own === undefined || own.length === 0) return false;
        t.match(Object.entries(own[0]!.offsetTable).find(([queue]) => queue.includes(`${topic}@1`))?.[1], {
          brokerOffset: 4,
          consumerOffset: 1,
        });
        t.ok(body.totalDiff >= 3);
        t.match(body.brokerAddr, /:\d+$/);
        return true;
      });
      const ordered = JSON.parse(plain(await client.request(317, { isOrder: 'true' }))) as {
        consumeStatsList: Record<string, unknown[]>[];
      };
      t.same(ordered.consumeStatsList.find((one) => group in one)?.[group], [], 'the topic is no ordered one');
      if (!isForeign) t.equal((await client.request(317, {})).code, 1);
    });

    t.test('who consumes a topic, what a group consumes, what it wants', async (t) => {
      const { client, topic, group } = await consumed(broker, 2, 1);
      const who = async (): Promise<string[]> => JSON.parse((await client.request(300, { topic })).body.toString()).groupList;
      t.same(await who(), [group]);
      const other = uniqueName('group');
      await heartbeat(client, 'c2', other, [uniqueName('x')]);
      t.equal((await commit(client, other, topic, 0, 0)).code, 0);
      await waitUntil('the group with offsets alone', async () => (await who()).includes(other));
      const topics = JSON.parse((await client.request(343, { group })).body.toString());
      t.same(topics.topicList, [topic]);
      t.match(topics.brokerAddr, /:\d+$/);
      t.same(JSON.parse((await client.request(343, { group: uniqueName('never') })).body.toString()).topicList, []);
      const wants = JSON.parse((await client.request(345, { group, topic })).body.toString());
      t.match(wants, { group, topic, subscriptionData: { topic, subString: '*' } });
      const nothing = JSON.parse((await client.request(345, { group, topic: 'never' })).body.toString());
      t.match(nothing, { group, topic: 'never' });
      t.equal(nothing.subscriptionData, undefined);
      for (const code of [300, 343, 345]) t.equal((await client.request(code, {})).code, 1, `${code} without its fields`);
    });

    t.test('groups are made and changed in a list, with all that is said of them', async (t) => {
      const client = await broker.connect();
      const names = [uniqueName('a'), uniqueName('b')];
      const body = (groups: unknown): Buffer => Buffer.from(JSON.stringify({ groupConfigList: groups }));
      const policy = { type: 'EXPONENTIAL', exponentialRetryPolicy: { initial: 5000, max: 7200000, multiplier: 2 } };
      const wanted = names.map((groupName) => ({
        groupName,
        ...GROUP_CONFIG,
        groupRetryPolicy: policy,
        attributes: { '+priority.factor': '50' },
      }));
      t.equal((await client.request(225, null, { body: body(wanted) })).code, 0);
      const kept = JSON.parse((await client.request(352, { group: names[1] })).body.toString());
      t.match(kept, { retryMaxTimes: 5, attributes: { 'priority.factor': '50' } });
      if (!isForeign) t.same(kept.groupRetryPolicy, policy);
      const update = (change: object): Promise<RawFrame> =>
        client.request(200, null, { body: Buffer.from(JSON.stringify({ groupName: names[0], ...change })) });
      t.equal((await update({ retryMaxTimes: 2 })).code, 0);
      const changed = JSON.parse((await client.request(352, { group: names[0] })).body.toString());
      t.match(changed, { retryMaxTimes: 2, attributes: { 'priority.factor': '50' } }, 'attributes that are not named stay');
      for (const attributes of [{ '+no.such': '1' }, { '+priority.factor': '101' }, { '-absent': '' }, { '': '1' }]) {
        t.equal((await update({ attributes })).code, 1, JSON.stringify(attributes));
      }
      t.equal((await update({ attributes: { '-priority.factor': '' } })).code, 0);
      t.same(JSON.parse((await client.request(352, { group: names[0] })).body.toString()).attributes, {});
      const never = uniqueName('never');
      const refused = await client.request(225, null, { body: body([{ groupName: never }, { groupName: '../etc' }]) });
      t.equal(refused.code, 29);
      const all = JSON.parse((await client.request(201)).body.toString());
      t.equal(all.subscriptionGroupTable[never], undefined, 'nothing of a list with a bad name');
      if (isForeign) return;
      t.equal((await client.request(225, null, { body: body(Array.from({ length: 1025 }, () => ({ groupName: never }))) })).code, 29);
      t.equal((await client.request(225, null, { body: body('text') })).code, 1);
      t.equal((await client.request(225)).code, 1, 'no body');
    });

    t.test('a paused group gets nothing until it is resumed', async (t) => {
      const { client, topic, group } = await consumed(broker, 2, 0);
      const update = (change: object): Promise<RawFrame> =>
        client.request(200, null, { body: Buffer.from(JSON.stringify({ groupName: group, ...change })) });
      const held = isForeign ? Promise.resolve({ code: 16, ext: { forbiddenType: '2' } }) : plainPull(client, group, topic, 1, 2, 30_000);
      t.equal((await update({ consumeEnable: false })).code, 0);
      t.match(await held, { code: 16, ext: { forbiddenType: '2' } }, 'a pull that is held is told, too');
      const paused = await pullMessages(client, topic, 1, 0, { group });
      t.match(paused.frame, { code: 16, ext: { forbiddenType: '2' } });
      t.equal((await update({ consumeEnable: true })).code, 0);
      t.equal((await pullMessages(client, topic, 1, 0, { group })).messages.length, 2);
    });

    t.test('a topic that is forbidden to a group cannot be read by it', { skip: isForeign }, async (t) => {
      const { client, topic, group } = await consumed(broker, 2, 0);
      const other = uniqueName('topic');
      const forbid = (on: string, readable?: boolean): Promise<RawFrame> =>
        client.request(353, { group, topic: on, ...(readable === undefined ? {} : { readable: String(readable) }) });
      t.match(JSON.parse((await forbid(topic)).body.toString()), { group, topic, readable: true });
      t.match(JSON.parse((await forbid(topic, false)).body.toString()), { readable: false });
      t.match(JSON.parse((await forbid(other, false)).body.toString()), { readable: false });
      const pull = (): Promise<RawFrame> => plainPull(client, group, topic, 1, 0);
      t.match(await pull(), { code: 16, ext: { forbiddenType: '5' } });
      const saved = JSON.parse((await client.request(201)).body.toString());
      t.same(saved.forbiddenTable[group], { [topic]: 4, [other]: 4 });
      t.match(JSON.parse((await forbid(topic, true)).body.toString()), { readable: true });
      t.equal((await pull()).code, 0);
      t.match(JSON.parse((await forbid(other)).body.toString()), { readable: false }, 'the other one still is');
      t.equal((await client.request(353, { group: uniqueName('never'), topic, readable: 'false' })).code, 26);
      t.equal((await client.request(353, { group, topic: '../etc', readable: 'false' })).code, 29);
      t.equal((await client.request(207, { groupName: group, cleanOffset: 'true' })).code, 0);
      t.equal(JSON.parse((await client.request(201)).body.toString()).forbiddenTable[group], undefined, 'gone with the group');
    });

    t.test('a reset off line is where the group goes on', async (t) => {
      const { client, topic, group } = await consumed(broker, 5, 4);
      t.equal((await client.request(35, { clientID: 'c1', consumerGroup: group, producerGroup: 'PG_test' })).code, 0);
      t.same(
        await reset(client, { topic, group, timestamp: '0' }),
        new Map([
          [0, 0],
          [1, 0],
          [2, 0],
          [3, 0],
        ]),
      );
      t.equal((await query(client, group, topic, 1)).ext?.['offset'], '0');
      t.match(await commit(client, group, topic, 1, 5), { code: 0, remark: /reset/ }, 'commits of before are passed over');
      t.equal((await query(client, group, topic, 1)).ext?.['offset'], '0');
      await heartbeat(client, 'c1', group, [topic]);
      t.match(await plainPull(client, group, topic, 1, 4), {
        code: 21,
        remark: 'OFFSET_RESET',
        ext: { nextBeginOffset: '0', minOffset: '0', maxOffset: '5' },
      });
      t.equal((await plainPull(client, group, topic, 1, 0)).code, 0, 'told once');
      await waitUntil('commits that count again', async () => {
        t.equal((await commit(client, group, topic, 1, 2)).code, 0);
        return (await query(client, group, topic, 1)).ext?.['offset'] === '2';
      });
      t.equal((await reset(client, { topic, group, timestamp: '-1' })).get(1), 5, 'to the end');
      t.same(await reset(client, { topic, group, timestamp: '0', queueId: '1', offset: '3' }), new Map([[1, 3]]), 'one queue to an offset');
      t.equal((await reset(client, { topic, group, timestamp: '0', queueId: '1', offset: '-1' })).get(1), 0);
    });

    t.test('a reset on line is heard by pulls that are held, too', { skip: isForeign }, async (t) => {
      const { client, topic, group } = await consumed(broker, 3, 3);
      const held = plainPull(client, group, topic, 1, 3, 30_000);
      const tool = await broker.connect();
      await waitUntil('a held pull', async () => (await plainPull(tool, group, topic, 1, 3)).code === 19);
      t.equal((await reset(tool, { topic, group, timestamp: '0' })).get(1), 0);
      t.match(await held, { code: 21, ext: { nextBeginOffset: '0' } });
    });

    t.test('a reset that cannot be is refused and changes nothing', async (t) => {
      const { client, topic, group } = await consumed(broker, 3, 2);
      const asked = { topic, group, timestamp: '0', isForce: 'true' };
      t.equal((await client.request(222, { ...asked, topic: uniqueName('never') })).code, 17);
      t.equal((await client.request(222, { ...asked, group: uniqueName('never') })).code, 26);
      t.match(await client.request(222, { ...asked, queueId: '1', offset: '99' }), { code: 1, remark: /99.*\[0-3\]/ });
      // The Java broker takes a missing or malformed time for 0.
      if (isForeign) return;
      t.equal((await client.request(222, { ...asked, timestamp: 'soon' })).code, 1);
      t.equal((await client.request(222, { topic, group })).code, 1);
      t.equal((await client.request(222, { ...asked, queueId: '77' })).code, 29);
      t.equal((await query(client, group, topic, 1)).ext?.['offset'], '2');
      t.equal((await commit(client, group, topic, 1, 3)).code, 0);
      t.equal((await query(client, group, topic, 1)).ext?.['offset'], '3');
    });

    t.test('CLONE_GROUP_OFFSET sets one group where another is', async (t) => {
      const { client, topic, group } = await consumed(broker, 4, 3);
      const to = uniqueName('to');
      t.equal((await client.request(200, null, { body: Buffer.from(JSON.stringify({ groupName: to })) })).code, 0);
      t.equal((await client.request(314, { srcGroup: group, destGroup: to, topic, offline: 'false' })).code, 0);
      t.equal((await query(client, to, topic, 1)).ext?.['offset'], '3');
      t.equal((await client.request(314, { srcGroup: uniqueName('never'), destGroup: to, topic, offline: 'true' })).code, 0);
      if (!isForeign) t.equal((await client.request(314, { srcGroup: group, destGroup: uniqueName('never'), offline: 'true' })).code, 26);
      if (!isForeign) t.equal((await client.request(314, { srcGroup: group })).code, 1);
    });

    t.test('GET_CONSUMER_RUNNING_INFO and 309, 223 ask the client itself', async (t) => {
      const { client, topic, group, msgId } = await consumed(broker, 2, 1);
      const tool = await broker.connect();
      const asked: RawFrame[] = [];
      const long = `{"jstack":"${'x'.repeat(600_000)}"}`;
      client.onPushed = (frame) => {
        if ((frame.flag & 2) !== 0) return;
        asked.push(frame);
        if (frame.code === 307) client.reply(frame, 0, Buffer.from(long));
        else if (frame.code === 221)
          client.reply(frame, 0, Buffer.from(`{"messageQueueTable":{{"brokerName":"b","queueId":1,"topic":"${topic}"}:7}}`));
        else client.reply(frame, 0, Buffer.from('{"consumeResult":"CR_SUCCESS"}'));
      };
      const info = await tool.request(307, { consumerGroup: group, clientId: 'c1', jstackEnable: 'true', Signature: 'secret' });
      t.equal(info.code, 0, info.remark ?? '');
      t.equal(info.body.toString(), long, 'a long answer comes whole');
      t.match(asked[0], { code: 307, ext: { consumerGroup: group, clientId: 'c1', jstackEnable: 'true' } });
      if (!isForeign) t.equal(asked[0]?.ext?.['Signature'], undefined, 'what signs the request to the broker goes no further');

      const direct = await tool.request(309, { consumerGroup: group, clientId: 'c1', msgId, topic, brokerName: 'forged' });
      t.match(direct, { code: 0 }, direct.remark ?? '');
      t.equal(direct.body.toString(), '{"consumeResult":"CR_SUCCESS"}');
      const passed = asked.find((frame) => frame.code === 309)!;
      t.ok(passed.body.includes('m0'), 'with the stored message');
      t.not(passed.ext?.['brokerName'], 'forged', 'the broker says its own name');

      const status = await tool.request(223, { topic, group });
      t.match(status.body.toString(), /"c1":\{\{"brokerName":"b","queueId":1,"topic":"[^"]+"\}:7\}/);
      if (isForeign) return;
      t.equal(JSON.parse((await tool.request(223, { topic, group, clientAddr: 'other' })).body.toString()).consumerTable.c1, undefined);

      t.match(await tool.request(307, { consumerGroup: group, clientId: 'c9' }), { code: 1, remark: /not online/ });
      t.match(await tool.request(223, { topic, group: uniqueName('never') }), { code: 1, remark: /online/ });
      t.match(await tool.request(309, { consumerGroup: group, clientId: 'c1', msgId: 'none' }), { code: 1, remark: /message id/ });
      const forged = `${msgId.slice(0, -16)}${'7'.padStart(16, '0')}`;
      t.match(await tool.request(309, { consumerGroup: group, clientId: 'c1', msgId: forged }), { code: 1, remark: /no message/ });
      t.equal((await tool.request(307, {})).code, 1);
      client.onPushed = (frame) => {
        if (frame.code === 221) client.reply(frame, 0, Buffer.from('{"messageQueueTable":[{{{'));
        if (frame.code === 307) void client.close();
      };
      t.same(
        JSON.parse((await tool.request(223, { topic, group })).body.toString()).consumerTable,
        {},
        'an answer that is none is left out',
      );
      t.match(
        await tool.request(307, { consumerGroup: group, clientId: 'c1' }),
        { code: 1, remark: /closed/ },
        'one that goes instead of answering',
      );
    });

    t.test('GET_ALL_PRODUCER_INFO lists all producers', async (t) => {
      const client = await broker.connect();
      const producers = [uniqueName('p1'), uniqueName('p2')];
      for (const [index, name] of producers.entries()) {
        const other = index === 0 ? client : await broker.connect();
        const body = Buffer.from(
          JSON.stringify({ clientID: `producer-${index}`, producerDataSet: [{ groupName: name }], consumerDataSet: [] }),
        );
        t.equal((await other.request(34, null, { body })).code, 0);
      }
      const { data } = JSON.parse((await client.request(328)).body.toString());
      for (const [index, name] of producers.entries()) {
        t.match(data[name], [{ clientId: `producer-${index}`, language: 'JAVA', remoteIP: /^\/127\.0\.0\.1:\d+$/ }]);
        t.ok(Math.abs(data[name][0].lastUpdateTimestamp - Date.now()) < 60_000);
      }
    });

    t.test('SET_MESSAGE_REQUEST_MODE takes PULL and POP', async (t) => {
      const { client, topic, group } = await consumed(broker, 1, 0);
      const mode = (change: object): Promise<RawFrame> =>
        client.request(401, null, {
          body: Buffer.from(JSON.stringify({ topic, consumerGroup: group, mode: 'PULL', popShareQueueNum: 0, ...change })),
        });
      t.equal((await mode({})).code, 0);
      t.equal((await mode({ topic: uniqueName('never') })).code, 17);
      t.equal((await mode({ consumerGroup: uniqueName('new') })).code, 0, 'a group comes into being by its use');
      if (!isForeign) t.equal((await mode({ consumerGroup: '../etc' })).code, 26);
      t.equal((await mode({ topic: `%RETRY%${group}` })).code, 16);
      if (isForeign) return;
      t.equal((await mode({ mode: 'POP' })).code, 0);
      t.equal((await mode({ mode: '__proto__' })).code, 29);
      t.equal((await client.request(401)).code, 1);
    });
  });
}

test('with useServerSideResetOffset=false clients on line are told of a reset', { skip: isForeign, timeout: 120_000 }, async (t) => {
  const broker = await brokerUnderTest(t, { shards: 2, args: ['--set', 'useServerSideResetOffset=false'] });
  const { client, topic, group } = await consumed(broker, 4, 3);
  for (const queueId of [0, 2, 3]) t.equal((await commit(client, group, topic, queueId, 0)).code, 0);
  const tool = await broker.connect();
  t.equal((await reset(tool, { topic, group, timestamp: '0' })).get(1), 0);
  await waitUntil('the clients to be told', () => client.pushed.some((frame) => frame.code === 220));
  const told = client.pushed.find((frame) => frame.code === 220)!;
  t.match(told, { flag: 2, ext: { topic, group, timestamp: '0' } });
  t.match(told.body.toString(), new RegExp(`\\{"brokerName":"[^"]+","queueId":1,"topic":"${topic}"\\}:0`));
  t.equal((await query(client, group, topic, 1)).ext?.['offset'], '3', 'the client does the rest');
  t.equal((await reset(tool, { topic, group, timestamp: '-1', isForce: 'false' })).get(1), 3, 'without force nothing goes ahead');
  const forC = await tool.request(222, { topic, group, timestamp: '0', isForce: 'true' }, { language: 'CPP' });
  t.equal(forC.code, 0);
  await waitUntil('a list for C++', () => client.pushed.some((frame) => frame.body.toString().startsWith('{"offsetTable":[')));
  const fresh = uniqueName('fresh');
  await heartbeat(client, 'c1', fresh, [topic]);
  t.match(await tool.request(222, { topic, group: fresh, timestamp: '0', isForce: 'true' }), { code: 1, remark: /THe consumer group/ });
  await client.close();
  await waitUntil('the refusal off line', async () => {
    const answer = await tool.request(222, { topic, group, timestamp: '0', isForce: 'true' });
    return answer.code === 206;
  });
});

/** A topic with messages in queue 1 and a group on line that has committed an offset there. */
async function consumed(
  broker: BrokerUnderTest,
  messages: number,
  offset: number,
): Promise<{ client: RemotingClient; topic: string; group: string; msgId: string }> {
  const [topic, group] = [uniqueName('topic'), uniqueName('group')];
  const client = await broker.connect();
  let msgId = '';
  for (let index = 0; index < messages; index++) {
    const sent = await sendMessage(client, topic, `m${index}`, { queueId: 1 });
    if (index === 0) msgId = sent.ext?.['msgId'] ?? '';
  }
  await heartbeat(client, 'c1', group, [topic]);
  const committed = await commit(client, group, topic, 1, offset);
  if (committed.code !== 0) throw new Error(`commit: ${committed.code} ${committed.remark}`);
  return { client, topic, group, msgId };
}

function heartbeat(client: RemotingClient, clientId: string, group: string, topics: readonly string[]): Promise<RawFrame> {
  return client.request(34, null, { body: heartbeatBody(clientId, group, topics) });
}

function commit(client: RemotingClient, consumerGroup: string, topic: string, queueId: number, offset: number): Promise<RawFrame> {
  return client.request(15, { consumerGroup, topic, queueId: String(queueId), commitOffset: String(offset) });
}

function query(client: RemotingClient, consumerGroup: string, topic: string, queueId: number): Promise<RawFrame> {
  return client.request(14, { consumerGroup, topic, queueId: String(queueId) });
}

/** A pull with the group's own subscription, as push consumers pull. */
function plainPull(
  client: RemotingClient,
  consumerGroup: string,
  topic: string,
  queueId: number,
  offset: number,
  holdMs = 0,
): Promise<RawFrame> {
  const fields = {
    consumerGroup,
    topic,
    queueId: String(queueId),
    queueOffset: String(offset),
    maxMsgNums: '32',
    sysFlag: holdMs > 0 ? '2' : '0',
    commitOffset: '0',
    suspendTimeoutMillis: String(holdMs),
    subVersion: '1',
  };
  return client.request(11, fields, { timeoutMs: holdMs + 10_000 });
}

/** JSON with queues as `topic@id` in place of objects as keys. */
function plain(frame: RawFrame): string {
  if (frame.code !== 0) throw new Error(`${frame.code} ${frame.remark}`);
  return frame.body.toString().replaceAll(/\{"brokerName":"[^"]*","queueId":(\d+),"topic":"([^"]*)"\}:/g, '"$2@$1":');
}

async function consumeStats(client: RemotingClient, fields: Record<string, string>): Promise<Map<number, Offset>> {
  const { offsetTable } = JSON.parse(plain(await client.request(208, fields))) as { offsetTable: Record<string, Offset> };
  return new Map(Object.entries(offsetTable).map(([queue, offset]) => [Number(queue.split('@')[1]), offset]));
}

async function reset(client: RemotingClient, fields: Record<string, string>): Promise<Map<number, number>> {
  const answer = await client.request(222, { isForce: 'true', ...fields });
  const { offsetTable } = JSON.parse(plain(answer)) as { offsetTable: Record<string, number> };
  const entries = Object.entries(offsetTable).map(([queue, offset]) => [Number(queue.split('@')[1]), offset] as const);
  return new Map(entries.sort((a, b) => a[0] - b[0]));
}

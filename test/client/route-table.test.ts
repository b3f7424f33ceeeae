import { test } from 'tap';
import { brokerAddress, orderedQueues, RouteTable, topicRoute } from '../../client/route-table.ts';
import type { BrokerData, QueueData, TopicRouteData } from '../../protocol/remoting/bodies/topic-route.ts';

const broker = (brokerName: string, addresses: Record<number, string>): BrokerData => ({
  cluster: 'C',
  brokerName,
  brokerAddrs: new Map(Object.entries(addresses).map(([id, address]) => [Number(id), address])),
  enableActingMaster: false,
  zoneName: null,
});
const queues = (brokerName: string, readQueueNums: number, writeQueueNums: number, perm: number): QueueData => ({
  brokerName,
  readQueueNums,
  writeQueueNums,
  perm,
  topicSysFlag: 0,
});
const route = (queueDatas: QueueData[], brokerDatas: BrokerData[], orderTopicConf: string | null = null): TopicRouteData => ({
  orderTopicConf,
  queueDatas,
  brokerDatas,
});
const names = (list: readonly { brokerName: string; queueId: number }[]): string =>
  list.map((each) => `${each.brokerName}${each.queueId}`).join(' ');

test('topicRoute gives the queues to send to and to read from as the Java client does', async (t) => {
  const both = [broker('b', { 0: 'b:1' }), broker('a', { 0: 'a:1', 1: 'a:2' })];
  for (const [what, data, write, read] of [
    ['sorted by broker', route([queues('b', 1, 2, 6), queues('a', 2, 1, 6)], both), 'a0 b0 b1', 'a0 a1 b0'],
    ['without write permission', route([queues('a', 2, 2, 4)], both), '', 'a0 a1'],
    ['without read permission', route([queues('a', 2, 2, 2)], both), 'a0 a1', ''],
    ['a broker without a master takes nothing', route([queues('a', 1, 1, 6)], [broker('a', { 1: 'a:2' })]), '', 'a0'],
    ['queues of a broker that has no address', route([queues('c', 1, 1, 6)], both), '', ''],
    ['an order list', route([queues('a', 2, 2, 6)], both, 'b:1;a:2'), 'b0 a0 a1', 'a0 a1'],
    ['an order list that is broken', route([queues('a', 1, 1, 6)], both, ';'), 'a0', 'a0'],
  ] as const) {
    const found = topicRoute('T', data, false);
    t.equal(names(found.writeQueues), write, what);
    t.equal(names(found.readQueues), read, what);
  }
  t.equal(topicRoute('T', route([queues('a', 2_000_000_000, 2_000_000_000, 6)], both), false).writeQueues.length, 65_536, 'a count bomb');
  t.equal(names(topicRoute('T', route([queues('a', 8, 8, 7)], both), true, 4).writeQueues), 'a0 a1 a2 a3', 'at most what was asked for');
});

test('orderedQueues reads broker:count lists only', async (t) => {
  t.equal(names(orderedQueues('T', 'b1:2;b2:1') ?? []), 'b10 b11 b20');
  for (const wrong of [';', 'b', 'b:', 'b:x', ':1', 'b:-1', 'b:999999']) t.equal(orderedQueues('T', wrong), null, wrong);
});

test('brokerAddress prefers the id asked for, then the master, then any', async (t) => {
  const found = topicRoute('T', route([], [broker('a', { 0: 'a:0', 1: 'a:1' }), broker('s', { 2: 's:2' })]), false);
  t.equal(brokerAddress(found, 'a', 1), 'a:1');
  t.equal(brokerAddress(found, 'a', 7), 'a:0');
  t.equal(brokerAddress(found, 's'), 's:2');
  t.equal(brokerAddress(found, 'x'), undefined);
});

function tableOf(answers: Map<string, TopicRouteData | null | Error>) {
  const asked: string[] = [];
  const changes: string[] = [];
  const clock = { ms: 0 };
  const table = new RouteTable({
    ask: async (topic) => {
      asked.push(topic);
      const answer = answers.get(topic) ?? null;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    monotonicMs: () => clock.ms,
    defaultTopicQueues: 4,
    onChange: (topic, changed) => changes.push(`${topic} ${changed === null ? 'gone' : names(changed.readQueues)}`),
  });
  return { table, asked, changes, clock };
}

test('RouteTable asks once for many who want one topic, and again when it is 30 s old', async (t) => {
  const one = route([queues('a', 1, 1, 6)], [broker('a', { 0: 'a:1' })]);
  const { table, asked, clock } = tableOf(new Map([['T', one]]));
  await Promise.all([table.find('T'), table.find('T'), table.findToSend('T')]);
  t.same(asked, ['T']);
  clock.ms = 29_999;
  await table.find('T');
  t.same(asked, ['T']);
  clock.ms = 30_000;
  await table.find('T');
  t.same(asked, ['T', 'T']);
});

test('RouteTable keeps an old route while no name server answers, and tells of changes', async (t) => {
  const answers = new Map<string, TopicRouteData | null | Error>([['T', route([queues('a', 1, 1, 6)], [broker('a', { 0: 'a:1' })])]]);
  const { table, changes, clock } = tableOf(answers);
  await table.find('T');
  answers.set('T', new Error('no name server'));
  clock.ms = 60_000;
  t.equal((await table.find('T'))?.readQueues.length, 1, 'better the old way than none');
  await t.rejects(
    table
      .find('U')
      .then(() => answers.set('V', new Error('none')))
      .then(() => table.find('V')),
    /none/,
  );
  answers.set('T', route([queues('a', 2, 2, 6)], [broker('a', { 0: 'a:1' })]));
  await table.refreshAll();
  answers.set('T', null);
  await table.refresh('T');
  t.same(changes, ['T a0', 'T a0 a1', 'T gone']);
});

test('RouteTable sends to an unknown topic by the queues of TBW102, at most those that were asked for', async (t) => {
  const answers = new Map<string, TopicRouteData | null | Error>([['TBW102', route([queues('a', 8, 8, 7)], [broker('a', { 0: 'a:1' })])]]);
  const { table, asked } = tableOf(answers);
  const promised = await table.findToSend('new');
  t.equal(names(promised.writeQueues), 'a0 a1 a2 a3');
  t.ok(promised.isDefault);
  t.equal(promised.writeQueues[0]!.topic, 'new');
  answers.set('new', route([queues('a', 2, 2, 6)], [broker('a', { 0: 'a:1' })]));
  t.equal((await table.findToSend('new')).writeQueues.length, 2, 'its own route as soon as it has one');
  t.same(asked, ['new', 'TBW102', 'new']);
  answers.set('readonly', route([queues('a', 2, 2, 4)], [broker('a', { 0: 'a:1' })]));
  await t.rejects(table.findToSend('readonly'), { code: 'MQ_CLIENT_NO_ROUTE', message: /no broker takes messages/ });
});

test('RouteTable refuses an unknown topic where topics are not created by themselves', async (t) => {
  const { table } = tableOf(new Map());
  await t.rejects(table.findToSend('new'), { code: 'MQ_CLIENT_NO_ROUTE' });
});

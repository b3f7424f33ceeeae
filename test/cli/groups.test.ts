import tap, { test } from 'tap';
import { PushConsumer } from '../../client/index.ts';
import { sendMessage } from '../support/broker-client.ts';
import { brokerUnderTest, isForeign } from '../support/broker-under-test.ts';
import { createTopic } from '../support/create-topic.ts';
import { type CliOptions, type CliResult, removeAll, runCli } from '../support/run-cli.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

type GroupRow = { group: string; members: number; lag: number; topics: string[]; consumeEnabled: boolean; model: string | null };
type Queue = { topic: string; queueId: number; brokerOffset: number; consumerOffset: number; lag: number; lastConsumed: string | null };

async function start(t: { teardown(run: () => Promise<void>): void }, shards = 1) {
  const broker = await brokerUnderTest(t, { shards });
  if (isForeign) t.teardown(() => removeAll(broker.nameServer));
  await createTopic(broker.nameServer, 'orders', 2);
  const run = (words: string, options: CliOptions = {}): Promise<CliResult> =>
    runCli(words.split(' '), { nameServer: broker.nameServer, ...options });
  const client = await broker.connect();
  const send = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const answer = await sendMessage(client, 'orders', `m${index}`, { queueId: index % 2 });
      if (answer.code !== 0) throw new Error(`${answer.code} ${answer.remark}`);
    }
  };
  const consume = async (tags: string, handled: string[]): Promise<PushConsumer> => {
    const consumer = new PushConsumer({ nameServers: broker.nameServer, group: 'billing', consumeFrom: 'first', commitPeriodMs: 50 });
    await consumer.subscribe('orders', (message) => void handled.push(message.body.toString()), { tags });
    await consumer.start();
    t.teardown(() => consumer.close());
    return consumer;
  };
  return { run, send, consume, nameServer: broker.nameServer };
}

test('ringmq groups shows who consumes what, and how far', async (t) => {
  const { run, send, consume } = await start(t, 2);
  t.match((await run('groups')).stderr, /No consumer groups/);
  const handled: string[] = [];
  const consumer = await consume('*', handled);
  await send(10);
  await waitUntil('all messages', () => handled.length >= 10);
  const row = await waitUntil('the commits', async () => {
    const [rows] = (await run('groups --json')).json() as [GroupRow[]];
    return rows.find(({ group, lag }) => group === 'billing' && lag === 0);
  });
  t.same(row, { group: 'billing', members: 1, model: 'CLUSTERING', topics: ['orders'], lag: 0, consumeEnabled: true });
  t.match((await run('groups')).stdout, /^GROUP +MEMBERS +LAG +STATE +TOPICS\nbilling +1 +0 +on line +orders\n$/);
  t.equal((await run('groups --names')).stdout, 'billing\n');

  const [shown] = (await run('groups show billing --json')).json() as [{ members: { clientId: string }[]; queues: Queue[] }];
  t.same(
    shown.members.map(({ clientId }) => clientId),
    [consumer.clientId],
  );
  const queues = shown.queues.filter(({ topic }) => topic === 'orders');
  t.match(queues, [
    { queueId: 0, brokerOffset: 5, consumerOffset: 5, lag: 0, lastConsumed: /^\d{4}-.*Z$/ },
    { queueId: 1, brokerOffset: 5, consumerOffset: 5, lag: 0 },
  ]);
  const [members] = (await run('groups members billing --json')).json() as [{ subscriptions: unknown[] }];
  t.match(members.subscriptions, [{ topic: '%RETRY%billing' }, { topic: 'orders', expression: '*', type: 'TAG' }]);
  t.match((await run('groups show billing')).stdout, /^billing: 0 messages behind, 1 member on line\n/);
  t.match((await run('groups members billing')).stdout, /MEMBER +ADDRESS +LANGUAGE +VERSION\n/);

  const misspelt = await run('groups show biling');
  t.equal(misspelt.code, 1);
  t.match(misspelt.stderr, /No consumer group "biling" \(did you mean "billing"\?\)/);
  t.match((await run('groups delete billing --yes')).stderr, /1 member of "billing" is on line and would make it again/);
});

test('ringmq groups pause holds a group, resume lets it go on, with all other settings as they were', async (t) => {
  const { run, send, consume } = await start(t, 2);
  const handled: string[] = [];
  await consume('*', handled);
  await send(2);
  await waitUntil('both', () => handled.length === 2);
  t.same((await run('groups pause billing --json')).json(), [{ group: 'billing', brokers: ['broker-a'], consumeEnabled: false }]);
  t.match((await run('groups')).stdout, /^billing +1 +\d+ +paused /m);
  const paused = await run('groups pause nobody');
  t.equal(paused.code, 1);
  t.match(paused.stderr, /No consumer group "nobody"/);
  t.same((await run('groups resume billing --json')).json(), [{ group: 'billing', brokers: ['broker-a'], consumeEnabled: true }]);
  await send(2);
  await waitUntil('the rest', () => handled.length >= 4, 60_000);
});

test('ringmq groups reset moves a group, on line and off line', async (t) => {
  const { run, send, consume } = await start(t, 2);
  const handled: string[] = [];
  const consumer = await consume('*', handled);
  await send(6);
  await waitUntil('all messages', () => handled.length >= 6);
  await waitUntil('the commits', async () => ((await run('groups --json')).json() as [GroupRow[]])[0][0]?.lag === 0);
  const dry = await run('groups reset billing orders --to begin --dry-run --json');
  t.match(dry.json(), [
    {
      group: 'billing',
      topic: 'orders',
      online: true,
      applied: false,
      queues: [
        { queueId: 0, from: 3, to: 0 },
        { queueId: 1, from: 3, to: 0 },
      ],
    },
  ]);
  t.match((await run('groups reset billing orders --to begin')).stderr, /Nobody is at the terminal to be asked: give --yes/);
  const part = await run('groups reset billing orders --to 1 --broker broker-a --queue 0 --yes');
  t.match(part.stderr, /is on line and would commit over a single queue/);
  const online = await run('groups reset billing orders --to begin --yes');
  t.equal(online.code, 0, online.stderr);
  await waitUntil('all of them again', () => handled.length >= 12, 60_000);

  await consumer.close();
  await waitUntil('nobody on line', async () => ((await run('groups --json')).json() as [GroupRow[]])[0][0]?.members === 0);
  const offline = await run('groups reset billing orders --to 1 --broker broker-a --queue 1 --yes --json');
  t.equal(offline.code, 0, offline.stderr);
  t.match(offline.json(), [{ online: false, applied: true, queues: [{ queueId: 1, to: 1 }] }]);
  const [shown] = (await run('groups show billing --json')).json() as [{ queues: Queue[] }];
  t.equal(shown.queues.find(({ topic, queueId }) => topic === 'orders' && queueId === 1)?.consumerOffset, 1);

  const table: [words: string, code: number, message: RegExp][] = [
    ['groups reset billing orders', 2, /Say where to with --to/],
    ['groups reset billing orders --to sometime', 2, /--to is "sometime", must be begin, end/],
    ['groups reset billing orders --to 5', 2, /is an offset of one queue: name it with --broker and --queue/],
    ['groups reset billing orders --to 99 --broker broker-a --queue 0 --yes', 1, /Offset 99 is not within queue 0, which has 0 to 3/],
    ['groups reset billing orders --to end --queue 9 --yes', 1, /"orders" has no queue 9/],
    ['groups reset billing ordres --to end --yes', 1, /No topic "ordres" \(did you mean "orders"\?\)/],
    ['groups reset biling orders --to end --yes', 1, /No consumer group "biling" \(did you mean "billing"\?\)/],
  ];
  for (const [words, code, message] of table) {
    const result = await run(words);
    t.equal(result.code, code, `${words}: ${result.stderr}`);
    t.match(result.stderr, message, words);
  }
  t.same((await run('groups delete billing --yes --json')).json(), [{ group: 'billing', brokers: ['broker-a'] }]);
  t.equal((await run('groups --names')).stdout, '');
});

test('ringmq topics show tells queues, offsets and readers', async (t) => {
  const { run, send, consume } = await start(t);
  const handled: string[] = [];
  await consume('*', handled);
  await send(3);
  await waitUntil('all messages', () => handled.length >= 3);
  const [shown] = (await run('topics show orders --json')).json() as [Record<string, unknown>];
  t.match(shown, {
    topic: 'orders',
    messages: 3,
    queues: [
      { broker: 'broker-a', queueId: 0, minOffset: 0, maxOffset: 2 },
      { broker: 'broker-a', queueId: 1, minOffset: 0, maxOffset: 1 },
    ],
    groups: ['billing'],
  });
  const text = await run('topics show orders');
  t.match(
    text.stdout,
    /^orders on broker-a: 2 queues to read, 2 to write, rw\n3 messages; read by billing\n\nBROKER +QUEUE +FIRST +END +MESSAGES +LAST\n/,
  );
  t.match((await run('topics show ordres')).stderr, /did you mean "orders"\?/);
});

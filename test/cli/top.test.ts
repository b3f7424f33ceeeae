import tap, { test } from 'tap';
import type { TopView } from '../../cli/top-view.ts';
import { PushConsumer } from '../../client/index.ts';
import { sendMessage } from '../support/broker-client.ts';
import { createTopic } from '../support/create-topic.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { runCli } from '../support/run-cli.ts';
import { startRingmq } from '../support/start-ringmq.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

test('ringmq top prints a line a look, with rates, lag and busy threads, until it is interrupted', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  await createTopic(ringmq.nameServer, 'orders', 2);
  const consumer = new PushConsumer({ nameServers: ringmq.nameServer, group: 'billing', consumeFrom: 'first', commitPeriodMs: 50 });
  await consumer.subscribe('orders', () => {});
  await consumer.start();
  t.teardown(() => consumer.close());
  const client = await RemotingClient.connect(ringmq.broker);
  t.teardown(() => client.close());
  let isDone = false;
  const sending = (async (): Promise<void> => {
    while (!isDone) await sendMessage(client, 'orders', 'x', { queueId: 0 });
  })();
  const lines = (stdout: string): TopView[] =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as TopView);
  const isMoving = ({ topics, groups }: TopView): boolean => (topics[0]?.rate ?? 0) > 0 && (groups[0]?.rate ?? 0) > 0;
  t.teardown(async () => {
    isDone = true;
    await sending;
  });
  const result = await runCli(['top', '--interval', '200ms', '--metrics', ringmq.admin], {
    nameServer: ringmq.nameServer,
    interruptWhen: (stdout) => lines(stdout).some(isMoving),
  });
  t.equal(result.code, 0, result.stderr);
  const looks = lines(result.stdout);
  t.match(looks[0], { topics: [{ topic: 'orders', rate: null }], groups: [{ group: 'billing', topic: 'orders', rate: null, members: 1 }] });
  const moving = looks.find(isMoving)!;
  t.match(moving.brokers, [{ broker: 'broker-a', address: ringmq.broker, version: /^V\d/ }]);
  t.same(moving.notShown, { topics: 0, groups: 0 });
  const log = moving.threads.find(({ thread }) => thread === 'log');
  t.ok(log !== undefined && log.busyShare !== null && log.busyShare >= 0 && log.busyShare <= 1, 'the share of a busy thread');
  t.match((await runCli(['top', '--count', '1', '--limit', '1', '--filter', 'zzz'], { nameServer: ringmq.nameServer })).json(), [
    { topics: [], groups: [] },
  ]);
});

import tap, { test } from 'tap';
import { PushConsumer } from '../../client/index.ts';
import { startCluster } from '../support/cluster.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

test('ringmq commands see and change two brokers behind two name servers', async (t) => {
  const cluster = await startCluster({ nameServers: 2, brokers: ['broker-a', 'broker-b'] });
  t.teardown(() => cluster.destroy());
  const run = (...words: string[]): Promise<CliResult> => runCli(words, { nameServer: cluster.address });
  await waitUntil('both brokers at both name servers', async () => {
    for (const { nameServer } of cluster.nameServers) {
      const { stdout } = await runCli(['topics', '--all', '--json'], { nameServer });
      if (!/"broker-a"/.test(stdout) || !/"broker-b"/.test(stdout)) return false;
    }
    return true;
  });
  const made = await run('topics', 'create', 'orders', '--queues', '2', '--json');
  t.match(
    made.json(),
    [
      {
        brokers: [
          { broker: 'broker-a', writeQueues: 2 },
          { broker: 'broker-b', writeQueues: 2 },
        ],
      },
    ],
    made.stderr,
  );
  await run('topics', 'create', 'only-b', '--broker', 'broker-b', '--queues', '1');
  t.equal((await run('topics', 'change', 'orders', '--broker', 'broker-b', '--write-queues', '1')).code, 0);
  t.match((await run('topics')).stdout, /^only-b +1 +1 +rw +- +broker-b\norders +4 +3 +rw +- +broker-a broker-b$/m);

  const sent = (await run('send', 'orders', '{n}', '--count', '6', '--json')).json() as { broker: string; queueId: number }[];
  t.same(
    sent.map(({ broker, queueId }) => `${broker}/${queueId}`).sort(),
    ['broker-a/0', 'broker-a/0', 'broker-a/1', 'broker-a/1', 'broker-b/0', 'broker-b/0'],
    'over all queues in turn',
  );
  const shown = (await run('tail', 'orders', '--from', 'begin', '--no-follow', '--json')).json() as { body: string }[];
  t.same(shown.map(({ body }) => body).sort(), ['0', '1', '2', '3', '4', '5']);

  let handled = 0;
  const consumer = new PushConsumer({ nameServers: cluster.address, group: 'billing', consumeFrom: 'first', commitPeriodMs: 50 });
  await consumer.subscribe('orders', () => void handled++);
  await consumer.start();
  t.teardown(() => consumer.close());
  await waitUntil('all of them', () => handled === 6);
  t.same((await run('groups', 'pause', 'billing', '--json')).json(), [
    { group: 'billing', brokers: ['broker-a', 'broker-b'], consumeEnabled: false },
  ]);
  t.equal((await run('groups', 'resume', 'billing')).code, 0);
  const groups = (await run('groups', '--json')).json() as [{ group: string; members: number }[]];
  t.match(groups[0], [{ group: 'billing', members: 1 }], 'a member of both is one');

  const bench = await run('bench', '--count', '500', '--size', '64', '--queues', '2', '--json');
  t.match(bench.json(), [{ sent: 500, received: 500, lost: 0 }], bench.stderr);
  const doctor = ['doctor', '--disk', '100', '--watch', '100ms', '--json'];
  t.match((await run(...doctor)).json(), [{ healthy: true, findings: [] }]);

  await cluster.nameServers[0]?.kill();
  // It still listens, but answers nothing; a broker that has gone is not registered any more.
  cluster.brokers[1]?.signal('SIGSTOP');
  const ill = await run(...doctor, '--timeout', '1s');
  t.equal(ill.code, 1);
  const [{ findings }] = ill.json() as [{ findings: { check: string; subject: string }[] }];
  t.same(
    findings.map(({ check, subject }) => [check, subject]),
    [
      ['name servers', cluster.nameServers[0]?.nameServer],
      ['brokers', 'broker-b'],
    ],
  );
  t.equal((await run('send', 'orders', 'x', '--broker', 'broker-a')).code, 0, 'one of each is enough for what is left');
  t.equal((await run('send', 'orders', 'x', '--broker', 'broker-b', '--timeout', '1s')).code, 1);
  cluster.brokers[1]?.signal('SIGCONT');
});

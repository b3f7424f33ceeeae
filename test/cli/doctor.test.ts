import { globSync } from 'node:fs';
import tap, { test } from 'tap';
import { GroupMember } from '../../client/group-member.ts';
import { PushConsumer } from '../../client/index.ts';
import { subscriptionObject } from '../../protocol/remoting/bodies/subscription-data.ts';
import { GET_CONSUMER_RUNNING_INFO } from '../../protocol/remoting/request-code.ts';
import { REQUEST_CODE_NOT_SUPPORTED } from '../../protocol/remoting/response-code.ts';
import { sendMessage } from '../support/broker-client.ts';
import { createTopic } from '../support/create-topic.ts';
import { freePort } from '../support/free-port.ts';
import { RemotingClient } from '../support/remoting-client.ts';
import { runCli } from '../support/run-cli.ts';
import { startNameServer } from '../support/start-name-server.ts';
import { startRingmq } from '../support/start-ringmq.ts';
import { waitUntil } from '../support/wait-until.ts';

// Started processes take their time on a busy machine: a limit that only catches what hangs.
tap.setTimeout(300_000);

type Report = {
  healthy: boolean;
  findings: { check: string; subject: string; problem: string; remedy: string }[];
  checks: { check: string; looked: number; skipped: string | null }[];
};

async function doctor(nameServer: string, ...more: string[]): Promise<Report & { code: number | null }> {
  const result = await runCli(['doctor', '--json', ...more], { nameServer });
  const [report] = result.json() as [Report | undefined];
  if (report === undefined) throw new Error(`doctor ended with ${result.code}: ${result.stderr}`);
  return { ...report, code: result.code };
}

test('ringmq doctor finds nothing where all is well', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  // The store's disk may be as full as it likes.
  const report = await doctor(ringmq.nameServer, '--disk', '100', '--watch', '100ms');
  t.same(report.findings, []);
  t.equal(report.healthy, true);
  t.equal(report.code, 0);
  t.same(
    report.checks.map(({ check, skipped }) => [check, skipped]),
    [
      ['name servers', null],
      ['brokers', null],
      ['clocks', null],
      ['disks', null],
      ['subscriptions', null],
      ['consumers', null],
      ['plugins', 'no broker shows its metrics'],
    ],
  );
  const text = await runCli(['doctor', '--disk', '100', '--watch', '100ms'], { nameServer: ringmq.nameServer });
  t.equal(text.code, 0);
  t.match(text.stdout, /^name servers {3}good, 1 looked at\nbrokers {8}good, 1 looked at\n/);
  t.match((await doctor(ringmq.nameServer, '--disk', '1', '--watch', '100ms')).findings[0], { check: 'disks', remedy: /fileReservedTime/ });
});

test('ringmq doctor finds name servers that are down, and that know less than others', async (t) => {
  const ringmq = await startRingmq();
  t.teardown(() => ringmq.destroy());
  const empty = await startNameServer(1);
  t.teardown(() => empty.stop());
  const nobody = `127.0.0.1:${await freePort()}`;
  const report = await doctor(`${ringmq.nameServer};${empty.address};${nobody}`, '--disk', '100', '--watch', '100ms');
  t.equal(report.code, 1);
  t.same(
    report.findings.map(({ check, subject }) => [check, subject]).sort(),
    [
      ['name servers', empty.address],
      ['name servers', empty.address],
      ['name servers', nobody],
    ].sort(),
  );
  const none = await doctor(nobody);
  t.equal(none.code, 1);
  t.match(none.findings, [{ check: 'name servers', subject: nobody, remedy: /start a name server there/ }]);
  t.same(
    none.checks.map(({ skipped }) => skipped),
    [null, ...Array.from({ length: 6 }, () => 'no name server answers')],
    'what was not looked at is not called good',
  );
  t.match((await runCli(['doctor'], { nameServer: nobody })).stdout, /^consumers +not looked at: no name server answers$/m);
  t.match(await doctor(empty.address), { code: 1, findings: [{ check: 'brokers', problem: 'no broker is registered' }] });
});

test('ringmq doctor finds an advertised address that leads nowhere', async (t) => {
  const ringmq = await startRingmq({ args: ['--set', 'brokerIP1=127.0.0.77'] });
  t.teardown(() => ringmq.destroy());
  const report = await doctor(ringmq.nameServer, '--watch', '100ms');
  t.equal(report.code, 1);
  t.match(report.findings, [
    { check: 'brokers', subject: 'broker-a', problem: /127\.0\.0\.77:\d+, which cannot be reached/, remedy: /set brokerIP1/ },
  ]);
});

/** A member that says what it subscribes to when it is asked (307), as Java's clients do; or not, as others. */
async function join(nameServer: string, group: string, tags: string, isTalking = true): Promise<GroupMember> {
  const member: GroupMember = new GroupMember(
    { nameServers: nameServer, group },
    {
      consumeType: 'CONSUME_PASSIVELY',
      onAssigned: async () => {},
      onRequest: (request, connection) => {
        if (request.code !== GET_CONSUMER_RUNNING_INFO) return;
        if (!isTalking) {
          connection.respond(request, { code: REQUEST_CODE_NOT_SUPPORTED });
          return;
        }
        const subscriptionSet = [...member.subscriptions.values()].map(subscriptionObject);
        connection.respond(request, { code: 0, body: Buffer.from(JSON.stringify({ properties: {}, subscriptionSet })) });
      },
    },
  );
  await member.subscribe('orders', { tags });
  await member.start(false);
  return member;
}

const fakeTime = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0];

test('ringmq doctor finds a clock that differs', { skip: fakeTime === undefined && 'libfaketime is not installed' }, async (t) => {
  const ringmq = await startRingmq();
  t.teardown(() => ringmq.destroy());
  for (const [offset, problem] of [
    ['-3h', /its clock is 3 h ahead of this machine/],
    ['+10m', /its clock is 10 min behind this machine/],
  ] as const) {
    const env = { LD_PRELOAD: fakeTime!, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    const result = await runCli(['doctor', '--json', '--disk', '100', '--watch', '100ms'], { nameServer: ringmq.nameServer, env });
    const [report] = result.json() as [Report];
    t.equal(result.code, 1);
    t.match(report.findings, [{ check: 'clocks', subject: 'broker-a', problem, remedy: /NTP/ }]);
  }
});

test('ringmq doctor finds members that subscribe differently', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  await createTopic(ringmq.nameServer, 'orders', 2);
  for (const [group, tags] of [
    ['alike', 'A'],
    ['alike', 'A'],
    ['differing', 'A'],
    ['differing', 'B'],
  ] as const) {
    const member = await join(ringmq.nameServer, group, tags);
    t.teardown(async () => member.core.close());
  }
  const report = await doctor(ringmq.nameServer, '--disk', '100', '--watch', '100ms');
  t.equal(report.code, 1);
  t.match(report.findings, [{ check: 'subscriptions', subject: 'differing', problem: /to orders TAG [AB]; .* to orders TAG [AB]/ }]);
  t.equal(report.findings.length, 1);

  for (const tags of ['A', 'B']) {
    const member = await join(ringmq.nameServer, 'silent', tags, false);
    t.teardown(async () => member.core.close());
  }
  const told = await doctor(ringmq.nameServer, '--disk', '100', '--watch', '100ms', '--metrics', ringmq.admin);
  t.match(
    told.findings.find(({ subject }) => subject === 'silent')?.problem,
    /the broker says that some of its members subscribe to something else/,
  );
  const unasked = await doctor(ringmq.nameServer, '--disk', '100', '--watch', '100ms', '--metrics', '127.0.0.1:1');
  t.match(unasked.checks.find(({ check }) => check === 'subscriptions')?.skipped, '2 members do not tell what they subscribe to');
});

test('ringmq doctor finds a consumer that is stuck', async (t) => {
  const ringmq = await startRingmq({ shards: 2 });
  t.teardown(() => ringmq.destroy());
  await createTopic(ringmq.nameServer, 'orders', 2);
  const options = { nameServers: ringmq.nameServer, consumeFrom: 'first', commitPeriodMs: 50, closeTimeoutMs: 100 } as const;
  const hanging = new PushConsumer({ ...options, group: 'hanging' });
  const well = new PushConsumer({ ...options, group: 'well' });
  let isHanging = false;
  let handled = 0;
  await hanging.subscribe('orders', async () => {
    handled++;
    if (isHanging) await new Promise(() => {});
  });
  await well.subscribe('orders', () => {});
  for (const consumer of [hanging, well]) {
    await consumer.start();
    t.teardown(() => consumer.close());
  }
  const client = await RemotingClient.connect(ringmq.broker);
  t.teardown(() => client.close());
  const send = (): Promise<unknown> => sendMessage(client, 'orders', 'x', { queueId: 0 });
  // Its offset has to be known before it stands.
  await send();
  await waitUntil('the first message', () => handled > 0);
  isHanging = true;
  let isDone = false;
  const sending = (async (): Promise<void> => {
    while (!isDone) await Promise.all([send(), new Promise((resolve) => setTimeout(resolve, 5))]);
  })();
  try {
    const report = await waitUntil(
      'the finding',
      async () => {
        const seen = await doctor(ringmq.nameServer, '--disk', '100', '--watch', '1s');
        return seen.findings.some(({ check }) => check === 'consumers') && seen;
      },
      120_000,
    );
    t.equal(report.code, 1);
    const stuck = report.findings.find(({ subject }) => subject === 'hanging');
    t.match(stuck, { check: 'consumers', problem: /stands still in 1 queue of orders: \d+ messages wait, \d+ more than 1 s ago/ });
  } finally {
    isDone = true;
    await sending;
  }
});

import { test } from 'tap';
import {
  checkBrokers,
  checkClocks,
  checkConsumers,
  checkDisks,
  checkNameServers,
  checkPlugins,
  checkSubscriptions,
  type NameServerSeen,
  parseRuntime,
} from '../../cli/doctor-checks.ts';
import { diskRatios } from '../../cli/doctor-look.ts';
import type { GroupQueue } from '../../cli/group-view.ts';
import { parsePlugins } from '../../cli/metrics-page.ts';

const nameServer = (address: string, brokers: Record<string, string>, topics: string[] = []): NameServerSeen => ({
  address,
  error: null,
  brokers: new Map(Object.entries(brokers)),
  topics: new Set(topics),
});

const found = (findings: readonly { subject: string; problem: string }[]): string[] =>
  findings.map(({ subject, problem }) => `${subject} ${problem}`);

test('checkNameServers finds the unreachable, and what only some know', async (t) => {
  const whole = { a: '10.0.0.1:1', b: '10.0.0.2:1' };
  const table: [what: string, seen: NameServerSeen[], findings: (string | RegExp)[]][] = [
    ['one that is well', [nameServer('n1', whole, ['t'])], []],
    ['two that agree', [nameServer('n1', whole, ['t']), nameServer('n2', whole, ['t'])], []],
    ['none that answers', [{ address: 'n1', error: 'refused' }], ['n1 does not answer: refused']],
    ['one of two', [nameServer('n1', whole), { address: 'n2', error: 'refused' }], ['n2 does not answer: refused']],
    [
      'a broker that registers with one only',
      [nameServer('n1', whole), nameServer('n2', { a: '10.0.0.1:1' })],
      ['n2 does not know broker b, which n1 knows'],
    ],
    [
      'one name, two addresses',
      [nameServer('n1', { a: 'x:1' }), nameServer('n2', { a: 'y:1' })],
      ['a is registered with different addresses: x:1 at n1; y:1 at n2'],
    ],
    [
      'topics',
      [nameServer('n1', whole, ['t1', 't2', 't3', 't4', 't5', 't6']), nameServer('n2', whole, [])],
      ['n2 does not know 6 topics that others know: t1, t2, t3, t4, t5 and 1 more'],
    ],
  ];
  for (const [what, seen, findings] of table) t.same(found(checkNameServers(seen)), findings, what);
  t.match(checkNameServers([{ address: 'n1', error: 'x' }])[0]?.remedy, /start a name server there/);
});

test('checkBrokers names the setting when the advertised address is of this machine', async (t) => {
  t.same(checkBrokers([{ name: 'a', id: 0, address: '10.0.0.1:1', error: null }]), []);
  const [local, far] = checkBrokers([
    { name: 'a', id: 0, address: '127.0.0.1:10911', error: 'refused' },
    { name: 'a', id: 1, address: '172.17.0.2:10911', error: 'timed out' },
  ]);
  t.match(local, { subject: 'a', problem: /127\.0\.0\.1:10911, which cannot be reached from here: refused/, remedy: /set brokerIP1/ });
  t.match(far, { subject: 'a (replica 1)', remedy: /when the broker runs, set its brokerIP1/ });
});

test('checkClocks allows for seconds that are cut off and for the time of the answer', async (t) => {
  const boot = 1_000_000;
  const seen = (nowMs: number, runtimeSeconds: number, tookMs = 10) => [
    { broker: 'a', bootMs: boot, runtimeSeconds, askedMs: nowMs, answeredMs: nowMs + tookMs },
  ];
  t.same(checkClocks(seen(boot + 10_999, 10), 0), [], 'within the second');
  t.same(checkClocks(seen(boot + 10_000, 10), 0), []);
  t.same(checkClocks(seen(boot + 5000, 10, 6000), 0), [], 'a slow answer');
  t.match(checkClocks(seen(boot, 60), 5000), [{ subject: 'a', problem: 'its clock is 60 s ahead of this machine’s' }]);
  t.match(checkClocks(seen(boot + 7_200_000, 0), 5000), [{ problem: 'its clock is 120 min behind this machine’s' }]);
  t.same(checkClocks(seen(boot, 5), 5000), [], 'up to the limit');
  t.equal(parseRuntime('[ 1 days, 2 hours, 3 minutes, 4 seconds ]'), 93_784);
  for (const text of [undefined, '', '[ 1 days ]', '[ x days, 2 hours, 3 minutes, 4 seconds ]']) t.equal(parseRuntime(text), undefined);
});

test('checkDisks goes by the share in use', async (t) => {
  const runtime = new Map([
    ['commitLogDiskRatio', '0.91'],
    ['consumeQueueDiskRatio', '0.2'],
  ]);
  t.match(checkDisks([{ broker: 'a', disks: diskRatios(runtime) }], 80), [
    { subject: 'a', problem: 'the disk of the commit log is 91 % full' },
  ]);
  t.same(checkDisks([{ broker: 'a', disks: diskRatios(new Map([['commitLogDiskRatio', '-1.0']])) }], 1), [], 'unknown is not full');
});

test('checkSubscriptions compares what members say, in any order', async (t) => {
  const member = (clientId: string, ...subscriptions: string[]) => ({ clientId, subscriptions });
  t.same(checkSubscriptions([{ group: 'g', members: [member('1', 'a', 'b'), member('2', 'b', 'a')] }]), []);
  t.same(checkSubscriptions([{ group: 'g', members: [member('1', 'a'), { clientId: '2', subscriptions: undefined }] }]), []);
  const silent = { clientId: '2', subscriptions: undefined };
  t.match(checkSubscriptions([{ group: 'g', members: [member('1', 'a'), silent] }], new Map([['g', ['2']]])), [
    { subject: 'g', problem: /the broker says .*: 2$/ },
  ]);
  t.match(checkSubscriptions([{ group: 'g', members: [member('1', 'a'), member('2', 'b'), member('3', 'a')] }]), [
    { subject: 'g', problem: 'its members subscribe differently: 1, 3 to a; 2 to b' },
  ]);
});

test('checkConsumers finds offsets that stand while messages wait', async (t) => {
  const queue = (brokerOffset: number, consumerOffset: number, queueId = 0): GroupQueue => ({
    topic: 'orders',
    broker: 'a',
    queueId,
    brokerOffset,
    consumerOffset,
    lag: brokerOffset - consumerOffset,
    lastTimestamp: 0,
  });
  const nowMs = 1_000_000;
  const seen = (before: GroupQueue[], after: GroupQueue[], newest = nowMs) =>
    checkConsumers([{ group: 'g', members: ['m'], before, after, newestMs: new Map([['orders/a/0', newest]]) }], 12_000, nowMs);
  const table: [what: string, before: GroupQueue, after: GroupQueue, newestMs: number, problem: string | undefined][] = [
    ['it goes on', queue(10, 5), queue(20, 15), nowMs, undefined],
    ['it has caught up', queue(10, 5), queue(10, 10), nowMs, undefined],
    ['its first message has just come', queue(5, 5), queue(6, 5), nowMs, undefined],
    [
      'lag grows, it stands',
      queue(10, 5),
      queue(20, 5),
      nowMs,
      'stands still in 1 queue of orders: 15 messages wait, 10 more than 12 s ago',
    ],
    ['nothing comes, and the newest is young', queue(10, 5), queue(10, 5), nowMs - 30_000, undefined],
    [
      'nothing comes, and all wait long',
      queue(10, 5),
      queue(10, 5),
      0,
      'stands still in 1 queue of orders: 5 messages wait for more than a minute',
    ],
  ];
  for (const [what, before, after, newestMs, problem] of table)
    t.same(
      seen([before], [after], newestMs).map((finding) => finding.problem),
      problem === undefined ? [] : [problem],
      what,
    );
  t.match(seen([queue(10, 5), queue(9, 1, 1)], [queue(11, 5), queue(10, 1, 1)]), [
    { problem: /in 2 queues of orders: 15 messages wait, 2 more/ },
  ]);
});

test('checkPlugins names plugins that do not judge, and files that were refused', (t) => {
  const page = (labels: string, value: number): string =>
    `ringmq_plugin_running{cluster="c",node_type="broker",node_id="b",${labels}} ${value}\n`;
  const seen = parsePlugins(
    page('plugin="good",state="running",policy="hold",fault=""', 1) +
      page('plugin="old",state="running",policy="hold",fault="old.ts:1:2: \\"x\\" bad"', 1) +
      page('plugin="dead",state="parked",policy="pass",fault="Error: no"', 0) +
      page('plugin="lost",state="gone",policy="hold",fault=""', 0),
  );
  t.match(checkPlugins(seen), [
    { subject: 'old on b', problem: 'its file was refused, the version before goes on: old.ts:1:2: "x" bad' },
    { subject: 'dead on b', problem: 'parked: what is behind it is given to all; Error: no', remedy: /save it/ },
    { subject: 'lost on b', remedy: /filter\.plugin=lost/ },
  ]);
  t.end();
});

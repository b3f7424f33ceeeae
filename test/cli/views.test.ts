import { deflateSync } from 'node:zlib';
import { test } from 'tap';
import { BenchLedger } from '../../cli/bench-ledger.ts';
import { drawView } from '../../cli/commands/top.ts';
import { LatencyHistogram } from '../../cli/latency-histogram.ts';
import { messageLine, messageView, visibleText } from '../../cli/message-view.ts';
import { metricsAddresses, parseDiffering, parseThreads } from '../../cli/metrics-page.ts';
import { Terminal } from '../../cli/terminal.ts';
import { textWidth } from '../../cli/text-width.ts';
import { type TopSample, topView } from '../../cli/top-view.ts';
import { permissionBits, permissionText } from '../../cli/topic-view.ts';
import { decodeMessageRecord, encodeMessageRecord, type MessageRecordFields } from '../../model/message-record.ts';

const record = (fields: Partial<MessageRecordFields>) =>
  decodeMessageRecord(
    encodeMessageRecord({ topic: 'orders', queueId: 3, queueOffset: 12, storeTimestamp: 1_700_000_000_000, ...fields }),
    0,
  );

test('messageView shows bodies as their sender meant them', async (t) => {
  const view = messageView(
    record({ body: Buffer.from('grüße 订单'), properties: 'TAGS\u0001new\u0002KEYS\u0001a b\u0002__proto__\u0001x\u0002' }),
    'broker-a',
  );
  t.match(view, {
    topic: 'orders',
    queueId: 3,
    queueOffset: 12,
    tag: 'new',
    keys: ['a', 'b'],
    body: 'grüße 订单',
    bodyBase64: null,
    uniqKey: null,
  });
  t.equal(view.storeTime, '2023-11-14T22:13:20.000Z');
  t.equal(view.bornTime, null, 'no time is no time');
  t.equal(({} as Record<string, unknown>)['x'], undefined);
  t.equal(messageView(record({ body: deflateSync('inflated'), sysFlag: 1 }), 'a').body, 'inflated');
  t.equal(
    messageView(record({ body: Buffer.from('no zlib'), sysFlag: 1 }), 'a').body,
    'no zlib',
    'what lies about itself is shown as it lies',
  );
  t.equal(messageView(record({ body: Buffer.of(0xc3, 0x28) }), 'a').bodyBase64, 'wyg=');
  t.match(messageLine(view, true), / broker-a\/3@12 tag=new keys=a,b \{TAGS=new, KEYS=a b, .*\} grüße 订单$/);
  t.match(messageLine(messageView(record({ body: Buffer.alloc(100, 0xff) }), 'a'), false), / 0x(ff){64}… \(100 bytes\)$/);
  t.equal(visibleText('a\nb\t\x1b[2J\u202e'), 'a\\nb\\t\\u001b[2J\\u202e');
});

test('LatencyHistogram keeps percentiles within one percent', async (t) => {
  const histogram = new LatencyHistogram();
  t.equal(histogram.percentiles(), null);
  for (let ms = 1; ms <= 1000; ms++) histogram.record(ms);
  const { p50, p90, p99, p999, max } = histogram.percentiles()!;
  for (const [value, exact] of [
    [p50, 500],
    [p90, 900],
    [p99, 990],
    [p999, 999],
  ] as const)
    t.ok(value >= exact && value <= exact * 1.011, `${value} for ${exact}`);
  t.equal(max, 1000);
  histogram.record(0);
  histogram.record(1e12);
  t.equal(histogram.percentiles()?.max, 1e12, 'out of range is counted, the most is exact');
});

test('BenchLedger tells lost from late, twice and out of order', async (t) => {
  const run = Buffer.from('12345678');
  const ledger = new BenchLedger(run, 4, 16);
  const sent = [0, 1, 2, 3].map((number) => ledger.begin(number, number));
  ledger.seen(sent[1]!, 'q', 11);
  t.equal(ledger.isComplete, true, 'seen before its acknowledgement');
  ledger.acknowledged(1, 12);
  ledger.acknowledged(0, 12);
  ledger.acknowledged(2, 12);
  ledger.failed();
  t.equal(ledger.isComplete, false);
  ledger.seen(sent[0]!, 'q', 13);
  ledger.seen(sent[0]!, 'q', 14);
  ledger.seen(Buffer.from('another message!'), 'q', 14);
  ledger.seen(Buffer.from('short'), 'q', 14);
  const late = Buffer.from(sent[0]!);
  late.writeUInt32BE(99, 8);
  ledger.seen(late, 'q', 14);
  t.match(ledger.findings(), { sent: 3, failed: 1, received: 2, lost: 1, duplicates: 1, outOfOrder: 1 });
  t.equal(ledger.findings().endToEndLatency?.max, 13);
});

test('parseThreads reads a page of metrics, and nothing else', async (t) => {
  const page = [
    '# HELP ringmq_busy_seconds_total Time that a thread worked; its rate is the busy share.',
    'ringmq_busy_seconds_total{cluster="C",node_type="broker",node_id="broker-a",thread="shard-0"} 12.5',
    'ringmq_mailbox_depth{cluster="C",node_type="broker",node_id="broker-a",thread="shard-0"} 3',
    'ringmq_mailbox_depth{cluster="C",node_type="broker",node_id="broker-a",thread="log"} 0',
    'ringmq_connections{node_id="broker-a"} 1',
    'ringmq_mailbox_depth{} NaN',
  ].join('\n');
  t.same(parseThreads(page, 'h:1'), [
    { address: 'h:1', node: 'broker-a', thread: 'shard-0', busySeconds: 12.5, mailboxDepth: 3 },
    { address: 'h:1', node: 'broker-a', thread: 'log', busySeconds: 0, mailboxDepth: 0 },
  ]);
  t.same(parseThreads('<html>', 'h:1'), []);
  t.same(
    [
      ...parseDiffering(
        'ringmq_member_subscription_differs{cluster="C",consumer_group="g",client_id="a@1"} 1\nringmq_member_subscription_differs{} 1\n',
      ),
    ],
    [['g', ['a@1']]],
  );
  t.same(metricsAddresses([], undefined, ['10.0.0.1:1']), [], 'nobody else’s machine is guessed at');
  t.same(metricsAddresses([], undefined, ['127.0.0.1:1']), ['127.0.0.1:5557']);
  t.same(metricsAddresses([], 'off', []), []);
  t.same(metricsAddresses(['a:1'], 'b:1', ['127.0.0.1:1']), ['a:1']);
});

const sample = (atMs: number, end: number, consumerOffset: number, busySeconds: number): TopSample => ({
  atMs,
  time: '2026-01-31T08:00:00.000Z',
  brokers: [
    {
      broker: 'broker-a',
      address: '127.0.0.1:10911',
      runtime: new Map([
        ['brokerVersionDesc', 'V5_4_0'],
        ['putTps', '12.34 1 1'],
        ['commitLogDiskRatio', '0.25'],
      ]),
    },
  ],
  topics: [
    { topic: 'quiet', queues: [{ broker: 'broker-a', queueId: 0, minOffset: 0, maxOffset: 7, lastUpdateTimestamp: 0 }] },
    { topic: 'orders', queues: [{ broker: 'broker-a', queueId: 0, minOffset: 10, maxOffset: end, lastUpdateTimestamp: 0 }] },
  ],
  groups: [
    {
      group: 'billing',
      members: [{ clientId: 'c', address: 'h:1', language: 'JAVA', version: 1 }],
      model: 'CLUSTERING',
      subscriptions: [],
      queues: [
        { topic: 'orders', broker: 'broker-a', queueId: 0, brokerOffset: end, consumerOffset, lag: end - consumerOffset, lastTimestamp: 0 },
        { topic: '%RETRY%billing', broker: 'broker-a', queueId: 0, brokerOffset: 0, consumerOffset: 0, lag: 0, lastTimestamp: 0 },
      ],
      topics: ['orders'],
      lag: end - consumerOffset,
      consumeEnabled: true,
    },
  ],
  threads: [{ address: 'h:1', node: 'broker-a', thread: 'log', busySeconds, mailboxDepth: 0 }],
  notShown: { topics: 0, groups: 0 },
});

test('topView gives rates between two looks, the busiest first', async (t) => {
  const first = sample(0, 100, 50, 1);
  const alone = topView(first, undefined);
  t.same(
    alone.topics.map(({ rate }) => rate),
    [null, null],
  );
  t.same(alone.threads, [{ address: 'h:1', thread: 'log', busyShare: null, mailboxDepth: 0 }]);
  const view = topView(sample(2000, 300, 150, 2), first);
  t.same(view.brokers, [
    { broker: 'broker-a', address: '127.0.0.1:10911', version: 'V5_4_0', inRate: 12.34, outRate: null, diskRatio: 0.25 },
  ]);
  t.same(view.topics, [
    { topic: 'orders', rate: 100, messages: 290 },
    { topic: 'quiet', rate: 0, messages: 7 },
  ]);
  t.same(view.groups, [{ group: 'billing', topic: 'orders', rate: 50, lag: 150, members: 1 }]);
  t.equal(view.threads[0]?.busyShare, 0.5);
  t.equal(
    topView(sample(3000, 0, 0, 0), sample(2000, 300, 150, 2)).topics.find(({ topic }) => topic === 'orders')?.rate,
    0,
    'a topic made anew has no negative rate',
  );
});

test('drawView fits the screen', async (t) => {
  const view = topView(sample(2000, 300, 150, 2), sample(0, 100, 50, 1));
  const many = {
    ...view,
    topics: Array.from({ length: 80 }, (_, index) => ({ topic: `${'订单'.repeat(30)}-${index}`, rate: 1, messages: 1 })),
  };
  const style = (_: string, text: string): string => text;
  for (const [columns, rows] of [
    [80, 24],
    [40, 16],
    [200, 60],
  ] as const) {
    const lines = drawView(many, { columns, rows, style });
    t.ok(lines.length < rows, `${lines.length} of ${rows}`);
    for (const line of lines) t.ok(textWidth(line) <= columns, line);
  }
  t.same(drawView(view, { columns: 80, rows: 24, style }), [
    'ringmq top  2026-01-31 08:00:00 UTC  2 topics, 1 group',
    '',
    'BROKER    ADDRESS          VERSION  IN/s  OUT/s  DISK',
    'broker-a  127.0.0.1:10911  V5_4_0     12      -  25 %',
    '',
    'TOPIC   IN/s  MESSAGES',
    'orders   100       290',
    'quiet      0         7',
    '',
    'GROUP    TOPIC   OUT/s  LAG  MEMBERS',
    'billing  orders     50  150        1',
    '',
    'THREAD  BUSY  WAITING  OF',
    'log     50 %        0  h:1',
  ]);
});

test('Terminal shows colours on a terminal only, and not with NO_COLOR', async (t) => {
  const stream = (isTTY: boolean) => {
    const written: string[] = [];
    return { written, isTTY, columns: 40, write: (text: string) => written.push(text) > 0, once: () => undefined };
  };
  const table: [isTty: boolean, env: Record<string, string>, hasColours: boolean][] = [
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ];
  for (const [isTty, env, hasColours] of table)
    t.equal(new Terminal(stream(isTty), stream(false), env).style('red', 'x') !== 'x', hasColours, JSON.stringify([isTty, env]));
  t.equal(new Terminal(stream(false), stream(false), {}).columns, Number.POSITIVE_INFINITY);
  const [out, error] = [stream(true), stream(false)];
  new Terminal(out, error, {}).note('\x1b[31mred\x1b[39m');
  t.same(error.written, ['red\n'], 'standard error may be a file while standard output is a terminal');
  new Terminal(out, error, {}).print('\x1b[31mred\x1b[39m\n\x1b[2Jgone\r\u202e');
  t.same(out.written, ['\x1b[31mred\x1b[39m\n?[2Jgone??\n'], 'what brokers say moves no cursor');
});

test('permissionBits and permissionText are each other’s reverse, and keep other bits', async (t) => {
  for (const text of ['rw', 'r', 'w', 'none']) t.equal(permissionText(permissionBits(text, 0)), text);
  t.equal(permissionBits('r', 7), 5, 'the inherit bit stays');
});

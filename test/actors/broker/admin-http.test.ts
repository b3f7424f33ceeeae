import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'tap';
import { startAdminServer } from '../../../actors/broker/admin-http.ts';
import type { MetricsSnapshot } from '../../../actors/broker/metrics-snapshot.ts';
import { formatMetrics } from '../../../actors/broker/metrics-text.ts';

const snapshot: MetricsSnapshot = {
  cluster: 'DefaultCluster',
  broker: 'broker-a',
  healthy: true,
  reason: '',
  uptimeMs: 1234.5,
  messagesIn: 10,
  timers: { pending: 4, lagMs: 3, behind: 2, parked: 9, delivered: 5, recalled: 1 },
  messagesOut: 20,
  bytesIn: 1000,
  bytesOut: 2000,
  topics: [
    { topic: 'quiet', messagesIn: 1, messagesOut: 0, bytesIn: 100, bytesOut: 0 },
    { topic: '%RETRY%busy"\\', messagesIn: 9, messagesOut: 20, bytesIn: 900, bytesOut: 2000 },
  ],
  groups: {
    lags: [
      { group: 'G', topic: 'quiet', messages: 7, latencyMs: 1500 },
      { group: 'CID_RMQ_SYS_x', topic: '%RETRY%G', messages: 1, latencyMs: null },
    ],
    lagsNotShown: 3,
    online: [
      { group: 'G', members: 2, differing: ['c"1'] },
      { group: 'H', members: 1, differing: [] },
    ],
  },
  connections: 3,
  producerConnections: 1,
  topicCount: 2,
  groupCount: 1,
  logMinOffset: 100,
  logWrittenOffset: 1_073_742_000,
  logFlushedOffset: 1_073_741_000,
  reservedMs: 5,
  transactions: { open: 3, oldestMs: 9000, committed: 5, rolledBack: 2, checks: 4, givenUp: 1 },
  heldPulls: 4,
  pendingSends: 6,
  refusals: [{ code: 2, count: 11 }],
  protocolErrors: 1,
  crowdedOut: { unread: 2, unfinished: 3 },
  plugins: [],
  threads: [
    {
      name: 'shard-0',
      mailboxDepth: 1,
      ringFillBytes: 64,
      ringFillShare: 0.25,
      messages: 5,
      turns: 6,
      busyMs: 1500,
      restarts: 0,
      deadLetters: 2,
    },
  ],
};

function ask(address: string, path: string, method = 'GET'): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}${path}`, { method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('formatMetrics writes RocketMQ names, each family once, labels escaped', async (t) => {
  const text = formatMetrics(snapshot);
  t.match(
    text,
    'rocketmq_messages_in_total{cluster="DefaultCluster",node_type="broker",node_id="broker-a",topic="quiet",is_system="false",is_retry="false"} 1\n',
  );
  t.match(text, 'topic="%RETRY%busy\\"\\\\",is_system="false",is_retry="true"} 9\n');
  t.match(text, /rocketmq_storage_size\{[^}]*storage_type="local"[^}]*\} 1073741900\n/);
  t.match(text, /rocketmq_processor_watermark\{[^}]*processor="send"\} 6\n/);
  t.match(text, /rocketmq_consumer_lag_messages\{[^}]*consumer_group="G",topic="quiet",is_retry="false",is_system="false"\} 7\n/);
  t.match(text, /rocketmq_consumer_lag_latency\{[^}]*consumer_group="G",[^}]*\} 1500\n/);
  t.match(text, /rocketmq_consumer_lag_messages\{[^}]*topic="%RETRY%G",is_retry="true",is_system="true"\} 1\n/);
  t.match(text, /rocketmq_consumer_connections\{[^}]*consumer_group="G"\} 2\n/);
  t.match(text, /ringmq_member_subscription_differs\{[^}]*consumer_group="G",client_id="c\\"1"\} 1\n/);
  t.match(text, /ringmq_lags_not_shown\{[^}]*\} 3\n/);
  t.match(text, /rocketmq_half_messages\{[^}]*\} 3\n/);
  t.match(text, /ringmq_half_message_age_ms\{[^}]*\} 9000\n/);
  t.match(text, /ringmq_busy_seconds_total\{[^}]*thread="shard-0"\} 1\.5\n/);
  const families = text.match(/^# TYPE (\S+)/gm) ?? [];
  t.equal(new Set(families).size, families.length);
  for (const line of text.trimEnd().split('\n'))
    t.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{([a-z_]+="([^"\\\n]|\\.)*",?)+\} -?\d[\d.e+]*)$/);
});

test('formatMetrics leaves out what nobody counts', async (t) => {
  const text = formatMetrics({ ...snapshot, producerConnections: null, reservedMs: null, groups: null });
  t.notMatch(text, /rocketmq_producer_connections|rocketmq_storage_message_reserve_time|rocketmq_consumer_(lag|connections)/);
});

test('formatMetrics bounds the number of series and says how many topics it left out', async (t) => {
  const topics = Array.from({ length: 2500 }, (_, index) => ({
    topic: `t${index}`,
    messagesIn: index,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
  }));
  const text = formatMetrics({ ...snapshot, topics });
  t.equal(text.match(/^rocketmq_messages_in_total\{/gm)?.length, 2000);
  t.match(text, /topic="t2499"/, 'the busiest stay');
  t.notMatch(text, /topic="t499"/);
  t.match(text, /ringmq_topics_not_shown\{[^}]*\} 500\n/);
});

test('startAdminServer answers /health and /metrics, and nothing else', async (t) => {
  let current = snapshot;
  const server = await startAdminServer('127.0.0.1', 0, () => current);
  t.teardown(() => server.close());
  const up = await ask(server.address, '/health');
  t.equal(up.status, 200);
  t.same(JSON.parse(up.body), { status: 'UP', cluster: 'DefaultCluster', broker: 'broker-a', uptimeMs: 1235 });
  current = { ...snapshot, healthy: false, reason: 'disk full' };
  const down = await ask(server.address, '/health');
  t.equal(down.status, 503);
  t.match(down.body, '"reason":"disk full"');
  const metrics = await ask(server.address, '/metrics?x=1');
  t.equal(metrics.status, 200);
  t.equal(metrics.type, 'text/plain; version=0.0.4; charset=utf-8');
  t.equal((await ask(server.address, '/')).status, 404);
  t.equal((await ask(server.address, '/health', 'POST')).status, 405);
  t.equal((await ask(server.address, '/health', 'HEAD')).body, '');
});

test('startAdminServer lists half messages a page at a time', async (t) => {
  const asked: number[] = [];
  const page = { open: 1, next: -1, messages: [] };
  const halves = (from: number): Promise<unknown> => {
    asked.push(from);
    return Promise.resolve(page);
  };
  const server = await startAdminServer('127.0.0.1', 0, () => snapshot, undefined, halves);
  t.teardown(() => server.close());
  t.same(JSON.parse((await ask(server.address, '/transactions')).body), page);
  t.equal((await ask(server.address, '/transactions?from=17')).status, 200);
  t.same(asked, [0, 17]);
  for (const query of ['from=', 'from=-1', 'from=x', 'to=1', 'from=1&x=2'])
    t.equal((await ask(server.address, `/transactions?${query}`)).status, 400);
});

test('startAdminServer shows the counters when the groups give no answer', async (t) => {
  const server = await startAdminServer(
    '127.0.0.1',
    0,
    () => ({ ...snapshot, groups: null }),
    () => Promise.reject(new Error('offset-store gave\nno answer')),
  );
  t.teardown(() => server.close());
  const { status, body } = await ask(server.address, '/metrics');
  t.equal(status, 200);
  t.match(body, /^ringmq_connections\{/m);
  t.match(body, /^# The groups gave no answer: offset-store gave no answer$/m);
});

test('startAdminServer answers while many connections say nothing', async (t) => {
  const server = await startAdminServer('127.0.0.1', 0, () => snapshot);
  t.teardown(() => server.close());
  const port = Number(server.address.split(':')[1]);
  const silent = Array.from({ length: 100 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.teardown(() => {
    for (const socket of silent) socket.destroy();
  });
  await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(server.address, '/health')));
  t.ok(answers.every(({ status }) => status === 200));
});

test('startAdminServer survives rubbish and a snapshot that throws', async (t) => {
  const server = await startAdminServer('127.0.0.1', 0, () => {
    throw new Error('counters are gone');
  });
  t.teardown(() => server.close());
  const port = Number(server.address.split(':')[1]);
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end('\x00\x01\x02 rubbish\r\n\r\n'));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });
  const answer = await ask(server.address, '/health');
  t.equal(answer.status, 500);
  t.match(answer.body, 'counters are gone');
  await t.rejects(
    startAdminServer('127.0.0.1', port, () => snapshot),
    { code: 'MQ_PORT_IN_USE' },
  );
});

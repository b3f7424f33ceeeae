/**
 * Writes a snapshot as Prometheus text, under RocketMQ 5's names where it has one and `ringmq_` otherwise. Pure. The number
 * of series is bounded: beyond `SERIES_MAX` topics or groups the busiest are shown, and how many were left out.
 * Source: RocketMQ 5.4 `BrokerMetricsConstant`, `DefaultStoreMetricsConstant`, `RemotingMetricsConstant`; the text format is
 * Prometheus' exposition format 0.0.4.
 */
import { isSystemGroup } from '../../model/group.ts';
import type { GroupMetrics, LagMetrics, MetricsSnapshot, TransactionMetrics } from './metrics-snapshot.ts';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const SERIES_MAX = 2000;

type Labels = Readonly<Record<string, string>>;
type Sample = { readonly labels?: Labels; readonly value: number };

export function formatMetrics(snapshot: MetricsSnapshot): string {
  const writer = new MetricsWriter({ cluster: snapshot.cluster, node_type: 'broker', node_id: snapshot.broker });
  writeTraffic(writer, snapshot);
  writeStore(writer, snapshot);
  writeTransactions(writer, snapshot.transactions);
  writeClients(writer, snapshot);
  writeThreads(writer, snapshot);
  writePlugins(writer, snapshot);
  return writer.text;
}

class MetricsWriter {
  text = '';
  readonly #common: Labels;

  constructor(common: Labels) {
    this.#common = common;
  }

  add(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const { labels, value } of samples)
      this.text += `${name}{${formatLabels({ ...this.#common, ...labels })}} ${formatValue(value)}\n`;
  }
}

function writeTraffic(writer: MetricsWriter, snapshot: MetricsSnapshot): void {
  const busiest = [...snapshot.topics].sort((a, b) => b.messagesIn + b.messagesOut - a.messagesIn - a.messagesOut);
  const shown = busiest.slice(0, SERIES_MAX);
  const by = (pick: (topic: MetricsSnapshot['topics'][number]) => number, total: number): Sample[] => {
    // Without figures by topic the totals are shown under the empty topic, so that sums over all series stay right.
    if (snapshot.topics.length === 0) return [{ labels: { topic: '' }, value: total }];
    return shown.map((topic) => ({
      labels: { topic: topic.topic, is_system: isSystem(topic.topic), is_retry: isRetry(topic.topic) },
      value: pick(topic),
    }));
  };
  writer.add(
    'rocketmq_messages_in_total',
    'counter',
    'Messages stored.',
    by((topic) => topic.messagesIn, snapshot.messagesIn),
  );
  writer.add(
    'rocketmq_messages_out_total',
    'counter',
    'Messages handed to consumers.',
    by((topic) => topic.messagesOut, snapshot.messagesOut),
  );
  writer.add(
    'rocketmq_throughput_in_total',
    'counter',
    'Bytes stored.',
    by((topic) => topic.bytesIn, snapshot.bytesIn),
  );
  writer.add(
    'rocketmq_throughput_out_total',
    'counter',
    'Bytes handed to consumers.',
    by((topic) => topic.bytesOut, snapshot.bytesOut),
  );
  writer.add(
    'ringmq_refusals_total',
    'counter',
    'Requests refused, by response code.',
    snapshot.refusals.map(({ code, count }) => ({ labels: { code: String(code) }, value: count })),
  );
  writer.add('ringmq_protocol_errors_total', 'counter', 'Connections closed for breaking the protocol.', [
    { value: snapshot.protocolErrors },
  ]);
  const { unread, unfinished } = snapshot.crowdedOut;
  writer.add('ringmq_crowded_out_connections_total', 'counter', 'Connections closed for the memory that they took.', [
    { labels: { memory: 'unread_answers' }, value: unread },
    { labels: { memory: 'unfinished_requests' }, value: unfinished },
  ]);
  writer.add('ringmq_topics_not_shown', 'gauge', 'Topics left out of this page, the least busy ones.', [
    { value: busiest.length - shown.length },
  ]);
}

function writeStore(writer: MetricsWriter, snapshot: MetricsSnapshot): void {
  const storage = { storage_type: 'local', storage_medium: 'disk' };
  writer.add('rocketmq_storage_size', 'gauge', 'Bytes in the commit log.', [
    { labels: storage, value: snapshot.logWrittenOffset - snapshot.logMinOffset },
  ]);
  writer.add('rocketmq_storage_flush_behind_bytes', 'gauge', 'Bytes written and not yet synced.', [
    { labels: storage, value: snapshot.logWrittenOffset - snapshot.logFlushedOffset },
  ]);
  writer.add('rocketmq_storage_message_reserve_time', 'gauge', 'Milliseconds since the oldest kept message was stored.', [
    ...(snapshot.reservedMs === null ? [] : [{ labels: storage, value: snapshot.reservedMs }]),
  ]);
  writer.add('rocketmq_processor_watermark', 'gauge', 'Requests that wait, by processor.', [
    { labels: { processor: 'send' }, value: snapshot.pendingSends },
    { labels: { processor: 'pull' }, value: snapshot.heldPulls },
  ]);
  const { timers } = snapshot;
  writer.add('rocketmq_timing_messages', 'gauge', 'Timed messages that wait.', [{ value: timers.pending }]);
  writer.add('rocketmq_timer_enqueue_lag', 'gauge', 'Timed messages that the timing wheel has not seen.', [{ value: timers.behind }]);
  writer.add('rocketmq_timer_dequeue_latency', 'gauge', 'Milliseconds by which the oldest timed message that is due is late.', [
    { value: timers.lagMs },
  ]);
  writer.add('rocketmq_timer_enqueue_total', 'counter', 'Timed messages that came to the wheel.', [{ value: timers.parked }]);
  writer.add('rocketmq_timer_dequeue_total', 'counter', 'Timed messages delivered.', [{ value: timers.delivered }]);
  writer.add('ringmq_timers_recalled_total', 'counter', 'Timed messages taken back before their time.', [{ value: timers.recalled }]);
  writer.add('rocketmq_topic_number', 'gauge', 'Topics.', [{ value: snapshot.topicCount }]);
  writer.add('rocketmq_consumer_group_number', 'gauge', 'Consumer groups.', [{ value: snapshot.groupCount }]);
}

function writeTransactions(writer: MetricsWriter, { open, oldestMs, committed, rolledBack, checks, givenUp }: TransactionMetrics): void {
  writer.add('rocketmq_half_messages', 'gauge', 'Half messages whose transactions have no outcome yet.', [{ value: open }]);
  writer.add('ringmq_half_message_age_ms', 'gauge', 'Age of the oldest of them, as the last round of checks saw it.', known(oldestMs));
  writer.add('rocketmq_commit_messages_total', 'counter', 'Half messages that were committed.', [{ value: committed }]);
  writer.add('rocketmq_rollback_messages_total', 'counter', 'Half messages that were rolled back.', [{ value: rolledBack }]);
  writer.add('ringmq_transaction_checks_total', 'counter', 'Times that producer groups were asked about a half message.', [
    { value: checks },
  ]);
  writer.add('ringmq_given_up_messages_total', 'counter', 'Half messages that nobody answered for.', [{ value: givenUp }]);
}

function writeClients(writer: MetricsWriter, snapshot: MetricsSnapshot): void {
  writer.add('rocketmq_producer_connections', 'gauge', 'Connected producers.', known(snapshot.producerConnections));
  writer.add('ringmq_connections', 'gauge', 'Open sockets.', [{ value: snapshot.connections }]);
  if (snapshot.groups !== null) writeGroups(writer, snapshot.groups);
}

function writeGroups(writer: MetricsWriter, { lags, lagsNotShown, online }: GroupMetrics): void {
  const labels = ({ group, topic }: LagMetrics): Labels => ({
    consumer_group: group,
    topic,
    is_retry: isRetry(topic),
    is_system: String(isSystem(topic) === 'true' || isSystemGroup(group)),
  });
  writer.add(
    'rocketmq_consumer_lag_messages',
    'gauge',
    'Messages that a group has yet to consume.',
    lags.map((lag) => ({ labels: labels(lag), value: lag.messages })),
  );
  writer.add(
    'rocketmq_consumer_lag_latency',
    'gauge',
    'Milliseconds since the oldest message that a group has yet to consume was stored; of the groups furthest behind.',
    lags.flatMap((lag) => (lag.latencyMs === null ? [] : [{ labels: labels(lag), value: lag.latencyMs }])),
  );
  writer.add('ringmq_lags_not_shown', 'gauge', 'Topics of groups left out of this page, the least behind.', [{ value: lagsNotShown }]);
  const largest = [...online].sort((a, b) => b.members - a.members).slice(0, SERIES_MAX);
  writer.add(
    'rocketmq_consumer_connections',
    'gauge',
    'Connected consumers.',
    largest.map(({ group, members }) => ({ labels: { consumer_group: group }, value: members })),
  );
  const differing = online.flatMap(({ group, differing: clients }) =>
    clients.map((client) => ({ consumer_group: group, client_id: client })),
  );
  writer.add(
    'ringmq_member_subscription_differs',
    'gauge',
    'Members that subscribe to something else than the others of their group: messages will be missed.',
    differing.slice(0, SERIES_MAX).map((labelled) => ({ labels: labelled, value: 1 })),
  );
}

function writePlugins(writer: MetricsWriter, { plugins }: MetricsSnapshot): void {
  const by = (pick: (plugin: MetricsSnapshot['plugins'][number]) => number): Sample[] =>
    plugins.map((plugin) => ({ labels: { plugin: plugin.plugin }, value: pick(plugin) }));
  writer.add(
    'ringmq_plugin_running',
    'gauge',
    'Whether a filter plugin judges messages; with its state, what becomes of messages when it is parked, and its last fault.',
    plugins.map(({ plugin, state, policy, fault }) => ({
      labels: { plugin, state, policy, fault },
      value: state === 'running' ? 1 : 0,
    })),
  );
  writer.add(
    'ringmq_plugin_judged_total',
    'counter',
    'Messages that a filter plugin has judged.',
    by((plugin) => plugin.judged),
  );
  writer.add(
    'ringmq_plugin_passed_total',
    'counter',
    'Messages that a filter plugin has let through.',
    by((plugin) => plugin.passed),
  );
  writer.add(
    'ringmq_plugin_failures_total',
    'counter',
    'Times that a filter plugin threw, hung or took too much memory.',
    by((plugin) => plugin.failures),
  );
  writer.add(
    'ringmq_plugin_loads_total',
    'counter',
    'Times that a filter plugin was loaded.',
    by((plugin) => plugin.loads),
  );
}

function writeThreads(writer: MetricsWriter, snapshot: MetricsSnapshot): void {
  const by = (pick: (thread: MetricsSnapshot['threads'][number]) => number): Sample[] =>
    snapshot.threads.map((thread) => ({ labels: { thread: thread.name }, value: pick(thread) }));
  writer.add(
    'ringmq_mailbox_depth',
    'gauge',
    "Messages that wait in a thread's mailboxes.",
    by((thread) => thread.mailboxDepth),
  );
  writer.add(
    'ringmq_ring_fill_bytes',
    'gauge',
    'Bytes that wait in the rings to a thread.',
    by((thread) => thread.ringFillBytes),
  );
  writer.add(
    'ringmq_ring_fill_ratio',
    'gauge',
    "Share in use of a thread's fullest incoming ring.",
    by((thread) => thread.ringFillShare),
  );
  writer.add(
    'ringmq_actor_messages_total',
    'counter',
    "Messages handled by a thread's actors.",
    by((thread) => thread.messages),
  );
  writer.add(
    'ringmq_turns_total',
    'counter',
    "Turns of a thread's loop that did something.",
    by((thread) => thread.turns),
  );
  writer.add(
    'ringmq_busy_seconds_total',
    'counter',
    'Time that a thread worked; its rate is the busy share.',
    by((thread) => thread.busyMs / 1000),
  );
  writer.add(
    'ringmq_thread_restarts_total',
    'counter',
    'Times that a thread was replaced.',
    by((thread) => thread.restarts),
  );
  writer.add(
    'ringmq_dead_letters_total',
    'counter',
    'Messages to actors that were not there.',
    by((thread) => thread.deadLetters),
  );
  writer.add('ringmq_uptime_seconds', 'gauge', 'Time since the start.', [{ value: snapshot.uptimeMs / 1000 }]);
  writer.add('ringmq_healthy', 'gauge', '1 when it serves.', [{ value: snapshot.healthy ? 1 : 0 }]);
}

function known(value: number | null): Sample[] {
  return value === null ? [] : [{ value }];
}

function isRetry(topic: string): string {
  return String(topic.startsWith('%RETRY%') || topic.startsWith('%DLQ%'));
}

function isSystem(topic: string): string {
  return String(topic.startsWith('rmq_sys_') || topic === 'TBW102' || topic === 'SCHEDULE_TOPIC_XXXX');
}

function formatLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
    .join(',');
}

/** The format has words of its own for what is no number. */
function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}

/** `ringmq top`: rates, lag and busy threads, drawn again and again. Requests a look: 106, 21, 201, 28, and 202 a topic, 203 and 208 a group; /metrics. */
import { ClientError } from '../../client/errors.ts';
import { isSystemGroup } from '../../model/group.ts';
import { decodeKvTable } from '../../protocol/remoting/bodies/kv-table.ts';
import { GET_BROKER_RUNTIME_INFO } from '../../protocol/remoting/request-code.ts';
import { SUCCESS } from '../../protocol/remoting/response-code.ts';
import { Cluster, forEachOf } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import { counted, formatCount } from '../count-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { groupConfigs, groupView } from '../group-view.ts';
import { fetchMetrics, metricsAddresses, parseThreads } from '../metrics-page.ts';
import type { Terminal } from '../terminal.ts';
import { type Column, formatTable } from '../text-table.ts';
import { cutText } from '../text-width.ts';
import { type TopSample, type TopView, topView } from '../top-view.ts';
import { isInternalTopic, topicQueues, topicViews } from '../topic-view.ts';

const INTERVAL_MS_DEFAULT = 1000;
const LIMIT_DEFAULT = 50;
const METRICS_MS_MAX = 1000;

export const top: Command = async (context) => {
  const { args, terminal, environment } = context;
  const cluster = Cluster.of(args, environment);
  const signal = context.interrupt();
  const intervalMs = args.number('interval') ?? INTERVAL_MS_DEFAULT;
  const isDrawing = terminal.isTty && !terminal.isJson;
  let before: TopSample | undefined;
  try {
    for (let look = 0; look < (args.number('count') ?? Number.POSITIVE_INFINITY) && !signal.aborted; look++) {
      const startedMs = performance.now();
      const now = await sample(context, cluster).catch((error: unknown) => {
        // Who watches wants to see the broker come back; but first it has to have been there.
        if (before === undefined || !(error instanceof ClientError)) throw error;
        terminal.note(terminal.style('red', error.message));
        return undefined;
      });
      if (signal.aborted) break;
      if (now !== undefined) {
        const view = topView(now, before);
        if (before === undefined && isDrawing) terminal.clear();
        before = now;
        if (isDrawing) terminal.redraw(drawView(view, terminal));
        else await terminal.printSlowly(JSON.stringify(view));
      }
      await pause(cluster, Math.max(0, intervalMs - (performance.now() - startedMs)), signal);
    }
    return exitCodes.stopped;
  } finally {
    cluster.close();
  }
};

async function pause(cluster: Cluster, ms: number, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([cluster.core.pause(ms), aborted]);
}

async function sample({ args, environment }: CommandContext, cluster: Cluster): Promise<TopSample> {
  const masters = await cluster.masters();
  const filter = args.text('filter') ?? '';
  const limit = args.number('limit') ?? LIMIT_DEFAULT;
  const [views, configs, runtimes] = await Promise.all([
    topicViews(cluster, masters),
    groupConfigs(cluster, masters),
    forEachOf(masters, async ({ name, master }) => ({ broker: name, address: master, runtime: await runtimeOf(cluster, master) })),
  ]);
  const topics = views.filter(({ topic }) => topic.includes(filter) && !isInternalTopic(topic, masters));
  const names = new Set(configs.flatMap((table) => [...table.keys()]));
  const groups = [...names].filter((group) => group.includes(filter) && !isSystemGroup(group)).sort();
  const [topicSamples, groupSamples, threads] = await Promise.all([
    forEachOf(topics.slice(0, limit), async ({ topic, brokers }) => {
      const having = masters.filter(({ name }) => brokers.some(({ broker }) => broker === name));
      return { topic, queues: (await forEachOf(having, (broker) => topicQueues(cluster, broker, topic))).flatMap((each) => each ?? []) };
    }),
    forEachOf(groups.slice(0, limit), (group) => groupView(cluster, masters, configs, group)),
    forEachOf(
      metricsAddresses(
        args.texts('metrics'),
        environment['ADMIN_ADDR'],
        masters.map(({ master }) => master),
      ),
      async (address) => parseThreads((await fetchMetrics(address, METRICS_MS_MAX)) ?? '', address),
    ),
  ]);
  return {
    atMs: performance.now(),
    time: new Date().toISOString(),
    brokers: runtimes,
    topics: topicSamples,
    groups: groupSamples,
    // Something else may listen on the default port.
    threads: threads.flat().filter(({ node }) => masters.some(({ name }) => name === node)),
    notShown: { topics: Math.max(0, topics.length - limit), groups: Math.max(0, groups.length - limit) },
  };
}

/** What a broker tells of itself; null from one that does not. */
async function runtimeOf(cluster: Cluster, master: string): Promise<ReadonlyMap<string, string> | null> {
  const answer = await cluster.core.request(master, { code: GET_BROKER_RUNTIME_INFO });
  return answer.code === SUCCESS ? decodeKvTable(answer.body) : null;
}

const BROKERS: readonly Column[] = [
  { title: 'BROKER', isFlexible: true },
  { title: 'ADDRESS' },
  { title: 'VERSION' },
  { title: 'IN/s', align: 'right' },
  { title: 'OUT/s', align: 'right' },
  { title: 'DISK', align: 'right' },
];
const TOPICS: readonly Column[] = [
  { title: 'TOPIC', isFlexible: true },
  { title: 'IN/s', align: 'right' },
  { title: 'MESSAGES', align: 'right' },
];
const GROUPS: readonly Column[] = [
  { title: 'GROUP', isFlexible: true },
  { title: 'TOPIC', isFlexible: true },
  { title: 'OUT/s', align: 'right' },
  { title: 'LAG', align: 'right' },
  { title: 'MEMBERS', align: 'right' },
];
const THREADS: readonly Column[] = [
  { title: 'THREAD' },
  { title: 'BUSY', align: 'right' },
  { title: 'WAITING', align: 'right' },
  { title: 'OF', isFlexible: true },
];

/** The lines of a screen: topics and groups share what brokers and threads leave. */
export function drawView(view: TopView, terminal: Pick<Terminal, 'columns' | 'rows' | 'style'>): string[] {
  const { brokers, topics, groups, threads, notShown } = view;
  const table = (layout: readonly Column[], rows: readonly string[][]): string[] =>
    formatTable(layout, rows, terminal.columns, (line) => terminal.style('bold', line)).split('\n');
  const figure = (value: number | null): string => (value === null ? '-' : formatCount(value));
  const share = (value: number | null): string => (value === null ? '-' : `${Math.round(value * 100)} %`);
  const head = [
    cutText(
      `ringmq top  ${view.time.replace('T', ' ').slice(0, 19)} UTC  ${counted(topics.length, 'topic')}, ${counted(new Set(groups.map(({ group }) => group)).size, 'group')}`,
      terminal.columns,
    ),
    '',
    ...table(
      BROKERS,
      brokers.map((each) => [
        each.broker,
        each.address,
        each.version ?? '-',
        figure(each.inRate),
        figure(each.outRate),
        share(each.diskRatio),
      ]),
    ),
  ];
  const tail =
    threads.length === 0
      ? []
      : [
          '',
          ...table(
            THREADS,
            threads.map((each) => [each.thread, share(each.busyShare), formatCount(each.mailboxDepth), each.address]),
          ),
        ];
  const room = Math.max(2, terminal.rows - 1 - head.length - tail.length - 5);
  const groupRows = Math.min(groups.length, Math.max(1, Math.floor(room / 2), room - topics.length));
  const topicRows = Math.min(topics.length, Math.max(1, room - groupRows));
  const hidden = topics.length - topicRows + notShown.topics + groups.length - groupRows + notShown.groups;
  return [
    ...head,
    '',
    ...table(
      TOPICS,
      topics.slice(0, topicRows).map(({ topic, rate, messages }) => [topic, figure(rate), formatCount(messages)]),
    ),
    '',
    ...table(
      GROUPS,
      groups
        .slice(0, groupRows)
        .map(({ group, topic, rate, lag, members }) => [group, topic, figure(rate), formatCount(lag), formatCount(members)]),
    ),
    ...tail,
    ...(hidden > 0 ? [terminal.style('dim', `${formatCount(hidden)} more lines do not fit`)] : []),
  ];
}

/** `ringmq bench`: a load against any broker, measured and checked for loss. Requests: 17, 310, 11, 215. */
import { randomBytes } from 'node:crypto';
import { brokerAddress, type TopicRoute } from '../../client/route-table.ts';
import { type BenchFindings, BenchLedger } from '../bench-ledger.ts';
import { Cluster, forEachOf } from '../cluster.ts';
import type { Command, CommandContext } from '../command.ts';
import { formatCount } from '../count-text.ts';
import { CommandError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Percentiles } from '../latency-histogram.ts';
import { formatDuration } from '../option-value.ts';
import { Pacer } from '../pacer.ts';
import { Progress } from '../progress.ts';
import { pullQueue } from '../puller.ts';
import { Sender } from '../sender.ts';

const COUNT_DEFAULT = 100_000;
const SIZE_DEFAULT = 1024;
const IN_FLIGHT_DEFAULT = 128;
const QUEUES_DEFAULT = 8;
/** Messages that have not come so long after the last one are lost. */
const QUIET_MS_MAX = 10_000;
const POLL_MS = 20;

export const bench: Command = async (context) => {
  const { args, environment } = context;
  const cluster = Cluster.of(args, environment);
  const given = args.text('topic');
  const topic = given ?? `ringmq-bench-${randomBytes(6).toString('hex')}`;
  // Begins here: an interruption must not leave the topic behind.
  const signal = context.interrupt();
  try {
    if (given === undefined) {
      const queues = args.number('queues') ?? QUEUES_DEFAULT;
      await cluster.admin.topics.create(topic, { readQueues: queues, writeQueues: queues });
    }
    try {
      return await measure(context, cluster, topic, signal);
    } finally {
      if (given === undefined) await cluster.admin.topics.delete(topic);
    }
  } finally {
    cluster.close();
  }
};

async function measure(context: CommandContext, cluster: Cluster, topic: string, signal: AbortSignal): Promise<number> {
  const { args, terminal } = context;
  const route = await cluster.core.routes.find(topic);
  if (route === null) throw await cluster.noSuchTopic(topic);
  if (route.writeQueues.length === 0)
    throw new CommandError('MQ_CLI_REFUSED', `Topic "${topic}" takes no messages: its permission is not to write`);
  const messages = args.number('count') ?? COUNT_DEFAULT;
  const bodyBytes = args.number('size') ?? SIZE_DEFAULT;
  const inFlight = args.number('in-flight') ?? IN_FLIGHT_DEFAULT;
  const ledger = new BenchLedger(randomBytes(8), messages, bodyBytes);
  const isConsuming = !args.isSet('no-consume');
  // A consumer of its own: one connection for sends and pulls would measure their queueing.
  const reader = isConsuming ? Cluster.of(args, context.environment) : undefined;
  const stop = new AbortController();
  const endReading = (): void => {
    stop.abort();
    reader?.close();
  };
  try {
    const reading = reader === undefined ? undefined : read(reader, await startsOf(cluster, route), ledger, stop.signal, context);
    const startedMs = performance.now();
    await load(context, cluster, route, ledger, { messages, inFlight }, signal);
    const sendSeconds = (performance.now() - startedMs) / 1000;
    if (reading !== undefined) await waitForRest(cluster, ledger, signal);
    const totalSeconds = (performance.now() - startedMs) / 1000;
    endReading();
    await reading;
    const findings = ledger.findings();
    report(context, { topic, messages, bodyBytes, inFlight, isConsuming, sendSeconds, totalSeconds }, findings);
    if (signal.aborted) terminal.note('Interrupted: what was not sent is not counted');
    return findings.failed > 0 || (isConsuming && findings.lost > 0) ? exitCodes.failed : exitCodes.stopped;
  } finally {
    endReading();
  }
}

async function load(
  { args, terminal }: CommandContext,
  cluster: Cluster,
  route: TopicRoute,
  ledger: BenchLedger,
  { messages, inFlight }: { messages: number; inFlight: number },
  signal: AbortSignal,
): Promise<void> {
  const queues = route.writeQueues;
  const addresses = new Map(queues.map(({ brokerName }) => [brokerName, brokerAddress(route, brokerName) as string]));
  const sender = new Sender(cluster, queues, addresses, 'ringmq-bench', inFlight);
  const pacer = new Pacer(args.number('rate'), performance.now());
  const progress = new Progress(terminal, 'sent', messages, performance.now());
  let firstFailure: string | undefined;
  for (let number = 0; number < messages && !signal.aborted; number++) {
    const waitMs = pacer.next(performance.now());
    if (waitMs >= 1) await cluster.core.pause(waitMs);
    if (sender.inFlight >= inFlight) await sender.room();
    void sender.send(ledger.begin(number, performance.now()), []).then((result) => {
      const nowMs = performance.now();
      if (result.error === null) ledger.acknowledged(number, nowMs);
      else ledger.failed();
      if (result.error !== null && firstFailure === undefined) {
        firstFailure = result.error;
        terminal.note(terminal.style('yellow', `First failure: ${firstFailure}`));
      }
      progress.update(ledger.answered, nowMs);
    });
  }
  await sender.drained();
  await cluster.core.pause(0);
  progress.end();
}

type Start = { readonly queue: TopicRoute['readQueues'][number]; readonly address: string; readonly from: number };

function startsOf(cluster: Cluster, route: TopicRoute): Promise<Start[]> {
  return forEachOf(route.readQueues, async (queue) => ({
    queue,
    address: brokerAddress(route, queue.brokerName) as string,
    from: await cluster.admin.queues.maxOffset(queue),
  }));
}

async function read(
  reader: Cluster,
  starts: readonly Start[],
  ledger: BenchLedger,
  signal: AbortSignal,
  { terminal }: CommandContext,
): Promise<void> {
  await Promise.all(
    starts.map(({ queue, address, from }) =>
      pullQueue({
        cluster: reader,
        queue,
        address: () => address,
        from,
        end: undefined,
        expression: '*',
        signal,
        onMessages: (records) => {
          const nowMs = performance.now();
          for (const { body } of records) ledger.seen(body, `${queue.brokerName}/${queue.queueId}`, nowMs);
          return true;
        },
        onTrouble: (text) => terminal.note(terminal.style('yellow', text)),
      }),
    ),
  );
}

/** Until all that was acknowledged has come, or nothing has for long. */
async function waitForRest(cluster: Cluster, ledger: BenchLedger, signal: AbortSignal): Promise<void> {
  let seen = ledger.received;
  let quietSinceMs = performance.now();
  while (!ledger.isComplete && performance.now() - quietSinceMs < QUIET_MS_MAX && !signal.aborted) {
    await cluster.core.pause(POLL_MS);
    if (ledger.received === seen) continue;
    seen = ledger.received;
    quietSinceMs = performance.now();
  }
}

type Done = {
  readonly topic: string;
  readonly messages: number;
  readonly bodyBytes: number;
  readonly inFlight: number;
  readonly isConsuming: boolean;
  readonly sendSeconds: number;
  readonly totalSeconds: number;
};

function report({ terminal }: CommandContext, done: Done, findings: BenchFindings): void {
  const { topic, messages, bodyBytes, inFlight, isConsuming, sendSeconds, totalSeconds } = done;
  const { sent, failed, received, lost, duplicates, outOfOrder, sendLatency, endToEndLatency } = findings;
  const sendRate = Math.round(sent / sendSeconds);
  const consumeRate = Math.round(received / totalSeconds);
  if (terminal.isJson) {
    const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;
    const consumed = isConsuming ? { received, consumeRate, lost, duplicates, outOfOrder } : NOT_CONSUMED;
    terminal.json({
      topic,
      messages,
      bodyBytes,
      inFlight,
      sent,
      failed,
      sendSeconds: round(sendSeconds),
      sendRate,
      sendLatency,
      endToEndLatency: isConsuming ? endToEndLatency : null,
      ...consumed,
    });
    return;
  }
  const megabytes = Math.round((sendRate * bodyBytes) / 100_000) / 10;
  terminal.print(
    `Sent      ${formatCount(sent)} of ${bodyBytes} bytes in ${formatDuration(sendSeconds * 1000)}: ${formatCount(sendRate)}/s, ${megabytes} MB/s, ${inFlight} in flight`,
  );
  if (failed > 0) terminal.print(terminal.style('red', `Failed    ${formatCount(failed)}`));
  if (isConsuming) {
    terminal.print(`Received  ${formatCount(received)}: ${formatCount(consumeRate)}/s`);
    const verdict = `Lost      ${formatCount(lost)}, duplicates ${formatCount(duplicates)}, out of order ${formatCount(outOfOrder)}`;
    terminal.print(terminal.style(lost > 0 ? 'red' : 'green', verdict));
  }
  terminal.print('');
  const rows: (readonly [string, Percentiles | null])[] = [['send', sendLatency]];
  if (isConsuming) rows.push(['end to end', endToEndLatency]);
  terminal.table(
    ['LATENCY (ms)', 'p50', 'p90', 'p99', 'p99.9', 'max'].map(
      (title, index) => ({ title, align: index === 0 ? 'left' : 'right' }) as const,
    ),
    rows.map(([name, values]) => [
      name,
      ...(values === null
        ? ['-', '-', '-', '-', '-']
        : [values.p50, values.p90, values.p99, values.p999, values.max].map((ms) => ms.toFixed(2))),
    ]),
  );
}

const NOT_CONSUMED = { received: null, consumeRate: null, lost: null, duplicates: null, outOfOrder: null } as const;

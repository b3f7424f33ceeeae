/**
 * An embedded cluster, measured as the package ships it (`npm run build` first): how soon it is of use, what it costs to make and unmake
 * it many times, and how long a message takes within the process, beside the same over TCP. A whole run writes results/embedded.md and .json.
 *
 *   node bench/embedded.ts [--only start,latency,rounds] [--rounds 200]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { aliOns, silentLogger } from '../test/support/ali-ons.ts';

type Ringmq = typeof import('../index.ts');
type Client = typeof import('../client/index.ts');

const root = fileURLToPath(new URL('..', import.meta.url));
const built = join(root, 'dist/index.js');
const STARTS = 20;
const WARM_UP = 3_000;
const MEASURED = 5_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'start,latency,rounds' },
    rounds: { type: 'string', default: '200' },
    /** Of the program itself, for its child processes: measure one start and print it. */
    child: { type: 'string' },
  },
});
if (!existsSync(built)) throw new Error('There is no dist/: npm run build first');
const { startCluster } = (await import(built)) as Ringmq;
const { Producer, PushConsumer } = (await import(join(root, 'dist/client/index.js'))) as Client;

const quiet = { log: () => {} };

/** From the call of `startCluster` to a message in the handler of a consumer of its own group. */
async function firstMessage(way: string): Promise<{ readyMs: number; consumedMs: number }> {
  const began = performance.now();
  const cluster = await startCluster(quiet);
  const ready = performance.now();
  let at: number | undefined;
  if (way === 'ali-ons') {
    await byAliOns(cluster.nameServerAddress);
  } else {
    const common = { nameServers: cluster.nameServerAddress, ...(way === 'in process' ? { transport: cluster.transport } : {}) };
    const producer = new Producer(common);
    const consumer = new PushConsumer({ ...common, group: 'first', consumeFrom: 'first' });
    const consumed = new Promise<void>((resolve) => void consumer.subscribe('First', () => resolve()));
    await producer.send({ topic: 'First', body: Buffer.from('hello') });
    await consumer.start();
    await consumed;
    at = performance.now();
    await producer.close();
    await consumer.close();
  }
  const consumedAt = at ?? performance.now();
  await cluster.stop();
  return { readyMs: ready - began, consumedMs: consumedAt - began };
}

/** The stock client of the same language: one message sent and consumed. */
async function byAliOns(nameServer: string): Promise<void> {
  // It does not make topics.
  const maker = new Producer({ nameServers: nameServer });
  await maker.send({ topic: 'First', body: 'made' });
  await maker.close();
  const options = { nameSrv: nameServer, httpclient: {}, logger: silentLogger };
  const producer = new aliOns.Producer({ ...options, producerGroup: 'ali' });
  const consumer = new aliOns.Consumer({ ...options, consumerGroup: 'ali', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  await producer.ready();
  await producer.send(new aliOns.Message('First', 'a', 'hello'));
  const consumed = new Promise<void>((resolve) => {
    consumer.subscribe('First', '*', async () => resolve());
  });
  await consumer.ready();
  await consumed;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function percentiles(microseconds: number[]): { p50: number; p99: number } {
  microseconds.sort((a, b) => a - b);
  return { p50: microseconds[Math.floor(microseconds.length / 2)]!, p99: microseconds[Math.floor(microseconds.length * 0.99)]! };
}

/** Each start in a process of its own: nothing is warm. */
function starts(way: string): { readyMs: number; consumedMs: number } {
  const runs = Array.from({ length: STARTS }, () => {
    const { stdout, status, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--child', way], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`a start ended with ${status}: ${stderr}`);
    return JSON.parse(stdout) as { readyMs: number; consumedMs: number };
  });
  return { readyMs: median(runs.map((run) => run.readyMs)), consumedMs: median(runs.map((run) => run.consumedMs)) };
}

/** One message at a time: from the call of `send` to its result, while nobody consumes; then, with a consumer, to its handler. */
async function latency(way: string): Promise<{ acknowledged: { p50: number; p99: number }; consumed: { p50: number; p99: number } }> {
  const cluster = await startCluster(quiet);
  const common = { nameServers: cluster.nameServerAddress, ...(way === 'in process' ? { transport: cluster.transport } : {}) };
  const producer = new Producer(common);
  const consumer = new PushConsumer({ ...common, group: 'latency', consumeFrom: 'first' });
  let heard = (): void => {};
  await consumer.subscribe('Latency', () => heard());
  const body = Buffer.alloc(128, 1);
  const acknowledged: number[] = [];
  for (let i = 0; i < WARM_UP + MEASURED; i++) {
    const began = performance.now();
    await producer.send({ topic: 'Alone', body });
    if (i >= WARM_UP) acknowledged.push((performance.now() - began) * 1000);
  }
  const consumed: number[] = [];
  await producer.send({ topic: 'Latency', body });
  await consumer.start();
  for (let i = 0; i < WARM_UP + MEASURED; i++) {
    const arrived = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const began = performance.now();
    const sent = producer.send({ topic: 'Latency', body });
    await arrived;
    const at = performance.now();
    await sent;
    if (i >= WARM_UP) consumed.push((at - began) * 1000);
  }
  await producer.close();
  await consumer.close();
  await cluster.stop();
  return { acknowledged: percentiles(acknowledged), consumed: percentiles(consumed) };
}

/** What a process holds: threads, descriptors, resources of the event loop, directories of clusters. */
function held(): { threads: number; descriptors: number; resources: number; directories: number } {
  return {
    threads: readdirSync('/proc/self/task').length,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
    directories: readdirSync(tmpdir()).filter((name) => name.startsWith(`ringmq-${process.pid}-`)).length,
  };
}

async function rounds(count: number) {
  await firstMessage('in process');
  const before = held();
  const resident: number[] = [];
  for (let round = 1; round <= count; round++) {
    await firstMessage('in process');
    resident.push(process.memoryUsage.rss() / 1e6);
    if (round % 25 === 0) process.stderr.write(`round ${round}: ${resident.at(-1)!.toFixed(1)} MB, ${JSON.stringify(held())}\n`);
  }
  const mean = (from: number, to: number): number => {
    const part = resident.slice(from - 1, to);
    return part.reduce((sum, each) => sum + each, 0) / part.length;
  };
  return { rounds: count, before, after: held(), rounds51to100Mb: mean(51, 100), rounds151to200Mb: mean(151, 200) };
}

if (values.child !== undefined) {
  process.stdout.write(`${JSON.stringify(await firstMessage(values.child))}\n`);
  process.exit(0);
}

type Results = {
  readonly date: string;
  readonly node: string;
  readonly machine: string;
  /** Of the last minute, when it began: on a busy machine the figures say little. */
  readonly load: number;
  readonly start?: Readonly<Record<string, { readonly readyMs: number; readonly consumedMs: number }>>;
  readonly latency?: Readonly<Record<string, Awaited<ReturnType<typeof latency>>>>;
  readonly rounds?: Awaited<ReturnType<typeof rounds>>;
};

function markdown(results: Results): string {
  const { start, latency: latencies, rounds: cycles } = results;
  const lines = [
    '# Embedded cluster',
    '',
    `${results.machine}, Node ${results.node}, ${results.date}, load at the beginning ${results.load.toFixed(1)}; made by \`node bench/embedded.ts\`, see there.`,
    '',
  ];
  if (start !== undefined) {
    lines.push(`Name server and broker, from the call of \`startCluster\`, median of ${STARTS} processes:`, '');
    lines.push('| client | takes traffic, ms | first message consumed, ms |', '| --- | ---: | ---: |');
    for (const [way, { readyMs, consumedMs }] of Object.entries(start))
      lines.push(`| ${way} | ${readyMs.toFixed(0)} | ${consumedMs.toFixed(0)} |`);
    lines.push('');
  }
  if (latencies !== undefined) {
    lines.push('One message of 128 bytes at a time, by `Producer` and `PushConsumer`, µs:', '');
    lines.push('| way | send to acknowledgement p50 | p99 | send to consumed p50 | p99 |', '| --- | ---: | ---: | ---: | ---: |');
    for (const [way, { acknowledged, consumed }] of Object.entries(latencies)) {
      const figures = [acknowledged.p50, acknowledged.p99, consumed.p50, consumed.p99].map((each) => each.toFixed(0));
      lines.push(`| ${way} | ${figures.join(' | ')} |`);
    }
    lines.push('');
  }
  if (cycles !== undefined) {
    const text = (what: ReturnType<typeof held>): string =>
      `${what.threads} threads, ${what.descriptors} descriptors, ${what.resources} resources of the event loop, ${what.directories} directories`;
    lines.push(`${cycles.rounds} rounds of start, message and stop in one process:`, '');
    lines.push(`- held before: ${text(cycles.before)}; after: ${text(cycles.after)}`);
    lines.push(
      `- resident, mean of rounds 51–100: ${cycles.rounds51to100Mb.toFixed(1)} MB; of rounds 151–200: ${cycles.rounds151to200Mb.toFixed(1)} MB`,
      '',
    );
  }
  return lines.join('\n');
}

const only = values.only.split(',');
const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  machine: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
  load: loadavg()[0] ?? 0,
  ...(only.includes('start') ? { start: { 'in process': starts('in process'), TCP: starts('tcp'), 'ali-ons': starts('ali-ons') } } : {}),
  ...(only.includes('latency') ? { latency: { 'in process': await latency('in process'), TCP: await latency('tcp') } } : {}),
  ...(only.includes('rounds') ? { rounds: await rounds(Number(values.rounds)) } : {}),
};
process.stdout.write(`${markdown(results)}\n`);
if (only.length === 3) {
  writeFileSync(join(root, 'bench/results/embedded.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(root, 'bench/results/embedded.md'), markdown(results));
}
process.exit(0);

/**
 * `npm run bench`: the Java broker and ringmq in turn under the same load, then ringmq again with four shards; writes one
 * table of ratios and the raw figures to `results/`. Owns the processes that it starts, one peer at a time.
 *
 *   --quick            about a third of the time, fewer workloads
 *   --only A,B         these workloads
 *   --no-java          ringmq alone
 *   --no-build         take `dist/` as it is
 *   --flush sync       synchronous flush: the workloads that have bounds for it, unless --only names others
 *   --shards N         shards of the second ringmq column (4); 0 leaves it out
 *   --out NAME         results/NAME.json and .md (against-java, or against-java-sync)
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { JavaPeer } from './java-peer.ts';
import { type LoadResult, runLoad } from './load-generator.ts';
import type { Peer } from './peer.ts';
import { type Column, problemsOf, type Report, toMarkdown } from './report.ts';
import { RingmqPeer } from './ringmq-peer.ts';
import { durations, type Workload, workloads } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    'no-java': { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    flush: { type: 'string', default: 'async' },
    shards: { type: 'string', default: '4' },
    out: { type: 'string' },
  },
});
if (options.flush !== 'async' && options.flush !== 'sync') throw new Error(`--flush ${options.flush}: async or sync`);
const flush: 'async' | 'sync' = options.flush;
const only = options.only?.split(',');
const times = durations(options.quick);
const kept = `bench_kept_${process.pid}`;
const chosen = workloads(times, kept).filter(({ name, isQuick, sync }) =>
  only !== undefined ? only.includes(name) : flush === 'sync' ? sync !== undefined : isQuick || !options.quick,
);
const isChosen = (name: string): boolean => (only === undefined ? flush === 'async' : only.includes(name));

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function show(result: LoadResult): void {
  const wanted = [
    'server_cpu_us_per_msg',
    'write_server_cpu_us_per_msg',
    'read_server_cpu_us_per_msg',
    'msgs_per_s',
    'lat_p50_us',
    'lat_p99_us',
    'e2e_p50_us',
    'e2e_p99_us',
    'readable_p99_us',
    'first_send_ms',
    'server_cpu_cores',
    'server_peak_rss_mb',
    'lost',
    'errors',
    'other_cpu_cores',
  ];
  const figures = wanted.filter((key) => result.metrics[key] !== undefined).map((key) => `${key}=${result.metrics[key]}`);
  say(`  ${result.name.padEnd(18)} ${figures.join(' ')}${result.ok ? '' : `  PROBLEM: ${(result.problems ?? []).join('; ')}`}`);
}

/** From the start of its processes to the first acknowledged send; then memory and CPU with nothing to do. */
async function startMeasured(peer: Peer): Promise<LoadResult> {
  const since = BigInt(Date.now()) * 1_000_000n;
  const first = runLoad('startup', 'firstsend', ['--ns', peer.nameServer, '--since', String(since)]);
  await peer.start();
  const startup = await first;
  // Five seconds to come to rest, for both brokers alike.
  const isIdle = ['--duration', '5s', '--server-pid', peer.pids.join(',')];
  await runLoad('startup', 'idle', isIdle);
  const idle = await runLoad('startup', 'idle', isIdle);
  return { ...startup, metrics: { ...startup.metrics, ...idle.metrics } };
}

/** 10 000 sends a second on one topic beside a flood of batches on another, held to half of what that can do alone. */
async function floodBeside(peer: Peer): Promise<LoadResult> {
  const batches = ['--ns', peer.nameServer, '--conns', '2', '--window', '8', '--size', '128', '--batch', '32', '--drop'];
  const alone = await runLoad('flood_alone', 'send', [...batches, '--duration', '3s', '--warmup', '1s']);
  const half = Math.round((alone.metrics['msgs_per_s'] ?? 0) / 2);
  const [flood, beside] = await Promise.all([
    runLoad('flood', 'send', [...batches, '--duration', times.measured, '--warmup', '3s', '--rate', String(half)]),
    runLoad('flood_beside', 'e2e', [
      '--ns',
      peer.nameServer,
      '--rate',
      '10000',
      '--conns',
      '2',
      '--size',
      '128',
      '--duration',
      times.measured,
      '--warmup',
      '2s',
      '--drop',
    ]),
  ]);
  return {
    ...beside,
    ok: beside.ok && flood.ok,
    problems: [...(beside.problems ?? []), ...(flood.problems ?? []).map((problem) => `flood: ${problem}`)],
    metrics: {
      ...beside.metrics,
      flood_msgs_per_s: flood.metrics['msgs_per_s'] ?? 0,
      flood_alone_msgs_per_s: alone.metrics['msgs_per_s'] ?? 0,
    },
  };
}

async function warmUp(peer: Peer): Promise<void> {
  const to = ['--ns', peer.nameServer, '--topic', `warm_${process.pid}`];
  await runLoad('warm', 'send', [
    ...to,
    '--conns',
    '4',
    '--window',
    '64',
    '--size',
    '512',
    '--duration',
    times.javaWarmup,
    '--warmup',
    '0s',
  ]);
  await runLoad('warm', 'pull', [...to, '--conns', '2']);
  await runLoad('warm', 'e2e', ['--ns', peer.nameServer, '--rate', '3000', '--duration', '3s', '--warmup', '0s', '--drop']);
}

function touchMemory(gib: number): void {
  const program = fileURLToPath(new URL('touch-memory.ts', import.meta.url));
  const { status } = spawnSync(process.execPath, [program, String(gib)], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}

async function measure(peer: Peer): Promise<Column> {
  say(peer.label);
  const results: LoadResult[] = [];
  const take = (result: LoadResult): void => {
    results.push(result);
    show(result);
  };
  try {
    take(await startMeasured(peer));
    await warmUp(peer);
    for (const workload of chosen) {
      if (workload.touchesGiB !== undefined) touchMemory(workload.touchesGiB);
      const flags = ['--ns', peer.nameServer, '--server-pid', peer.pids.join(','), ...workload.flags];
      take(await runLoad(workload.name, workload.mode, flags));
    }
    if (isChosen('flood_beside')) take(await floodBeside(peer));
  } finally {
    await peer.stop();
  }
  return { label: peer.label, results };
}

function needsKept(list: readonly Workload[]): boolean {
  return list.some(({ mode }) => mode === 'pull') && !list.some(({ name }) => name === 'send_async_1k');
}

if (needsKept(chosen)) chosen.unshift(...workloads(times, kept).filter(({ name }) => name === 'send_async_1k'));
if (!options['no-build']) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    stdio: 'inherit',
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  if (status !== 0) throw new Error(`npm run build ended with ${status}`);
}
const peers: (() => Promise<Peer>)[] = [];
if (!options['no-java']) peers.push(() => JavaPeer.create(flush));
peers.push(() => RingmqPeer.create(flush, 0));
if (Number(options.shards) > 0) peers.push(() => RingmqPeer.create(flush, Number(options.shards)));
const columns: Column[] = [];
for (const create of peers) columns.push(await measure(await create()));
const report: Report = {
  date: new Date().toISOString().slice(0, 16),
  machine: `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, Linux ${release()}, Node ${process.versions.node}`,
  flush,
  isQuick: options.quick,
  columns,
};
const markdown = toMarkdown(report, chosen);
const folder = fileURLToPath(new URL('results/', import.meta.url));
mkdirSync(folder, { recursive: true });
const name = options.out ?? (flush === 'sync' ? 'against-java-sync' : 'against-java');
writeFileSync(`${folder}${name}.json`, `${JSON.stringify(report, null, 1)}\n`);
writeFileSync(`${folder}${name}.md`, markdown);
process.stdout.write(markdown);
process.exitCode = problemsOf(columns).length === 0 ? 0 : 1;

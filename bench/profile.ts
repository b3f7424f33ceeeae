/**
 * Where the processor time of a message goes: each workload of `npm run bench` against ringmq alone, divided among its threads, user and
 * system, with how often they slept. Writes results/profile.md; docs/performance.md explains it.
 *
 *   node bench/profile.ts [--only A,B] [--flush sync]
 *
 * Reads /proc, so it needs Linux. Build first: npm run build.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runLoad } from './load-generator.ts';
import { RingmqPeer } from './ringmq-peer.ts';
import { durations, workloads } from './workloads.ts';

const { values } = parseArgs({ options: { only: { type: 'string' }, flush: { type: 'string', default: 'async' } } });
if (values.flush !== 'async' && values.flush !== 'sync') throw new Error(`--flush ${values.flush}: async or sync`);
const flush = values.flush;
const only = values.only?.split(',');

/** The kernel's clock ticks of /proc are hundredths of a second. */
const TICKS_PER_SECOND = 100;
const KEPT_TOPIC = `profile_${process.pid}`;
const KINDS = ['shard', 'log', 'sync', 'store', 'reader', 'V8Worker'] as const;
type Kind = (typeof KINDS)[number] | 'other';
type Use = { user: number; system: number; sleeps: number };

function kindOf(thread: string): Kind {
  return KINDS.find((kind) => thread.startsWith(kind)) ?? 'other';
}

function usage(pid: number): Map<Kind, Use> {
  const uses = new Map<Kind, Use>();
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${task}`;
    const stat = readFileSync(`${folder}/stat`, 'utf8');
    // The name in brackets may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const kind = kindOf(readFileSync(`${folder}/comm`, 'utf8').trim());
    const use = uses.get(kind) ?? { user: 0, system: 0, sleeps: 0 };
    use.user += Number(fields[11]) / TICKS_PER_SECOND;
    use.system += Number(fields[12]) / TICKS_PER_SECOND;
    use.sleeps += Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1] ?? 0);
    uses.set(kind, use);
  }
  return uses;
}

function between(before: Map<Kind, Use>, after: Map<Kind, Use>): Map<Kind, Use> {
  const none: Use = { user: 0, system: 0, sleeps: 0 };
  const entries = [...after].map(([kind, use]): [Kind, Use] => {
    const was = before.get(kind) ?? none;
    return [kind, { user: use.user - was.user, system: use.system - was.system, sleeps: use.sleeps - was.sleeps }];
  });
  return new Map(entries);
}

const shown = workloads(durations(true), KEPT_TOPIC).filter(({ name, mode, sync }) => {
  if (mode === 'idle') return false;
  return only === undefined ? flush === 'async' || sync !== undefined : only.includes(name) || name === 'send_async_1k';
});
const columns: readonly Kind[] = ['shard', 'log', 'sync', 'store', 'reader', 'V8Worker', 'other'];
const lines = [
  `# Where the time of a message goes`,
  '',
  `${new Date().toISOString().slice(0, 16)}, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, Linux ${release()}, Node ${process.versions.node}, flush ${flush}; made by \`node bench/profile.ts\`.`,
  '',
  'CPU µs a message by thread, user + system, warm-up included; how often threads slept for 1000 messages.',
  '',
  `| workload | all | ${columns.join(' | ')} | sleeps |`,
  `| --- | ---: |${columns.map(() => ' ---: |').join('')} ---: |`,
];
const peer = await RingmqPeer.create(flush, 0);
await peer.start();
try {
  const pid = peer.pids[0]!;
  await runLoad('warm', 'send', [
    '--ns',
    peer.nameServer,
    '--conns',
    '4',
    '--window',
    '64',
    '--size',
    '512',
    '--duration',
    '3s',
    '--warmup',
    '0s',
    '--drop',
  ]);
  for (const workload of shown) {
    const before = usage(pid);
    const flags = ['--ns', peer.nameServer, '--server-pid', String(pid), ...workload.flags];
    const { metrics, ok, problems } = await runLoad(workload.name, workload.mode, flags);
    if (!ok) throw new Error(`${workload.name}: ${problems?.join('; ')}`);
    const used = between(before, usage(pid));
    const seconds = [...used.values()].reduce((sum, { user, system }) => sum + user + system, 0);
    const perMessage =
      metrics['server_cpu_us_per_msg'] ?? (metrics['write_server_cpu_us_per_msg'] ?? 0) + (metrics['read_server_cpu_us_per_msg'] ?? 0);
    const messages = (seconds / perMessage) * 1e6;
    const cell = (kind: Kind): string => {
      const use = used.get(kind);
      if (use === undefined || use.user + use.system === 0) return '';
      return `${((use.user / messages) * 1e6).toPrecision(2)} + ${((use.system / messages) * 1e6).toPrecision(2)}`;
    };
    const sleeps = ([...used.values()].reduce((sum, use) => sum + use.sleeps, 0) / messages) * 1000;
    lines.push(`| ${workload.name} | ${perMessage.toPrecision(3)} | ${columns.map(cell).join(' | ')} | ${sleeps.toPrecision(2)} |`);
    process.stderr.write(`${lines.at(-1)}\n`);
  }
} finally {
  await peer.stop();
}
const file = fileURLToPath(new URL(`results/profile${flush === 'sync' ? '-sync' : ''}.md`, import.meta.url));
writeFileSync(file, `${lines.join('\n')}\n`);

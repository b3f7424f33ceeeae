/**
 * `npm run nightly`: what takes longer than CI allows. Runs the stages below one after the other, each with its own limit of
 * time, and writes what came out to `results/nightly.json`, where stages that did not run keep their last result. Exit code 1
 * when one failed.
 *
 *   stress   the ring between real threads, 10^8 records and more (`stress-ring.ts`)
 *   fuzz     every decoder's fuzz test with many more inputs and a fresh seed (FUZZ_INPUTS, FUZZ_SEED)
 *   damage   10^5 bits of a stored log flipped, 10^4 files cut off: no start fails, no wrong message is shown
 *   interop  every scenario of every stock client
 *   soak     a steady load for a long time: nothing lost, memory flat
 *   kill     kill -9 under load, again and again
 *   chaos    every fault of `npm run chaos`, many rounds
 *   recovery how long starts take: tails, 100 GiB of log, 100 000 queues (`recovery.ts`)
 *   queries  keys among millions, long backlogs, cold reads beside hot sends (`queries.ts`)
 *   pressure clients that do not read, 10 000 idle connections, a disk that stalls for 30 s: memory stays flat (`back-pressure.ts`)
 *   held     10 000 held pulls on a quiet topic: what they cost (`held-pulls.ts`)
 *
 * --only A,B chooses stages; --soak-minutes N (30), --fuzz-inputs N (100000000), --kills N (30) and --chaos-rounds N (1000) their size.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRingmq } from '../test/support/start-ringmq.ts';
import { runLoad } from './load-generator.ts';
import { machineName } from './machine-name.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    'soak-minutes': { type: 'string', default: '30' },
    'fuzz-inputs': { type: 'string', default: '100000000' },
    'chaos-rounds': { type: 'string', default: '1000' },
    kills: { type: 'string', default: '30' },
  },
});

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Private memory that a broker may gain over a soak: caches fill, nothing else grows. */
const SOAK_GROWTH_MAX_MB = 32;
/** What 10 000 held pulls may cost while nothing comes. */
const HELD_PULLS = 10_000;
const HELD_CORES_MAX = 0.01;

type Stage = { ok: boolean; date: string; seconds: number; detail: Record<string, unknown> };
type Outcome = Pick<Stage, 'ok' | 'detail'>;

/** Runs a script of the project with this Node; its last lines are part of the result. */
function script(args: readonly string[], env: Record<string, string>, minutesMax: number): Promise<{ ok: boolean; tail: string[] }> {
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-20_000);
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), minutesMax * 60_000);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ ok: false, tail: [error.message] }));
    child.once('close', (code) => {
      clearTimeout(limit);
      resolve({ ok: code === 0, tail: output.trim().split('\n').slice(-12) });
    });
  });
}

async function stress(): Promise<Outcome> {
  if (!existsSync(`${ROOT}/bench/stress-ring.ts`)) return { ok: false, detail: { reason: 'bench/stress-ring.ts is missing' } };
  const { ok, tail } = await script(['bench/stress-ring.ts'], {}, 60);
  return { ok, detail: { tail } };
}

async function fuzz(): Promise<Outcome> {
  const files = globSync('test/**/*fuzz*.test.ts', { cwd: ROOT });
  if (files.length === 0) return { ok: false, detail: { reason: 'no test/**/*fuzz*.test.ts' } };
  const seed = String(Math.floor(Math.random() * 2 ** 31));
  const { ok, tail } = await script(['--test', ...files], { FUZZ_INPUTS: options['fuzz-inputs'], FUZZ_SEED: seed }, 240);
  return { ok, detail: { files, inputs: Number(options['fuzz-inputs']), seed, tail } };
}

async function damage(): Promise<Outcome> {
  const { ok, tail } = await script(
    ['--test', '--test-timeout=7200000', 'test/storage/open-store.test.ts'],
    { DAMAGE_RUNS: '100000' },
    120,
  );
  return { ok, detail: { tail } };
}

async function interop(): Promise<Outcome> {
  const { ok, tail } = await script(['test/compatibility/run.ts', '--shards', '1,2,4'], {}, 60);
  return { ok, detail: { tail } };
}

async function soak(): Promise<Outcome> {
  const ringmq = await startRingmq({ shards: 2 });
  try {
    const common = [
      '--ns',
      ringmq.nameServer,
      '--server-pid',
      String(ringmq.pid),
      '--rate',
      '5000',
      '--conns',
      '4',
      '--size',
      '512',
      '--drop',
    ];
    // Caches, pools and compiled code have their size after the first minute.
    const first = await runLoad('soak_start', 'e2e', [...common, '--duration', '60s', '--warmup', '5s']);
    const long = await runLoad('soak', 'e2e', [...common, '--duration', `${options['soak-minutes']}m`, '--warmup', '5s']);
    const growth = (long.metrics['server_peak_anon_mb'] ?? 0) - (first.metrics['server_peak_anon_mb'] ?? 0);
    return { ok: first.ok && long.ok && growth <= SOAK_GROWTH_MAX_MB, detail: { growthMb: growth, first, long } };
  } finally {
    await ringmq.destroy();
  }
}

async function kill(): Promise<Outcome> {
  const rounds: { ok: boolean; tail: string[] }[] = [];
  for (let round = 0; round < Number(options.kills); round++) rounds.push(await script(['--test', 'test/broker/restart.test.ts'], {}, 10));
  const failed = rounds.filter(({ ok }) => !ok);
  return { ok: failed.length === 0, detail: { rounds: rounds.length, failed: failed.length, tail: failed[0]?.tail ?? [] } };
}

/** A script that writes its own file of results. */
async function reporting(path: string, minutesMax: number, ...args: string[]): Promise<Outcome> {
  const { ok, tail } = await script([path, ...args], {}, minutesMax);
  return { ok, detail: { tail } };
}

async function held(): Promise<Outcome> {
  const ringmq = await startRingmq({ shards: 1 });
  try {
    const { ok, tail } = await script(['bench/held-pulls.ts', ringmq.broker, String(ringmq.pid), String(HELD_PULLS), '20'], {}, 3);
    if (!ok) return { ok, detail: { tail } };
    const figures = JSON.parse(tail.at(-1) ?? '{}') as { answered?: number; failed?: number; cores?: number };
    // An answer within the time would be a pull that was not held.
    const areHeld = figures.answered === 0 && figures.failed === 0;
    return { ok: areHeld && (figures.cores ?? 1) <= HELD_CORES_MAX, detail: { ...figures, coresMax: HELD_CORES_MAX } };
  } finally {
    await ringmq.destroy();
  }
}

const stages: Record<string, () => Promise<Outcome>> = {
  stress,
  fuzz,
  damage,
  interop,
  soak,
  kill,
  held,
  chaos: () => reporting('test/chaos/run.ts', 120, '--rounds', options['chaos-rounds']),
  recovery: () => reporting('bench/recovery.ts', 30, '--write'),
  queries: () => reporting('bench/queries.ts', 30, '--write'),
  pressure: () => reporting('bench/back-pressure.ts', 30, '--write'),
};
const results: Record<string, Stage> = {};
for (const name of options.only?.split(',') ?? Object.keys(stages)) {
  const begin = performance.now();
  process.stderr.write(`nightly: ${name}\n`);
  let outcome: Outcome;
  try {
    const stage = stages[name];
    if (stage === undefined) throw new Error(`No stage ${name}; there are ${Object.keys(stages).join(', ')}`);
    outcome = await stage();
  } catch (error) {
    outcome = { ok: false, detail: { reason: String(error) } };
  }
  results[name] = {
    ok: outcome.ok,
    date: new Date().toISOString().slice(0, 16),
    seconds: Math.round((performance.now() - begin) / 1000),
    detail: outcome.detail,
  };
  process.stdout.write(`${outcome.ok ? 'ok  ' : 'FAIL'} ${name} ${results[name].seconds} s\n`);
}
const path = `${ROOT}/bench/results/nightly.json`;
const last = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { results: Record<string, Stage> }).results : {};
const report = {
  machine: machineName(),
  results: { ...last, ...results },
};
mkdirSync(`${ROOT}/bench/results`, { recursive: true });
writeFileSync(path, `${JSON.stringify(report, null, 1)}\n`);
process.exitCode = Object.values(results).every(({ ok }) => ok) ? 0 : 1;

/**
 * `npm run sim`: runs seeds on all processors and says which of them found something; or all planted bugs, and by which seed each was
 * found. Every line that names a failing seed has the command that runs it again. Exit code 0: nothing was found (or each planted bug).
 *
 *   npm run sim -- --seeds 1000            seeds 1 to 1000
 *   npm run sim -- --seed 17 --verbose     one seed, with its trace
 *   npm run sim -- --seeds 500 --fresh     seeds that nobody has run before
 *   npm run sim -- --ms 60000 --fresh      as many as fit into this time; --fixed 500: after the first 500
 *   npm run sim -- --ms 60000 --from-commit  as --fresh, from a number that the files of the last commit give: the same seeds for the same commit
 *   npm run sim -- --transactions          with half messages in every world; together with any of the others
 *   npm run sim -- --any-step              threads die between any two stores to shared memory; together with any of the others
 *   npm run sim -- --planted               the planted bugs; --only NAME: one of them
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { plantedBugs } from './planted/planted-bugs.ts';
import { preload } from './preload.ts';
import { runSeed } from './run-seed.ts';
import type { Scenario } from './scenario.ts';
import type { SeedAnswer, SeedQuestion } from './seed-worker.ts';

const PLANTED_SEEDS_MAX = 1000;
/** Told again at the end, each with its first problems. */
const TOLD_AT_END_MAX = 20;
const PROBLEMS_TOLD_MAX = 3;
const TICK_MS = 10_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    ms: { type: 'string' },
    fresh: { type: 'boolean', default: false },
    'from-commit': { type: 'boolean', default: false },
    fixed: { type: 'string' },
    planted: { type: 'boolean', default: false },
    only: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    transactions: { type: 'boolean', default: false },
    'any-step': { type: 'boolean', default: false },
    workers: { type: 'string' },
  },
});

function whole(name: 'seeds' | 'seed' | 'ms' | 'fixed' | 'workers', otherwise: number): number {
  const text = values[name];
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) {
    console.error(`--${name} must be a whole number, not ${text}`);
    process.exit(2);
  }
  return number;
}

/** What every world has. */
const asked: Partial<Scenario> = {
  ...(values.transactions ? { transactions: true } : {}),
  ...(values['any-step'] ? { anyStep: true } : {}),
};

const workersWanted = Math.max(1, whole('workers', availableParallelism()));

/** Runs `ask` for one seed after the other on every worker until it gives no more; `hear` gets each answer. */
async function onAllWorkers(next: () => SeedQuestion | null, hear: (answer: SeedAnswer) => void): Promise<void> {
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./seed-worker.ts', import.meta.url));
      const go = (): void => {
        const question = next();
        if (question === null) void worker.terminate().then(() => resolve());
        else worker.postMessage(question);
      };
      worker.on('message', (answer: SeedAnswer) => {
        hear(answer);
        go();
      });
      worker.on('error', reject);
      go();
    });
  await Promise.all(Array.from({ length: workersWanted }, one));
}

/** Where seeds begin that nobody chose: behind the fixed ones. */
const FRESH_LEAST = 1_000_000;
const FRESH_RANGE = 2 ** 30;

function freshSeed(): number {
  return FRESH_LEAST + Math.floor(Math.random() * FRESH_RANGE);
}

/** Decided by what is committed, so that a verdict on it can be had again, and each change of it is looked at with other seeds. Without git as `freshSeed`. */
function seedOfCommit(): number {
  let tree: string;
  try {
    tree = execFileSync('git', ['rev-parse', 'HEAD^{tree}'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    console.log('there is no commit here to take seeds from: fresh ones');
    return freshSeed();
  }
  return FRESH_LEAST + (createHash('sha256').update(tree.trim()).digest().readUInt32BE(0) % FRESH_RANGE);
}

function replay(seed: number, bug: string | null = null): string {
  return `npm run sim -- --seed ${seed} --verbose${values.transactions ? ' --transactions' : ''}${values['any-step'] ? ' --any-step' : ''}${bug === null ? '' : ` --only ${bug}`}`;
}

async function runSeeds(): Promise<number> {
  const msMax = whole('ms', 0);
  const count = whole('seeds', msMax > 0 ? Number.MAX_SAFE_INTEGER : 1000);
  // The same ones every time, before those that nobody has run.
  const isChosen = !values.fresh && !values['from-commit'];
  const fixed = isChosen ? 0 : whole('fixed', 0);
  const first = isChosen ? whole('seed', 1) : values['from-commit'] ? seedOfCommit() : freshSeed();
  if (!isChosen) console.log(`${fixed > 0 ? `seeds 1 to ${fixed}, then ` : ''}seeds from ${first} on`);
  const began = performance.now();
  let given = 0;
  let done = 0;
  let failed = 0;
  const failures: string[] = [];
  let told = began;
  const totals: Record<string, number> = {};
  const next = (): SeedQuestion | null => {
    if (given >= count || (msMax > 0 && performance.now() - began > msMax)) return null;
    const number = given++;
    return { seed: number < fixed ? number + 1 : first + number - fixed, bug: null, scenario: asked };
  };
  await onAllWorkers(next, ({ seed, result }) => {
    done++;
    for (const [name, value] of Object.entries(result.counts)) totals[name] = (totals[name] ?? 0) + value;
    if (result.problems.length > 0) {
      failed++;
      const problems = result.problems.slice(0, PROBLEMS_TOLD_MAX).map((problem) => `\n    ${problem}`);
      const failure = `seed ${seed} found something; run it again: ${replay(seed)}${problems.join('')}`;
      console.log(failure);
      if (failures.length < TOLD_AT_END_MAX) failures.push(failure);
    }
    if (performance.now() - told > TICK_MS) {
      told = performance.now();
      console.log(`${done} seeds, ${failed} failed`);
    }
  });
  const seconds = (performance.now() - began) / 1000;
  const fresh = Math.max(0, given - fixed);
  const which = `${fixed > 0 ? `seeds 1 to ${Math.min(fixed, given)} and ` : ''}${fresh > 0 ? `seeds ${first} to ${first + fresh - 1}` : 'no others'}`;
  console.log(
    `${which} in ${seconds.toFixed(1)} s on ${workersWanted} threads, ${((seconds * 1000) / Math.max(1, done)).toFixed(0)} ms each`,
  );
  console.log(
    `of all: ${Object.entries(totals)
      .sort()
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
  );
  // Once more where a long output, or its folded end, still shows it.
  if (failures.length > 0) console.log(`\n${failed} of ${done} seeds found something:\n${failures.join('\n')}`);
  console.log(`${done - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function runOne(seed: number): Promise<number> {
  await preload();
  const planted = values.only === undefined ? null : (plantedBugs.find(({ name }) => name === values.only) ?? null);
  if (values.only !== undefined && planted === null) {
    console.error(`there is no planted bug '${values.only}': ${plantedBugs.map(({ name }) => name).join(' ')}`);
    return 2;
  }
  const onTrace = (atMs: number, text: string): void => console.log(`${atMs.toFixed(3).padStart(10)}  ${text}`);
  const scenario = { ...asked, ...(planted?.transactions === true ? { transactions: true } : {}) };
  const result = await runSeed(seed, { ...(values.verbose ? { onTrace } : {}), bug: planted, scenario });
  for (const problem of result.problems) console.log(`    ${problem}`);
  console.log(`seed ${seed}: trace ${result.traceHash}, ${result.steps} steps, ${result.virtualMs} ms of virtual time`);
  console.log(`${result.problems.length === 0 ? 1 : 0} passed, ${result.problems.length === 0 ? 0 : 1} failed`);
  return result.problems.length === 0 ? 0 : 1;
}

async function runPlanted(): Promise<number> {
  const bugs = plantedBugs.filter(({ name }) => values.only === undefined || name === values.only);
  const max = whole('seeds', PLANTED_SEEDS_MAX);
  const found = new Map<string, { seed: number; problem: string }>();
  let bugAt = 0;
  let seed = 0;
  const next = (): SeedQuestion | null => {
    for (; bugAt < bugs.length; bugAt++, seed = 0) {
      const bug = bugs[bugAt]!;
      if (!found.has(bug.name) && seed < max)
        return { seed: ++seed, bug: bug.name, scenario: { ...asked, ...(bug.transactions === true ? { transactions: true } : {}) } };
    }
    return null;
  };
  await onAllWorkers(next, ({ seed: asked, bug, result }) => {
    const problem = result.problems[0];
    if (bug === null || problem === undefined) return;
    const before = found.get(bug);
    if (before === undefined) console.log(`${bug} is found by seed ${asked}: ${replay(asked, bug)}`);
    if (before === undefined || before.seed > asked) found.set(bug, { seed: asked, problem });
  });
  for (const { name, what } of bugs) {
    const by = found.get(name);
    console.log(`${name.padEnd(34)} ${by === undefined ? 'NOT FOUND' : `seed ${String(by.seed).padStart(4)}`}  ${what}`);
    if (by !== undefined) console.log(`${' '.repeat(35)}${by.problem.slice(0, 160)}`);
  }
  const missing = bugs.filter(({ name }) => !found.has(name));
  console.log(`${bugs.length - missing.length} passed, ${missing.length} failed`);
  return missing.length === 0 ? 0 : 1;
}

const code = values.planted
  ? await runPlanted()
  : values.seed !== undefined && values.seeds === undefined
    ? await runOne(whole('seed', 1))
    : await runSeeds();
process.exit(code);

/** Seed worker: a thread that runs one seed after the other for `main.ts`. One a processor; a seed that throws ends it, which is a bug of the simulation. */
import assert from 'node:assert/strict';
import { parentPort } from 'node:worker_threads';
import { plantedBugs } from './planted/planted-bugs.ts';
import { preload } from './preload.ts';
import { runSeed } from './run-seed.ts';
import type { Scenario } from './scenario.ts';
import type { WorldResult } from './world.ts';

export type SeedQuestion = { readonly seed: number; readonly bug: string | null; readonly scenario: Partial<Scenario> };
export type SeedAnswer = SeedQuestion & { readonly result: WorldResult };

assert(parentPort !== null, 'seed-worker.ts runs in a worker thread only');
const port = parentPort;
const loaded = preload();

port.on('message', ({ seed, bug, scenario }: SeedQuestion) => {
  const planted = plantedBugs.find(({ name }) => name === bug) ?? null;
  loaded
    .then(() => runSeed(seed, { bug: planted, scenario }))
    .then(
      (result) => port.postMessage({ seed, bug, scenario, result } satisfies SeedAnswer),
      (thrown: unknown) => {
        throw new Error(`Seed ${seed}${bug === null ? '' : ` with ${bug}`} broke the simulation itself`, { cause: thrown });
      },
    );
});

/**
 * The whole broker in simulated worlds (sim/): a few fixed seeds find nothing, and a seed is a run: the same one gives the same trace.
 * Many seeds and the planted bugs are `npm run sim`.
 */
import tap, { test } from 'tap';
import { preload } from '../../sim/preload.ts';
import { runSeed } from '../../sim/run-seed.ts';

tap.setTimeout(240_000);

const SEEDS = [1, 2, 3, 5, 17, 101, 159];

test('simulation: the same seed gives the same trace, another one another', { timeout: 120_000 }, async (t) => {
  await preload();
  const first = await runSeed(3);
  const second = await runSeed(3);
  const other = await runSeed(4);
  t.equal(second.traceHash, first.traceHash);
  t.same(second.counts, first.counts);
  t.not(other.traceHash, first.traceHash);
});

for (const seed of SEEDS) {
  test(`simulation: nothing acknowledged is lost, nothing unsent is there (seed ${seed})`, { timeout: 120_000 }, async (t) => {
    await preload();
    const result = await runSeed(seed);
    t.same(result.problems, [], `npm run sim -- --seed ${seed} --verbose`);
    t.ok((result.counts['sent'] ?? 0) > 0, 'there was something to look at');
  });
}

/**
 * Power cuts, one after the other, in synchronous flush, while half messages are committed. When an op record counted although the message
 * that it was stored with was torn, 2 of 100 such worlds lost one.
 */
import { test } from 'tap';
import { preload } from '../../sim/preload.ts';
import { runSeed } from '../../sim/run-seed.ts';
import type { Scenario } from '../../sim/scenario.ts';

const CUTS = 8;
const LOAD_MS = 3_200;
const SEEDS = [5074, 5081, 5082, 5083, 5084, 5085];

const NO_OTHER_FAULTS = { threadDeathsPer10000: 0, shardDeaths: 0, diskErrorsPer10000: 0, failedSync: null, fullMs: 0 };
const NO_OTHER_LOAD = { offsets: false, timers: false, delays: false };

for (const seed of SEEDS) {
  test(`simulation: a power cut ends no half message without its message (seed ${seed})`, async (t) => {
    await preload();
    const crashes = Array.from({ length: CUTS }, (_, number) => ({
      atMs: 250 + (number * (LOAD_MS - 250)) / CUTS,
      kind: 'power' as const,
      inCall: number % 2 === 0,
    }));
    const load = { loadMs: LOAD_MS, gapMs: 40, segmentBytes: 128 * 1024, syncMs: 20, crashes };
    const scenario: Partial<Scenario> = { transactions: true, syncFlush: true, ...load, ...NO_OTHER_FAULTS, ...NO_OTHER_LOAD };
    const { problems, counts } = await runSeed(seed, { scenario });
    t.same(problems, []);
    t.ok((counts['halves'] ?? 0) > 5 && (counts['ends by power'] ?? 0) > 3, `it was not idle: ${counts['halves']} half messages`);
  });
}

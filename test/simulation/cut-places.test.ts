/**
 * Power cuts in asynchronous flush whose committed offsets outlast the messages that they count: the log is synced seldom, the offsets each
 * second. Where the offsets were left beyond the ends of their queues, groups passed over what was stored there next.
 */
import { test } from 'tap';
import { preload } from '../../sim/preload.ts';
import { runSeed } from '../../sim/run-seed.ts';
import type { Scenario } from '../../sim/scenario.ts';

const SEEDS = [3, 29, 30];
const KINDS = ['power', 'kill', 'power', 'power', 'kill'] as const;

const NO_OTHER_FAULTS = { threadDeathsPer10000: 0, shardDeaths: 0, diskErrorsPer10000: 0, failedSync: null, fullMs: 0 };
const NO_OTHER_LOAD = { timers: false, delays: false, transactions: false, filters: false };

test('simulation: places beyond what a power cut has left are set back before anything is stored', { timeout: 120_000 }, async (t) => {
  await preload();
  let cuts = 0;
  for (const seed of SEEDS) {
    const crashes = KINDS.map((kind, index) => ({ atMs: 300 + index * 1_000 + (seed % 7) * 40, kind, inCall: seed % 2 === 0 }));
    const load = { loadMs: 5_500, gapMs: 60, crashes, offsets: true, pops: seed % 2 === 0, retries: seed % 2 === 1 };
    const timing = { syncFlush: false, flushMs: 5_000, saveMs: 10_000, checkpointMs: 10_000 };
    const scenario: Partial<Scenario> = { ...load, ...timing, ...NO_OTHER_FAULTS, ...NO_OTHER_LOAD };
    const onTrace = (_atMs: number, text: string): void => {
      if (text.includes('set back to the ends of their queues')) cuts++;
    };
    const { problems } = await runSeed(seed, { scenario, onTrace });
    t.same(problems, [], `seed ${seed}`);
  }
  t.ok(cuts > 0, 'there were such places');
});

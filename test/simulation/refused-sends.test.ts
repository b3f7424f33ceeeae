/**
 * Sends that the broker cannot take, in simulated worlds: a log lane that stays full behind a slow disk (2), a broker that is being stopped (14). Each is refused with
 * its reason; what was refused is not stored, what was acknowledged is there, and the next ones are taken: the worlds' checkers look at that.
 */
import tap, { test } from 'tap';
import { preload } from '../../sim/preload.ts';
import { runSeed } from '../../sim/run-seed.ts';
import type { Scenario } from '../../sim/scenario.ts';

tap.setTimeout(240_000);

const QUIET: Partial<Scenario> = {
  shards: 2,
  topics: 1,
  queues: 2,
  delays: false,
  offsets: false,
  batches: false,
  timers: false,
  transactions: false,
  retries: false,
  pops: false,
  filters: false,
  recalls: false,
  requests: false,
  assignments: false,
  crashes: [],
  lastCrash: null,
  threadDeathsPer10000: 0,
  shardDeaths: 0,
  diskErrorsPer10000: 0,
  failedSync: null,
  fullMs: 0,
  loadMs: 6_000,
  network: { delayMs: 0.1, latePer1000: 0, lateMs: 0, breaksPer1000: 0 },
};

async function answersOf(scenario: Partial<Scenario>): Promise<{ problems: readonly string[]; answers: string[]; acked: number }> {
  await preload();
  const answers: string[] = [];
  const onTrace = (_: number, text: string): void => {
    const answer = /is answered (\d.*)/.exec(text)?.[1];
    if (answer !== undefined) answers.push(answer);
  };
  const { problems, counts } = await runSeed(7, { scenario: { ...QUIET, ...scenario }, onTrace });
  return { problems, answers, acked: counts['acked'] ?? 0 };
}

for (const syncFlush of [false, true]) {
  const mode = syncFlush ? 'sync' : 'async';

  test(`a send whose log lane stays full is answered 2 with the reason, and not stored (${mode} flush)`, async (t) => {
    const slow = {
      syncFlush,
      writeMs: 300,
      shards: 1,
      laneBytes: 512 * 1024,
      segmentBytes: 512 * 1024,
      bodyBytesMax: 60_000,
      producers: 12,
      gapMs: 2,
    };
    const { problems, answers, acked } = await answersOf(slow);
    const refused = answers.filter((answer) => answer.startsWith('2 '));
    t.ok(refused.length > 0, 'some were refused');
    for (const answer of refused) t.match(answer, /^2 \[REJECTREQUEST\]the log lane stayed full for 200 ms: .*; send again later$/);
    t.ok(acked > 0, 'others were taken');
    t.same(problems, []);
  });

  test(`a send to a broker that is being stopped is answered 14 with the reason, and not stored (${mode} flush)`, async (t) => {
    const stopped = { syncFlush, writeMs: 20, producers: 3, gapMs: 2, crashes: [{ atMs: 1_500, kind: 'stop' as const, inCall: false }] };
    const { problems, answers, acked } = await answersOf(stopped);
    const refused = answers.filter((answer) => answer.startsWith('14 '));
    t.ok(refused.length > 0, 'some were refused');
    for (const answer of refused) t.match(answer, /stopping; send to another broker/);
    t.ok(acked > 0, 'others were taken');
    t.same(problems, []);
  });
}

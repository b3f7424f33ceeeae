import { test } from 'tap';
import { decideDiskFull, decideRetention, type RetentionFacts, type RetentionRules } from '../../../actors/store/decide-retention.ts';

const HOUR_MS = 3_600_000;
const NOW = 1_000 * HOUR_MS;
const RULES: RetentionRules = {
  reservedHours: 72,
  deleteHours: [4, 16],
  diskUsedPercentMax: 75,
  diskForcePercent: 85,
  diskFullPercent: 90,
};

/** Segments by age in hours, oldest first. */
function facts(ages: readonly number[], more: Partial<RetentionFacts> = {}): RetentionFacts {
  const segments = ages.map((age, at) => ({ base: at * 100, modifiedMs: NOW - age * HOUR_MS }));
  return { now: NOW, hour: 0, diskUsedPercent: 10, isAsked: false, segments, ...more };
}

test('decideRetention removes by age at its hours, and by disk use at any', async (t) => {
  const old = [200, 100, 73, 71, 1];
  const cases: [string, RetentionFacts, number][] = [
    ['another hour', facts(old), 0],
    ['the hour of deletion', facts(old, { hour: 4 }), 3],
    ['the other one', facts(old, { hour: 16 }), 3],
    ['somebody asked', facts(old, { isAsked: true }), 3],
    ['the disk is at the first limit', facts(old, { diskUsedPercent: 75 }), 0],
    ['above it', facts(old, { diskUsedPercent: 75.1 }), 3],
    ['the disk is at the second limit', facts(old, { diskUsedPercent: 85 }), 3],
    ['above it, age counts no more', facts(old, { diskUsedPercent: 85.1 }), 5],
    ['exactly the reserved time', facts([72], { hour: 4 }), 1],
    ['a young one before an old one', facts([1, 100], { hour: 4 }), 0],
    ['nothing is done with', facts([], { hour: 4, diskUsedPercent: 99 }), 0],
    [
      'many at once',
      facts(
        Array.from({ length: 30 }, () => 100),
        { hour: 4 },
      ),
      10,
    ],
  ];
  for (const [what, given, count] of cases) t.equal(decideRetention(RULES, given), count, what);
});

test('decideDiskFull refuses above one limit and takes again at the lower one', async (t) => {
  for (const [used, wasFull, isFull] of [
    [90, false, false],
    [90.1, false, true],
    [86, false, false],
    [86, true, true],
    [85.1, true, true],
    [85, true, false],
    [10, true, false],
  ] as const) {
    t.equal(decideDiskFull(RULES, used, wasFull), isFull, `${used} % after ${wasFull ? 'a full disk' : 'room'}`);
  }
  t.ok(decideDiskFull({ ...RULES, diskFullPercent: 0 }, 3, false), '0 refuses all');
  t.notOk(decideDiskFull({ ...RULES, diskFullPercent: 60 }, 60, true), 'a limit below the lower one is the only one');
});

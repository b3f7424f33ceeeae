import { test } from 'tap';
import { stress } from './support/stress-system.ts';

/** The nightly run (bench/stress-ring.ts) sends a hundred times as many. */
const RECORDS = 1_000_000;

test('rings between real threads lose, tear and reorder nothing, and no sleeper gets stuck', async (t) => {
  const loops = ['blocking', 'event', 'blocking'] as const;
  const result = await stress({ loops, records: Math.ceil(RECORDS / 6), ringBytes: 16 * 1024, lengthMax: 4000, stuckMs: 20_000 });
  t.notOk(result.isStuck, `${result.checked} of ${result.expected}`);
  t.equal(result.checked, result.expected);
  t.equal(result.bad, 0);
  t.ok(result.sleeps > 10, 'threads did fall asleep');
  t.comment(`${result.seconds.toFixed(1)} s, ${result.sleeps} sleeps, ${result.ringFull} times full`);
});

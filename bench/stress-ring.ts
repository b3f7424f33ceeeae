/**
 * Nightly stress of the rings: at least 10^8 records between real threads of both kinds, every byte checked. Prints a verdict and a line of JSON;
 * ends with 1 when a record was lost, torn or out of order, or a thread slept on waiting records.
 * Usage: node bench/stress-ring.ts [records, default 100000000]
 */
import { availableParallelism } from 'node:os';
import { stress } from '../test/runtime/support/stress-system.ts';

const records = Number(process.argv[2] ?? 100_000_000);
if (!Number.isSafeInteger(records) || records < 12 || records > 2 ** 31) {
  process.stderr.write(`The number of records must be 12…${2 ** 31}, not '${process.argv[2]}'\n`);
  process.exit(2);
}
let shownMs = performance.now();
const result = await stress({
  loops: ['blocking', 'event', 'blocking', 'event'],
  records: Math.ceil(records / 12),
  ringBytes: 64 * 1024,
  lengthMax: 8000,
  stuckMs: 60_000,
  onProgress: (checked) => {
    if (performance.now() - shownMs < 10_000) return;
    shownMs = performance.now();
    process.stderr.write(`${checked} of ${records}\n`);
  },
});
const isGood = !result.isStuck && result.bad === 0 && result.checked === result.expected;
process.stdout.write(
  `${JSON.stringify({ ...result, cores: availableParallelism(), recordsPerSecond: Math.round(result.checked / result.seconds) })}\n`,
);
process.stdout.write(
  isGood
    ? `PASS: ${result.checked} records checked in ${result.seconds.toFixed(0)} s: none lost, torn or out of order; ${result.sleeps} sleeps, none stuck\n`
    : `FAIL: ${result.checked} of ${result.expected} records, ${result.bad} bad, ${result.isStuck ? 'a sleeper stuck' : 'nobody stuck'}\n`,
);
process.exit(isGood ? 0 : 1);

import { runSeed } from './run-seed.ts';
const from = Number(process.argv[2]);
const to = Number(process.argv[3] ?? from);
const verbose = process.argv[4] === 'v';
const total: Record<string, number> = {};
const began = performance.now();
for (let seed = from; seed <= to; seed++) {
  const at = performance.now();
  const result = await runSeed(seed, verbose ? { onTrace: (at, text) => console.log(at.toFixed(3), text) } : {});
  for (const [k, v] of Object.entries(result.counts)) total[k] = (total[k] ?? 0) + v;
  if (result.problems.length > 0 || from === to) console.log(seed, result.problems.slice(0, 3).map((p) => p.slice(0, 700)), result.traceHash, result.steps, result.virtualMs, Math.round(performance.now() - at), 'ms');
}
console.log(total, Math.round((performance.now() - began) / (to - from + 1)), 'ms a seed');
process.exit(0);

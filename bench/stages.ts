/**
 * What benchmarks of several stages share: the stages that were chosen run one after the other, each result is told as it comes; and a file of
 * results in which stages that did not run keep their last one. Owns nothing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { machineName } from './machine-name.ts';

/** @param only names with commas between; undefined: all. @param tell a line of standard output for each result. Throws when there is no such stage. */
export async function runStages<Result>(
  stages: Readonly<Record<string, () => Promise<Result>>>,
  only: string | undefined,
  tell: (name: string, result: Result) => string = (name, result) => `${name} ${JSON.stringify(result)}`,
): Promise<Record<string, Result>> {
  const results: Record<string, Result> = {};
  for (const name of only?.split(',') ?? Object.keys(stages)) {
    const stage = stages[name];
    if (stage === undefined) throw new Error(`No stage ${name}; there are ${Object.keys(stages).join(', ')}`);
    const result = await stage();
    results[name] = result;
    process.stdout.write(`${tell(name, result)}\n`);
  }
  return results;
}

/** `results/FILE` with these results, and with the last ones of the other stages. */
export function writeStageResults(file: string, results: Readonly<Record<string, unknown>>): void {
  const path = fileURLToPath(new URL(`results/${file}`, import.meta.url));
  const last = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { results: Record<string, unknown> }).results : {};
  const report = {
    machine: machineName(),
    date: new Date().toISOString().slice(0, 16),
    load: loadavg()[0],
    results: { ...last, ...results },
  };
  writeFileSync(path, `${JSON.stringify(report, null, 1)}\n`);
}

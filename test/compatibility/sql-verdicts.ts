/** Our SQL92 filter beside RocketMQ's own (rocketmq-filter in a JVM): the same verdict for each of many random cases. */
import { spawnSync } from 'node:child_process';
import { compileSql } from '../../actors/filter/compile-sql.ts';
import { sqlOracleCommand, type Verdict } from './client-programs.ts';
import { type SqlCase, sqlCases } from './sql-cases.ts';

const CASES = 20_000;
const SHOWN_MAX = 5;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Of one fixed seed and a fresh one, which is told. */
export function compareSqlVerdicts(version: string): Verdict {
  const beganMs = performance.now();
  const fresh = Date.now() % 0x7fffffff;
  const cases = [...sqlCases(1, CASES / 2), ...sqlCases(fresh, CASES / 2)];
  const [program, ...args] = sqlOracleCommand(version);
  const { stdout, stderr, status } = spawnSync(program as string, args, {
    input: cases.map(lineOf).join(''),
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  const verdicts = stdout.split('\n');
  const differences: string[] = [];
  const counts: Record<string, number> = {};
  for (const [index, each] of cases.entries()) {
    const theirs = verdicts[index] ?? '';
    counts[theirs] = (counts[theirs] ?? 0) + 1;
    const ours = verdictOf(each);
    if (ours !== theirs) differences.push(`${JSON.stringify(each)}: ${ours}, RocketMQ says ${theirs || 'nothing'}`);
  }
  const ok = status === 0 && differences.length === 0;
  const error = status === 0 ? differences.slice(0, SHOWN_MAX).join('\n     ') : stderr.slice(-1_000);
  const detail = { cases: cases.length, ...counts, seed: fresh, differences: differences.length };
  return { scenario: 'sql-verdicts', ok, ms: Math.round(performance.now() - beganMs), detail, ...(ok ? {} : { error }) };
}

function lineOf({ expression, properties }: SqlCase): string {
  const texts = [expression, ...Object.entries(properties).flat()];
  return `${texts.map((text) => Buffer.from(text).toString('base64')).join('\t')}\n`;
}

function verdictOf({ expression, properties }: SqlCase): string {
  const filter = compileSql(expression);
  if ('remark' in filter) return 'refused';
  const known = new Map(Object.entries(properties));
  return filter.matches({ property: (index) => known.get(filter.names[index] as string) }) ? 'match' : 'no match';
}

import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { compileSql } from '../../../actors/filter/compile-sql.ts';
import { SQL_LENGTH_MAX } from '../../../actors/filter/parse-sql.ts';

type Verdict = 'refused' | 'match' | 'no match';
type Case = readonly [expression: string, properties: Record<string, string>, verdict: Verdict];

function verdictOf(expression: string, properties: Record<string, string>): Verdict {
  const filter = compileSql(expression);
  if ('remark' in filter) return 'refused';
  const known = new Map(Object.entries(properties));
  return filter.matches({ property: (index) => known.get(filter.names[index] as string) }) ? 'match' : 'no match';
}

test('compileSql decides as RocketMQ does', async (t) => {
  // Random expressions and properties with the verdicts of rocketmq-filter's own parser and evaluator.
  const cases = JSON.parse(readFileSync(new URL('../../fixtures/sql/verdicts.json', import.meta.url), 'utf8')) as Case[];
  t.ok(cases.length > 1_000);
  const wrong = cases.filter(([expression, properties, verdict]) => verdictOf(expression, properties) !== verdict);
  t.same(wrong, []);
});

test('compileSql knows every operator', async (t) => {
  const properties = { a: '5', b: 'abc', flag: 'TRUE', price: '1.5', zero: '0', minusZero: '-0' };
  const table: [string, Verdict][] = [
    ['a = 5', 'match'],
    ['a <> 5', 'no match'],
    ['a > 4 AND a < 6', 'match'],
    ['a >= 5 AND a <= 5', 'match'],
    ['a BETWEEN 1 AND 5', 'match'],
    ['a NOT BETWEEN 1 AND 5', 'no match'],
    ['- 0 BETWEEN zero AND a', 'match'],
    ['zero >= - 0 AND minusZero >= 0', 'match'],
    ["b IN ('x', 'abc')", 'match'],
    ["b NOT IN ('x', 'abc')", 'no match'],
    ['missing IS NULL AND a IS NOT NULL', 'match'],
    ["b CONTAINS 'b' AND b STARTSWITH 'a' AND b ENDSWITH 'c'", 'match'],
    ["b NOT CONTAINS 'z'", 'match'],
    ["NOT ((b > 1) STARTSWITH '')", 'match'],
    ["missing NOT CONTAINS 'z'", 'no match'],
    ['flag = TRUE', 'match'],
    ['price > 1.25', 'match'],
    ['price = 1', 'no match'],
    ['NOT (a = 6)', 'match'],
    ['missing = 1 OR a = 5', 'match'],
    ['missing = 1 AND a = 5', 'no match'],
    ["b = 'it''s' or a = 5 -- why\n and a = 6", 'no match'],
    ['a = 5 /* all */ AND (flag = true)', 'match'],
  ];
  for (const [expression, verdict] of table) t.equal(verdictOf(expression, properties), verdict, expression);
});

test('compileSql refuses with the place of the fault', async (t) => {
  const table: [string, RegExp][] = [
    ['', /expected a value, found the end, at character 1$/],
    ['a > ', /found the end, at character 5$/],
    ['a ==5', /found "=", at character 4$/],
    ["a = 'x", /closing quote, at character 5$/],
    ['a # 5', /unexpected character "#", at character 3$/],
    ['a = NULL', /IS NULL.*at character 5$/],
    ['NOT a > 5', /numbers and properties only, at character 1$/],
    ["a > 'x'", /at character 5$/],
    ['a IN (5)', /expected a string, found "5", at character 7$/],
    ['a BETWEEN 5 AND 1', /the lower bound comes first, at character 11$/],
    ['9223372036854775808 > a', /beyond 64 bits/],
    ['5', /not true or false/],
  ];
  for (const [expression, remark] of table) {
    const filter = compileSql(expression);
    t.match('remark' in filter ? filter.remark : 'compiled', remark, expression);
  }
});

test('compileSql takes hostile expressions in linear time and to a limit', async (t) => {
  const many = Array.from({ length: 4_000 }, (_, i) => `a${i % 50} = ${i}`).join(' OR ');
  t.equal(verdictOf(many, { a1: '1' }), 'match');
  t.match(compileSql(`${'('.repeat(50_000)}a = 1`), { remark: /nested more than 200 deep/ });
  t.match(compileSql('NOT '.repeat(10_000)), { remark: /nested more than 200 deep/ });
  t.match(compileSql('-'.repeat(10_000)), { remark: /nested more than 200 deep/ });
  t.match(compileSql(`a = '${'x'.repeat(SQL_LENGTH_MAX)}'`), { remark: /65536 are the most/ });
  t.match(compileSql('/*'.repeat(30_000)), { remark: /unexpected character/ });
  t.equal(verdictOf(`a = ${'9'.repeat(18)}`, { a: '9'.repeat(50_000) }), 'no match', 'a value of any length');
  t.equal(verdictOf('__proto__ = 1 OR constructor IS NOT NULL', {}), 'no match');
});

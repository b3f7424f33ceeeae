/**
 * What a SQL92 filter costs a message: the record's properties are looked at and the expression is evaluated.
 * Run: node bench/micro/sql-filter.bench.ts
 */
import { compileSql, type SqlFilter } from '../../actors/filter/compile-sql.ts';
import { RecordFilter } from '../../actors/filter/record-filter.ts';
import { encodeMessageRecord } from '../../model/message-record.ts';

const RECORDS = 1_000;
const ROUNDS = 1_000;

const records = Array.from({ length: RECORDS }, (_, i) => {
  const properties = {
    UNIQ_KEY: `7F00000100000000000000000000${String(i).padStart(4, '0')}`,
    CLUSTER: 'DefaultCluster',
    MSG_REGION: 'DefaultRegion',
    TRACE_ON: 'true',
    amount: String(i),
    region: `eu-${i % 4}`,
    TAGS: 'A',
  };
  const text = Object.entries(properties).map(([name, value]) => `${name}\u0001${value}\u0002`);
  return encodeMessageRecord({ topic: 'orders', queueOffset: i, body: new Uint8Array(100), properties: text.join('') });
});
const bytes = Buffer.concat(records);
const starts: number[] = [];
for (let at = 0, i = 0; i < RECORDS; at += (records[i] as Uint8Array).length, i++) starts.push(at);

function pass(filter: RecordFilter, rounds: number): number {
  let passed = 0;
  for (let round = 0; round < rounds; round++) for (const at of starts) if (filter.matches(bytes, at)) passed++;
  return passed;
}

console.log('M evaluations/s of a core');
for (const expression of [
  'amount > 500',
  "amount BETWEEN 100 AND 900 AND region IN ('eu-1', 'eu-2')",
  "region STARTSWITH 'eu' AND (amount > 10.5 OR TAGS = 'B')",
]) {
  const filter = new RecordFilter(compileSql(expression) as SqlFilter);
  pass(filter, ROUNDS / 4);
  const before = process.cpuUsage();
  const passed = pass(filter, ROUNDS);
  const used = process.cpuUsage(before);
  const rate = (RECORDS * ROUNDS) / (used.user + used.system);
  console.log(`${rate.toFixed(2).padStart(6)}  ${expression} (${passed / ROUNDS} of ${RECORDS} pass)`);
}

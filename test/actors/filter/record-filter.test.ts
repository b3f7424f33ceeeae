import { test } from 'tap';
import { compileSql, type SqlFilter } from '../../../actors/filter/compile-sql.ts';
import { keepRecords, RecordFilter } from '../../../actors/filter/record-filter.ts';
import { SqlFilters } from '../../../actors/filter/sql-filters.ts';
import { decodeMessageRecords, encodeMessageRecord } from '../../../model/message-record.ts';

const filterOf = (expression: string): RecordFilter => new RecordFilter(compileSql(expression) as SqlFilter);

function record(queueOffset: number, properties: Record<string, string>, extra: object = {}): Uint8Array {
  const text = Object.entries(properties)
    .map(([name, value]) => `${name}\u0001${value}\u0002`)
    .join('');
  return encodeMessageRecord({
    topic: 'T',
    queueOffset,
    body: Buffer.from(`body-${queueOffset}`),
    properties: text,
    ...extra,
  });
}

test('RecordFilter reads properties where they lie in the record', async (t) => {
  const host = { address: Uint8Array.from({ length: 16 }, (_, i) => i), port: 1 };
  const properties = { KEYS: 'k', color: 'rot', näme: 'wert', empty: '' };
  const records = {
    'IPv4 hosts': record(1, properties),
    'IPv6 hosts': record(1, properties, { bornHost: host, storeHost: host }),
    'a long topic': record(1, properties, { topic: 'T'.repeat(200) }),
    'no body': record(1, properties, { body: new Uint8Array(0) }),
  };
  for (const [name, bytes] of Object.entries(records)) {
    t.equal(filterOf("color = 'rot' AND KEYS = 'k' AND empty = '' AND none IS NULL").matches(bytes, 0), true, name);
    t.equal(filterOf("color = 'blau'").matches(bytes, 0), false, name);
  }
  t.equal(filterOf('col IS NULL AND colors IS NULL').matches(records['IPv4 hosts'], 0), true, 'a part of a name is another name');
  t.equal(filterOf('a IS NULL').matches(record(1, {}), 0), true, 'a record without properties');
  const torn = encodeMessageRecord({ topic: 'T', body: new Uint8Array(0), properties: 'a\u00015' });
  t.equal(filterOf('a = 5').matches(torn, 0), true, 'the last separator may be missing');
});

test('RecordFilter keeps what passes at the front, up to the limits', async (t) => {
  const all = Array.from({ length: 10 }, (_, i) => record(100 + i, { a: String(i % 3) }));
  const size = (all[0] as Uint8Array).length;
  const offsets = (bytes: Uint8Array, start: number, length: number): number[] =>
    decodeMessageRecords(bytes, start, start + length).map((each) => each.queueOffset);
  const filter = filterOf('a = 0');

  let bytes = Buffer.concat([Buffer.alloc(7), ...all]);
  let kept = keepRecords(filter, bytes, 7, bytes.length, 32, 1e6);
  t.same(kept, { length: 4 * size, count: 4, next: -1 });
  t.same(offsets(bytes, 7, kept.length), [100, 103, 106, 109]);

  bytes = Buffer.concat(all);
  kept = keepRecords(filter, bytes, 0, bytes.length, 2, 1e6);
  t.same(kept, { length: 2 * size, count: 2, next: 106 }, 'goes on at the first one that was not given');

  bytes = Buffer.concat(all);
  kept = keepRecords(filter, bytes, 0, bytes.length, 32, 1);
  t.same(kept, { length: size, count: 1, next: 103 }, 'one at least');

  bytes = Buffer.concat(all);
  t.same(keepRecords(filterOf('a = 7'), bytes, 0, bytes.length, 32, 1e6), { length: 0, count: 0, next: -1 });
});

test('SqlFilters compiles an expression once and keeps a bounded number', async (t) => {
  const filters = new SqlFilters();
  const first = filters.of('a = 1');
  t.equal(filters.of('a = 1'), first);
  t.match(filters.of('a = '), { remark: /found the end/ });
  for (let i = 0; i < 5_000; i++) filters.of(`a = ${i}`);
  t.not(filters.of('a = 1'), first, 'forgotten and made again');
});

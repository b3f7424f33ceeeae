import { test } from 'tap';
import { joinRecords } from '../../../actors/message/join-records.ts';
import { decodeMessageRecords, encodeMessageRecord } from '../../../model/message-record.ts';

const record = (body: string): Uint8Array => encodeMessageRecord({ topic: 'T', body: Buffer.from(body) });
const bodies = (bytes: Uint8Array): string[] => decodeMessageRecords(bytes).map(({ body }) => Buffer.from(body).toString());

test('joinRecords turns the order of records that came in parts', async (t) => {
  const all = Buffer.concat([record('newest'), record(''), record('older'), record('oldest')]);
  for (const cut of [1, 50, 91, 92, 100, all.length]) {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < all.length; at += cut) parts.push(all.subarray(at, at + cut));
    t.same(bodies(joinRecords(parts)), ['oldest', 'older', '', 'newest'], `in parts of ${cut} bytes`);
  }
  t.same(joinRecords([]).length, 0);
  t.same(bodies(joinRecords([record('one')])), ['one']);
});

test('joinRecords leaves out a record that ends too soon', async (t) => {
  const all = Buffer.concat([record('a'), record('b')]);
  for (const cut of [1, 4, 90, 91]) t.same(bodies(joinRecords([all.subarray(0, record('a').length + cut)])), ['a'], `${cut} bytes of it`);
  t.same(joinRecords([record('a').subarray(0, 91)]).length, 0);
});

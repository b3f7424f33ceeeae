import { test } from 'tap';
import { AHEAD_BYTES, AHEAD_IDLE_MS, ReadAhead } from '../../../actors/gateway/read-ahead.ts';
import { decodeMessageRecords, encodeMessageRecord } from '../../../model/message-record.ts';

function records(first: number, count: number): Uint8Array {
  const all = Array.from({ length: count }, (_, i) =>
    encodeMessageRecord({ topic: 'T', queueOffset: first + i, body: Buffer.from(`body-${first + i}`) }),
  );
  return Buffer.concat(all);
}

const offsetsOf = (cut: { bytes: Uint8Array; start: number; end: number }): number[] =>
  decodeMessageRecords(cut.bytes, cut.start, cut.end).map((record) => record.queueOffset);

test('ReadAhead answers the pulls that go on where a cold one ended', (t) => {
  const ahead = new ReadAhead();
  const bytes = records(100, 10);
  t.equal(ahead.wanted(7, 100, 4), 0, 'nothing is known of the queue yet');
  const first = ahead.split(7, bytes, 0, bytes.length, 110, 10, 4, 1e6, 0);
  t.same(offsetsOf(first), [100, 101, 102, 103]);
  t.equal(first.next, 104);
  const fit = AHEAD_BYTES / (bytes.length / 10);
  const wanted = ahead.wanted(7, 104, 4);
  t.ok(wanted > fit && wanted < 1.2 * fit, 'now it is read in sequence: what fits, and a few');
  t.equal(ahead.wanted(7, 104, fit), 0, 'a pull that takes most of it is not read ahead of');
  bytes.fill(0);
  const second = ahead.take(7, 104, 4, 1e6, 1);
  t.ok(second);
  t.same(second && offsetsOf(second), [104, 105, 106, 107], 'a copy, the answer may be overwritten');
  t.equal(ahead.take(7, 104, 4, 1e6, 2), null, 'given once');
  t.equal(ahead.take(8, 108, 4, 1e6, 2), null, 'not to another queue');
  const third = ahead.take(7, 108, 100, 1e6, 3);
  t.same(third && offsetsOf(third), [108, 109]);
  t.equal(third?.next, 110, 'goes on where the reader ended');
  t.equal(ahead.size, 0);
  t.end();
});

test('ReadAhead keeps to the bytes asked for, but gives one message at least', (t) => {
  const ahead = new ReadAhead();
  const bytes = records(0, 5);
  const size = bytes.length / 5;
  t.same(offsetsOf(ahead.split(1, bytes, 0, bytes.length, 5, 5, 100, 2 * size, 0)), [0, 1]);
  t.same(offsetsOf(ahead.take(1, 2, 100, 1, 0)!), [2]);
  t.end();
});

test('ReadAhead lets go what nobody came for, and its memory is bounded', (t) => {
  const ahead = new ReadAhead();
  for (let queue = 0; queue < 100; queue++) {
    const bytes = records(0, 4);
    ahead.split(queue, bytes, 0, bytes.length, 4, 4, 1, 1e6, queue);
  }
  t.equal(ahead.size, 32, 'the oldest made room');
  ahead.expire(99 + AHEAD_IDLE_MS - 10);
  t.equal(ahead.size, 11);
  ahead.expire(99 + AHEAD_IDLE_MS + 1);
  t.equal(ahead.size, 0);
  t.end();
});

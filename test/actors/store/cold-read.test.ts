/** The cold reader over stores that the sequencer and the store actor have written. */
import fc from 'fast-check';
import { type Test, test } from 'tap';
import type { ColdReader } from '../../../actors/store/cold-read.ts';
import { javaHash } from '../../../model/java-hash.ts';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { START_MS, StoreUnderTest } from '../../support/store-under-test.ts';

const TAGS = ['A', 'B', 'C'];

type Known = { readonly body: string; readonly tag: string; readonly time: number };

/** A store with messages of several queues interleaved, one second between two; part of them filed, the rest in the tails. */
function makeStore(messages: number, queues: number, filedUpTo: number, bodyBytes = 40): { store: StoreUnderTest; known: Known[][] } {
  const store = new StoreUnderTest(new MemoryDisk({ seed: 1 }), '/store', { unitsPerFile: 50 });
  store.open();
  const known: Known[][] = Array.from({ length: queues }, () => []);
  for (let number = 0; number < messages; number++) {
    const queueId = number % queues;
    const tag = TAGS[(number * 7) % 3]!;
    const body = `${number} `.padEnd(bodyBytes, 'x');
    store.send({ topic: 'T', queueId, body, tag, key: `k${number}` });
    known[queueId]!.push({ body, tag, time: store.simulation.clock.now() });
    store.advance(1000);
    if (number === filedUpTo) store.run(1);
  }
  return { store, known };
}

function readAll(
  t: Test,
  store: StoreUnderTest,
  reader: ColdReader,
  queueId: number,
  max: number,
  bytesMax: number,
  tags: string[],
): string[] {
  const handle = store.handle('T', queueId);
  const target = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  const texts: string[] = [];
  const visibleMax = store.table.next(handle);
  for (let offset = 0; offset < visibleMax; ) {
    const request = { topic: 'T', queueId, handle, offset, max, bytesMax, codes: tags.map(javaHash), visibleMax };
    const { status, length, count, nextOffset } = reader.pull(request, target);
    if (nextOffset <= offset) t.fail(`no progress at ${offset}: ${status}`);
    const records = decodeMessageRecords(target.slice(0, length));
    if (records.length !== count) t.fail(`${count} messages are told, ${records.length} are there`);
    if (count > max) t.fail(`${count} messages for ${max}`);
    if (length > bytesMax && count > 1) t.fail(`${length} bytes for ${bytesMax}`);
    if ((status === 'FOUND') !== count > 0) t.fail(`${status} with ${count} messages`);
    for (const record of records) texts.push(Buffer.from(record.body).toString());
    offset = nextOffset;
  }
  return texts;
}

test('ColdReader gives exactly the wanted messages, in order, whatever the sizes of the pulls', async (t) => {
  for (const filedUpTo of [0, 300, 599]) {
    const { store, known } = makeStore(600, 5, filedUpTo);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.subarray(TAGS),
        (queueId, max, bytesMax, tags) => {
          const reader = store.reader();
          const wanted = known[queueId]!.filter(({ tag }) => tags.length === 0 || tags.includes(tag)).map(({ body }) => body);
          t.same(readAll(t, store, reader, queueId, max, bytesMax, tags), wanted);
          reader.close();
        },
      ),
      { numRuns: 25, seed: 7 },
    );
    t.same(store.badRecords, [], 'nothing is reported');
  }
});

test('ColdReader sees what was appended after it read a part of the same block', async (t) => {
  const { store, known } = makeStore(40, 4, 39);
  const reader = store.reader();
  t.same(
    readAll(t, store, reader, 1, 32, 1 << 16, []),
    known[1]!.map(({ body }) => body),
  );
  for (let number = 40; number < 200; number++) {
    store.send({ topic: 'T', queueId: number % 4, body: `later ${number}`, tag: 'A', key: 'k' });
    if (number % 4 === 1) known[1]!.push({ body: `later ${number}`, tag: 'A', time: 0 });
    if (number % 20 === 0)
      t.same(
        readAll(t, store, reader, 1, 32, 1 << 16, []),
        known[1]!.map(({ body }) => body),
        'all of it',
      );
  }
  t.same(store.badRecords, []);
});

test('ColdReader gives one message that is larger than was asked for, and none that does not fit', async (t) => {
  const { store } = makeStore(20, 1, 19, 3000);
  const reader = store.reader();
  const handle = store.handle('T', 0);
  const request = { topic: 'T', queueId: 0, handle, offset: 0, max: 32, bytesMax: 100, codes: [], visibleMax: 20 };
  t.match(reader.pull(request, new Uint8Array(64 * 1024)), { status: 'FOUND', count: 1, nextOffset: 1 });
  t.match(reader.pull(request, new Uint8Array(1000)), { count: 0, nextOffset: 1 }, 'the slot is too small for it');
  t.match(store.badRecords, [/T\/0/], 'which is told');
});

test('ColdReader never serves a record that is not the one its unit means', async (t) => {
  for (const [what, byte] of [
    ['size', 3],
    ['magic', 4],
    ['physical offset', 35],
  ] as const) {
    const { store, known } = makeStore(100, 4, 99);
    const disk = store.disk as MemoryDisk;
    const reader = store.reader();
    const handle = store.handle('T', 2);
    const unit = new Uint8Array(20);
    store.advance(1000);
    store.table.readUnits(handle, 10, 1, unit);
    const physical = new DataView(unit.buffer).getUint32(4);
    disk.flipBit(`${storeLayout('/store').commitLog}/00000000000000000000`, physical + byte, 1);
    const rest = known[2]!.filter((_, offset) => offset !== 10).map(({ body }) => body);
    t.same(readAll(t, store, reader, 2, 32, 1 << 16, []), rest, `a flipped bit in the ${what}: every other message is served`);
    t.match(store.badRecords, [new RegExp(`T/2 ${physical}: its`)], 'and the one is told');
  }
});

test('ColdReader finds offsets by store time as the Java broker does', async (t) => {
  const { store, known } = makeStore(300, 3, 150);
  const reader = store.reader();
  const handle = store.handle('T', 1);
  const times = known[1]!.map(({ time }) => time);
  const max = times.length;
  const search = (time: number, boundary: 'LOWER' | 'UPPER', min = 0): number =>
    reader.searchOffset('T', 1, handle, time, boundary, min, max);
  for (const [offset, time] of times.entries()) {
    t.equal(search(time, 'LOWER'), offset, 'the message stored then');
    t.equal(search(time, 'UPPER'), offset);
    t.equal(search(time - 1, 'LOWER'), offset, 'the first one after');
    t.equal(search(time - 1, 'UPPER'), Math.max(0, offset - 1), 'the last one before, or the first of all');
  }
  t.equal(search(START_MS * 2, 'LOWER'), max, 'later than all');
  t.equal(search(START_MS * 2, 'UPPER'), max - 1);
  t.equal(search(0, 'LOWER', 5), 5, 'earlier than all: the first that is left');
  t.equal(search(0, 'UPPER', 5), 5);
  t.equal(reader.searchOffset('T', 1, handle, START_MS, 'LOWER', 7, 7), 7, 'an empty range');
  t.equal(reader.earliestTime('T', 1, handle, 0, max), times[0]);
  t.equal(reader.earliestTime('T', 1, handle, 9, max), times[9]);
  t.equal(reader.earliestTime('T', 1, handle, 9, 9), -1);
});

test('ColdReader views a message by its physical offset and nothing else', async (t) => {
  const { store, known } = makeStore(20, 1, 19);
  const reader = store.reader();
  const target = new Uint8Array(4096);
  const unit = new Uint8Array(20);
  store.table.readUnits(store.handle('T', 0), 5, 1, unit);
  const physical = new DataView(unit.buffer).getUint32(4);
  const end = store.marks.read(0);
  const size = reader.view(physical, end, target);
  t.equal(Buffer.from(decodeMessageRecords(target, 0, size)[0]!.body).toString(), known[0]![5]!.body);
  for (const wrong of [-1, 0.5, Number.NaN, physical + 1, physical - 1, end - 1, end, end + 1e6, Number.MAX_SAFE_INTEGER + 1])
    t.equal(reader.view(wrong, end, target), 0, String(wrong));
  t.equal(reader.view(physical, physical + 10, target), 0, 'not visible yet');
});

test('ColdReader waits for units that are not there again yet, and passes over a hole that stays', async (t) => {
  const { store } = makeStore(200, 1, 199);
  store.run(1);
  const disk = store.disk as MemoryDisk;
  // Other queues take the chunks, so that only the files have the first units.
  for (let number = 0; number < 64 * 256; number++) {
    store.put({ topic: 'Other', queueId: number % 60, body: '', tag: 'A', key: 'k' });
    if (number % 100 !== 99) continue;
    while (!store.sequence()) {
      store.advance(10);
      store.poll();
    }
  }
  store.run(1);
  const path = `${storeLayout('/store').consumeQueue}/T/0/${String(50 * 20).padStart(20, '0')}`;
  const file = disk.open(path, 'write');
  file.write(new Uint8Array(1000), 0, 1000, 0);
  const reader = store.reader();
  const request = {
    topic: 'T',
    queueId: 0,
    handle: store.handle('T', 0),
    offset: 50,
    max: 32,
    bytesMax: 1 << 16,
    codes: [],
    visibleMax: 200,
  };
  const target = new Uint8Array(1 << 16);
  t.match(reader.pull(request, target), { status: 'NO_MATCHED_MESSAGE', count: 0, nextOffset: 50 }, 'asked again');
  store.advance(11_000);
  t.match(reader.pull(request, target), { status: 'OFFSET_FOUND_NULL', count: 0, nextOffset: 100 }, 'passed over after a while');
  t.match(store.badRecords, [/no units from 50 on/], 'and told');
  t.match(reader.pull({ ...request, offset: 100 }, target), { status: 'FOUND', count: 32, nextOffset: 132 });
});

/** The cold reader over stores that the sequencer and the store actor have written. */
import fc from 'fast-check';
import { type Test, test } from 'tap';
import type { ColdReader } from '../../../actors/store/cold-read.ts';
import { javaHash } from '../../../model/java-hash.ts';
import { decodeMessageRecords } from '../../../model/message-record.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { storeLayout } from '../../../storage/store-layout.ts';
import { readSlots, START_MS, StoreUnderTest } from '../../support/store-under-test.ts';

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

/** All of a queue, read twice: into memory that the mover writes to, and into other memory. */
function readAll(
  t: Test,
  store: StoreUnderTest,
  reader: ColdReader,
  queueId: number,
  max: number,
  bytesMax: number,
  tags: string[],
): string[] {
  const [moved, copied] = [readSlots.buffer, new SharedArrayBuffer(64 * 1024)].map((memory) =>
    readInto(t, store, reader, queueId, max, bytesMax, tags, new Uint8Array(memory)),
  );
  t.same(moved, copied, 'the mover gives what copying one by one gives');
  return moved!;
}

function readInto(
  t: Test,
  store: StoreUnderTest,
  reader: ColdReader,
  queueId: number,
  max: number,
  bytesMax: number,
  tags: string[],
  target: Uint8Array,
): string[] {
  const handle = store.handle('T', queueId);
  const texts: string[] = [];
  const visibleMax = store.table.next(handle);
  let waits = 0;
  for (let offset = 0; offset < visibleMax; ) {
    const request = { topic: 'T', queueId, handle, offset, max, bytesMax, codes: tags.map(javaHash), visibleMax };
    const { status, length, count, nextOffset } = reader.pull(request, target);
    if (nextOffset <= offset && (status !== 'NO_MATCHED_MESSAGE' || ++waits > 1)) t.fail(`no progress at ${offset}: ${status}`);
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
  t.match(reader.pull(request, new Uint8Array(1000)), { count: 0, nextOffset: 0 }, 'its unit may be damaged');
  t.match(reader.pull(request, new Uint8Array(1000)), { count: 0, nextOffset: 1 }, 'which it is not: the slot is too small for it');
  t.match(store.badRecords, [/T\/0/], 'which is told');
});

test('ColdReader never serves a record that is not the one its unit means', async (t) => {
  for (const [what, byte] of [
    ['size', 3],
    ['magic', 4],
    ['physical offset', 35],
    ['body', 100],
  ] as const) {
    const { store, known } = makeStore(100, 4, 99);
    const disk = store.disk as MemoryDisk;
    const reader = store.reader();
    const handle = store.handle('T', 2);
    const unit = new Uint8Array(20);
    if (what === 'body') store.checkedEnd = store.marks.read(0);
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
  const size = reader.views.view(physical, end, target);
  t.equal(Buffer.from(decodeMessageRecords(target, 0, size)[0]!.body).toString(), known[0]![5]!.body);
  for (const wrong of [-1, 0.5, Number.NaN, physical + 1, physical - 1, end - 1, end, end + 1e6, Number.MAX_SAFE_INTEGER + 1])
    t.equal(reader.views.view(wrong, end, target), 0, String(wrong));
  t.equal(reader.views.view(physical, physical + 10, target), 0, 'not visible yet');
});

/** A store whose first queue's units are in the files only, and its reader. */
function coldStore(messages: number): { store: StoreUnderTest; known: Known[]; path: string; tagged: () => string[] } {
  const { store, known } = makeStore(messages, 1, messages - 1);
  store.run(1);
  // Other queues take the chunks.
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
  const tagged = (): string[] => pullAll(store, store.reader(), [javaHash('B')]);
  return { store, known: known[0]!, path, tagged };
}

/** All of queue 0, by somebody who asks again where nothing was found; the bodies. */
function pullAll(store: StoreUnderTest, reader: ColdReader, codes: number[], target = new Uint8Array(1 << 16)): string[] {
  const handle = store.handle('T', 0);
  const visibleMax = store.table.next(handle);
  const texts: string[] = [];
  for (let offset = 0, tries = 0; offset < visibleMax && tries < 1000; tries++) {
    const read = reader.pull({ topic: 'T', queueId: 0, handle, offset, max: 32, bytesMax: 1 << 16, codes, visibleMax }, target);
    for (const record of decodeMessageRecords(target.slice(0, read.length))) texts.push(Buffer.from(record.body).toString());
    offset = read.nextOffset;
  }
  return texts;
}

function overwrite(store: StoreUnderTest, path: string, bytes: Uint8Array, position: number): void {
  const file = (store.disk as MemoryDisk).open(path, 'write');
  file.write(bytes, 0, bytes.length, position);
  file.close();
}

for (const [what, damage] of [
  ['zeros', () => new Uint8Array(1000)],
  ['noise', () => Uint8Array.from({ length: 1000 }, (_, at) => (at * 7919 + (at >> 3) * 104_729) & 0xff)],
  ['a bit of one unit’s place', () => null],
] as const) {
  test(`ColdReader serves every message although units in the files are ${what}`, async (t) => {
    const { store, known, path, tagged } = coldStore(200);
    const bytes = damage();
    if (bytes !== null) overwrite(store, path, bytes, 0);
    else {
      const unit = new Uint8Array(20);
      const file = (store.disk as MemoryDisk).open(path, 'read');
      file.read(unit, 0, 20, 10 * 20);
      file.close();
      // It names another message's place, within the log.
      unit[7] = unit[7]! ^ 1;
      overwrite(store, path, unit, 10 * 20);
    }
    t.same(
      pullAll(store, store.reader(), []),
      known.map(({ body }) => body),
    );
    t.same(
      tagged(),
      known.filter(({ tag }) => tag === 'B').map(({ body }) => body),
      'with their tags',
    );
    t.same(store.badRecords, [], 'nothing was passed over');
    store.run(12);
    t.ok(store.stop().ok);
    const next = new StoreUnderTest(store.disk, '/store', { unitsPerFile: 50 });
    next.open();
    t.equal(next.opened.recovered.damaged.length, 0, 'what was made again lasts');
    t.ok(next.stop().ok);
  });
}

test('ColdReader passes over the one message whose record is damaged as well as its unit', async (t) => {
  const { store, known, path } = coldStore(200);
  const unit = new Uint8Array(20);
  store.run(1);
  const reading = (store.disk as MemoryDisk).open(path, 'read');
  reading.read(unit, 0, 20, 10 * 20);
  reading.close();
  const physical = new DataView(unit.buffer).getUint32(4);
  overwrite(store, `${storeLayout('/store').commitLog}/${'0'.repeat(20)}`, new Uint8Array(16), physical);
  overwrite(store, path, new Uint8Array(200), 5 * 20);
  const lost = known[60]!.body;
  t.same(
    pullAll(store, store.reader(), []),
    known.map(({ body }) => body).filter((body) => body !== lost),
  );
});

test('ColdReader waits for a store that is not open, however long, and passes nothing over', async (t) => {
  const { store, known, path } = coldStore(200);
  overwrite(store, path, new Uint8Array(1000), 0);
  store.kill();
  const reader = store.reader();
  const handle = store.handle('T', 0);
  const request = { topic: 'T', queueId: 0, handle, offset: 50, max: 32, bytesMax: 1 << 16, codes: [], visibleMax: 200 };
  for (let second = 0; second < 120; second++) {
    t.match(reader.pull(request, new Uint8Array(1 << 16)), { status: 'NO_MATCHED_MESSAGE', nextOffset: 50 });
    store.advance(1000);
  }
  store.spawnStore();
  store.run(2);
  t.same(
    pullAll(store, reader, []),
    known.map(({ body }) => body),
    'the next one mends it',
  );
  t.same(store.badRecords, []);
});

test('ColdReader reads on while a store worker that takes over finds no room', async (t) => {
  for (const hasCheckpoint of [false, true]) {
    const { store, known } = coldStore(200);
    if (hasCheckpoint) store.run(14);
    store.kill();
    const disk = store.disk as MemoryDisk;
    disk.fail({ call: 'write', errno: 'ENOSPC', path: /./ });
    store.spawnStore();
    const reader = store.reader();
    const bodies = known.map(({ body }) => body);
    for (let second = 0; second < 30; second++) {
      t.same(pullAll(store, reader, []), bodies);
      store.advance(1000);
    }
    disk.heal();
    store.run(3);
    t.same(pullAll(store, reader, []), bodies, 'and when it has taken over');
    t.same(store.badRecords, []);
    t.ok(store.stop().ok);
  }
});

import fc from 'fast-check';
import { test } from 'tap';
import { javaHash } from '../../../model/java-hash.ts';
import { DescriptorCache } from '../../../storage/descriptor-cache.ts';
import { IndexFile } from '../../../storage/index/index-file.ts';
import { IndexSet, indexFileName } from '../../../storage/index/index-set.ts';
import { eachKeyHash, indexHash, indexKeyHash, indexKeyHashBytes } from '../../../storage/index/key-hash.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { thrown } from '../../support/thrown.ts';

const SHAPE = { slots: 7, entries: 40 };
const EVER = Number.MAX_SAFE_INTEGER;

function open(disk: MemoryDisk, isSuspect = false): IndexFile {
  return IndexFile.open(new DescriptorCache(disk, 4), '/20260101000000000', SHAPE, isSuspect);
}

function find(file: IndexFile, hash: number, begin = 0, end = EVER, max = 100): number[] {
  const found: number[] = [];
  file.query(hash, max, begin, end, found, { entries: 1_000_000 });
  return found;
}

test("indexKeyHash is Java's absolute hash of topic#key, from text and from bytes", async (t) => {
  t.equal(indexHash(-0x8000_0000), 0, 'Java keeps the sign there and takes 0');
  t.equal(indexHash(-5), 5);
  t.equal(indexKeyHash('TopicTest', 'k1'), Math.abs(javaHash('TopicTest#k1')));
  const bytes = Buffer.from(' order-1  中文 ');
  const hashes: number[] = [];
  t.equal(
    eachKeyHash(javaHash('TopicTest'), bytes, 0, bytes.length, (hash) => hashes.push(hash)),
    2,
  );
  t.same(hashes, [indexKeyHash('TopicTest', 'order-1'), indexKeyHash('TopicTest', '中文')]);
  t.equal(indexKeyHashBytes(javaHash('T'), Buffer.from('k'), 0, 1), indexKeyHash('T', 'k'));
});

test('IndexFile finds what was put, newest first, in memory and in the file', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const file = open(disk);
  for (let entry = 0; entry < 20; entry++) t.ok(file.put(entry % 5, entry * 100, 10_000 + entry * 1000));
  const check = (one: IndexFile): void => {
    t.same(find(one, 3), [1800, 1300, 800, 300]);
    t.same(find(one, 3, 0, EVER, 2), [1800, 1300]);
    t.same(find(one, 3, 18_000, 23_000), [1300, 800], 'by time');
    t.same(find(one, 6), [], 'another hash');
    t.same(find(one, 3 + 7), [], 'another hash of the same slot');
    t.same([one.entryCount, one.beginTimestamp, one.endTimestamp, one.beginPosition, one.endPosition], [20, 10_000, 29_000, 0, 1900]);
  };
  check(file);
  file.flush();
  check(file);
  check(open(disk));
  const loaded = open(disk);
  loaded.put(3, 5000, 30_000);
  t.same(find(loaded, 3), [5000, 1800, 1300, 800, 300], 'goes on where it ended');
});

test('IndexFile writes the bytes that Java writes', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const file = open(disk);
  file.put(9, 0x1_0000_0002, 1_700_000_000_000);
  file.put(2, 0x1_0000_0100, 1_700_000_061_999);
  file.flush();
  const bytes = Buffer.alloc(40 + 7 * 4 + 60);
  disk.open('/20260101000000000', 'read').read(bytes, 0, bytes.length, 0);
  t.equal(disk.sizeOf('/20260101000000000'), 40 + 7 * 4 + 40 * 20);
  t.equal(bytes.toString('hex', 0, 40), '0000018bcfe568000000018bcfe65a2f0000000100000002000000010000010000000001' + '00000003');
  t.equal(bytes.readInt32BE(40 + 2 * 4), 2, 'slot 2 holds the newest entry');
  t.equal(
    bytes.toString('hex', 68 + 20),
    '000000090000000100000002' + '00000000' + '00000000' + '000000020000000100000100' + '0000003d' + '00000001',
  );
});

test('IndexFile agrees with a plain list, whatever is put, flushed and opened again', async (t) => {
  const put = fc.record({ hash: fc.integer({ min: 0, max: 20 }), gap: fc.integer({ min: 1, max: 5000 }) });
  const step = fc.oneof(
    { weight: 6, arbitrary: put },
    { weight: 1, arbitrary: fc.constant('flush' as const) },
    { weight: 1, arbitrary: fc.constant('open' as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const disk = new MemoryDisk({ seed: 1 });
      let file = open(disk);
      const model: { hash: number; position: number }[] = [];
      let time = 1_000_000;
      for (const one of steps) {
        if (one === 'flush') file.flush();
        else if (one === 'open') {
          file.flush();
          file = open(disk, true);
        } else {
          time += one.gap;
          const isPut = file.put(one.hash, time, time);
          if (isPut !== model.length < SHAPE.entries - 1) return false;
          if (isPut) model.push({ hash: one.hash, position: time });
        }
      }
      for (let hash = 0; hash <= 20; hash++) {
        const wanted = model
          .filter((entry) => entry.hash === hash)
          .map((entry) => entry.position)
          .reverse();
        if (find(file, hash).join() !== wanted.join()) return false;
      }
      return true;
    }),
    { seed: 11, numRuns: 300 },
  );
  t.pass('property');
});

test('IndexFile loses nothing that it flushed, however the next flush is cut off', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const disk = new MemoryDisk({ seed });
    const file = open(disk);
    for (let entry = 0; entry < 12; entry++) file.put(entry % 5, entry, 1000);
    file.flush();
    disk.syncDirectory('/');
    for (let entry = 12; entry < 30; entry++) file.put(entry % 5, entry, 1000);
    disk.fail({ call: seed % 2 === 0 ? 'write' : 'sync', errno: 'EIO', after: (seed >> 1) % 3, isCut: true });
    if (seed % 5 !== 0) thrown(() => file.flush());
    disk.cutPower();
    const again = open(disk, true);
    for (let hash = 0; hash < 5; hash++) {
      const found = find(again, hash).filter((position) => position < 12);
      t.same(
        found,
        [10, 5, 0, 11, 6, 1, 7, 2, 8, 3, 9, 4].filter((position) => position % 5 === hash),
        `seed ${seed}`,
      );
    }
    again.truncateFrom(12);
    again.put(3, 12, 1000);
    t.same(find(again, 3), [12, 8, 3]);
  }
});

test('IndexFile drops what lies behind a cut of the log', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const file = open(disk);
  for (let entry = 0; entry < 20; entry++) file.put(entry % 5, entry * 100, 10_000 + entry * 1000);
  file.truncateFrom(1050);
  t.same([file.entryCount, file.endPosition, find(file, 1)], [11, 1000, [600, 100]]);
  file.put(1, 1050, 31_000);
  file.flush();
  t.same(find(open(disk), 1), [1050, 600, 100]);
  file.truncateFrom(0);
  t.same([file.entryCount, find(file, 1)], [0, []]);
  file.flush();
  t.same(open(disk).entryCount, 0);
});

test('IndexFile refuses a file of another shape', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  disk.open('/20260101000000000', 'create').truncate(5000);
  t.match(
    thrown(() => open(disk)),
    { code: 'MQ_STORAGE_WRONG_SIZE', fields: { size: 5000 } },
  );
});

test('IndexSet rolls to a new file, looks in all, and lets old ones go', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  let now = Date.UTC(2026, 10, 21, 4, 5, 6, 789);
  const options = { shape: SHAPE, now: () => now };
  const set = IndexSet.open(disk, '/index', options);
  t.equal(set.endPosition, -1);
  for (let entry = 0; entry < 100; entry++) set.put(entry % 5, entry, 1000 + 1000 * entry);
  t.same(disk.list('/index'), ['20261121040506789', '20261121040506790', '20261121040506791'], 'names go up, whatever the clock does');
  t.same(set.query(3, 4, 0, EVER), [98, 93, 88, 83]);
  t.same(set.query(3, 100, 31_000, 61_000), [58, 53, 48, 43, 38, 33], 'over files, by time');
  set.flush();
  now -= 1e9;
  const again = IndexSet.open(disk, '/index', options);
  t.same(again.query(3, 100, 0, EVER), set.query(3, 100, 0, EVER));
  t.same([again.endPosition, again.endTimestamp, again.fileCount], [99, 100_000, 3]);
  t.equal(again.removeBefore(50), 1);
  t.equal(again.removeBefore(1000), 1, 'never the last');
  t.same(disk.list('/index'), ['20261121040506791']);
  again.truncateFrom(90);
  t.equal(again.endPosition, 89);
});

test('IndexSet keeps flushed entries of a full file through a power cut', async (t) => {
  for (let seed = 0; seed < 50; seed++) {
    const disk = new MemoryDisk({ seed });
    disk.makeDirectory('/index');
    disk.syncDirectory('/');
    const options = { shape: SHAPE, now: () => 0 };
    const set = IndexSet.open(disk, '/index', options);
    for (let entry = 0; entry < 20; entry++) set.put(entry % 5, entry, 1000);
    set.flush();
    for (let entry = 20; entry < 60; entry++) set.put(entry % 5, entry, 1000);
    disk.cutPower();
    const again = IndexSet.open(disk, '/index', { ...options, isSuspect: true });
    const from = again.endPosition;
    t.ok(from >= 19, `seed ${seed}`);
    for (let entry = from + 1; entry < 60; entry++) again.put(entry % 5, entry, 1000);
    t.same(again.query(3, 100, 0, EVER), [58, 53, 48, 43, 38, 33, 28, 23, 18, 13, 8, 3], `seed ${seed}`);
  }
});

test('indexFileName is the time in UTC', async (t) => {
  for (const ms of [0, 951_782_400_000, 1_709_164_799_999, Date.UTC(2026, 11, 31, 23, 59, 59, 1), 4_102_444_800_000]) {
    t.equal(indexFileName(ms), new Date(ms).toISOString().replace(/[-T:.Z]/g, ''));
  }
});

test('IndexFile.query walks a long chain in blocks and finds the same', async (t) => {
  const shape = { slots: 3, entries: 30_000 };
  const disk = new MemoryDisk({ seed: 1 });
  const known: { hash: number; position: number }[] = [];
  const file = IndexFile.open(new DescriptorCache(disk, 4), '/20260101000000000', shape, false);
  for (let number = 0; number < 20_000; number++) {
    // Four of five entries belong to one key; the others share its slot or have one of their own.
    const hash = number % 5 < 4 ? 6 : number % 10 === 4 ? 3 : 1;
    file.put(hash, number * 100, 1000 * (number + 1));
    known.push({ hash, position: number * 100 });
  }
  for (const isFlushed of [false, true]) {
    if (isFlushed) file.flush();
    for (const hash of [6, 3, 1, 0, 2]) {
      const expected = known.filter((one) => one.hash === hash).map(({ position }) => position);
      t.same(find(file, hash, 0, EVER, 100_000), expected.reverse(), `hash ${hash}`);
      const early = expected.filter((position) => position < 5000);
      t.same(find(file, hash, 0, 50_000, 100_000), early, 'far from the newest');
    }
  }
});

test('IndexSet.query ends with its budget and says so', async (t) => {
  const set = IndexSet.open(new MemoryDisk({ seed: 1 }), '/index', { now: () => 1, shape: { slots: 7, entries: 100 } });
  for (let number = 0; number < 250; number++) set.put(3, number, number * 1000);
  const budget = { entries: 40 };
  t.same(set.query(3, 1000, 0, 150_000, budget), [], 'the window lies behind more newer ones');
  t.equal(budget.entries, 0);
  const enough = { entries: 1000 };
  t.equal(set.query(3, 1000, 0, 150_000, enough).length, 151);
  t.ok(enough.entries > 0);
  t.same(set.query(3, 10, 100_000, 100_000, { entries: 1000 }), [100], 'one millisecond');
  t.same(set.query(3, 10, 100_999, 101_500, { entries: 1000 }), [101, 100], 'an entry counts whose second touches the window');
});

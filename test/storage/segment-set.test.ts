import { test } from 'tap';
import { DescriptorCache, FileHandle } from '../../storage/descriptor-cache.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { SegmentSet, type SegmentSetMode, segmentName } from '../../storage/segment-set.ts';
import { thrown } from '../support/thrown.ts';

const BYTES = 8192;

function setOver(disk: MemoryDisk, mode: SegmentSetMode = 'source', openMax = 4): SegmentSet {
  return SegmentSet.over(disk, new DescriptorCache(disk, openMax), '/log', BYTES, mode);
}

test('SegmentSet makes full-sized files named by their first offset, and finds them again', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const set = setOver(disk);
  t.ok(set.isEmpty);
  set.ensure(100).write(new Uint8Array([1, 2, 3]), 0, 3, 100);
  set.ensure(BYTES);
  set.ensure(2 * BYTES + 5);
  t.same(disk.list('/log'), ['00000000000000000000', '00000000000000008192', '00000000000000016384']);
  t.equal(disk.sizeOf('/log/00000000000000016384'), BYTES);
  const again = setOver(disk);
  again.scan();
  t.same(again.bases(), [0, BYTES, 2 * BYTES]);
  const back = new Uint8Array(3);
  again.at(100).read(back, 0, 3, 100);
  t.same([...back], [1, 2, 3]);
  t.match(
    thrown(() => again.at(5 * BYTES)),
    { code: 'MQ_STORAGE_MISSING_SEGMENT', fields: { position: 5 * BYTES } },
  );
  t.equal(segmentName(1_073_741_824), '00000000001073741824');
});

test('SegmentSet may begin anywhere on the grid', async (t) => {
  const set = setOver(new MemoryDisk({ seed: 1 }));
  set.ensure(7 * BYTES + 1);
  t.equal(set.firstBase, 7 * BYTES);
  t.equal(set.find(6 * BYTES), null);
});

test('SegmentSet sees what another set over the same directory makes and removes', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const writer = setOver(disk);
  const reader = setOver(disk, 'read');
  t.equal(reader.find(0), null);
  for (let base = 0; base < 6 * BYTES; base += BYTES) writer.ensure(base);
  t.ok(reader.find(5 * BYTES), 'out of order');
  t.ok(reader.find(0));
  t.equal(writer.removeBefore(3 * BYTES + 1), 3, 'the one that holds the position stays');
  reader.forgetBefore(3 * BYTES);
  t.equal(reader.find(2 * BYTES), null);
  t.ok(reader.find(3 * BYTES));
  t.equal(writer.removeBefore(100 * BYTES), 2, 'never the last one');
});

test('SegmentSet reads what is left of a segment that its writer is just cutting back, met for the first time', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  setOver(disk)
    .ensure(0)
    .write(new Uint8Array([1, 2, 3]), 0, 3, 40);
  const name = `/log/${segmentName(0)}`;
  disk.open(name, 'write').truncate(43);
  const back = new Uint8Array(10);
  t.equal(setOver(disk, 'read').at(40).read(back, 0, 10, 40), 3, 'as much as it has');
  t.same([...back.subarray(0, 3)], [1, 2, 3]);
  t.equal(disk.sizeOf(name), 43, 'a reader changes nothing');
});

test('SegmentSet clears what follows a position and keeps full sizes', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const set = setOver(disk);
  const ones = new Uint8Array(BYTES).fill(1);
  for (const base of [0, BYTES, 2 * BYTES]) set.ensure(base).write(ones, 0, BYTES, 0);
  set.clearFrom(BYTES + 10);
  const back = new Uint8Array(BYTES);
  set.at(BYTES).read(back, 0, BYTES, 0);
  t.equal(back.lastIndexOf(1), 9);
  set.at(2 * BYTES).read(back, 0, BYTES, 0);
  t.equal(back.indexOf(1), -1);
  t.same(
    disk.list('/log').map((name) => disk.sizeOf(`/log/${name}`)),
    [BYTES, BYTES, BYTES],
  );
  set.truncateAfter(BYTES + 10);
  t.same(set.bases(), [0, BYTES]);
  set.clearFrom(BYTES);
  set.at(BYTES).read(back, 0, BYTES, 0);
  t.equal(back.indexOf(1), -1, 'a cut at a boundary empties the segment behind it');
  set.at(0).read(back, 0, BYTES, 0);
  t.equal(back.indexOf(0), -1, 'and leaves the one before alone');
});

test('SegmentSet refuses a directory that does not fit, and mends what can be made again', async (t) => {
  const make = (sizes: Record<number, number>): MemoryDisk => {
    const disk = new MemoryDisk({ seed: 1 });
    disk.makeDirectory('/log');
    for (const [base, bytes] of Object.entries(sizes)) disk.open(`/log/${segmentName(Number(base))}`, 'create').truncate(bytes);
    disk.open('/log/notes.txt', 'create').close();
    return disk;
  };
  const short = make({ 0: BYTES, [BYTES]: 0 });
  setOver(short).scan();
  t.equal(short.sizeOf(`/log/${segmentName(BYTES)}`), BYTES, 'a last file whose making was cut off is finished');
  const half = setOver(make({ 0: 5, [BYTES]: BYTES }));
  half.scan();
  t.match(half.mended[0], /had only 5 of 8192 bytes/);
  t.match(
    thrown(() => setOver(make({ 0: BYTES + 1 })).scan()),
    { code: 'MQ_STORAGE_WRONG_SIZE' },
  );
  t.match(
    thrown(() => setOver(make({ 0: BYTES, 5: BYTES })).scan()),
    { code: 'MQ_STORAGE_BAD_NAME', fields: { base: 5 } },
  );
  t.match(
    thrown(() => setOver(make({ 0: BYTES, [2 * BYTES]: BYTES })).scan()),
    { code: 'MQ_STORAGE_MISSING_SEGMENT' },
  );
  const mended = make({ 0: 5, [BYTES]: BYTES, [3 * BYTES]: BYTES });
  const set = setOver(mended, 'derived');
  set.scan();
  t.same(set.bases(), [0, BYTES]);
  t.equal(mended.sizeOf(`/log/${segmentName(0)}`), BYTES);
  t.notOk(mended.exists(`/log/${segmentName(3 * BYTES)}`));
});

test('SegmentSet makes segments that last a power cut', async (t) => {
  for (let seed = 0; seed < 30; seed++) {
    const disk = new MemoryDisk({ seed });
    const set = setOver(disk);
    set.ensure(0);
    set.ensure(BYTES);
    disk.cutPower();
    const again = setOver(disk);
    again.scan();
    t.same(again.bases(), [0, BYTES], `seed ${seed}`);
  }
});

test('DescriptorCache holds so many files at most, and lets go of the one used longest ago', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const cache = new DescriptorCache(disk, 3);
  const handles = ['/a', '/b', '/c', '/d'].map((path) => new FileHandle(path, 'create'));
  const [a, b, c, d] = handles as [FileHandle, FileHandle, FileHandle, FileHandle];
  for (const handle of [a, b, c]) cache.use(handle);
  cache.use(a);
  cache.use(d);
  t.equal(cache.openCount, 3);
  t.equal(b.file, null, 'b was used longest ago');
  t.ok(a.file !== null && c.file !== null && d.file !== null);
  cache.release(c);
  cache.release(c);
  t.equal(cache.openCount, 2);
  cache.close();
  t.same([cache.openCount, ...handles.map((handle) => handle.file)], [0, null, null, null, null]);
});

import { test } from 'tap';
import { CommitLog } from '../../../storage/commit-log/commit-log.ts';
import { MemoryDisk } from '../../../storage/memory-disk.ts';
import { thrown } from '../../support/thrown.ts';

const SEGMENT = 64 * 1024;

test('CommitLog writes where it is told, reads across nothing but one segment', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const log = CommitLog.open(disk, '/log', SEGMENT);
  t.same([log.minOffset, log.maxOffset, log.segmentCount], [0, 0, 0]);
  const run = new Uint8Array(1000).fill(7);
  log.write(run, 100, 500, 0);
  t.equal(log.maxOffset, 500);
  t.equal(log.roomAt(500), SEGMENT - 500);
  const next = log.writeBlank(500);
  t.equal(next, SEGMENT);
  t.equal(disk.sizeOf('/log/00000000000000065536'), SEGMENT, 'the next segment is there');
  log.write(run, 0, 1000, next);
  const back = new Uint8Array(2000);
  const reader = log.openReader();
  t.equal(reader.read(back, 0, 8, 500), 8);
  const view = new DataView(back.buffer);
  t.same([view.getUint32(0), view.getUint32(4)], [SEGMENT - 500, 0xcbd43194], 'the blank record');
  t.equal(reader.read(back, 0, 2000, SEGMENT - 100), 100, 'never past the end of a segment');
  t.equal(reader.read(back, 0, 10, 5 * SEGMENT), 0, 'nothing there');
  reader.close();
  t.throws(() => log.write(run, 0, 1000, 2 * SEGMENT - 10), /one segment/, 'a bug of the caller');
});

test('CommitLog syncs every segment written since, older first, and nothing else', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const log = CommitLog.open(disk, '/log', SEGMENT);
  const bytes = new Uint8Array(SEGMENT);
  for (const base of [0, SEGMENT, 2 * SEGMENT, 3 * SEGMENT]) log.write(bytes, 0, SEGMENT - 100, base);
  const synced = (from: number, to: number): number[] =>
    [0, 1, 2, 3].filter((index) => {
      disk.heal();
      disk.fail({ call: 'sync', errno: 'EIO', path: new RegExp(`${index * SEGMENT}$`) });
      return /EIO/.test(String(thrown(() => log.sync(from, to))));
    });
  t.same(synced(10, 20), [0]);
  t.same(synced(SEGMENT - 1, SEGMENT + 1), [0, 1]);
  t.same(synced(SEGMENT, 3 * SEGMENT), [1, 2], 'an end at a boundary leaves the next segment alone');
  t.same(synced(5, 5), [0], 'an empty range syncs the segment that it is in');
  disk.heal();
  disk.fail({ call: 'sync', errno: 'EIO', path: /0{20}$/ });
  disk.fail({ call: 'sync', errno: 'EDQUOT', path: /65536$/ });
  t.match(
    thrown(() => log.sync(0, 2 * SEGMENT)),
    { errno: 'EIO' },
    'older first',
  );
});

test('CommitLog cuts back to an end, zeros behind it, sizes kept', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const log = CommitLog.open(disk, '/log', SEGMENT);
  const ones = new Uint8Array(SEGMENT).fill(1);
  log.write(ones, 0, SEGMENT, 0);
  log.write(ones, 0, SEGMENT, SEGMENT);
  log.prepareNext();
  log.cutBack(1234);
  t.equal(log.maxOffset, 1234);
  const back = new Uint8Array(SEGMENT);
  log.read(back, 0, SEGMENT, 0);
  t.equal(back.lastIndexOf(1), 1233);
  log.read(back, 0, SEGMENT, SEGMENT);
  t.equal(back.indexOf(1), -1);
  t.same(
    disk.list('/log').map((name) => disk.sizeOf(`/log/${name}`)),
    [SEGMENT, SEGMENT, SEGMENT, SEGMENT],
  );
});

test('CommitLog goes on after a full disk: cut back, and written again when there is room', async (t) => {
  const disk = new MemoryDisk({ seed: 1, capacityBytes: 40 * 1024 });
  const log = CommitLog.open(disk, '/log', SEGMENT);
  const run = new Uint8Array(30 * 1024).fill(3);
  log.write(run, 0, run.length, 0);
  t.match(
    thrown(() => log.write(run, 0, run.length, run.length)),
    { code: 'MQ_STORAGE_DISK_FULL', errno: 'ENOSPC' },
  );
  t.equal(log.maxOffset, run.length, 'the end has not moved');
  log.cutBack(run.length);
  log.write(run, 0, 1000, run.length);
  t.equal(log.maxOffset, run.length + 1000, 'what was written of the failed run has given its room back');
});

test('CommitLog prepares the next segment for other threads, and retention leaves the last', async (t) => {
  const disk = new MemoryDisk({ seed: 1, now: () => 77 });
  const writer = CommitLog.open(disk, '/log', SEGMENT);
  writer.write(new Uint8Array(10), 0, 10, 0);
  const store = CommitLog.open(disk, '/log', SEGMENT);
  store.setMaxOffset(10);
  store.prepareNext();
  t.equal(disk.list('/log').length, 2);
  writer.prepareNext();
  t.equal(disk.list('/log').length, 2, 'once');
  t.equal(store.modifiedMs(0), 77);
  t.equal(store.removeBefore(SEGMENT), 1);
  writer.refresh();
  t.equal(writer.minOffset, SEGMENT);
  t.same(writer.segmentBases(), [SEGMENT]);
});

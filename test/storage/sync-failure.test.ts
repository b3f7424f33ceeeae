import assert from 'node:assert/strict';
import { test } from 'tap';
import { CommitLog } from '../../storage/commit-log/commit-log.ts';
import { DiskError } from '../../storage/errors.ts';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { forgetSyncFailure, hasSyncFailed, isSyncFailure, noteSyncFailure, SyncMark, wasSyncCutShort } from '../../storage/sync-failure.ts';

const SEGMENT = 64 * 1024;
const NOTE = '/sync.failed';
const TEXT = Buffer.from('what memory still shows after the sync has failed '.repeat(2000));

/** A log of three segments whose sync fails; then the process ends, and another one opens it. */
function afterFailedSync(seed: number): { disk: MemoryDisk; log: CommitLog } {
  const disk = new MemoryDisk({ seed });
  const log = CommitLog.open(disk, '/log', SEGMENT);
  for (let at = 0; at < TEXT.length; ) {
    const length = Math.min(log.roomAt(at), TEXT.length - at);
    log.write(TEXT, at, length, at);
    at += length;
  }
  disk.fail({ call: 'sync', errno: 'EIO', times: 2 });
  assert.throws(() => log.sync(0, SEGMENT), DiskError);
  assert.throws(() => log.sync(SEGMENT, TEXT.length), DiskError);
  assert.equal(noteSyncFailure(disk, NOTE), null);
  disk.killProcess();
  assert(hasSyncFailed(disk, NOTE), 'the next process finds the note');
  return { disk, log: CommitLog.open(disk, '/log', SEGMENT) };
}

function textOf(disk: MemoryDisk): string {
  const log = CommitLog.open(disk, '/log', SEGMENT);
  const bytes = Buffer.alloc(TEXT.length);
  for (let at = 0; at < bytes.length; ) {
    const read = log.read(bytes, at, bytes.length - at, at);
    if (read === 0) break;
    at += read;
  }
  return bytes.toString();
}

test('CommitLog.rewrite brings to the disk what a failed sync left in memory only', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const believed = afterFailedSync(seed);
    believed.log.sync(0, TEXT.length);
    t.equal(textOf(believed.disk), TEXT.toString(), 'memory shows it whole, and the next sync says that all is well');
    believed.disk.cutPower();
    t.not(textOf(believed.disk), TEXT.toString(), 'and it was not there');

    const rewritten = afterFailedSync(seed);
    rewritten.log.rewrite(0, TEXT.length);
    rewritten.log.sync(0, TEXT.length);
    rewritten.disk.cutPower();
    t.equal(textOf(rewritten.disk), TEXT.toString(), 'written once more it is');
    forgetSyncFailure(rewritten.disk, NOTE);
    t.notOk(hasSyncFailed(rewritten.disk, NOTE));
  }
});

test('noteSyncFailure gives the error of a disk that takes nothing any more', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  disk.fail({ call: 'open', errno: 'EIO' });
  t.match(noteSyncFailure(disk, NOTE), { call: 'open', errno: 'EIO' });
  t.ok(isSyncFailure(new DiskError('sync', 'EIO', '/a')));
  t.ok(isSyncFailure(new DiskError('sync-directory', 'EIO', '/')));
  t.notOk(isSyncFailure(new DiskError('write', 'EIO', '/a')));
  t.notOk(isSyncFailure(new Error('a bug')));
});

test('SyncMark is there after a process that ended within a sync, and only then', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const path = '/sync.begun';
  t.notOk(wasSyncCutShort(disk, path), 'nothing was ever synced');
  const mark = new SyncMark(disk, path);
  t.equal(mark.begin(), null);
  t.ok(wasSyncCutShort(disk, path));
  const { writes } = disk;
  t.equal(mark.begin(), null);
  t.equal(disk.writes, writes, 'a mark that was left is not written again');
  t.equal(mark.end(), null);
  t.notOk(wasSyncCutShort(disk, path));
  mark.begin();
  disk.killProcess();
  t.ok(wasSyncCutShort(disk, path), 'memory outlives the process');
});

test('SyncMark gives the error of a disk that does not take it, and tries again', async (t) => {
  const disk = new MemoryDisk({ seed: 1 });
  const mark = new SyncMark(disk, '/sync.begun');
  disk.fail({ call: 'open', errno: 'EIO' });
  t.match(mark.begin(), { call: 'open', errno: 'EIO' });
  disk.fail({ call: 'write', errno: 'ENOSPC' });
  t.match(mark.begin(), { call: 'write', errno: 'ENOSPC' });
  t.equal(mark.begin(), null);
  t.ok(wasSyncCutShort(disk, '/sync.begun'));
});

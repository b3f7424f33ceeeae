import { test } from 'tap';
import { MemoryDisk } from '../../storage/memory-disk.ts';
import { testDiskContract } from '../support/file-contract.ts';
import { thrown } from '../support/thrown.ts';

testDiskContract('MemoryDisk', () => {
  const disk = new MemoryDisk({ seed: 1 });
  disk.makeDirectory('/store');
  return { disk, directory: '/store', dispose: () => disk.cutPower() };
});

function write(disk: MemoryDisk, path: string, value: number, pages: number, position = 0): void {
  const file = disk.open(path, 'create');
  file.write(new Uint8Array(pages * 4096).fill(value), 0, pages * 4096, position);
  file.close();
}

test('MemoryDisk keeps what was synced through a power cut, whatever the seed', async (t) => {
  for (let seed = 0; seed < 50; seed++) {
    const disk = new MemoryDisk({ seed });
    disk.makeDirectory('/store');
    disk.syncDirectory('/');
    write(disk, '/store/a', 1, 4);
    const file = disk.open('/store/a', 'write');
    file.sync();
    disk.syncDirectory('/store');
    file.write(new Uint8Array(4096).fill(2), 0, 4096, 4096);
    disk.cutPower();
    t.match(
      thrown(() => file.size()),
      { errno: 'EBADF' },
      'open files are dead',
    );
    const back = new Uint8Array(4 * 4096);
    t.equal(disk.open('/store/a', 'read').read(back, 0, back.length, 0), back.length);
    t.ok(
      back.every((value, index) => value === 1 || (value === 2 && index >= 4096 && index < 8192)),
      'only the page in flight may differ',
    );
  }
});

test('MemoryDisk loses, keeps and tears unsynced pages, and forgets unsynced names', async (t) => {
  const seen = { lost: 0, kept: 0, torn: 0, noName: 0, reordered: 0 };
  for (let seed = 0; seed < 200; seed++) {
    const disk = new MemoryDisk({ seed });
    write(disk, '/a', 1, 2);
    disk.open('/a', 'write').sync();
    disk.syncDirectory('/');
    write(disk, '/a', 2, 2);
    write(disk, '/b', 1, 1);
    disk.cutPower();
    const back = new Uint8Array(2 * 4096);
    disk.open('/a', 'read').read(back, 0, back.length, 0);
    const [first, second] = [0, 4096].map((at) => new Set(back.subarray(at, at + 4096)));
    if (first?.size === 2) seen.torn++;
    else if (first?.has(2)) seen.kept++;
    else seen.lost++;
    if (first?.has(1) && first.size === 1 && second?.has(2) && second.size === 1) seen.reordered++;
    if (!disk.exists('/b')) seen.noName++;
  }
  for (const [what, count] of Object.entries(seen)) t.ok(count > 10, `${what}: ${count} of 200`);
});

test('MemoryDisk says that all is well after a failed sync, and has lost the pages: like Linux', async (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const disk = new MemoryDisk({ seed });
    write(disk, '/a', 1, 1);
    disk.syncDirectory('/');
    disk.fail({ call: 'sync', errno: 'EIO' });
    const file = disk.open('/a', 'write');
    t.match(
      thrown(() => file.sync()),
      { call: 'sync', errno: 'EIO', code: 'MQ_STORAGE_DISK' },
    );
    file.sync();
    disk.cutPower();
    const back = new Uint8Array(4096);
    disk.open('/a', 'read').read(back, 0, 4096, 0);
    t.ok(
      back.every((value) => value === 0),
      'the second sync was a lie',
    );
  }
});

test('MemoryDisk runs full, continues interrupted writes, and fails where it is told', async (t) => {
  const disk = new MemoryDisk({ seed: 1, capacityBytes: 3 * 4096 });
  write(disk, '/a', 1, 2);
  const file = disk.open('/a', 'write');
  const error = thrown(() => file.write(new Uint8Array(8192), 0, 8192, 8192));
  t.match(error, { code: 'MQ_STORAGE_DISK_FULL', errno: 'ENOSPC', done: 4096 });
  t.match((error as Error).message, /Cannot write \/a: ENOSPC/);
  disk.fail({ call: 'write', errno: 'EINTR', doneBytes: 10, times: 3 });
  t.equal(file.write(new Uint8Array(100).fill(5), 0, 100, 0), 100);
  const back = new Uint8Array(100);
  file.read(back, 0, 100, 0);
  t.ok(
    back.every((value) => value === 5),
    'all of it',
  );
  disk.fail({ call: 'read', errno: 'EIO', path: /a$/, after: 1 });
  file.read(back, 0, 100, 0);
  t.match(
    thrown(() => file.read(back, 0, 100, 0)),
    { call: 'read', errno: 'EIO' },
  );
  disk.remove('/a');
  t.equal(disk.freeBytes('/').free, 3 * 4096, 'removing gives room back');
});

test('MemoryDisk repeats itself from its seed', async (t) => {
  const run = (): string => {
    const disk = new MemoryDisk({ seed: 42 });
    write(disk, '/a', 1, 8);
    disk.syncDirectory('/');
    disk.cutPower();
    const back = Buffer.alloc(8 * 4096);
    disk.open('/a', 'read').read(back, 0, back.length, 0);
    return `${disk.sizeOf('/a')} ${back.toString('latin1')}`;
  };
  t.equal(run(), run());
});

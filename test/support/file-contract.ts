/**
 * What every disk must do: one suite, run against the real disk and against the one in memory, so that a simulation on the
 * latter says something about the former.
 */
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Disk } from '../../storage/file.ts';
import { thrown } from './thrown.ts';

/** Runs the suite; `make` gives a disk and an empty directory on it, `dispose` takes it away. */
export function testDiskContract(name: string, make: () => { disk: Disk; directory: string; dispose: () => void }): void {
  const on = (title: string, run: (t: Test, disk: Disk, directory: string) => void): void => {
    test(`${name} ${title}`, async (t) => {
      const { disk, directory, dispose } = make();
      t.teardown(dispose);
      run(t, disk, directory);
    });
  };

  on('reads what was written, zeros in holes, and less at the end', (t, disk, directory) => {
    const file = disk.open(join(directory, 'a'), 'create');
    const bytes = new Uint8Array(10_000).map((_, index) => index);
    t.equal(file.write(bytes, 1000, 5000, 8192), 5000, 'writes all');
    t.equal(file.size(), 13_192);
    const back = new Uint8Array(6000).fill(255);
    t.equal(file.read(back, 0, 6000, 8190), 5002, 'ends with the file');
    t.same([...back.subarray(0, 2)], [0, 0], 'a hole is zeros');
    t.same(back.subarray(2, 5002), bytes.subarray(1000, 6000));
    t.equal(file.read(back, 0, 10, 20_000), 0, 'nothing behind the end');
    file.close();
  });

  on('takes views of shared memory', (t, disk, directory) => {
    const shared = new Uint8Array(new SharedArrayBuffer(64)).subarray(8, 40);
    shared.fill(7);
    const file = disk.open(join(directory, 'a'), 'create');
    file.write(shared, 4, 8, 0);
    const back = new Uint8Array(new SharedArrayBuffer(16));
    t.equal(file.read(back, 2, 8, 0), 8);
    t.same([...back], [0, 0, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0]);
    file.close();
  });

  on('truncates, and what grows again is zeros', (t, disk, directory) => {
    const file = disk.open(join(directory, 'a'), 'create');
    file.write(new Uint8Array(9000).fill(1), 0, 9000, 0);
    file.truncate(100);
    file.truncate(9000);
    t.equal(file.size(), 9000);
    const back = new Uint8Array(9000);
    file.read(back, 0, 9000, 0);
    t.equal(back.indexOf(0), 100, 'the rest stays');
    t.equal(back.lastIndexOf(1), 99, 'the cut part is gone');
    file.sync();
    file.close();
  });

  on('opens as asked', (t, disk, directory) => {
    const path = join(directory, 'a');
    t.match(
      thrown(() => disk.open(path, 'read')),
      { code: 'MQ_STORAGE_DISK', call: 'open', errno: 'ENOENT' },
    );
    t.match(
      thrown(() => disk.open(path, 'write')),
      { errno: 'ENOENT' },
    );
    t.match(
      thrown(() => disk.open(join(directory, 'none', 'a'), 'create')),
      { errno: 'ENOENT' },
    );
    const file = disk.open(path, 'create');
    file.write(new Uint8Array(3), 0, 3, 0);
    file.close();
    const again = disk.open(path, 'create');
    t.equal(again.size(), 3, 'create keeps what is there');
    again.close();
    const reader = disk.open(path, 'read');
    t.match(
      thrown(() => reader.write(new Uint8Array(1), 0, 1, 0)),
      { call: 'write', errno: 'EBADF' },
    );
    reader.close();
    t.match(
      thrown(() => reader.read(new Uint8Array(1), 0, 1, 0)),
      { call: 'read', errno: 'EBADF' },
      'a closed file is closed',
    );
  });

  on('lists, renames, removes', (t, disk, directory) => {
    t.same(disk.list(join(directory, 'none')), [], 'no directory, no names');
    disk.makeDirectory(join(directory, 'x', 'y'));
    disk.makeDirectory(join(directory, 'x', 'y'));
    for (const name of ['b', 'a', 'c']) disk.open(join(directory, name), 'create').close();
    t.same(disk.list(directory), ['a', 'b', 'c', 'x'], 'in order');
    const file = disk.open(join(directory, 'a'), 'write');
    file.write(new Uint8Array([9]), 0, 1, 0);
    file.close();
    disk.rename(join(directory, 'a'), join(directory, 'b'));
    disk.syncDirectory(directory);
    t.same(disk.list(directory), ['b', 'c', 'x']);
    t.equal(disk.sizeOf(join(directory, 'b')), 1, 'replaced');
    disk.remove(join(directory, 'c'));
    disk.remove(join(directory, 'c'));
    t.notOk(disk.exists(join(directory, 'c')), 'removing what is not there is no error');
    t.match(
      thrown(() => disk.remove(join(directory, 'x'))),
      { call: 'remove', errno: 'ENOTEMPTY' },
    );
    disk.remove(join(directory, 'x', 'y'));
    disk.remove(join(directory, 'x'));
    t.same(disk.list(directory), ['b']);
    t.match(
      thrown(() => disk.rename(join(directory, 'none'), join(directory, 'z'))),
      { call: 'rename', errno: 'ENOENT' },
    );
    t.match(
      thrown(() => disk.sizeOf(join(directory, 'none'))),
      { call: 'stat', errno: 'ENOENT' },
    );
  });

  on('tells its space', (t, disk, directory) => {
    const { free, total } = disk.freeBytes(directory);
    t.ok(free >= 0 && free <= total, 'free is part of all');
  });

  on('locks once', (t, disk, directory) => {
    const release = disk.lock(join(directory, 'lock'));
    t.match(
      thrown(() => disk.lock(join(directory, 'lock'))),
      { code: 'MQ_STORAGE_LOCKED' },
    );
    release();
    disk.lock(join(directory, 'lock'))();
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { NodeDisk } from '../../storage/node-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { thrown } from '../support/thrown.ts';

const HOLDER = fileURLToPath(new URL('../support/hold-store-lock.ts', import.meta.url));

async function start(path: string): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [HOLDER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { child, line: chunk.toString().trim() };
}

test('A store is locked against a second process, which is told who holds it, until the first ends however it ends', async (t) => {
  const { path, remove } = temporaryDirectory();
  t.teardown(remove);
  const lock = join(path, 'lock');
  const disk = new NodeDisk();
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const first = await start(lock);
    t.equal(first.line, 'held');
    const pid = String(first.child.pid);
    t.match(
      thrown(() => disk.lock(lock)),
      { code: 'MQ_STORAGE_LOCKED', fields: { holder: first.child.pid } },
    );
    const second = await start(lock);
    t.match(second.line, `is in use by process ${pid}`);
    t.match(second.line, path, 'names the store');
    t.equal(readFileSync(lock, 'utf8').trim(), pid, 'a refused process changes nothing');
    const gone = once(first.child, 'exit');
    first.child.kill(signal);
    await gone;
    disk.lock(lock)();
  }
});

test('A store is locked by its directory, not by its name', async (t) => {
  const { path, remove } = temporaryDirectory();
  t.teardown(remove);
  const disk = new NodeDisk();
  disk.makeDirectory(join(path, 'store'));
  symlinkSync(join(path, 'store'), join(path, 'other'));
  const release = disk.lock(join(path, 'store', 'lock'));
  t.match(
    thrown(() => disk.lock(join(path, 'other', 'lock'))),
    { code: 'MQ_STORAGE_LOCKED', fields: { holder: process.pid } },
  );
  release();
  release();
  disk.lock(join(path, 'other', 'lock'))();
  t.match(
    thrown(() => disk.lock(join(path, 'none', 'lock'))),
    { code: 'MQ_STORAGE_DISK', call: 'lock', errno: 'ENOENT' },
  );
});

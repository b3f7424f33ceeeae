import { spawnSync } from 'node:child_process';
import { test } from 'tap';
import { NodeDisk } from '../../storage/node-disk.ts';
import { testDiskContract } from '../support/file-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

testDiskContract('NodeDisk', () => {
  const { path, remove } = temporaryDirectory();
  return { disk: new NodeDisk(), directory: path, dispose: remove };
});

test('NodeDisk.freeBytes counts as df does: what is kept back is neither free nor in use', {
  skip: process.platform === 'win32',
}, async (t) => {
  const { path, remove } = temporaryDirectory();
  t.teardown(remove);
  const { stdout } = spawnSync('df', ['-Pk', path], { encoding: 'utf8' });
  const [used, available] = (stdout.trim().split('\n').at(-1) as string).split(/\s+/).slice(2, 4).map(Number) as [number, number];
  const { free, total } = new NodeDisk().freeBytes(path);
  // Others write meanwhile.
  t.ok(Math.abs(1 - free / total - used / (used + available)) < 0.01, `${free} of ${total}, df: ${used} in use, ${available} available`);
});

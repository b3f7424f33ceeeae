import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { cacheFolder, keepCompiledCode } from '../../cli/compile-cache.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const command = fileURLToPath(new URL('../../bin/ringmq.ts', import.meta.url));

test('cacheFolder is the folder in which the user’s programs keep what they can make again', async (t) => {
  t.equal(cacheFolder({ HOME: '/home/ann' }, 'linux'), '/home/ann/.cache/ringmq/compiled');
  t.equal(cacheFolder({ HOME: '/home/ann', XDG_CACHE_HOME: '/fast/ann' }, 'linux'), '/fast/ann/ringmq/compiled');
  t.equal(cacheFolder({ HOME: '/home/ann', XDG_CACHE_HOME: 'not/absolute' }, 'linux'), '/home/ann/.cache/ringmq/compiled');
  t.equal(cacheFolder({ HOME: '/Users/ann' }, 'darwin'), '/Users/ann/Library/Caches/ringmq/compiled');
});

test('cacheFolder is none without a home', async (t) => {
  t.equal(cacheFolder({}, 'linux'), null);
  t.equal(cacheFolder({ HOME: '' }, 'linux'), null);
  t.equal(cacheFolder({ HOME: 'relative' }, 'linux'), null);
  t.equal(cacheFolder({}, 'win32'), null);
});

test('keepCompiledCode leaves alone what the user has decided', async (t) => {
  for (const decided of [{ NODE_COMPILE_CACHE: '/elsewhere' }, { NODE_DISABLE_COMPILE_CACHE: '1' }]) {
    const home = temporaryDirectory();
    t.teardown(home.remove);
    const environment: NodeJS.ProcessEnv = { HOME: home.path, ...decided };
    keepCompiledCode(environment, 'linux');
    t.same(environment, { HOME: home.path, ...decided });
    t.same(readdirSync(home.path), []);
  }
});

test('the command keeps its compiled code, and runs where it cannot', async (t) => {
  const { path: home, remove } = temporaryDirectory();
  t.teardown(remove);
  const { NODE_COMPILE_CACHE: _, XDG_CACHE_HOME: __, ...rest } = process.env;
  const run = (HOME: string): number | null => spawnSync(process.execPath, [command, '--version'], { env: { ...rest, HOME } }).status;
  t.equal(run(home), 0);
  const folder = cacheFolder({ HOME: home }, process.platform);
  if (folder !== null && process.platform !== 'win32') t.ok(existsSync(folder) && readdirSync(folder).length > 0, folder);
  const file = join(home, 'a-file');
  writeFileSync(file, '');
  t.equal(run(file), 0, 'the home is no folder');
});

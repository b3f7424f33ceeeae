/**
 * Builds the package: `tsc` into dist/, which is emptied first; what worker threads load is joined into few files, for a thread that
 * has to find 300 modules starts three times as slowly. Then a look at what came out: no import of a `.ts` file is left, the
 * command starts. Exits non-zero with the compiler's words otherwise.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { joinThread } from './join-thread.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
run('tsc', [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')]);

await joinThreadModules();

const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
for (const file of files) {
  const left = /(?:from\s+|import\s*\(\s*|new URL\(\s*)['"`](\.[^'"`]*\.ts)['"`]/.exec(readFileSync(join(dist, file), 'utf8'));
  if (left !== null) fail(`dist/${file} still names ${left[1]}`);
}

const command = join(dist, 'bin/ringmq.js');
chmodSync(command, 0o755);
run('ringmq --help', [command, '--help']);
process.stdout.write(`built ${files.length} files into dist/\n`);

/**
 * The entries of the broker's threads with what they load, one file each: a class must be one in a thread. They take the places of what
 * tsc wrote. None of them may name a file by its own address. Those that start threads by such names, the command and the
 * root of an embedded cluster, are the exception: they and their chunks lie in the entry's folder, and each module is told where it came from.
 */
async function joinThreadModules(): Promise<void> {
  const shared = {
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    packages: 'external',
    legalComments: 'none',
    // Each thread keeps the text of what it loads: without the comments it is half as long.
    minifyWhitespace: true,
    lineLimit: 160,
    write: false,
  } as const;
  const threads = ['shard/shard', 'name-server/name-server', 'store/store', 'store/reader', 'commit-log/log', 'commit-log/sync'];
  const joinedThreads = await Promise.all(threads.map((name) => joinThread(dist, join(dist, `actors/${name}-thread.js`), shared)));
  for (const { path, text } of joinedThreads.flat()) {
    if (text.includes('import.meta.url')) fail(`${path} names files by its own address`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  for (const entry of ['actors/embedded/cluster-main.js', 'cli/main.js']) {
    const folder = dirname(join(dist, entry));
    const addresses: Plugin = {
      name: 'addresses',
      setup: ({ onLoad }) => {
        onLoad({ filter: /\.js$/ }, ({ path }) => {
          const from = relative(folder, path).split(sep).join('/');
          return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', `new URL('${from}', import.meta.url).href`) };
        });
      },
    };
    const joined = await build({
      entryPoints: [join(dist, entry)],
      outdir: folder,
      chunkNames: 'part-[hash]',
      splitting: true,
      plugins: [addresses],
      ...shared,
    });
    for (const { path, text } of joined.outputFiles) writeFileSync(path, text);
  }
}

function run(what: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (error !== undefined) fail(`${what}: ${error.message}`);
  if (status !== 0) fail(`${what} ended with ${status}\n${stdout}${stderr}`);
}

function fail(reason: string): never {
  process.stderr.write(`build: ${reason}\n`);
  process.exit(1);
}

/**
 * Checks the package as a user gets it: packs it, looks at what is in it, installs it into an empty folder without install
 * scripts, starts it there, asks its health, stops it. Exits non-zero at the first thing that is not as promised.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const READY_MS_MAX = 20_000;
const STOP_MS_MAX = 15_000;
const PACKED_BYTES_MAX = 2_000_000;
/** What an embedder installs: the three packages and their own few. */
const PACKAGES_MAX = 12;
const allowed = [/^dist\/.+\.(js|d\.ts)$/, /^(README|README\.zh|CHANGELOG)\.md$/, /^LICENSE$/, /^package\.json$/];
const required = [
  'dist/index.js',
  'dist/index.d.ts',
  'dist/runtime/index.js',
  'dist/bin/ringmq.js',
  'LICENSE',
  'README.md',
  'README.zh.md',
  'CHANGELOG.md',
];

const folder = mkdtempSync(join(tmpdir(), 'ringmq-package-'));
try {
  const tarball = pack();
  install(tarball);
  await startAndStop();
  process.stdout.write('the package is complete, installs, starts and stops\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack(): string {
  const output = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
  const [packed] = JSON.parse(output) as { filename: string; size: number; files: { path: string }[] }[];
  if (packed === undefined) throw new Error('npm pack made nothing');
  const paths = packed.files.map(({ path }) => path);
  for (const path of paths) if (!allowed.some((pattern) => pattern.test(path))) throw new Error(`${path} does not belong into the package`);
  for (const path of required) if (!paths.includes(path)) throw new Error(`${path} is missing in the package`);
  if (packed.size > PACKED_BYTES_MAX) throw new Error(`the package has ${packed.size} bytes, at most ${PACKED_BYTES_MAX}`);
  process.stdout.write(`packed ${paths.length} files, ${packed.size} bytes\n`);
  return join(folder, packed.filename);
}

function install(tarball: string): void {
  mkdirSync(join(folder, 'app'));
  writeFileSync(join(folder, 'app/package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
  npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball], join(folder, 'app'));
  const packages = readdirSync(join(folder, 'app/node_modules')).filter((name) => !name.startsWith('.'));
  if (packages.length > PACKAGES_MAX)
    throw new Error(`installs ${packages.length} packages, at most ${PACKAGES_MAX}: ${packages.join(' ')}`);
  process.stdout.write(`installed ${packages.length} packages: ${packages.join(' ')}\n`);
}

async function startAndStop(): Promise<void> {
  const command = join(folder, 'app/node_modules/ringmq/dist/bin/ringmq.js');
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NAMESRV_ADDR: '127.0.0.1:0',
    BROKER_ADDR: '127.0.0.1:0',
    ADMIN_ADDR: '127.0.0.1:0',
    DATA_DIR: join(folder, 'data'),
  };
  const child = spawn(process.execPath, [command, 'start'], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  try {
    await until(
      () => /ready/.test(output),
      READY_MS_MAX,
      () => `it was not ready:\n${output}`,
      child,
    );
    const health = /http:\/\/\S+\/health/.exec(output)?.[0];
    if (health === undefined) throw new Error(`the ready line has no health address:\n${output}`);
    const answer = await fetch(health);
    if (answer.status !== 200) throw new Error(`${health} answered ${answer.status}: ${await answer.text()}`);
    child.kill('SIGTERM');
    await until(
      () => child.exitCode !== null || child.signalCode !== null,
      STOP_MS_MAX,
      () => `it did not stop:\n${output}`,
    );
    const [code, signal] = await ended;
    if (code !== 0) throw new Error(`it stopped with ${code ?? signal}:\n${output}`);
    process.stdout.write(output);
  } finally {
    child.kill('SIGKILL');
  }
}

async function until(
  done: () => boolean,
  limitMs: number,
  complaint: () => string,
  alive?: { readonly exitCode: number | null },
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > deadline || (alive !== undefined && alive.exitCode !== null)) throw new Error(complaint());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function npm(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

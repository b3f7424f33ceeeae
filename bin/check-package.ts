/**
 * Checks the package as a user gets it: packs it, looks at what is in it, installs it into an empty folder without install
 * scripts, compiles a program against its declarations, and on every Node that it promises to run on embeds a cluster, starts the
 * command, asks its health, stops it. Exits non-zero at the first thing that is not as promised.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embedProgram, typesConfig, typesProgram } from './package-program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const READY_MS_MAX = 20_000;
const STOP_MS_MAX = 15_000;
const PACKED_BYTES_MAX = 2_000_000;
/** What an embedder installs: the three packages and their own few. */
const PACKAGES_MAX = 12;
const INSTALLED_BYTES_MAX = 10_000_000;
/** Majors of Node beside the one that runs this: their binaries come from the registry, as that of the development dependency does. */
const OTHER_NODES = [22, 26];
const PROGRAM_MS_MAX = 60_000;
const allowed = [/^dist\/.+\.(js|d\.ts)$/, /^(README|README\.zh|CHANGELOG)\.md$/, /^LICENSE$/, /^package\.json$/];
const required = [
  'dist/index.js',
  'dist/index.d.ts',
  'dist/client/index.js',
  'dist/client/index.d.ts',
  'dist/runtime/index.js',
  'dist/runtime/index.d.ts',
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
  compile();
  for (const node of [process.execPath, ...otherNodes()]) {
    embed(node);
    await startAndStop(node);
  }
  process.stdout.write('the package is complete, installs, compiles, embeds, starts and stops\n');
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
  let bytes = 0;
  for (const file of readdirSync(join(folder, 'app/node_modules'), { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, 'app/node_modules', file);
    const found = lstatSync(path);
    if (!found.isFile()) continue;
    bytes += found.size;
    if (/(^|\/)binding\.gyp$/.test(file)) throw new Error(`${file} would have to be built`);
    if (!/(^|\/)package\.json$/.test(file)) continue;
    const { scripts } = JSON.parse(readFileSync(path, 'utf8')) as { scripts?: Record<string, string> };
    for (const name of ['preinstall', 'install', 'postinstall'])
      if (scripts?.[name] !== undefined) throw new Error(`${file} has the install script ${name}: ${scripts[name]}`);
  }
  if (bytes > INSTALLED_BYTES_MAX) throw new Error(`installs ${bytes} bytes, at most ${INSTALLED_BYTES_MAX}`);
  process.stdout.write(`installed ${packages.length} packages, ${bytes} bytes: ${packages.join(' ')}\n`);
}

/** A user's program compiles against the declarations, without a look away (`skipLibCheck`). */
function compile(): void {
  const app = join(folder, 'app');
  writeFileSync(join(app, 'types.ts'), typesProgram);
  const typeRoots = [join(root, 'node_modules/@types')];
  const config = { ...typesConfig, compilerOptions: { ...typesConfig.compilerOptions, typeRoots } };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(config));
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', app], app);
  process.stdout.write('its types compile\n');
}

/** Paths of the other Nodes' binaries. */
function otherNodes(): string[] {
  const tools = join(folder, 'nodes');
  mkdirSync(tools);
  writeFileSync(join(tools, 'package.json'), '{ "private": true }\n');
  const binary = `node-${process.platform}-${process.arch}`;
  const wanted = OTHER_NODES.map((major) => `node${major}@npm:${binary}@${major}`);
  npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', ...wanted], tools);
  return OTHER_NODES.map((major) => join(tools, `node_modules/node${major}/bin/node`));
}

/** Import, cluster and client, from sources of the user's own. */
function embed(node: string): void {
  const app = join(folder, 'app');
  writeFileSync(join(app, 'embed.mjs'), embedProgram);
  const said = run(node, ['embed.mjs'], app).trim();
  if (!/^v\d+\S* hello$/.test(said)) throw new Error(`the program of ten lines said: ${said}`);
  process.stdout.write(`embedded: ${said}\n`);
}

async function startAndStop(node: string): Promise<void> {
  const command = join(folder, 'app/node_modules/ringmq/dist/bin/ringmq.js');
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NAMESRV_ADDR: '127.0.0.1:0',
    BROKER_ADDR: '127.0.0.1:0',
    ADMIN_ADDR: '127.0.0.1:0',
    DATA_DIR: join(folder, 'data'),
  };
  const child = spawn(node, [command, 'start'], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
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
  return run('npm', args, cwd);
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: PROGRAM_MS_MAX });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

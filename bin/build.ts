/**
 * Builds the package: `tsc` into dist/, which is emptied first, then a look at what came out: no import of a `.ts` file is
 * left, the command starts. Exits non-zero with the compiler's words otherwise.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
run('tsc', [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')]);

const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
for (const file of files) {
  const left = /(?:from\s+|import\s*\(\s*|new URL\(\s*)['"`](\.[^'"`]*\.ts)['"`]/.exec(readFileSync(join(dist, file), 'utf8'));
  if (left !== null) fail(`dist/${file} still names ${left[1]}`);
}

const command = join(dist, 'bin/ringmq.js');
chmodSync(command, 0o755);
run('ringmq --help', [command, '--help']);
process.stdout.write(`built ${files.length} files into dist/\n`);

function run(what: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (error !== undefined) fail(`${what}: ${error.message}`);
  if (status !== 0) fail(`${what} ended with ${status}\n${stdout}${stderr}`);
}

function fail(reason: string): never {
  process.stderr.write(`build: ${reason}\n`);
  process.exit(1);
}

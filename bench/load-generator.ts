/**
 * The load generator in `loadgen/`, a Go program: builds it into the cache when its sources are newer, runs one mode of it
 * and gives back what it measured. Fails by throwing with its error output when it gives no result at all; a result with
 * problems (lost messages, errors) is returned with them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache-folder.ts';

const SOURCE = fileURLToPath(new URL('loadgen', import.meta.url));

/** One line of the generator's output. */
export type LoadResult = {
  name: string;
  mode: string;
  ok: boolean;
  metrics: Record<string, number>;
  problems?: string[];
  note?: string;
};

/** The binary, built when needed. */
export function loadGenerator(): string {
  const binary = join(cacheFolder('bin'), 'loadgen');
  const sources = readdirSync(SOURCE).map((name) => statSync(join(SOURCE, name)).mtimeMs);
  if (!existsSync(binary) || Math.max(...sources) > statSync(binary).mtimeMs) {
    const { status, stderr, error } = spawnSync('go', ['build', '-o', binary, '.'], { cwd: SOURCE, encoding: 'utf8' });
    if (status !== 0) throw new Error(`The load generator does not build (Go 1.21 or later is needed): ${error?.message ?? stderr}`);
  }
  return binary;
}

/** Runs `loadgen MODE --json FLAGS`. */
export function runLoad(name: string, mode: string, flags: readonly string[]): Promise<LoadResult> {
  const child = spawn(loadGenerator(), [mode, '--json', '--name', name, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const line = output.trim().split('\n').at(-1) ?? '';
      if (!line.startsWith('{')) {
        reject(new Error(`loadgen ${mode} for ${name} ended with ${code} and no result: ${errors}`));
        return;
      }
      resolve(JSON.parse(line) as LoadResult);
    });
  });
}

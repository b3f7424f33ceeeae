/**
 * Where the benchmark keeps what it downloads, builds and stores: `RINGMQ_BENCH_CACHE`, by default a folder of its own in
 * the user's cache, never the project's tree.
 */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A folder below the cache, made when it is missing. */
export function cacheFolder(...parts: string[]): string {
  const root = process.env['RINGMQ_BENCH_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ringmq-bench');
  const folder = join(root, ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

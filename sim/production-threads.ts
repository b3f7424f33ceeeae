/**
 * Production threads: the `main` of each thread of the broker, by its name, as a worker would run it, with this world's parts. What a
 * planted bug changes is put in here too: another disk, other data; production has no switch for any of it.
 */
import { main as logMain } from '../actors/commit-log/log-main.ts';
import { main as syncMain } from '../actors/commit-log/sync-main.ts';
import { type ShardWorld, main as shardMain } from '../actors/shard/shard-main.ts';
import { main as readerMain } from '../actors/store/reader-main.ts';
import { main as storeMain } from '../actors/store/store-main.ts';
import type { ThreadMain } from '../runtime/simulated-thread.ts';
import type { Disk } from '../storage/file.ts';

/** What of the broker is not as it should be: nothing, but in a world with a planted bug. */
export type PlantedParts = {
  /** The disk that a thread gets instead. */
  readonly disk?: (disk: Disk, thread: string) => Disk;
  /** What a thread is given as its data. */
  readonly data?: (data: Record<string, unknown>, thread: string) => Record<string, unknown>;
};

export function mainOf(name: string, world: ShardWorld, planted: PlantedParts): ThreadMain {
  const main = productionMain(name, world);
  const { data } = planted;
  if (data === undefined) return main;
  return (thread, given, own) => main(thread, data(given as Record<string, unknown>, own) as never, own);
}

function productionMain(name: string, world: ShardWorld): ThreadMain {
  switch (name) {
    case 'log':
      return (thread, data) => logMain(thread, data, world);
    case 'sync':
      return (thread, data) => syncMain(thread, data, world);
    case 'store':
      return (thread, data) => storeMain(thread, data, world);
    case 'reader':
      return (thread, data) => readerMain(thread, data, world);
    default:
      return (thread, data) => shardMain(thread, data, world);
  }
}

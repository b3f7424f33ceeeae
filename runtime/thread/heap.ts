/** The calling thread's JavaScript heap: how much of it is in memory, and a collection that gives back all that can be given. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a thread loop asks of its thread's heap. */
export interface Heap {
  /** Bytes that the heap takes in memory, with what hangs on it. */
  bytes(): number;
  /** Collects with the least memory left over as the aim; stops the thread for some 20 ms. */
  collect(): void;
}

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/** Threads that collect at the same moment hide the collector from one another; a heap that is not collected now is so later. */
const ATTEMPTS_MAX = 100;

export const threadHeap: Heap = {
  bytes: () => {
    const { total_physical_size, external_memory } = getHeapStatistics();
    return total_physical_size + external_memory;
  },
  collect: () => {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const collect = showCollector();
      if (collect === undefined) continue;
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      return;
    }
  },
};

/**
 * V8 shows its collector to a context only when that is made while the flag is set; nobody else in the process is to see it. The flag
 * is the process's: undefined when another thread took it back in between.
 */
function showCollector(): Collect | undefined {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as Collect | undefined;
  setFlagsFromString('--no-expose-gc');
  return collect;
}

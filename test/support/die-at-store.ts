/**
 * A thread's end between two stores to shared memory: runs something that is cut off before its `n`th call of an `Atomics` function that
 * stores. What it did before that stays, as with a worker that is terminated.
 */
const STORES = ['store', 'add', 'sub', 'or', 'and', 'exchange', 'compareExchange'] as const;

type Store = (...given: unknown[]) => number;

/** True: it was cut off; false: it came to its end, with fewer stores. */
export function diesAtStore(n: number, run: () => void): boolean {
  const atomics = Atomics as unknown as Record<string, Store>;
  const death = new Error('the thread ends here');
  const former = STORES.map((name) => atomics[name]!);
  let left = n;
  for (const [index, name] of STORES.entries()) {
    atomics[name] = (...given) => {
      if (--left <= 0) throw death;
      return former[index]!(...given);
    };
  }
  try {
    run();
    return false;
  } catch (thrown) {
    if (thrown !== death) throw thrown;
    return true;
  } finally {
    for (const [index, name] of STORES.entries()) atomics[name] = former[index]!;
  }
}

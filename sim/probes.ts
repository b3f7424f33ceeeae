/**
 * Probes: places in the middle of a turn where a simulated thread may be killed although it makes no call of the disk there: before any
 * store to shared memory, and behind the mark of what the log worker has written, before it shows the units. `Atomics` and methods of
 * production's classes are wrapped in this process; one world at a time listens.
 */
import { type Mark, Watermarks, WRITTEN_END } from '../actors/commit-log/watermarks.ts';

let passed: () => void = () => {};
/** `left`: stores to shared memory that pass before `passed` is called, which sets it anew. */
export type StoreProbe = { left: number; passed(): void };

let stores: StoreProbe = { left: Number.POSITIVE_INFINITY, passed: () => {} };

/** From now on `run` is called when the log worker's probe is passed. */
export function probeWith(run: () => void): void {
  passed = run;
}

export function probeStoresWith(probe: StoreProbe): void {
  stores = probe;
}

const move = Watermarks.prototype.move;
Watermarks.prototype.move = function (this: Watermarks, mark: Mark, end: number): void {
  move.call(this, mark, end);
  if (mark === WRITTEN_END) passed();
};

type Store = (words: Int32Array, at: number, value: number, other?: number) => number;
const atomics = Atomics as unknown as Record<string, Store>;
for (const name of ['store', 'add', 'sub', 'or', 'and', 'exchange', 'compareExchange']) {
  const former = atomics[name]!;
  atomics[name] = (words, at, value, other) => {
    if (--stores.left <= 0) stores.passed();
    return other === undefined ? former(words, at, value) : former(words, at, value, other);
  };
}

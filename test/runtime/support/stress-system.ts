/**
 * Runs real threads that send each other numbered records, checks what arrived, and says whether anybody got stuck.
 */
import { ActorSystem } from '../../../runtime/actor-system.ts';
import type { LoopKind } from '../../../runtime/thread/thread-context.ts';
import { BAD, CHECKED, type StressData } from './ring-stress-thread.ts';

export interface StressResult {
  readonly checked: number;
  readonly expected: number;
  readonly bad: number;
  readonly seconds: number;
  /** Nothing moved for `stuckMs` although records were missing. */
  readonly isStuck: boolean;
  readonly sleeps: number;
  readonly ringFull: number;
}

export interface StressOptions {
  /** Kind of loop of each thread; every one sends to every other. */
  readonly loops: readonly LoopKind[];
  /** Records from each thread to each other one; below 2^32. */
  readonly records: number;
  readonly ringBytes: number;
  readonly lengthMax: number;
  readonly stuckMs: number;
  readonly onProgress?: (checked: number) => void;
}

export async function stress(options: StressOptions): Promise<StressResult> {
  const shared = new SharedArrayBuffer(512);
  const words = new Int32Array(shared);
  const names = options.loops.map((_, i) => `stress-${i}`);
  const module = new URL('./ring-stress-thread.ts', import.meta.url);
  const expected = options.records * names.length * (names.length - 1);
  const beganMs = performance.now();
  const system = await ActorSystem.start({
    root: {
      id: 'stress',
      strategy: 'one-for-one',
      intensity: 0,
      periodMs: 1000,
      startTogether: true,
      children: options.loops.map((loop, i) => {
        const data: StressData = {
          shared,
          records: options.records,
          to: names.filter((_, other) => other !== i),
          lengthMax: options.lengthMax,
        };
        return { name: names[i] as string, loop, module, data };
      }),
    },
    placement: [],
    ringBytes: options.ringBytes,
  });
  let checked = 0;
  let last = 0;
  let movedMs = performance.now();
  let isStuck = false;
  while (checked < expected && !isStuck) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    // The shared count wraps at 2^32; its growth does not.
    const now = Atomics.load(words, CHECKED);
    checked += (now - last) >>> 0;
    if (now !== last) movedMs = performance.now();
    else if (performance.now() - movedMs > options.stuckMs) isStuck = true;
    last = now;
    options.onProgress?.(checked);
  }
  const seconds = (performance.now() - beganMs) / 1000;
  const threads = system.stats().threads;
  await system.stop();
  const sum = (of: (thread: (typeof threads)[number]) => number): number => threads.reduce((total, thread) => total + of(thread), 0);
  return {
    checked,
    expected,
    bad: Atomics.load(words, BAD),
    seconds,
    isStuck,
    sleeps: sum(({ sleeps }) => sleeps),
    ringFull: sum(({ ringFull }) => ringFull),
  };
}

/**
 * A thread's place: who it is, who the others are, and the memory between them; as it is posted to the thread, and as its loop wants it.
 * Source: none; RocketMQ's threads share one heap.
 */
import type { RingMemory } from '../ring/ring-layout.ts';
import { Placement, type PlacementRule, type ThreadName } from './placement.ts';
import type { ThreadParts } from './thread-parts.ts';

/** Plain data and shared memory: it may be posted. */
export interface ThreadPlace {
  readonly index: number;
  readonly generation: number;
  readonly threads: readonly ThreadName[];
  readonly rules: readonly PlacementRule[];
  readonly blocks: SharedArrayBuffer;
  readonly ringsIn: readonly (RingMemory | undefined)[];
  readonly ringsOut: readonly (RingMemory | undefined)[];
  readonly ringBytes: number;
}

/** What of a loop its place says. */
export function loopPlace(
  place: ThreadPlace,
): Pick<ThreadParts, 'index' | 'generation' | 'placement' | 'threadCount' | 'words' | 'ringsIn' | 'ringsOut' | 'ringBytes'> {
  const { index, generation, threads, rules, blocks, ringsIn, ringsOut, ringBytes } = place;
  const placement = new Placement(threads, rules);
  return { index, generation, placement, threadCount: threads.length, words: new Int32Array(blocks), ringsIn, ringsOut, ringBytes };
}

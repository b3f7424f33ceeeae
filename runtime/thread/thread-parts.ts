/**
 * Thread parts: what a thread's loop is made of: its place among the others, the shared memory between them, time, chance, and the effects that
 * its surroundings lend it. Types only: a worker, a guest, the root and a simulated thread each fill them in their own way.
 */
import type { LogLevel } from '../actor.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { RingMemory } from '../ring/ring-layout.ts';
import type { Heap } from './heap.ts';
import type { Placement } from './placement.ts';
import type { LoopKind } from './thread-context.ts';

/** What a thread is made of. `rings[from][to]`, only this thread's row and column filled; the diagonal is empty. */
export interface ThreadParts {
  readonly index: number;
  readonly name: string;
  readonly loop: LoopKind;
  readonly generation: number;
  readonly placement: Placement;
  readonly threadCount: number;
  readonly words: Int32Array;
  readonly ringsIn: readonly (RingMemory | undefined)[];
  readonly ringsOut: readonly (RingMemory | undefined)[];
  readonly ringBytes: number;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Trimmed when the thread has been quiet for a while; absent: the heap is not ours to collect. */
  readonly heap?: Heap | undefined;
  readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  readonly report: (event: string, detail: Record<string, string | number | boolean>) => void;
  /** Must not return to the loop's caller: the thread ends. */
  readonly fail: (error: Error) => void;
  /** A loop that is driven step by step (a blocking one in a simulation) wants its next step: something came from outside its turns. */
  readonly turnWanted?: () => void;
}

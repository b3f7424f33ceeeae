/**
 * Driven turns: a thread's loop as those see it who say when its turns run: event-turns.ts on an event loop, blocking-turns.ts on a thread that
 * sleeps in Atomics.wait. Types only.
 */
import type { ThreadSigns } from './thread-signs.ts';

export interface DrivenTurns {
  readonly signs: ThreadSigns;
  /** What the thread has failed with. */
  readonly failure: Error | undefined;
  /** No turn runs any more. */
  readonly isEnded: boolean;
  /** A turn, or the look before a sleep, is on the stack. */
  readonly isInTurn: boolean;
  /** The root has not said stop. */
  readonly isToldToRun: boolean;
  monotonicMs(): number;
  /** One turn. True: something was done, or is left to do. */
  turn(): boolean;
  /** The look at everything that has to follow `declareAsleep`. True: something is there. */
  lookAgain(): boolean;
  /** Something is expected within microseconds: the thread looks for it instead of falling asleep. */
  lingers(): boolean;
  /** When it must look again although nobody rings (monotonic); infinite: not at all. */
  nextLookMs(nowMs: number): number;
  /** Shows what was sent while no turn runs. */
  publish(): void;
  requestTurn(): void;
}

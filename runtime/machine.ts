/**
 * Machine: what a system of threads stands on: how threads come and go, how its root is run, timers, time and chance. The real one is
 * in actor-system.ts; `SimulatedMachine` is another. Everything above it is the same code on both. Types, and the real timers.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';
import type { ThreadSpec } from './supervision/thread-spec.ts';
import type { ThreadLoop } from './thread/thread-loop.ts';
import type { ThreadBirth, WordHome } from './thread/thread-words.ts';

/** A thread as its supervisor has it: a `Worker`, or what behaves like one. */
export interface ThreadHandle {
  on(event: 'message', listener: (word: WordHome) => void): unknown;
  on(event: 'error', listener: (thrown: unknown) => void): unknown;
  on(event: 'exit', listener: (exitCode: number) => void): unknown;
  /** Ends it where it is; `exit` follows. */
  terminate(): unknown;
}

export interface Timers {
  /** Once, after `ms`. Gives what takes it back. */
  after(ms: number, run: () => void): () => void;
  /** Every `ms`; does not keep the process alive. */
  every(ms: number, run: () => void): () => void;
}

export interface Machine {
  readonly clock: Clock;
  /** Of the root thread; each other thread has its own. */
  readonly random: Random;
  readonly timers: Timers;
  /** `control`: the worker's end of its control link, to be given away; a machine without one gets no control calls. */
  readonly hasControl: boolean;
  launch(spec: ThreadSpec, birth: ThreadBirth, control: MessagePort | undefined): ThreadHandle;
  /** The root's loop is there: run it from now on. `words`: all threads' blocks. */
  runRoot(loop: ThreadLoop, words: Int32Array): void;
  /** A thread that is driven from outside asks for a turn. */
  turnWanted?(thread: number): void;
}

export const nodeTimers: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

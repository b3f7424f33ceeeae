/**
 * Simulated machine: one process's threads (simulated-thread.ts) in a simulated world; their supervisor is the production one. A step is
 * a whole turn; inside one, others run only where the thread says that it waits (`inCall`), which is where it may also be killed: then
 * shared memory is as it was at that moment, whatever the thread's own code does on its way out.
 * Fails by telling `onFailure`.
 */
import assert from 'node:assert/strict';
import type { LogLevel } from './actor.ts';
import type { Clock } from './clock.ts';
import type { Machine, ThreadHandle, Timers } from './machine.ts';
import { SeededRandom } from './random.ts';
import { DATA_BYTES } from './ring/ring-layout.ts';
import { SimulatedDeath, SimulatedThread, type Snapshot, type ThreadHome, type ThreadMain } from './simulated-thread.ts';
import type { SimulatedTime } from './simulated-time.ts';
import type { ThreadSpec } from './supervision/thread-spec.ts';
import type { ThreadLoop } from './thread/thread-loop.ts';
import type { ThreadBirth } from './thread/thread-words.ts';

const START_MS_MAX = 5;
/** Calls inside calls. */
const DEPTH_MAX = 3;

export interface SimulatedMachineOptions {
  readonly time: SimulatedTime;
  readonly seed: number;
  /** What the thread of this name runs. */
  readonly mainOf: (name: string) => ThreadMain;
  readonly log: (level: LogLevel, text: string, fields: Record<string, unknown>) => void;
  /** A thread has ended: what the operating system takes back. */
  readonly onThreadEnd?: (name: string) => void;
  /** A thread gets no processor for this long. */
  readonly onStill?: (ms: number) => void;
  /** The root has failed, which production would not survive. */
  readonly onFailure: (error: Error) => void;
}

export class SimulatedMachine implements Machine, ThreadHome {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly timers: Timers;
  readonly hasControl = false;
  readonly options: SimulatedMachineOptions;
  readonly time: SimulatedTime;
  /** Memory that threads share, besides rings and words. */
  readonly shared: Uint8Array[] = [];
  /** Order and cost of turns: its own numbers, so that an actor that asks for chance does not change them. */
  readonly chance: SeededRandom;
  readonly #threads: Map<number, SimulatedThread> = new Map();
  /** Of rings and threads, by what they lie in. */
  readonly #counters: Map<object, Uint8Array> = new Map();
  readonly #timersLeft: Set<() => void> = new Set();
  /** Null: what runs from there on is no thread's, but an event that came while the one below waits in a call. */
  #stack: (SimulatedThread | null)[] = [];
  #isDead = false;

  constructor(options: SimulatedMachineOptions) {
    this.options = options;
    this.time = options.time;
    this.clock = options.time.clock;
    this.random = new SeededRandom(options.seed);
    this.chance = new SeededRandom(options.seed ^ 0x5bd1e995);
    this.timers = {
      after: (ms, run) => this.#timer(() => this.time.after(ms, run)),
      every: (ms, run) => {
        let takeBack = (): void => {};
        const again = (): void => {
          takeBack = this.#timer(() =>
            this.time.after(ms, () => {
              again();
              run();
            }),
          );
        };
        again();
        return () => takeBack();
      },
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Names of the threads that run. */
  get running(): string[] {
    return [...this.#threads.values()].filter((thread) => thread.state === 'running').map(({ name }) => name);
  }

  /** The thread whose code runs now; null: none of this process's. */
  get current(): SimulatedThread | null {
    return this.#stack.at(-1) ?? null;
  }

  #timer(begin: () => () => void): () => void {
    if (this.#isDead) return () => {};
    const takeBack = begin();
    this.#timersLeft.add(takeBack);
    return () => {
      takeBack();
      this.#timersLeft.delete(takeBack);
    };
  }

  launch(spec: ThreadSpec, birth: ThreadBirth): ThreadHandle {
    const thread = new SimulatedThread(this, spec.name, spec.loop === 'event', structuredClone(birth));
    // Worker data is cloned; shared memory is not: rings and words stay the very same.
    // What a dying thread wrote into a ring and did not publish is nobody's: the counters are enough.
    for (const ring of [...birth.ringsIn, ...birth.ringsOut])
      if (ring !== undefined) this.#counters.set(ring, ring.subarray(0, DATA_BYTES));
    this.#counters.set(birth.blocks, new Uint8Array(birth.blocks));
    this.#threads.set(birth.index, thread);
    this.time.after(this.chance.next() * START_MS_MAX, () => thread.begin());
    return thread;
  }

  runRoot(loop: ThreadLoop, words: Int32Array): void {
    const root = new SimulatedThread(this, 'root', true, null);
    this.#threads.set(0, root);
    root.drive(loop, words);
  }

  turnWanted(thread: number): void {
    this.#threads.get(thread)?.poke();
  }

  /** Runs something of a thread's outside its turns, as its event loop would: a throw is its crash. */
  enter(name: string, run: () => void): void {
    for (const thread of this.#threads.values()) if (thread.name === name && thread.state !== 'ended') thread.outside(run);
  }

  /** The process is killed: no thread runs any more, no timer comes. */
  kill(): void {
    this.#isDead = true;
    for (const thread of this.#threads.values()) thread.drop();
    for (const takeBack of this.#timersLeft) takeBack();
    this.#timersLeft.clear();
  }

  /** Ends the thread as an unlucky system call would, at the end of its turn if it is within one. False: it does not run. */
  killThread(name: string): boolean {
    for (const thread of this.#threads.values()) {
      if (thread.name !== name || thread.state !== 'running') continue;
      thread.terminate();
      return true;
    }
    return false;
  }

  /** For the thread that runs now: it is in a call for `ms`, others go on meanwhile. */
  inCall(ms: number): void {
    const { current } = this;
    const depth = this.#stack.filter((thread) => thread !== null).length;
    if (current === null || current.isEvent || current.isDying || depth > DEPTH_MAX) return;
    this.#stack.push(null);
    try {
      // Off the stack at once when the process has died meanwhile: its memory may soon be another one's.
      this.time.runInside(ms, () => this.#isDead);
    } finally {
      this.#stack.pop();
    }
    if (this.#isDead) throw new SimulatedDeath();
  }

  /** The thread that runs now dies here. */
  dieHere(): never {
    const { current } = this;
    assert(current !== null && current.index > 0, 'A thread dies, and not the root');
    current.die(this.#snapshot());
    throw new SimulatedDeath();
  }

  within(thread: SimulatedThread, run: () => void): void {
    this.#stack.push(thread);
    try {
      run();
    } finally {
      this.#stack.pop();
    }
  }

  isOnStack(thread: SimulatedThread): boolean {
    return this.#stack.includes(thread);
  }

  #snapshot(): Snapshot {
    return [...this.#counters.values(), ...this.shared].map((memory) => ({ memory, copy: memory.slice() }));
  }
}

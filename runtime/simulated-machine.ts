/**
 * Simulated machine: one process's threads in a simulated world. Each thread is the production `ThreadLoop` with its own actors and
 * rings, driven step by step: it sleeps and is woken by the same words in shared memory, its supervisor is the production one. A step is
 * a whole turn; inside one, others run only where the thread says that it waits (`inCall`), which is where it may also be killed: then
 * shared memory is as it was at that moment, whatever the thread's own code does on its way out.
 * Fails by telling `onFailure`; a thread that throws ends as a worker would.
 */
import assert from 'node:assert/strict';
import type { LogLevel } from './actor.ts';
import type { Clock } from './clock.ts';
import { toError } from './errors.ts';
import type { Machine, ThreadHandle, Timers } from './machine.ts';
import { SeededRandom } from './random.ts';
import { DATA_BYTES } from './ring/ring-layout.ts';
import type { Doer, SimulatedTime } from './simulated-time.ts';
import type { ThreadSpec } from './supervision/thread-spec.ts';
import { ASLEEP, blockOf, IS_ASLEEP } from './thread/thread-block.ts';
import type { ThreadContext } from './thread/thread-context.ts';
import { ThreadLoop } from './thread/thread-loop.ts';
import { loopPlace } from './thread/thread-place.ts';
import { errorInWords, type ThreadBirth, type WordHome } from './thread/thread-words.ts';

const FAILED_EXIT_CODE = 70;
const TERMINATED_EXIT_CODE = 1;
const START_MS_MAX = 5;
const WORD_MS_MAX = 1;
const WAKE_MS_MAX = 0.1;
const TURN_MS_MAX = 0.06;
/** Of a thousand turns, those after which the thread gets no processor for a while, and for a long while. */
const STALLS_PER_1000 = 4;
const STALL_MS_MAX = 30;
const LONG_STALLS_PER_1000 = 0.1;
const LONG_STALL_MS_MAX = 1_500;
/** Calls inside calls. */
const DEPTH_MAX = 3;

export type ThreadMain = (thread: ThreadContext, data: never, name: string) => void | Promise<void>;

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

/** What a killed thread's code is thrown, to get it off the stack. */
export class SimulatedDeath extends Error {
  constructor() {
    super('The thread was killed here');
  }
}

type Snapshot = { readonly memory: Uint8Array; readonly copy: Uint8Array }[];

export class SimulatedMachine implements Machine {
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
  #stack: SimulatedThread[] = [];
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
    if (current === null || current.isEvent || current.isDying || this.#stack.length > DEPTH_MAX) return;
    // Off the stack at once when the process has died meanwhile: its memory may soon be another one's.
    this.time.runInside(ms, () => this.#isDead);
    if (this.#isDead) throw new SimulatedDeath();
  }

  /** The thread that runs now dies here. */
  dieHere(): never {
    const { current } = this;
    assert(current !== null && current.index > 0, 'A thread dies, and not the root');
    current.die(this.#snapshot());
    throw new SimulatedDeath();
  }

  /** For `SimulatedThread`: runs with the thread on the stack. */
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

type Listeners = {
  message: (word: WordHome) => void;
  error: (thrown: unknown) => void;
  exit: (exitCode: number) => void;
};

export class SimulatedThread implements ThreadHandle, Doer {
  readonly name: string;
  /** Its loop is one of events in production: it never waits within a turn. */
  readonly isEvent: boolean;
  state: 'starting' | 'running' | 'draining' | 'ended' = 'starting';
  readonly #machine: SimulatedMachine;
  readonly #time: SimulatedTime;
  readonly #birth: ThreadBirth | null;
  readonly #listeners: Partial<Listeners> = {};
  #loop: ThreadLoop | null = null;
  #words: Int32Array | null = null;
  #busyUntilMs = 0;
  /** 0: nobody sleeps, or the sleeper has been woken. */
  #sleepsUntilMs = 0;
  #isAsleep = false;
  #isPoked = false;
  #isDoomed = false;
  #snapshot: Snapshot | null = null;
  #lastWordMs = 0;

  constructor(machine: SimulatedMachine, name: string, isEvent: boolean, birth: ThreadBirth | null) {
    this.#machine = machine;
    this.#time = machine.time;
    this.name = name;
    this.isEvent = isEvent;
    this.#birth = birth;
  }

  get index(): number {
    return this.#birth?.index ?? 0;
  }

  get generation(): number {
    return this.#birth?.generation ?? 0;
  }

  /** It was killed and its code is on its way off the stack: nothing that it does counts. */
  get isDying(): boolean {
    return this.#snapshot !== null;
  }

  on(event: keyof Listeners, listener: never): this {
    this.#listeners[event] = listener;
    return this;
  }

  terminate(): void {
    if (this.state === 'ended') return;
    if (this.#machine.isOnStack(this)) this.#isDoomed = true;
    else this.#end(TERMINATED_EXIT_CODE);
  }

  /** The worker begins: `main`, then turns. */
  begin(): void {
    const birth = this.#birth;
    if (birth === null || this.state !== 'starting' || this.#machine.isDead) return;
    const seed = (this.#machine.options.seed ^ Math.imul(birth.index + 1, 0x9e3779b1)) + birth.generation;
    this.#words = new Int32Array(birth.blocks);
    this.#guard(() => {
      const loop = new ThreadLoop({
        ...loopPlace(birth),
        name: this.name,
        loop: 'blocking',
        heartbeatMs: birth.heartbeatMs,
        clock: this.#time.clock,
        random: new SeededRandom(seed),
        log: (level, text, fields) => {
          if (!this.isDying) this.#say({ word: 'log', level, text, fields });
        },
        report: (event, detail) => {
          if (!this.isDying) this.#say({ word: 'report', event, detail });
        },
        fail: (error) => {
          if (!this.isDying) this.#say({ word: 'failed', error: errorInWords(error) });
        },
        turnWanted: () => this.poke(),
      });
      this.#loop = loop;
      const main = this.#machine.options.mainOf(this.name);
      const settled = main(loop, birth.data as never, this.name);
      if (settled === undefined) this.#ready();
      else
        void settled.then(
          () => this.#ready(),
          (thrown: unknown) => this.#guard(() => this.#throw(thrown)),
        );
    });
  }

  #throw(thrown: unknown): never {
    throw thrown;
  }

  #ready(): void {
    if (this.state !== 'starting') return;
    this.state = 'running';
    this.#time.add(this);
    this.#say({ word: 'ready' });
  }

  /** The root: its loop is there already. */
  drive(loop: ThreadLoop, words: Int32Array): void {
    this.#loop = loop;
    this.#words = words;
    this.state = 'running';
    this.#time.add(this);
  }

  /** A callback of its event loop. */
  outside(run: () => void): void {
    if (this.#machine.isDead) return;
    this.#guard(run);
    this.#isPoked = true;
  }

  /** Something came from outside its turns. */
  poke(): void {
    this.#isPoked = true;
  }

  readyMs(): number {
    if (this.#machine.isOnStack(this)) return Number.POSITIVE_INFINITY;
    if (this.#sleepsUntilMs > 0) {
      // Pairs with the compare-exchange in `wake`.
      if (!this.#isPoked && Atomics.load(this.#words!, blockOf(this.index) + ASLEEP) === IS_ASLEEP)
        return Math.max(this.#busyUntilMs, this.#sleepsUntilMs);
      this.#sleepsUntilMs = 0;
      this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#time.nowMs + this.#machine.chance.next() * WAKE_MS_MAX);
    }
    return this.#busyUntilMs;
  }

  go(): void {
    const loop = this.#loop!;
    const { chance } = this.#machine;
    this.#isPoked = false;
    this.#time.note(this.index + 1, this.generation);
    this.#time.tell(() => `STEP ${this.name} asleep=${this.#isAsleep} poked=${this.#isPoked}`);
    let waitMs = 0;
    this.#guard(() => {
      if (this.#isAsleep) loop.awoke();
      if (!loop.isToldToRun && this.state === 'running') this.#drain(loop);
      else waitMs = loop.step();
    });
    const now = this.#time.nowMs;
    this.#isAsleep = waitMs > 0;
    this.#sleepsUntilMs = waitMs > 0 ? now + waitMs : 0;
    const luck = chance.next() * 1000;
    const stallMs = luck < LONG_STALLS_PER_1000 ? LONG_STALL_MS_MAX : luck < STALLS_PER_1000 ? STALL_MS_MAX : TURN_MS_MAX;
    const pauseMs = chance.next() * stallMs;
    if (stallMs !== TURN_MS_MAX) this.#machine.options.onStill?.(pauseMs);
    this.#busyUntilMs = now + pauseMs;
  }

  #drain(loop: ThreadLoop): void {
    this.state = 'draining';
    // An event loop goes on serving meanwhile.
    if (!this.isEvent) this.#time.remove(this);
    loop.drain().then(
      () => {
        this.#say({ word: 'stopped' });
        this.#end(0);
      },
      (thrown: unknown) => this.#guard(() => this.#throw(thrown)),
    );
  }

  /** Its code runs within; what it throws is its end. */
  #guard(run: () => void): void {
    try {
      this.#machine.within(this, run);
    } catch (thrown) {
      this.#threw(thrown);
    }
    if (this.#snapshot !== null) this.#threw(new SimulatedDeath());
    else if (this.#isDoomed && this.state !== 'ended') this.#end(TERMINATED_EXIT_CODE);
  }

  #threw(thrown: unknown): void {
    if (this.#machine.isDead || this.state === 'ended') return;
    if (this.#snapshot !== null) {
      for (const { memory, copy } of this.#snapshot) memory.set(copy);
      this.#end(TERMINATED_EXIT_CODE);
      this.#snapshot = null;
      return;
    }
    if (thrown instanceof SimulatedDeath) return;
    const error = toError(thrown);
    if (this.#birth === null) {
      this.#machine.options.onFailure(error);
      return;
    }
    this.#say({ word: 'failed', error: errorInWords(error) });
    this.#end(FAILED_EXIT_CODE);
  }

  /** For the machine: what it does from here on is undone. */
  die(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  /** The process ends: without a word. */
  drop(): void {
    this.state = 'ended';
    this.#time.remove(this);
  }

  #end(exitCode: number): void {
    this.drop();
    this.#time.tell(() => `${this.name} ends with ${exitCode}`);
    this.#machine.options.onThreadEnd?.(this.name);
    this.#later(() => this.#listeners.exit?.(exitCode));
  }

  #say(word: WordHome): void {
    this.#later(() => this.#listeners.message?.(word));
  }

  /** In order, a little later: as a message port would. */
  #later(run: () => void): void {
    const machine = this.#machine;
    const atMs = Math.max(this.#lastWordMs, this.#time.nowMs + machine.chance.next() * WORD_MS_MAX);
    this.#lastWordMs = atMs;
    this.#time.after(atMs - this.#time.nowMs, () => {
      if (!machine.isDead) run();
    });
  }
}

/**
 * Simulated thread: the production `ThreadLoop` with its own actors and rings, driven step by step: it sleeps and is woken by the same words in
 * shared memory as a worker's is. A thread that throws ends as a worker would; one that is killed amid its code leaves shared memory as
 * it was at that moment.
 */
import { toError } from './errors.ts';
import type { ThreadHandle } from './machine.ts';
import { SeededRandom } from './random.ts';
import type { Doer, SimulatedTime } from './simulated-time.ts';
import { ASLEEP, blockOf, IS_ASLEEP } from './thread/thread-block.ts';
import type { ThreadContext } from './thread/thread-context.ts';
import { ThreadLoop } from './thread/thread-loop.ts';
import { loopPlace } from './thread/thread-place.ts';
import { errorInWords, type ThreadBirth, type WordHome } from './thread/thread-words.ts';

const FAILED_EXIT_CODE = 70;
const TERMINATED_EXIT_CODE = 1;
const WORD_MS_MAX = 1;
const WAKE_MS_MAX = 0.1;
const TURN_MS_MAX = 0.06;
/** Of a thousand turns, those after which the thread gets no processor for a while, and for a long while. */
const STALLS_PER_1000 = 4;
const STALL_MS_MAX = 30;
const LONG_STALLS_PER_1000 = 0.1;
const LONG_STALL_MS_MAX = 1_500;

export type ThreadMain = (thread: ThreadContext, data: never, name: string) => void | Promise<void>;

/** What a killed thread's code is thrown, to get it off the stack. */
export class SimulatedDeath extends Error {
  constructor() {
    super('The thread was killed here');
  }
}

/** Shared memory as it was when a thread was killed. */
export type Snapshot = { readonly memory: Uint8Array; readonly copy: Uint8Array }[];

/** What a thread asks of its machine. */
export interface ThreadHome {
  readonly time: SimulatedTime;
  /** Order and cost of turns. */
  readonly chance: SeededRandom;
  /** The process was killed. */
  readonly isDead: boolean;
  readonly options: {
    readonly seed: number;
    readonly mainOf: (name: string) => ThreadMain;
    readonly onThreadEnd?: (name: string) => void;
    readonly onStill?: (ms: number) => void;
    readonly onFailure: (error: Error) => void;
  };
  isOnStack(thread: SimulatedThread): boolean;
  /** Runs with the thread on the stack. */
  within(thread: SimulatedThread, run: () => void): void;
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
  readonly #machine: ThreadHome;
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

  constructor(machine: ThreadHome, name: string, isEvent: boolean, birth: ThreadBirth | null) {
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
      if (this.#isAsleep) loop.blocking.awoke();
      if (!loop.isToldToRun && this.state === 'running') this.#drain(loop);
      else waitMs = loop.blocking.step();
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

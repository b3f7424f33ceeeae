/**
 * Simulated time: one line of things to do for a whole simulated world: tasks at their time, and whatever else is ready (`Doer`). Owns
 * the virtual clock, the order of what comes at the same time, and the trace. Everything follows from the seed. Modelled on nothing: a list.
 */
import type { Clock } from './clock.ts';
import { SeededRandom } from './random.ts';

/** Something beside tasks that is ready at a time of its own: a thread. */
export interface Doer {
  /** When it wants to go on; infinite: not before something happens. */
  readyMs(): number;
  go(): void;
}

type Task = { readonly atMs: number; readonly order: number; run: (() => void) | null };

const PROMISE_LINKS = 10;
/** Reading the clock takes time: whoever waits for it in a loop gets out. */
const READ_MS = 0.001;

class SimulatedClock implements Clock {
  elapsedMs = 0;
  /** The wall clock, which may jump. */
  startMs: number;

  constructor(startMs: number) {
    this.startMs = startMs;
  }

  now(): number {
    return this.startMs + Math.floor(this.elapsedMs);
  }

  monotonicMs(): number {
    this.elapsedMs += READ_MS;
    return this.elapsedMs;
  }
}

export class SimulatedTime {
  readonly clock: SimulatedClock;
  /** Chance of the world around the threads: faults, delays, workloads. */
  readonly random: SeededRandom;
  readonly #tasks: Task[] = [];
  readonly #doers: Set<Doer> = new Set();
  #order = 0;
  #high = 0x811c9dc5 | 0;
  #low = 0x01000193;
  /** Things done so far. */
  steps = 0;
  /** Hears of each line of the trace; null: nobody does. */
  onTrace: ((atMs: number, text: string) => void) | null = null;

  constructor(seed: number, startMs = 1_700_000_000_000) {
    this.clock = new SimulatedClock(startMs);
    this.random = new SeededRandom(seed);
  }

  get nowMs(): number {
    return this.clock.elapsedMs;
  }

  /** Runs `run` after `delayMs`. Gives what takes it back. */
  after(delayMs: number, run: () => void): () => void {
    const task: Task = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(task);
    return () => {
      task.run = null;
    };
  }

  add(doer: Doer): void {
    this.#doers.add(doer);
  }

  remove(doer: Doer): void {
    this.#doers.delete(doer);
  }

  /** Mixes a step into the trace's hash. */
  note(what: number, value: number): void {
    this.#high = Math.imul(this.#high ^ what ^ Math.floor(this.nowMs * 1000), 0x01000193);
    this.#low = Math.imul(this.#low ^ value, 0x85ebca6b) ^ (this.#high >>> 13);
  }

  /** The same in words, which cost something only when somebody listens. */
  tell(text: () => string): void {
    this.onTrace?.(this.nowMs, text());
  }

  get traceHash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  /** Does what is due next, if that is before `endMs`; else the clock goes there. False: nothing was done. */
  step(endMs: number): boolean {
    let doer: Doer | null = null;
    let atMs = Number.POSITIVE_INFINITY;
    for (const each of this.#doers) {
      const readyMs = each.readyMs();
      if (readyMs < atMs) {
        atMs = readyMs;
        doer = each;
      }
    }
    while (this.#tasks.length > 0 && this.#tasks[0]!.run === null) this.#shift();
    const task = this.#tasks[0];
    if (task !== undefined && task.atMs <= atMs) {
      atMs = task.atMs;
      doer = null;
    }
    if (atMs >= endMs) {
      this.#moveTo(endMs);
      return false;
    }
    this.#moveTo(atMs);
    this.steps++;
    if (doer !== null) doer.go();
    else {
      const run = this.#shift().run!;
      run();
    }
    return true;
  }

  /** Runs the world for `ms`, or until `isDone`. Promises go on between steps, in an order that follows from the seed too. */
  async run(ms: number, isDone: () => boolean = () => false): Promise<boolean> {
    const endMs = this.nowMs + ms;
    while (!isDone()) {
      const didSomething = this.step(endMs);
      // A chain of promises goes on by one link with each; what is longer goes on after the next step.
      for (let link = 0; link < PROMISE_LINKS; link++) await undefined;
      if (!didSomething) return isDone();
    }
    return true;
  }

  /** The same from within a step: what is being done waits meanwhile. Promises wait too. */
  runInside(ms: number, isDone: () => boolean): void {
    const endMs = this.nowMs + ms;
    while (!isDone() && this.step(endMs));
  }

  #moveTo(ms: number): void {
    if (ms > this.clock.elapsedMs) this.clock.elapsedMs = ms;
  }

  // A binary heap, by time and then by order of coming.
  #push(task: Task): void {
    const tasks = this.#tasks;
    let at = tasks.length;
    tasks.push(task);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(task, tasks[parent]!)) break;
      tasks[at] = tasks[parent]!;
      at = parent;
    }
    tasks[at] = task;
  }

  #shift(): Task {
    const tasks = this.#tasks;
    const first = tasks[0]!;
    const last = tasks.pop()!;
    if (tasks.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= tasks.length) break;
      if (child + 1 < tasks.length && isBefore(tasks[child + 1]!, tasks[child]!)) child++;
      if (!isBefore(tasks[child]!, last)) break;
      tasks[at] = tasks[child]!;
      at = child;
    }
    tasks[at] = last;
    return first;
  }
}

function isBefore(one: Task, other: Task): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

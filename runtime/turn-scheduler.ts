/**
 * Turn scheduler: which actor of a thread runs next, and for how long. One a thread. First come, first served; an actor with work left goes to
 * the end of the line. Under simulation a seeded choice takes the place of the order, so that no test depends on it. Cannot fail.
 */

/** Handles up to `budget` messages; gives back how many it handled. Afterwards `hasWork` says whether it must stand in line again. */
export interface Runnable {
  run(budget: number): number;
  readonly hasWork: boolean;
  isQueued: boolean;
}

/** Messages that one actor handles before the next has its turn. */
const ACTOR_BUDGET = 64;
/** Messages of one turn: after them sockets, rings and timers are looked at again. */
const TURN_BUDGET = 1024;

export class TurnScheduler {
  #line: (Runnable | undefined)[] = new Array(64).fill(undefined);
  #first = 0;
  #count = 0;
  readonly #choose: ((length: number) => number) | undefined;

  /** @param choose an index in [0, length): who of those in line is next. Without it the first. */
  constructor(choose?: (length: number) => number) {
    this.#choose = choose;
  }

  get hasWork(): boolean {
    return this.#count > 0;
  }

  /** Puts an actor in line, once. */
  add(runnable: Runnable): void {
    if (runnable.isQueued) return;
    runnable.isQueued = true;
    if (this.#count === this.#line.length) this.#grow();
    this.#line[(this.#first + this.#count) & (this.#line.length - 1)] = runnable;
    this.#count++;
  }

  /** Runs one turn: gives back the messages handled. `shouldYield` is asked between actors. */
  turn(shouldYield: () => boolean): number {
    let handled = 0;
    while (this.#count > 0 && handled < TURN_BUDGET) {
      const runnable = this.#take();
      runnable.isQueued = false;
      handled += runnable.run(this.#choose === undefined ? ACTOR_BUDGET : 1);
      if (runnable.hasWork) this.add(runnable);
      if (shouldYield()) break;
    }
    return handled;
  }

  #take(): Runnable {
    const mask = this.#line.length - 1;
    if (this.#choose !== undefined) {
      const chosen = (this.#first + this.#choose(this.#count)) & mask;
      const first = this.#line[this.#first];
      this.#line[this.#first] = this.#line[chosen];
      this.#line[chosen] = first;
    }
    const next = this.#line[this.#first] as Runnable;
    this.#line[this.#first] = undefined;
    this.#first = (this.#first + 1) & mask;
    this.#count--;
    return next;
  }

  #grow(): void {
    const grown: (Runnable | undefined)[] = new Array(this.#line.length * 2).fill(undefined);
    for (let i = 0; i < this.#count; i++) grown[i] = this.#line[(this.#first + i) & (this.#line.length - 1)];
    this.#line = grown;
    this.#first = 0;
  }
}

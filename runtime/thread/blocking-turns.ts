/**
 * Blocking turns: runs the turns of a thread that sleeps in Atomics.wait when there is nothing to do, and looks around at least every second. One a
 * blocking thread; a simulation drives it step by step. Throws what the thread has failed with.
 */
import type { DrivenTurns } from './driven-turns.ts';
import type { ThreadParts } from './thread-parts.ts';
import { declareAsleep, declareAwake, sleep } from './wake-up.ts';

/** It looks around at least this often, and shows that it lives. */
const SLEEP_MAX_MS = 1000;

export class BlockingTurns {
  readonly #loop: DrivenTurns;
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #sleepMaxMs: number;
  readonly #turnWanted: (() => void) | undefined;
  #busyFromMs = 0;

  constructor(loop: DrivenTurns, { words, index, heartbeatMs, turnWanted }: ThreadParts) {
    this.#loop = loop;
    this.#words = words;
    this.#index = index;
    this.#sleepMaxMs = Math.min(SLEEP_MAX_MS, heartbeatMs);
    this.#turnWanted = turnWanted;
  }

  /** Turns until the stop command. */
  run(): void {
    this.#busyFromMs = this.#loop.monotonicMs();
    while (this.#loop.isToldToRun) {
      const waitMs = this.step();
      if (waitMs === 0) continue;
      sleep(this.#words, this.#index, waitMs);
      this.awoke();
    }
  }

  /** Something came between two turns. A thread that is asleep then has been woken; one that is driven step by step says so. */
  workCame(): void {
    this.#turnWanted?.();
  }

  /**
   * A turn, and when it had nothing to do the look that falling asleep needs. Gives for how many ms the thread may sleep now, which
   * it is declared to do until `awoke`; 0: not at all.
   */
  step(): number {
    const loop = this.#loop;
    loop.signs.beat();
    const didWork = loop.turn();
    if (loop.failure !== undefined) throw loop.failure;
    const waitMs = didWork || loop.lingers() ? 0 : this.#fallAsleep(loop);
    if (loop.failure !== undefined) throw loop.failure;
    return waitMs;
  }

  /** The sleep that `step` allowed is over. */
  awoke(): void {
    this.#busyFromMs = this.#loop.monotonicMs();
    declareAwake(this.#words, this.#index);
  }

  #fallAsleep(loop: DrivenTurns): number {
    declareAsleep(this.#words, this.#index);
    if (!loop.lookAgain() && loop.isToldToRun) {
      const nowMs = loop.monotonicMs();
      loop.signs.busy(nowMs - this.#busyFromMs);
      const waitMs = Math.min(this.#sleepMaxMs, Math.max(0, loop.nextLookMs(nowMs) - nowMs));
      if (waitMs > 0) {
        loop.signs.slept();
        // Declared asleep: whoever has something meanwhile rings, and the sleep that follows ends at once.
        loop.signs.trim(nowMs);
        return waitMs;
      }
      this.#busyFromMs = nowMs;
    }
    declareAwake(this.#words, this.#index);
    return 0;
  }
}

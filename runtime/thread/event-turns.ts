/**
 * Event turns: runs the turns of a thread that has an event loop: as soon as work comes, when the next timer is due, when somebody rings, once a
 * heartbeat; rests between turns where that slows nothing down, and declares the thread asleep in between. One an event thread.
 * A throw out of a turn is an uncaught exception, and so the thread's crash.
 */
import type { DrivenTurns } from './driven-turns.ts';
import { NapGovernor } from './nap-governor.ts';
import type { ThreadParts } from './thread-parts.ts';
import { declareAsleep, declareAwake, endSleep, nap, sleepAsync } from './wake-up.ts';

const TIMER_MAX_MS = 0x7fffffff;

export class EventTurns {
  readonly #loop: DrivenTurns;
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #heartbeatMs: number;
  #naps: { readonly governor: NapGovernor; readonly count: () => number } | undefined;
  #isRunning = false;
  #immediate: NodeJS.Immediate | undefined;
  #isAsleepArmed = false;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #heartbeat: NodeJS.Timeout | undefined;
  #onCommand: (() => void) | undefined;

  constructor(loop: DrivenTurns, { words, index, heartbeatMs }: ThreadParts) {
    this.#loop = loop;
    this.#words = words;
    this.#index = index;
    this.#heartbeatMs = heartbeatMs;
  }

  /** From now on turns run as work comes. `onCommand` is called once when the stop command is seen. */
  run(onCommand: () => void): void {
    const loop = this.#loop;
    this.#onCommand = onCommand;
    this.#isRunning = true;
    loop.signs.beat();
    this.#heartbeat = setInterval(() => {
      loop.signs.beat();
      loop.signs.trim(loop.monotonicMs());
      // A turn a beat costs nothing, and puts an end to any wait that no design should have.
      loop.requestTurn();
    }, this.#heartbeatMs);
    this.#heartbeat.unref();
    loop.requestTurn();
  }

  /** The loop may rest between turns while the work that `count` counts does not become slower. */
  allowNaps(count: () => number): void {
    this.#naps = { governor: new NapGovernor(), count };
  }

  /** Something came between two turns: the next one runs behind the callbacks of this iteration of the event loop. */
  workCame(): void {
    this.#immediate ??= setImmediate(this.#onImmediate);
  }

  /** No turn runs any more. */
  end(): void {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#heartbeat !== undefined) clearInterval(this.#heartbeat);
    if (this.#isAsleepArmed) endSleep(this.#words, this.#index);
  }

  readonly #onImmediate = (): void => {
    this.#immediate = undefined;
    this.#turn();
  };

  #turn(): void {
    const loop = this.#loop;
    if (loop.isEnded) return;
    if (!this.#isRunning) {
      // `main` has not settled yet: what it sends may go, nothing is taken in.
      loop.publish();
      return;
    }
    declareAwake(this.#words, this.#index);
    const beganMs = loop.monotonicMs();
    loop.turn();
    loop.signs.busy(loop.monotonicMs() - beganMs);
    if (loop.isEnded) return;
    if (this.#isToldToStop) {
      const onCommand = this.#onCommand!;
      this.#onCommand = undefined;
      onCommand();
    }
    const naps = this.#naps;
    if (naps !== undefined) {
      const napMs = naps.governor.afterTurn(beganMs, naps.count());
      // Still declared awake: nobody rings meanwhile, and the look below finds what came.
      if (napMs > 0) nap(napMs);
    }
    if (loop.lingers()) {
      // Declared awake: nobody rings, the turns behind those of sockets and timers look.
      loop.requestTurn();
      return;
    }
    // No second turn to find out that nothing is left: the look that falling asleep needs anyway tells.
    declareAsleep(this.#words, this.#index);
    if (loop.lookAgain() || this.#isToldToStop) {
      declareAwake(this.#words, this.#index);
      loop.requestTurn();
      return;
    }
    this.#armTimer();
    this.#armDoorbell();
  }

  get #isToldToStop(): boolean {
    return this.#onCommand !== undefined && !this.#loop.isToldToRun;
  }

  #armDoorbell(): void {
    // One wait at a time, kept over turns that sockets and timers began: any later notify resolves it.
    if (this.#isAsleepArmed) return;
    const woken = sleepAsync(this.#words, this.#index);
    this.#loop.signs.slept();
    if (woken === undefined) {
      this.#loop.requestTurn();
      return;
    }
    this.#isAsleepArmed = true;
    void woken.then(this.#onDoorbell);
  }

  readonly #onDoorbell = (): void => {
    this.#isAsleepArmed = false;
    if (this.#loop.isInTurn || this.#loop.isEnded) return;
    try {
      this.#turn();
    } catch (thrown) {
      // Out of a promise it would be an unhandled rejection; a crash is an uncaught exception.
      setImmediate(() => {
        throw thrown;
      });
    }
  };

  #armTimer(): void {
    const nowMs = this.#loop.monotonicMs();
    const nextMs = this.#loop.nextLookMs(nowMs);
    if (nextMs === this.#timerMs || nextMs === Number.POSITIVE_INFINITY) return;
    // An earlier wake-up than needed is left standing: it finds nothing and arms the next.
    if (this.#timerMs <= nextMs && this.#timerMs > nowMs) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timerMs = nextMs;
    this.#timer = setTimeout(this.#onTimer, Math.min(Math.max(1, Math.ceil(nextMs - nowMs)), TIMER_MAX_MS));
    this.#timer.unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#turn();
  };
}

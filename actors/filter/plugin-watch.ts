/**
 * Plugin watch (pure): whether a plugin's worker hangs, and whether one that was ended goes on all the same, judged at the supervisor's ticks. One a
 * worker. It hangs when it has work and its pulse does not move for longer than a call may take. Ticks are counted, not the clock: in a process that was paused as a whole nobody hangs. The time in which
 * the thread was ready to run and had no processor is not held against it, where the system tells.
 */
export class PluginWatch {
  readonly #tickMs: number;
  readonly #callMsMax: number;
  readonly #endMsMax: number;
  #progress = 0;
  #silentTicks = 0;
  #delayedMs: number | null = null;

  constructor(tickMs: number, callMsMax: number, endMsMax: number) {
    this.#tickMs = tickMs;
    this.#callMsMax = callMsMax;
    this.#endMsMax = endMsMax;
  }

  /**
   * One tick. True: it hangs.
   * @param delayedMs how long the thread has waited for a processor since it began; null: unknown. Read only when it has been silent.
   */
  tick(progress: number, hasWork: boolean, delayedMs: () => number | null): boolean {
    if (!hasWork || progress !== this.#progress) {
      this.#progress = progress;
      this.#silentTicks = 0;
      return false;
    }
    this.#silentTicks++;
    if (this.#silentTicks === 1) this.#delayedMs = delayedMs();
    const silentMs = this.#silentTicks * this.#tickMs;
    if (silentMs < this.#callMsMax) return false;
    const now = this.#delayedMs === null ? null : delayedMs();
    const delayed = now === null ? 0 : now - (this.#delayedMs as number);
    return silentMs - delayed >= this.#callMsMax;
  }

  /** The worker has been told to end. */
  isEnded(delayedMs: number | null): void {
    this.#silentTicks = 0;
    this.#delayedMs = delayedMs;
  }

  /** One tick after `isEnded`. True: its thread does not end. Where it has no processor it cannot. */
  tickOfEnd(delayedMs: () => number | null): boolean {
    const endingMs = ++this.#silentTicks * this.#tickMs;
    if (endingMs < this.#endMsMax) return false;
    if (this.#delayedMs === null) return true;
    const now = delayedMs();
    // A thread of which nothing is told any more is gone: its exit is on the way.
    return now !== null && endingMs - (now - this.#delayedMs) >= this.#endMsMax;
  }
}

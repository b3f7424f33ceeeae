/**
 * Plugin watch (pure): whether a plugin's worker hangs, judged at the supervisor's ticks. One a worker. It hangs when it has work and its pulse does not
 * move for longer than a call may take. Ticks are counted, not the clock: in a process that was paused as a whole nobody hangs. The time in which
 * the thread was ready to run and had no processor is not held against it, where the system tells.
 */
export class PluginWatch {
  readonly #tickMs: number;
  readonly #callMsMax: number;
  #progress = 0;
  #silentTicks = 0;
  #delayedMs: number | null = null;

  constructor(tickMs: number, callMsMax: number) {
    this.#tickMs = tickMs;
    this.#callMsMax = callMsMax;
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
}

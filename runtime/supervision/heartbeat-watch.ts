/**
 * Heartbeat watch (pure): whether a thread hangs, judged at the supervisor's ticks. One a thread and generation. It counts ticks, not the clock: in a
 * process that was paused as a whole nobody hangs, for the supervisor paused too.
 */

/** `hung`: no heartbeat for too long. `stuck`: said once of a call that lasts too long; no heartbeat can come from there. */
export type HeartbeatVerdict = 'alive' | 'hung' | 'stuck';

export class HeartbeatWatch {
  readonly #tickMs: number;
  readonly #hangAfterMs: number;
  readonly #callMaxMs: number;
  #heartbeat: number | undefined;
  #call = 0;
  #silentTicks = 0;
  #callTicks = 0;
  #isStuckTold = false;

  constructor(tickMs: number, hangAfterMs: number, callMaxMs: number) {
    this.#tickMs = tickMs;
    this.#hangAfterMs = hangAfterMs;
    this.#callMaxMs = callMaxMs;
  }

  get silentMs(): number {
    return this.#silentTicks * this.#tickMs;
  }

  get callMs(): number {
    return this.#callTicks * this.#tickMs;
  }

  /** One tick. `heartbeat` moves while the thread's loop turns; `call` is odd inside a call, and another number for each call. */
  tick(heartbeat: number, call: number): HeartbeatVerdict {
    const isInCall = (call & 1) === 1;
    const isSameCall = isInCall && call === this.#call;
    this.#callTicks = isSameCall ? this.#callTicks + 1 : 0;
    if (!isSameCall) this.#isStuckTold = false;
    this.#silentTicks = isInCall || heartbeat !== this.#heartbeat ? 0 : this.#silentTicks + 1;
    this.#call = call;
    this.#heartbeat = heartbeat;
    if (!isInCall) return this.silentMs >= this.#hangAfterMs ? 'hung' : 'alive';
    if (this.#isStuckTold || this.callMs < this.#callMaxMs) return 'alive';
    this.#isStuckTold = true;
    return 'stuck';
  }
}

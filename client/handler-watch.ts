/**
 * Runs handlers and gives up on those that take too long: a message whose handler never ends would hold back every commit behind it. The handler
 * itself cannot be stopped: it goes on, and what it does then counts for nothing. Source: RocketMQ 5.3 `ProcessQueue.cleanExpiredMsg`.
 */
import type { ClientCore } from './client-core.ts';

type Running = { readonly deadlineMs: number; readonly giveUp: () => void };

/** How often it is looked for those that take too long: a part of their time, and at most a minute. */
const LOOKS = 4;
const LOOK_MS_MAX = 60_000;

export class HandlerWatch {
  readonly #core: ClientCore;
  readonly #timeoutMs: number;
  readonly #running: Set<Running> = new Set();

  constructor(core: ClientCore, timeoutMs: number) {
    this.#core = core;
    this.#timeoutMs = timeoutMs;
  }

  /** Begins to look. */
  start(): void {
    this.#core.every(Math.min(LOOK_MS_MAX, Math.ceil(this.#timeoutMs / LOOKS)), () => {
      const nowMs = this.#core.environment.monotonicMs();
      for (const running of this.#running) if (nowMs >= running.deadlineMs) running.giveUp();
    });
  }

  /** What `handle` threw, or that it took too long; null: it is done. */
  async run(handle: () => Promise<void> | void): Promise<unknown> {
    let running: Running | null = null;
    try {
      const result = handle();
      // Most handlers that do not wait need no watch either.
      if (typeof (result as PromiseLike<void> | undefined)?.then !== 'function') return null;
      const late = new Promise<never>((_, reject) => {
        const giveUp = (): void => reject(new Error(`it took longer than ${this.#timeoutMs} ms`));
        running = { deadlineMs: this.#core.environment.monotonicMs() + this.#timeoutMs, giveUp };
        this.#running.add(running);
      });
      await Promise.race([result, late]);
      return null;
    } catch (error) {
      return error ?? new Error('the handler threw nothing');
    } finally {
      if (running !== null) this.#running.delete(running);
    }
  }
}

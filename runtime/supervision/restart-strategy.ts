/**
 * Restart strategy (pure): who is stopped and who is started when a child has ended, as in OTP's `supervisor`.
 */
import type { Restart, RestartStrategy } from '../actor.ts';

/** Children by their index in order of start. */
export interface RestartPlan {
  /** To stop first, in this order (reverse order of start); the ended child is not among them. */
  readonly stop: readonly number[];
  /** To start then, in this order; the ended child is among them. */
  readonly start: readonly number[];
}

/** Whether a child with `restart` is started again after it ended; `failed`: it did not end by its own will. */
export function isRestarted(restart: Restart, failed: boolean): boolean {
  return restart === 'permanent' || (restart === 'transient' && failed);
}

/**
 * What follows when child `ended` must be started again. `restarts[i]` is the rule of child i; a temporary sibling that the
 * strategy stops is not started again.
 */
export function planRestart(strategy: RestartStrategy, restarts: readonly Restart[], ended: number): RestartPlan {
  if (strategy === 'one-for-one') return { stop: [], start: [ended] };
  const first = strategy === 'one-for-all' ? 0 : ended;
  const stop: number[] = [];
  const start: number[] = [];
  for (let i = first; i < restarts.length; i++) {
    if (i !== ended) stop.unshift(i);
    if (i === ended || restarts[i] !== 'temporary') start.push(i);
  }
  return { stop, start };
}

/**
 * What a supervisor is told of its children: the words that actors (`supervisor.ts`) and threads (`thread-supervisor.ts`) share.
 */
import type { ChildSpec, RestartStrategy } from '../actor.ts';
import type { Backoff } from './restart-budget.ts';

/** How an actor's children are restarted. */
export interface Supervision {
  readonly strategy: RestartStrategy;
  /** Restarts allowed within `periodMs`; one more and the supervisor itself fails. */
  readonly intensity: number;
  readonly periodMs: number;
  readonly backoff?: Backoff;
}

/** The rule under which an actor's children stand when the actor says nothing. */
export const DEFAULT_SUPERVISION: Supervision = { strategy: 'one-for-one', intensity: 10, periodMs: 10_000 };

/** An actor that has this decides how its children are restarted. */
export interface Supervising {
  readonly supervision: Supervision;
}

export type { ChildSpec };

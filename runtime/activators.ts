/**
 * Activators: which actors of a thread come to be by the first message to them: what was registered for the longest prefix of their path. One
 * list a host. Fails by RuntimeError for what is no path.
 */
import type { Restart } from './actor.ts';
import type { TopSupervision } from './actor-cell.ts';
import { RuntimeError } from './errors.ts';
import { RestartBudget } from './supervision/restart-budget.ts';
import type { Activator } from './thread/thread-context.ts';

/** Messages that wait for one actor, where nobody said otherwise. */
export const MAILBOX_MAX = 1024;
const PATH_CHARACTERS_MAX = 1024;

/** One of the registered: all actors that it makes share a budget of restarts. */
export interface Registration {
  readonly prefix: string;
  readonly activator: Activator;
  readonly top: TopSupervision;
}

export class Activators {
  /** Longest prefix first. */
  readonly #registrations: Registration[] = [];

  register(prefix: string, activator: Activator): void {
    this.#registrations.push({ prefix, activator, top: topSupervision(activator) });
    this.#registrations.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** Who makes the actor at `path`; undefined: nobody. */
  of(path: string): Registration | undefined {
    for (const registration of this.#registrations) {
      if (path.startsWith(registration.prefix)) return path.length > PATH_CHARACTERS_MAX ? undefined : registration;
    }
    return undefined;
  }
}

/** How an actor without a parent is supervised. */
export function topSupervision(options: { restart?: Restart; intensity?: number; periodMs?: number; mailboxMax?: number }): TopSupervision {
  return {
    restart: options.restart ?? 'permanent',
    budget: new RestartBudget(options.intensity ?? 10, options.periodMs ?? 10_000),
    mailboxMax: options.mailboxMax ?? MAILBOX_MAX,
  };
}

/** Throws MQ_RUNTIME_BAD_PATH unless an actor may live there. */
export function checkPath(path: string): void {
  if (path.length === 0 || path.length > PATH_CHARACTERS_MAX || path.startsWith('/')) {
    throw new RuntimeError('MQ_RUNTIME_BAD_PATH', `An actor's path must have 1…${PATH_CHARACTERS_MAX} characters and not begin with '/'`, {
      path: path.slice(0, 64),
    });
  }
}

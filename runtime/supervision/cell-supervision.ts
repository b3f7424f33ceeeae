/**
 * Cell supervision: what becomes of a thread's actors that have thrown, or have ended by their own will: restarted in place with their siblings as the
 * strategy wants, stopped for good, or, when that happens too often, their supervisor's failure. One a host. What no supervisor covers is the
 * thread's failure.
 * Source: Erlang/OTP `supervisor`.
 */
import type { LogLevel } from '../actor.ts';
import type { ActorCell, TopSupervision } from '../actor-cell.ts';
import { RuntimeError, toError } from '../errors.ts';
import { isRestarted, planRestart } from './restart-strategy.ts';

/** What supervision needs of the host of the cells. */
export interface CellHome {
  monotonicMs(): number;
  schedule(delayMs: number, run: () => void): number;
  /** Runs `run` in this turn or the next. */
  defer(run: () => void): void;
  /** The cell has a new instance: it takes messages again, if there are any. */
  begun(cell: ActorCell): void;
  /** The cell has ended for good and has no instance any more: its place and its messages are forgotten. */
  forget(cell: ActorCell): void;
  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void;
  /** The thread has failed. */
  fail(error: Error): void;
}

export class CellSupervision {
  /** Actors restarted, ever. */
  restarts = 0;
  readonly #home: CellHome;

  constructor(home: CellHome) {
    this.#home = home;
  }

  /** Gives `cell` its first instance, or the next one. */
  begin(cell: ActorCell): void {
    try {
      cell.begin();
    } catch (thrown) {
      this.failed(cell, toError(thrown));
      return;
    }
    if (cell.stopRequested) this.stopSoon(cell);
    this.#home.begun(cell);
  }

  /** `cell` threw. Its supervision decides. */
  failed(cell: ActorCell, error: Error): void {
    if (cell.state === 'gone') return;
    this.#home.log('error', 'actor failed', { actor: cell.path, error: error.message, stack: error.stack ?? '' });
    this.#ended(cell, error);
  }

  /** `cell` has asked for its own end. A permanent child comes back (as in OTP); an actor without parent is gone until the next message. */
  stoppedItself(cell: ActorCell): void {
    if (cell.state !== 'running') return;
    if (cell.parent === undefined) this.stop(cell);
    else this.#ended(cell, undefined);
  }

  /** After the current message; also when the actor asked for it in `started`. */
  stopSoon(cell: ActorCell): void {
    const incarnation = cell.incarnation;
    this.#home.defer(() => {
      if (cell.incarnation === incarnation && cell.stopRequested) this.stoppedItself(cell);
    });
  }

  stopChild(parent: ActorCell, path: string): void {
    const child = parent.children?.get(path.slice(parent.path.length + 1));
    if (child !== undefined && child.path === path) this.stop(child);
  }

  /** For good, its children before it. */
  stop(cell: ActorCell): void {
    if (cell.state === 'gone') return;
    this.#stopChildren(cell);
    cell.halt('gone');
    this.#home.forget(cell);
  }

  #ended(cell: ActorCell, error: Error | undefined): void {
    if (!isRestarted(cell.restart, error !== undefined)) {
      this.stop(cell);
      return;
    }
    const parent = cell.parent;
    const budget = parent === undefined ? (cell.top as TopSupervision).budget : parent.childBudget;
    const delayMs = budget.take(this.#home.monotonicMs());
    if (delayMs < 0) {
      this.#escalate(cell, error);
      return;
    }
    if (parent === undefined) {
      this.#suspend(cell);
      this.#resumeAfter(delayMs, [cell]);
      return;
    }
    const siblings = [...(parent.children as Map<string, ActorCell>).values()];
    const plan = planRestart(
      parent.supervision.strategy,
      siblings.map((sibling) => sibling.restart),
      siblings.indexOf(cell),
    );
    const toStart = plan.start.map((index) => siblings[index] as ActorCell);
    this.#suspend(cell);
    for (const index of plan.stop) {
      const sibling = siblings[index] as ActorCell;
      if (toStart.includes(sibling)) this.#suspend(sibling);
      else this.stop(sibling);
    }
    this.#resumeAfter(delayMs, toStart);
  }

  #escalate(cell: ActorCell, error: Error | undefined): void {
    const parent = cell.parent;
    const text = `'${cell.path}' failed more often than its supervision allows`;
    const failure = new RuntimeError(
      'MQ_RUNTIME_ACTOR_FAILED',
      error === undefined ? text : `${text}: ${error.message}`,
      { path: cell.path },
      error,
    );
    if (parent === undefined) {
      this.#suspend(cell);
      this.#home.fail(failure);
    } else this.failed(parent, failure);
  }

  /** Ends the instance and its children; the mailbox waits for the next instance. */
  #suspend(cell: ActorCell): void {
    if (cell.state === 'gone') return;
    this.#stopChildren(cell);
    cell.halt('suspended');
  }

  #resumeAfter(delayMs: number, cells: readonly ActorCell[]): void {
    const incarnations = cells.map((cell) => cell.incarnation);
    const resume = (): void => {
      cells.forEach((cell, i) => {
        // Stopped, or restarted by something wider, in the meantime.
        if (cell.state !== 'suspended' || cell.incarnation !== incarnations[i]) return;
        this.restarts++;
        this.begin(cell);
      });
    };
    if (delayMs > 0) this.#home.schedule(delayMs, resume);
    else this.#home.defer(resume);
  }

  #stopChildren(cell: ActorCell): void {
    if (cell.children === undefined) return;
    for (const child of [...cell.children.values()].reverse()) this.stop(child);
  }
}

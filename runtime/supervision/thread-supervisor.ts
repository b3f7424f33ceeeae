/**
 * Thread supervisor: the supervision tree (thread-tree.ts) of one system's worker threads: starts, replaces and stops them in order. One a system, on the
 * root thread. Who is restarted, how often and after what delay is decided by restart-strategy.ts and restart-budget.ts; how one thread
 * begins and ends is thread-lives.ts.
 * Fails upwards: a supervisor whose children end more often than its intensity fails itself, the root supervisor by `escalate`.
 * Source: OTP `supervisor`.
 */
import { RuntimeError, toError } from '../errors.ts';
import { ASLEEP, blockOf, IS_UNSTARTED } from '../thread/thread-block.ts';
import { RestartBudget } from './restart-budget.ts';
import { isRestarted, planRestart } from './restart-strategy.ts';
import { ThreadLives, type ThreadSupervisorEffects, tickMsOf } from './thread-lives.ts';
import type { SupervisorSpec, ThreadExit } from './thread-spec.ts';
import { buildTree, type Node, type SupervisorNode, type ThreadNode } from './thread-tree.ts';

/** A hook before a restart has failed: what it was to make sure of does not hold. */
class HookError extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'HookError';
  }
}

export class ThreadSupervisor {
  readonly #effects: ThreadSupervisorEffects;
  readonly #root: SupervisorNode;
  readonly #threads: readonly ThreadNode[];
  readonly #lives: ThreadLives;
  readonly #tickMs: number;
  readonly #pauses: Set<() => void> = new Set();
  #stopTicks: () => void = () => {};
  #hasStarted = false;
  #isStopping = false;

  constructor(spec: SupervisorSpec, effects: ThreadSupervisorEffects) {
    this.#effects = effects;
    const { root, threads } = buildTree(spec, (name) => effects.indexOf(name));
    this.#root = root;
    this.#threads = threads;
    for (const { spec, index } of threads) {
      // Pairs with the compare-exchange in `wake`; before any thread runs, so that no record can be sent unnoticed.
      if (spec.startWhenUsed === true) Atomics.store(effects.words, blockOf(index) + ASLEEP, IS_UNSTARTED);
    }
    this.#tickMs = tickMsOf(threads);
    this.#lives = new ThreadLives(effects, this.#tickMs, (node, exit) => void this.#ended(node, exit));
  }

  async start(): Promise<void> {
    this.#stopTicks = this.#effects.timers.every(this.#tickMs, () => this.#lives.tick(this.#threads));
    await this.#start(this.#root);
    this.#hasStarted = true;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const end of this.#pauses) end();
    this.#stopTicks();
    await this.#stop(this.#root, 'stop');
  }

  /** Ends all threads where they are, nothing drained: as the end of the process would. */
  async terminateAll(): Promise<void> {
    this.#isStopping = true;
    for (const node of this.#threads) node.isOver = true;
    for (const end of this.#pauses) end();
    this.#stopTicks();
    await Promise.all(this.#threads.map((node) => this.#lives.kill(node, 'terminated')));
  }

  generation(name: string): number {
    return this.#node(name).generation;
  }

  async terminate(name: string): Promise<void> {
    const node = this.#node(name);
    await this.#lives.kill(node, 'terminated');
  }

  #node(name: string): ThreadNode {
    const node = this.#threads.find(({ spec }) => spec.name === name);
    if (node === undefined) throw new RuntimeError('MQ_RUNTIME_UNKNOWN_THREAD', `There is no thread '${name}'`, { name });
    return node;
  }

  // ---- start

  /** @param cause it is started again, because of this: each thread's hook runs right before the thread starts */
  async #start(node: Node, cause?: ThreadExit): Promise<void> {
    if (node.kind === 'thread') {
      if (!this.#mayStart(node) || (node.spec.startWhenUsed === true && node.generation < 0)) return;
      if (cause !== undefined && !(await this.#beforeRestart(node, cause))) return;
      return this.#lives.start(node);
    }
    node.hasGivenUp = false;
    node.starts++;
    if (node.spec.startTogether === true && cause === undefined) {
      // All are awaited, so that a failed one leaves no other half started behind.
      const results = await Promise.allSettled(node.children.map((child) => this.#start(child)));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    } else if (node.spec.startTogether === true) {
      // The hook of one may wait for what another does, which is to be started at once again when it fails.
      await Promise.all(node.children.map((child) => this.#start(child, cause)));
    } else for (const child of node.children) await this.#start(child, cause);
  }

  /** Starts the threads that somebody has woken before they were started. */
  startWanted(): void {
    if (this.#isStopping) return;
    for (const node of this.#threads) {
      const isWanted = node.spec.startWhenUsed === true && node.generation < 0 && node.state === 'down';
      if (!isWanted || Atomics.load(this.#effects.words, blockOf(node.index) + ASLEEP) === IS_UNSTARTED) continue;
      this.#lives.start(node).catch((thrown: unknown) => {
        this.#effects.log('error', 'a thread did not start when it was used', { thread: node.spec.name, error: toError(thrown).message });
        if (node.lastExit !== undefined) void this.#ended(node, node.lastExit);
      });
    }
  }

  // ---- restart

  async #ended(child: Node, exit: ThreadExit): Promise<void> {
    const supervisor = child.parent;
    if (supervisor === undefined || !this.#mayStart(child) || supervisor.hasGivenUp) return;
    const failed = exit.reason !== 'exit' || exit.exitCode !== 0;
    if (!isRestarted(child.restart, failed)) return;
    if (supervisor.spec.strategy !== 'one-for-one' && supervisor.isRestarting) {
      supervisor.waiting.push({ child, exit });
      return;
    }
    const delayMs = supervisor.budget.take(this.#effects.clock.monotonicMs());
    if (delayMs < 0) {
      await this.#giveUp(supervisor, exit);
      return;
    }
    supervisor.isRestarting = true;
    const plan = planRestart(
      supervisor.spec.strategy,
      supervisor.children.map(({ restart }) => restart),
      supervisor.children.indexOf(child),
    );
    for (const index of plan.stop) await this.#stop(supervisor.children[index] as Node, 'strategy');
    if (delayMs > 0) await this.#pause(delayMs);
    for (const index of plan.start) {
      const next = supervisor.children[index] as Node;
      if (!this.#mayStart(next) || supervisor.hasGivenUp) break;
      if (!(await this.#startAgain(next, exit))) break;
    }
    supervisor.isRestarting = false;
    const waiting = supervisor.waiting.splice(0);
    for (const { child: other, exit: otherExit } of waiting) {
      // Started again by the restart that it waited for.
      if (other.kind === 'thread' && other.state !== 'down') continue;
      await this.#ended(other, otherExit);
    }
  }

  /** False: it did not start, which its supervisor has been told of. */
  async #startAgain(node: Node, cause: ThreadExit): Promise<boolean> {
    if (node.kind === 'supervisor') node.budget = new RestartBudget(node.spec.intensity, node.spec.periodMs, node.spec.backoff);
    try {
      await this.#start(node, cause);
      return true;
    } catch (thrown) {
      if (!this.#mayStart(node)) return false;
      const error = toError(thrown);
      if (node.kind === 'supervisor') await this.#stop(node, 'strategy');
      if (thrown instanceof HookError) {
        this.#effects.log('error', 'the hook before a restart failed', { thread: cause.thread, error: error.message });
        await this.#giveUp(node.parent as SupervisorNode, { ...cause, error });
        return false;
      }
      this.#effects.log('error', 'a replacement did not start', { error: error.message });
      const exit = node.kind === 'thread' && node.lastExit !== undefined ? node.lastExit : { ...cause, error };
      const supervisor = node.parent as SupervisorNode;
      supervisor.isRestarting = false;
      await this.#ended(node, exit);
      return false;
    }
  }

  /** False: meanwhile it was decided that the thread is not to start, or it has. */
  async #beforeRestart(node: ThreadNode, cause: ThreadExit): Promise<boolean> {
    const { spec, parent } = node;
    const starts = parent.starts;
    try {
      await spec.beforeRestart?.(node.lastExit ?? cause);
    } catch (thrown) {
      throw new HookError(toError(thrown));
    }
    return this.#mayStart(node) && !parent.hasGivenUp && parent.starts === starts && node.worker === undefined;
  }

  /** During a stop only what others need for their own end, or has such below it, and only until its turn comes. */
  #mayStart(node: Node): boolean {
    if (node.kind === 'supervisor') return node.children.some((child) => this.#mayStart(child));
    return !node.isOver && (!this.#isStopping || (this.#hasStarted && node.spec.isNeededToStop === true));
  }

  /** More restarts than the intensity: the supervisor ends its children and is itself a child that failed. */
  async #giveUp(supervisor: SupervisorNode, exit: ThreadExit): Promise<void> {
    if (supervisor.hasGivenUp) return;
    supervisor.hasGivenUp = true;
    supervisor.isRestarting = false;
    supervisor.waiting = [];
    const why = exit.error?.message ?? exit.reason;
    const { id, intensity, periodMs } = supervisor.spec;
    const error = new RuntimeError(
      'MQ_RUNTIME_ESCALATION',
      `Supervisor '${id}' gives up: more than ${intensity} restarts in ${periodMs} ms; the last was of '${exit.thread}': ${why}`,
      { supervisor: id, thread: exit.thread },
      exit.error,
    );
    this.#effects.log('error', error.message, { supervisor: id });
    if (supervisor.parent === undefined) {
      // The others run on: whoever hears this decides what is still worth saving.
      this.#effects.escalate(error);
      return;
    }
    await this.#stop(supervisor, 'strategy');
    await this.#ended(supervisor, { ...exit, reason: 'crash', error });
  }

  // ---- stop

  async #stop(node: Node, ending: 'stop' | 'strategy'): Promise<void> {
    if (node.kind === 'supervisor') {
      // Who waits in its hook is not started any more.
      if (ending === 'strategy') this.#abandonStarts(node);
      for (const child of [...node.children].reverse()) await this.#stop(child, ending);
      return;
    }
    if (ending === 'stop') node.isOver = true;
    if (node.worker === undefined) return;
    await this.#lives.stop(node, ending);
  }

  #abandonStarts(node: SupervisorNode): void {
    node.starts++;
    for (const child of node.children) if (child.kind === 'supervisor') this.#abandonStarts(child);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        takeBack();
        this.#pauses.delete(end);
        resolve();
      };
      const takeBack = this.#effects.timers.after(delayMs, end);
      this.#pauses.add(end);
    });
  }
}

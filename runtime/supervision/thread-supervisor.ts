/**
 * Thread supervisor: the supervision tree of one system's worker threads: starts, watches, replaces and stops them. One a system, on the root thread.
 * Who is restarted, how often and after what delay is decided by restart-strategy.ts and restart-budget.ts; this file has the effects.
 * Fails upwards: a supervisor whose children end more often than its intensity fails itself, the root supervisor by `escalate`.
 * Source: OTP `supervisor`.
 */
import type { LogLevel, Restart } from '../actor.ts';
import type { Clock } from '../clock.ts';
import { RuntimeError, toError } from '../errors.ts';
import type { ThreadHandle, Timers } from '../machine.ts';
import {
  ASLEEP,
  blockOf,
  COMMAND_RUN,
  COMMAND_STOP,
  GENERATION,
  HEARTBEAT,
  IN_CALL,
  IS_AWAKE,
  IS_UNSTARTED,
  RESTARTS,
  STATE,
  STATES,
  type ThreadState,
} from '../thread/thread-block.ts';
import { errorFromWords, type WordHome } from '../thread/thread-words.ts';
import { HeartbeatWatch } from './heartbeat-watch.ts';
import { RestartBudget } from './restart-budget.ts';
import { isRestarted, planRestart } from './restart-strategy.ts';
import type { SupervisorSpec, ThreadEvent, ThreadExit, ThreadExitReason, ThreadSpec } from './thread-spec.ts';

/** The effects of the supervisor. */
export interface ThreadSupervisorEffects {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly words: Int32Array;
  indexOf(name: string): number;
  launch(spec: ThreadSpec, generation: number, heartbeatMs: number): ThreadHandle;
  command(thread: number, command: number): void;
  /** The thread has ended, for whatever reason. */
  died(thread: number): void;
  emit(event: ThreadEvent): void;
  escalate(error: Error): void;
  log(level: LogLevel, text: string, fields: Record<string, unknown>): void;
}

const DEFAULT_HANG_MS = 10_000;
const DEFAULT_CALL_MAX_MS = 120_000;
const DEFAULT_STOP_MAX_MS = 10_000;
/** A sibling stopped by a strategy holds up the restart: it gets less time. */
const STRATEGY_STOP_MAX_MS = 1000;
const TERMINATE_MAX_MS = 5000;
const TICK_MIN_MS = 20;
const TICK_MAX_MS = 1000;
/** Heartbeats within `hangAfterMs`. */
const BEATS = 4;

interface ThreadNode {
  readonly kind: 'thread';
  readonly spec: ThreadSpec;
  readonly parent: SupervisorNode;
  readonly index: number;
  readonly restart: Restart;
  worker: ThreadHandle | undefined;
  state: ThreadState;
  generation: number;
  /** Why we are ending it; undefined: it ends by itself. */
  ending: 'stop' | 'strategy' | 'hang' | 'terminated' | undefined;
  error: Error | undefined;
  lastExit: ThreadExit | undefined;
  exited: Promise<void>;
  diedMs: number;
  watch: HeartbeatWatch;
  /** The whole stops, and this one's turn has come: it does not start any more. */
  isOver: boolean;
}

interface SupervisorNode {
  readonly kind: 'supervisor';
  readonly spec: SupervisorSpec;
  readonly parent: SupervisorNode | undefined;
  readonly restart: Restart;
  readonly children: Node[];
  budget: RestartBudget;
  hasGivenUp: boolean;
  /** Grows with each start of the whole, and with each stop. */
  starts: number;
  /** Strategies that touch siblings do one restart at a time. */
  isRestarting: boolean;
  waiting: { child: Node; exit: ThreadExit }[];
}

type Node = ThreadNode | SupervisorNode;

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
  readonly #threads: ThreadNode[] = [];
  readonly #tickMs: number;
  readonly #pauses: Set<() => void> = new Set();
  #stopTicks: () => void = () => {};
  #hasStarted = false;
  #isStopping = false;

  constructor(spec: SupervisorSpec, effects: ThreadSupervisorEffects) {
    this.#effects = effects;
    this.#root = this.#build(spec, undefined);
    const shortest = Math.min(...this.#threads.flatMap((node) => [hangAfterMs(node.spec), callMaxMs(node.spec)]));
    this.#tickMs = Math.max(TICK_MIN_MS, Math.min(TICK_MAX_MS, shortest / BEATS));
  }

  async start(): Promise<void> {
    this.#stopTicks = this.#effects.timers.every(this.#tickMs, () => this.#tick());
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
    await Promise.all(this.#threads.map((node) => this.#kill(node, 'terminated')));
  }

  generation(name: string): number {
    return this.#node(name).generation;
  }

  async terminate(name: string): Promise<void> {
    const node = this.#node(name);
    await this.#kill(node, 'terminated');
  }

  #node(name: string): ThreadNode {
    const node = this.#threads.find(({ spec }) => spec.name === name);
    if (node === undefined) throw new RuntimeError('MQ_RUNTIME_UNKNOWN_THREAD', `There is no thread '${name}'`, { name });
    return node;
  }

  #build(spec: SupervisorSpec, parent: SupervisorNode | undefined): SupervisorNode {
    const node: SupervisorNode = {
      kind: 'supervisor',
      spec,
      parent,
      restart: spec.restart ?? 'permanent',
      children: [],
      budget: new RestartBudget(spec.intensity, spec.periodMs, spec.backoff),
      hasGivenUp: false,
      starts: 0,
      isRestarting: false,
      waiting: [],
    };
    for (const child of spec.children) {
      if ('children' in child) {
        node.children.push(this.#build(child, node));
        continue;
      }
      const thread: ThreadNode = {
        kind: 'thread',
        spec: child,
        parent: node,
        index: this.#effects.indexOf(child.name),
        restart: child.restart ?? 'permanent',
        worker: undefined,
        state: 'down',
        generation: -1,
        ending: undefined,
        error: undefined,
        lastExit: undefined,
        exited: Promise.resolve(),
        diedMs: 0,
        watch: new HeartbeatWatch(0, 0, 0),
        isOver: false,
      };
      // Pairs with the compare-exchange in `wake`; before any thread runs, so that no record can be sent unnoticed.
      if (child.startWhenUsed === true) Atomics.store(this.#effects.words, blockOf(thread.index) + ASLEEP, IS_UNSTARTED);
      this.#threads.push(thread);
      node.children.push(thread);
    }
    return node;
  }

  // ---- start

  /** @param cause it is started again, because of this: each thread's hook runs right before the thread starts */
  async #start(node: Node, cause?: ThreadExit): Promise<void> {
    if (node.kind === 'thread') {
      if (!this.#mayStart(node) || (node.spec.startWhenUsed === true && node.generation < 0)) return;
      if (cause !== undefined && !(await this.#beforeRestart(node, cause))) return;
      return this.#startThread(node);
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
      this.#startThread(node).catch((thrown: unknown) => {
        this.#effects.log('error', 'a thread did not start when it was used', { thread: node.spec.name, error: toError(thrown).message });
        if (node.lastExit !== undefined) void this.#ended(node, node.lastExit);
      });
    }
  }

  #startThread(node: ThreadNode): Promise<void> {
    const { spec, index } = node;
    const block = blockOf(index);
    const words = this.#effects.words;
    node.generation++;
    node.ending = undefined;
    node.error = undefined;
    // What the predecessor left in its words is nobody's any more.
    Atomics.store(words, block + ASLEEP, IS_AWAKE);
    Atomics.store(words, block + IN_CALL, 0);
    Atomics.store(words, block + GENERATION, node.generation);
    Atomics.store(words, block + RESTARTS, node.generation);
    this.#effects.command(index, COMMAND_RUN);
    this.#setState(node, 'starting');
    const beatMs = Math.max(TICK_MIN_MS / 2, Math.min(TICK_MAX_MS, hangAfterMs(spec) / BEATS));
    const worker = this.#effects.launch(spec, node.generation, beatMs);
    node.worker = worker;
    let isReady = false;
    let onExited = (): void => {};
    node.exited = new Promise((resolve) => {
      onExited = resolve;
    });
    return new Promise<void>((resolve, reject) => {
      worker.on('message', (word: WordHome) => {
        if (word.word === 'ready') {
          isReady = true;
          this.#onReady(node);
          resolve();
        } else this.#onWord(node, word);
      });
      worker.on('error', (thrown: unknown) => {
        node.error ??= toError(thrown);
      });
      worker.on('exit', (exitCode: number) => {
        const exit = this.#onExit(node, exitCode);
        onExited();
        if (!isReady) {
          const cause = exit.error;
          reject(
            new RuntimeError(
              'MQ_RUNTIME_THREAD_START',
              `Thread '${spec.name}' did not start: ${cause?.message ?? exit.reason}`,
              { thread: spec.name, reason: exit.reason },
              cause,
            ),
          );
        } else if (node.ending !== 'stop' && node.ending !== 'strategy') void this.#ended(node, exit);
      });
    });
  }

  #onReady(node: ThreadNode): void {
    if (node.ending === undefined) this.#setState(node, 'running');
    node.watch = new HeartbeatWatch(this.#tickMs, hangAfterMs(node.spec), callMaxMs(node.spec));
    const base = { thread: node.spec.name, index: node.index, generation: node.generation };
    if (node.generation === 0) this.#effects.emit({ ...base, kind: 'started' });
    else this.#effects.emit({ ...base, kind: 'restarted', tookMs: this.#effects.clock.monotonicMs() - node.diedMs });
  }

  #onWord(node: ThreadNode, word: WordHome): void {
    const thread = node.spec.name;
    if (word.word === 'failed') node.error ??= errorFromWords(word.error);
    else if (word.word === 'log') this.#effects.log(word.level, word.text, { thread, ...word.fields });
    else if (word.word === 'report') {
      this.#effects.emit({
        kind: 'report',
        thread,
        index: node.index,
        generation: node.generation,
        event: word.event,
        detail: word.detail,
      });
    }
  }

  #onExit(node: ThreadNode, exitCode: number): ThreadExit {
    const wasOrdered = node.ending === 'stop' || node.ending === 'strategy';
    node.worker = undefined;
    node.diedMs = this.#effects.clock.monotonicMs();
    const exit: ThreadExit = {
      thread: node.spec.name,
      index: node.index,
      generation: node.generation,
      reason: exitReason(node, exitCode),
      exitCode,
      error: node.error,
    };
    node.lastExit = exit;
    this.#setState(node, 'down');
    this.#effects.died(node.index);
    if (!wasOrdered) this.#effects.emit({ kind: 'died', thread: exit.thread, index: exit.index, generation: exit.generation, exit });
    return exit;
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
    node.ending = ending;
    this.#setState(node, 'stopping');
    this.#effects.command(node.index, COMMAND_STOP);
    const maxMs = ending === 'strategy' ? STRATEGY_STOP_MAX_MS : (node.spec.stopMaxMs ?? DEFAULT_STOP_MAX_MS);
    if (await this.#endsWithin(node.exited, maxMs)) return;
    this.#effects.log('warn', 'a thread did not stop in time and is ended', { thread: node.spec.name, stopMaxMs: maxMs });
    await this.#kill(node, ending);
  }

  #abandonStarts(node: SupervisorNode): void {
    node.starts++;
    for (const child of node.children) if (child.kind === 'supervisor') this.#abandonStarts(child);
  }

  async #kill(node: ThreadNode, ending: 'stop' | 'strategy' | 'hang' | 'terminated'): Promise<void> {
    const worker = node.worker;
    if (worker === undefined) return;
    node.ending = ending;
    void worker.terminate();
    if (await this.#endsWithin(node.exited, TERMINATE_MAX_MS)) return;
    const base = { thread: node.spec.name, index: node.index, generation: node.generation };
    // Inside a system call nothing ends a thread but the return of the call: its supervisor waits for the exit, the owner must know.
    this.#effects.emit({ ...base, kind: 'stuck-in-call', callMs: TERMINATE_MAX_MS });
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

  async #endsWithin(exited: Promise<void>, maxMs: number): Promise<boolean> {
    let takeBack = (): void => {};
    const late = new Promise<boolean>((resolve) => {
      takeBack = this.#effects.timers.after(maxMs, () => resolve(false));
    });
    const inTime = await Promise.race([exited.then(() => true), late]);
    takeBack();
    return inTime;
  }

  // ---- heartbeats

  #tick(): void {
    for (const node of this.#threads) {
      if (node.state !== 'running' || node.ending !== undefined) continue;
      const block = blockOf(node.index);
      const heartbeat = Atomics.load(this.#effects.words, block + HEARTBEAT);
      const call = Atomics.load(this.#effects.words, block + IN_CALL);
      const verdict = node.watch.tick(heartbeat, call);
      const base = { thread: node.spec.name, index: node.index, generation: node.generation };
      if (verdict === 'stuck') this.#effects.emit({ ...base, kind: 'stuck-in-call', callMs: node.watch.callMs });
      if (verdict !== 'hung') continue;
      const silentMs = node.watch.silentMs;
      node.error = new RuntimeError('MQ_RUNTIME_THREAD_DIED', `Thread '${node.spec.name}' gave no heartbeat for ${silentMs} ms`, {
        thread: node.spec.name,
        silentMs,
      });
      void this.#kill(node, 'hang');
    }
  }

  #setState(node: ThreadNode, state: ThreadState): void {
    node.state = state;
    Atomics.store(this.#effects.words, blockOf(node.index) + STATE, STATES.indexOf(state));
  }
}

function hangAfterMs(spec: ThreadSpec): number {
  return spec.hangAfterMs ?? DEFAULT_HANG_MS;
}

function callMaxMs(spec: ThreadSpec): number {
  return spec.callMaxMs ?? DEFAULT_CALL_MAX_MS;
}

function exitReason(node: ThreadNode, exitCode: number): ThreadExitReason {
  if (node.ending === 'hang' || node.ending === 'terminated' || node.ending === 'strategy') return node.ending;
  if ((node.error as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out-of-memory';
  return node.error === undefined && exitCode === 0 ? 'exit' : 'crash';
}

export type { SupervisorSpec, ThreadEvent, ThreadExit, ThreadExitReason, ThreadSpec } from './thread-spec.ts';

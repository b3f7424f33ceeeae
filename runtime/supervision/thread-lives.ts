/**
 * Thread lives: how one thread of the tree is started, watched by its heartbeats, stopped and killed. Decides nothing about what follows its end:
 * the thread supervisor is told. A thread that gives no heartbeat is killed here. Fails by rejecting a start.
 */
import type { LogLevel } from '../actor.ts';
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
  RESTARTS,
  STATE,
  STATES,
  type ThreadState,
} from '../thread/thread-block.ts';
import { errorFromWords, type WordHome } from '../thread/thread-words.ts';
import { HeartbeatWatch } from './heartbeat-watch.ts';
import type { ThreadEvent, ThreadExit, ThreadSpec } from './thread-spec.ts';
import { callMaxMs, exitReason, hangAfterMs, type ThreadNode } from './thread-tree.ts';

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

const DEFAULT_STOP_MAX_MS = 10_000;
/** A sibling stopped by a strategy holds up the restart: it gets less time. */
const STRATEGY_STOP_MAX_MS = 1000;
const TERMINATE_MAX_MS = 5000;
const TICK_MIN_MS = 20;
const TICK_MAX_MS = 1000;
/** Heartbeats within `hangAfterMs`. */
const BEATS = 4;

/** How often heartbeats are looked at. */
export function tickMsOf(threads: readonly ThreadNode[]): number {
  const shortest = Math.min(...threads.flatMap((node) => [hangAfterMs(node.spec), callMaxMs(node.spec)]));
  return Math.max(TICK_MIN_MS, Math.min(TICK_MAX_MS, shortest / BEATS));
}

export class ThreadLives {
  readonly #effects: ThreadSupervisorEffects;
  readonly #tickMs: number;
  readonly #ended: (node: ThreadNode, exit: ThreadExit) => void;

  /** @param ended a thread that was ready has ended, and nobody wanted that */
  constructor(effects: ThreadSupervisorEffects, tickMs: number, ended: (node: ThreadNode, exit: ThreadExit) => void) {
    this.#effects = effects;
    this.#tickMs = tickMs;
    this.#ended = ended;
  }

  /** Resolves when the thread is ready. */
  start(node: ThreadNode): Promise<void> {
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
        } else if (node.ending !== 'stop' && node.ending !== 'strategy') this.#ended(node, exit);
      });
    });
  }

  /** Ends the thread in order, or at once when it takes too long. */
  async stop(node: ThreadNode, ending: 'stop' | 'strategy'): Promise<void> {
    node.ending = ending;
    this.#setState(node, 'stopping');
    this.#effects.command(node.index, COMMAND_STOP);
    const maxMs = ending === 'strategy' ? STRATEGY_STOP_MAX_MS : (node.spec.stopMaxMs ?? DEFAULT_STOP_MAX_MS);
    if (await this.#endsWithin(node.exited, maxMs)) return;
    this.#effects.log('warn', 'a thread did not stop in time and is ended', { thread: node.spec.name, stopMaxMs: maxMs });
    await this.kill(node, ending);
  }

  /** Ends the thread where it is. */
  async kill(node: ThreadNode, ending: 'stop' | 'strategy' | 'hang' | 'terminated'): Promise<void> {
    const worker = node.worker;
    if (worker === undefined) return;
    node.ending = ending;
    void worker.terminate();
    if (await this.#endsWithin(node.exited, TERMINATE_MAX_MS)) return;
    const base = { thread: node.spec.name, index: node.index, generation: node.generation };
    // Inside a system call nothing ends a thread but the return of the call: its supervisor waits for the exit, the owner must know.
    this.#effects.emit({ ...base, kind: 'stuck-in-call', callMs: TERMINATE_MAX_MS });
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

  /** A look at the heartbeats. */
  tick(threads: readonly ThreadNode[]): void {
    for (const node of threads) {
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
      void this.kill(node, 'hang');
    }
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

  #setState(node: ThreadNode, state: ThreadState): void {
    node.state = state;
    Atomics.store(this.#effects.words, blockOf(node.index) + STATE, STATES.indexOf(state));
  }
}

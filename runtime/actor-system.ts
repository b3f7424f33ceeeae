/**
 * Actor system: the embedder's door. Owns the shared memory of all threads, the supervision tree of worker threads, and the root's own loop
 * (thread 0, 'root', on the caller's event loop). One a process is usual, several are possible.
 * Fails: `start` rejects when a thread does not start; later failures that no supervisor may hide go to `onEscalation`.
 */
import { MessageChannel } from 'node:worker_threads';
import type { ActorMessage, ActorRef, LogLevel } from './actor.ts';
import type { Clock } from './clock.ts';
import { type ControlApi, ControlLink, type Remote } from './control-link.ts';
import { RuntimeError } from './errors.ts';
import type { Machine, ThreadHandle } from './machine.ts';
import type { Random } from './random.ts';
import { createRings, type RingMemory, ringWords } from './ring/ring-layout.ts';
import { type SupervisorSpec, type ThreadEvent, type ThreadSpec, threadsOfSpec } from './supervision/thread-spec.ts';
import { ThreadSupervisor } from './supervision/thread-supervisor.ts';
import { threadHeap } from './thread/heap.ts';
import { GUEST_GROUP, Placement, type PlacementRule, type ThreadName } from './thread/placement.ts';
import {
  BLOCK_WORDS,
  blockOf,
  COMMAND,
  createBlocks,
  DEATHS,
  EPOCH_WORD,
  GENERATION,
  MAILBOX_DEPTH,
  STARTS_WANTED_WORD,
  STATE,
  STATES,
  type ThreadState,
} from './thread/thread-block.ts';
import type { ThreadContext } from './thread/thread-context.ts';
import { ThreadLoop } from './thread/thread-loop.ts';
import { StatsReader, type SystemStats } from './thread/thread-stats.ts';
import type { GuestBirth, ThreadBirth } from './thread/thread-words.ts';
import { wake } from './thread/wake-up.ts';
import { workerMachine } from './worker-machine.ts';

export const ROOT_NAME = 'root';
const THREADS_MAX = 64;
const DEFAULT_RING_BYTES = 256 * 1024;
const HEARTBEAT_MAX_MS = 1000;

export type Log = (level: LogLevel, text: string, fields: Record<string, unknown>) => void;

export interface ActorSystemOptions {
  readonly root: SupervisorSpec;
  readonly placement: readonly PlacementRule[];
  /**
   * Threads that are not this system's to start: they join (guestBirth, guest-thread.ts) and leave as they like, have rings and a
   * place among the threads, in the group 'guest', and nobody restarts them. What is told to one that is not there waits in its ring.
   */
  readonly guests?: readonly string[];
  /** Of each ordered pair of threads; a power of two; a message that crosses threads may take a quarter. Default 256 KiB. */
  readonly ringBytes?: number;
  readonly onThreadEvent?: (event: ThreadEvent) => void;
  /** The root supervisor has given up. Without it the error is thrown as an uncaught exception: a broken promise ends the process. */
  readonly onEscalation?: (error: Error) => void;
  /** Default: warnings and errors to standard error. */
  readonly log?: Log;
  /** Of the root thread; workers use the machine's. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Default: this machine, threads are workers of this process, and the root runs on the caller's event loop. */
  readonly machine?: Machine;
  /** The process is there for this system alone: the root thread's heap is trimmed too when it is quiet. Workers' heaps always are. */
  readonly ownsProcess?: boolean;
}

export class ActorSystem {
  readonly #names: readonly ThreadName[];
  readonly #words: Int32Array;
  readonly #blocks: SharedArrayBuffer;
  readonly #rules: readonly PlacementRule[];
  readonly #rings: readonly (readonly (RingMemory | undefined)[])[];
  readonly #ringBytes: number;
  readonly #loop: ThreadLoop;
  readonly #supervisor: ThreadSupervisor;
  readonly #clock: Clock;
  readonly #machine: Machine;
  readonly #log: Log;
  /** Of event threads, by index; a new one with each generation. */
  readonly #controls: (ControlLink | undefined)[];
  readonly #lastErrors: Map<string, string> = new Map();
  readonly #stats: StatsReader;
  #startsSeen = 0;
  #stopping: Promise<void> | undefined;

  /** Starts all threads, in the order of the specs; rejects, with everything stopped again, when one fails. */
  static async start(options: ActorSystemOptions): Promise<ActorSystem> {
    const system = new ActorSystem(options);
    await system.start();
    return system;
  }

  /** A system whose threads `start` will start: what is told them before that waits in their rings. */
  static create(options: ActorSystemOptions): ActorSystem {
    return new ActorSystem(options);
  }

  /** Once, after `create`: as the static `start`. */
  async start(): Promise<void> {
    try {
      await this.#supervisor.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private constructor(options: ActorSystemOptions) {
    const specs = threadsOfSpec(options.root);
    const guests = options.guests ?? [];
    const wanted = specs.length + guests.length + 1;
    if (wanted > THREADS_MAX) {
      throw new RuntimeError('MQ_RUNTIME_LIMIT', `A system may have ${THREADS_MAX} threads, not ${wanted}`, { threads: wanted });
    }
    const toName = (spec: ThreadSpec): ThreadName =>
      spec.group === undefined ? { name: spec.name } : { name: spec.name, group: spec.group };
    this.#names = [{ name: ROOT_NAME }, ...specs.map(toName), ...guests.map((name) => ({ name, group: GUEST_GROUP }))];
    this.#blocks = createBlocks(this.#names.length);
    this.#rules = options.placement;
    const count = this.#names.length;
    const placement = new Placement(this.#names, options.placement);
    const blocks = this.#blocks;
    const ringBytes = options.ringBytes ?? DEFAULT_RING_BYTES;
    this.#ringBytes = ringBytes;
    this.#words = new Int32Array(blocks);
    const rings = createRings(count * (count - 1), ringBytes);
    this.#rings = this.#names.map((_, from) => this.#names.map((_, to) => (from === to ? undefined : rings.pop())));
    const ringWordsOf = this.#rings.map((row) => row.map((ring) => (ring === undefined ? undefined : ringWords(ring))));
    this.#machine = options.machine ?? workerMachine(options.clock, options.random);
    this.#clock = this.#machine.clock;
    this.#log = options.log ?? logToStandardError;
    this.#stats = new StatsReader(this.#names, this.#words, ringWordsOf, ringBytes, this.#clock);
    this.#controls = new Array(count).fill(undefined);
    const escalate = options.onEscalation ?? throwLater;
    this.#loop = new ThreadLoop({
      index: 0,
      name: ROOT_NAME,
      loop: options.machine === undefined ? 'event' : 'blocking',
      generation: 0,
      placement,
      threadCount: count,
      words: this.#words,
      ringsIn: this.#rings.map((row) => row[0]),
      ringsOut: this.#rings[0] as readonly (RingMemory | undefined)[],
      ringBytes,
      heartbeatMs: HEARTBEAT_MAX_MS,
      clock: this.#clock,
      random: this.#machine.random,
      turnWanted: () => this.#machine.turnWanted?.(0),
      heap: options.ownsProcess === true ? threadHeap : undefined,
      log: (level, text, fields) => this.#log(level, text, { thread: ROOT_NAME, ...fields }),
      report: (event, detail) => options.onThreadEvent?.({ kind: 'report', thread: ROOT_NAME, index: 0, generation: 0, event, detail }),
      fail: (error) => {
        this.#lastErrors.set(ROOT_NAME, error.message);
        escalate(new RuntimeError('MQ_RUNTIME_ESCALATION', `The root thread has failed: ${error.message}`, {}, error));
      },
    });
    const index = new Map(this.#names.map(({ name }, i) => [name, i]));
    this.#supervisor = new ThreadSupervisor(options.root, {
      clock: this.#clock,
      timers: this.#machine.timers,
      words: this.#words,
      indexOf: (name) => index.get(name) as number,
      launch: (spec, generation, heartbeatMs) =>
        this.#launch(spec, index.get(spec.name) as number, generation, heartbeatMs, blocks, options.placement),
      command: (thread, command) => {
        Atomics.store(this.#words, blockOf(thread) + COMMAND, command);
        wake(this.#words, thread);
      },
      died: (thread) => this.#died(thread),
      emit: (event) => {
        if (event.kind === 'died' && event.exit.error !== undefined) this.#lastErrors.set(event.thread, event.exit.error.message);
        options.onThreadEvent?.(event);
      },
      escalate,
      log: (level, text, fields) => this.#log(level, text, fields),
    });
    this.#setState(0, 'running');
    this.#loop.addSource({ poll: () => this.#lookForStarts() });
    this.#machine.runRoot(this.#loop, this.#words);
  }

  /** The root thread's own context: register actors of 'root/…', send and hear raw records, add sources. */
  get context(): ThreadContext {
    return this.#loop;
  }

  ref<M extends ActorMessage>(path: string): ActorRef<M> {
    return this.#loop.ref(path);
  }

  /** Rejects with ASK_TIMEOUT when no answer came in time, or the target's mailbox or ring was full. */
  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#loop.ask<R, M>(target, build, timeoutMs, (reply) => {
        if (reply !== undefined) resolve(reply);
        else
          reject(
            new RuntimeError(
              'MQ_RUNTIME_ASK_TIMEOUT',
              `'${target.path}' gave no answer within ${timeoutMs} ms, or could take no question`,
              { path: target.path, timeoutMs },
            ),
          );
      });
    });
  }

  /**
   * Calls what the event thread `name` has exposed (exposeControl): `use` gets the far object, whose methods give promises. Rejects when the
   * thread dies or `timeoutMs` pass first; a blocking thread can take no such call.
   */
  control<T extends ControlApi, R>(name: string, use: (api: Remote<T>) => Promise<R>, timeoutMs: number): Promise<R> {
    const link = this.#controls[this.#loop.threadIndex(name)];
    if (link === undefined)
      return Promise.reject(
        new RuntimeError('MQ_RUNTIME_THREAD_DIED', `Thread '${name}' is down, or takes no control calls`, { thread: name }),
      );
    return link.call(use, timeoutMs);
  }

  /** Reads the shared counters; no thread is disturbed. Shares and rates are of the time since the call before. */
  stats(): SystemStats {
    return this.#stats.read(this.#lastErrors, this.#loop.host.deadLetters.last);
  }

  /** Ends a thread as a crash would: for tests and drills. Resolves when it has ended; its supervisor decides what follows. */
  terminateThread(name: string): Promise<void> {
    return this.#supervisor.terminate(name);
  }

  threadGeneration(name: string): number {
    return this.#supervisor.generation(name);
  }

  /** What a thread of the caller's own needs to join as the guest `name`; it must have left before it is given again. */
  guestBirth(name: string): GuestBirth {
    const index = this.#loop.threadIndex(name);
    const block = blockOf(index);
    const generation = Atomics.load(this.#words, block + GENERATION) + 1;
    Atomics.store(this.#words, block + GENERATION, generation);
    this.#setState(index, 'running');
    return {
      index,
      name,
      generation,
      threads: this.#names,
      rules: this.#rules,
      blocks: this.#blocks,
      ringsIn: this.#rings.map((row) => row[index]),
      ringsOut: this.#rings[index] as readonly (RingMemory | undefined)[],
      ringBytes: this.#ringBytes,
    };
  }

  /** The guest's loop has ended: told to all threads as a thread's death is. */
  guestLeft(name: string): void {
    const index = this.#loop.threadIndex(name);
    this.#setState(index, 'down');
    this.#died(index);
  }

  /** Stops all threads in reverse order of start, each after it has worked off what waits for it; the root last. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends all threads at once, nothing drained, as a crash would; the root's own loop with them. Resolves when all have ended. */
  terminate(): Promise<void> {
    this.#stopping ??= this.#terminate();
    return this.#stopping;
  }

  async #terminate(): Promise<void> {
    await this.#supervisor.terminateAll();
    this.#loop.end();
    this.#setState(0, 'down');
  }

  async #stop(): Promise<void> {
    await this.#supervisor.stop();
    await this.#loop.drain();
    this.#setState(0, 'down');
  }

  #setState(thread: number, state: ThreadState): void {
    Atomics.store(this.#words, blockOf(thread) + STATE, STATES.indexOf(state));
  }

  #launch(
    spec: ThreadSpec,
    index: number,
    generation: number,
    heartbeatMs: number,
    blocks: SharedArrayBuffer,
    rules: readonly PlacementRule[],
  ): ThreadHandle {
    const control = spec.loop === 'event' && this.#machine.hasControl ? new MessageChannel() : undefined;
    if (control !== undefined) this.#controls[index] = new ControlLink(spec.name, control.port1);
    const birth: ThreadBirth = {
      index,
      loop: spec.loop,
      generation,
      threads: this.#names,
      rules,
      blocks,
      ringsIn: this.#rings.map((row) => row[index]),
      ringsOut: this.#rings[index] as readonly (RingMemory | undefined)[],
      ringBytes: this.#ringBytes,
      heartbeatMs,
      module: spec.module.href,
      data: spec.data,
      control: control?.port2,
    };
    return this.#machine.launch(spec, birth, control?.port2);
  }

  #lookForStarts(): boolean {
    // Pairs with the add in `wake` of a thread that has not started.
    const wanted = Atomics.load(this.#words, STARTS_WANTED_WORD);
    if (wanted === this.#startsSeen) return false;
    this.#startsSeen = wanted;
    this.#supervisor.startWanted();
    return true;
  }

  /** Tells every thread, by shared words, that `thread` has died. */
  #died(thread: number): void {
    const block = blockOf(thread);
    this.#controls[thread]?.died();
    this.#controls[thread] = undefined;
    for (let word = MAILBOX_DEPTH; word < BLOCK_WORDS; word++) this.#words[block + word] = 0;
    this.#stats.forget(thread);
    Atomics.add(this.#words, block + DEATHS, 1);
    // Pairs with the load of EPOCH in each turn; after DEATHS, so that whoever sees it sees who died.
    Atomics.add(this.#words, EPOCH_WORD, 1);
    for (let i = 0; i < this.#names.length; i++) if (i !== thread) wake(this.#words, i);
  }
}

function logToStandardError(level: LogLevel, text: string, fields: Record<string, unknown>): void {
  if (level === 'warn' || level === 'error') process.stderr.write(`${level} ${text} ${JSON.stringify(fields)}\n`);
}

function throwLater(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

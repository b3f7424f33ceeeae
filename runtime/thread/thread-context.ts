/**
 * What the module of a worker thread sees of the runtime. A thread's module exports `main(thread, data)`; it registers
 * activators and sources there, and from then on the thread's loop runs them.
 */
import type { Actor, ActorMessage, ActorRef, LogLevel, Restart } from '../actor.ts';

/**
 * `event`: a Node event loop; may own sockets and timers; woken by Atomics.waitAsync. `blocking`: sleeps in Atomics.wait,
 * its event loop never turns while it runs; for threads that make system calls that block.
 */
export type LoopKind = 'event' | 'blocking';

/** Work that the thread's loop looks for beside its mailboxes: a lane, a watermark. Must be cheap when there is none. */
export interface PollSource {
  /** Does what there is to do, within a budget. True: did something, ask again. */
  poll(): boolean;
}

/** Creates the actors whose path starts with `prefix`, at the first message to each, on the thread where placement puts it. */
export interface Activator {
  /** `path` is the whole path; `rest` is what follows the prefix. */
  create(path: string, rest: string): Actor<never>;
  /** default 1024 */
  readonly mailboxMax?: number;
  /** default 'permanent': restarted in place after a throw, with its mailbox kept, within the intensity. */
  readonly restart?: Restart;
  /** Restarts allowed per period before the failure escalates to the thread. Default 10 in 10 000 ms. */
  readonly intensity?: number;
  readonly periodMs?: number;
}

/** Reads a raw ring record: `bytes` is the ring's memory and only valid during the call. */
export type RecordHandler = (bytes: Uint8Array, view: DataView, offset: number, length: number, fromThread: number) => void;

export interface ThreadContext {
  /** Index in the system, stable over restarts. */
  readonly index: number;
  readonly name: string;
  readonly loop: LoopKind;
  /** 0 at first, one more with each replacement of this thread. */
  readonly generation: number;
  now(): number;
  monotonicMs(): number;
  random(): number;

  /** Index of the thread called `name`; throws if there is none. */
  threadIndex(name: string): number;
  /** Indices of the threads in `group`, in order. */
  threadsOf(group: string): readonly number[];

  register(prefix: string, activator: Activator): void;
  /** Starts an actor with a fixed path on this thread now. */
  spawn(path: string, create: () => Actor<never>, options?: Omit<Activator, 'create'>): ActorRef<ActorMessage>;
  ref<M extends ActorMessage>(path: string): ActorRef<M>;
  /** For code that is no actor (a socket's callback). Undefined after `timeoutMs` or a full mailbox. Event threads only. */
  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    onReply: (reply: R | undefined) => void,
  ): void;
  /** Placement: the index of the thread that hosts `path`. */
  placementOf(path: string): number;

  /** Polled in every turn, before the actors, in order of addition. */
  addSource(source: PollSource): void;
  /** Runs at the end of each turn in order of addition (publish what the turn wrote, ring doorbells, write sockets). */
  addTurnEnd(run: () => void): void;
  /**
   * Event threads: makes sure that one turn of the loop (sources, rings, actors, turn ends) runs after the I/O callbacks of
   * this event-loop iteration (setImmediate, once). Called by socket callbacks.
   */
  requestTurn(): void;
  /**
   * Event threads: allows the loop to rest a fraction of a millisecond between turns while that does not slow down the work that
   * `count` counts (nap-governor.ts).
   */
  allowNaps(count: () => number): void;
  /**
   * Until then (`monotonicMs`) this thread looks for work instead of falling asleep: something is expected within microseconds. 0: no longer.
   * It takes a processor meanwhile: a LingerGovernor says when it is worth it.
   */
  linger(untilMs: number): void;
  /** Wakes `threadIndex` if it declared itself asleep, and says whether; costs one atomic load if it is awake. */
  wake(threadIndex: number): boolean;

  /** Raw records for the hot path: `type` 1..255. `write` fills exactly `length` bytes. False: that ring is full. */
  sendRecord(
    threadIndex: number,
    type: number,
    length: number,
    write: (bytes: Uint8Array, view: DataView, offset: number) => void,
  ): boolean;
  onRecord(type: number, handler: RecordHandler): void;

  /** Runs `run` once after `delayMs` on this thread (timing wheel, 1 ms ticks or better for event threads; ≤ 1 s late never). */
  schedule(delayMs: number, run: () => void): number;
  cancel(timer: number): void;

  /** Blocking threads: marks the begin and end of a system call that may take long; heartbeat rules pause in between. */
  enterCall(): void;
  leaveCall(): void;

  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void;
  /** Runs when the system stops this thread in order (drain); the thread ends when all promises are settled. */
  onStop(run: () => void | Promise<void>): void;
  /** Ends the thread as failed: its supervisor decides. */
  fail(error: Error): void;
  /** The system's own word to the root: `ActorSystem.onThreadEvent` hears it. For faults that no restart may hide. */
  report(event: string, detail: Record<string, string | number | boolean>): void;
}

/** What a thread's module exports. */
export interface ThreadModule {
  main(thread: ThreadContext, data: unknown): void | Promise<void>;
}

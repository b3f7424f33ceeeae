/**
 * Thread loop: one thread of the system: its rings, sources, actors and turns, and how it sleeps. One a thread, the root's included.
 * A throw out of a source, a raw record's handler, a turn's end or a socket's callback is a crash of the thread: its supervisor decides.
 *
 * A turn: rings → sources → timers and actors → publish the rings, waking who sleeps → turn ends → publish what those wrote.
 */
import type { Actor, ActorMessage, ActorRef, LogLevel } from '../actor.ts';
import { ActorHost, type HostPort } from '../actor-host.ts';
import type { Clock } from '../clock.ts';
import { RuntimeError } from '../errors.ts';
import type { HostRecordType } from '../host-record.ts';
import { PathRef } from '../path-ref.ts';
import type { Random } from '../random.ts';
import type { RecordSink } from '../ring/ring-buffer.ts';
import { type RingMemory, recordBytesMax } from '../ring/ring-layout.ts';
import { SlotCodec } from '../ring/slot-codec.ts';
import type { Heap } from './heap.ts';
import { NapGovernor } from './nap-governor.ts';
import type { Placement } from './placement.ts';
import { RingLanes } from './ring-lanes.ts';
import {
  ACTOR_RESTARTS,
  ACTORS,
  BUSY_US,
  blockOf,
  COMMAND,
  COMMAND_RUN,
  DEAD_LETTERS,
  DEATHS,
  EPOCH_WORD,
  HEARTBEAT,
  IN_CALL,
  MAILBOX_DEPTH,
  MESSAGES,
  REFUSED,
  RING_FULL,
  SLEEPS,
  TIMERS,
  TURNS,
} from './thread-block.ts';
import type { Activator, LoopKind, PollSource, RecordHandler, ThreadContext } from './thread-context.ts';
import { TrimGovernor } from './trim-governor.ts';
import { declareAsleep, declareAwake, endSleep, nap, sleep, sleepAsync, wake } from './wake-up.ts';

/** After this long a turn ends although actors have messages left, so that sockets are served. */
const TURN_MAX_MS = 4;
/** A blocking thread looks around at least this often, and shows that it lives. */
const SLEEP_MAX_MS = 1000;
/** While words wait for room in a full ring, nobody rings when there is room again. */
const OUTGOING_RETRY_MS = 5;
/** Turns in a row in which rings wait for actors that have messages left. */
const HELD_BACK_TURNS_MAX = 8;
const RAW_TYPE_MAX = 255;
const DRAIN_MAX_MS = 2000;

/** What a thread is made of. `rings[from][to]`, only this thread's row and column filled; the diagonal is empty. */
export interface ThreadParts {
  readonly index: number;
  readonly name: string;
  readonly loop: LoopKind;
  readonly generation: number;
  readonly placement: Placement;
  readonly threadCount: number;
  readonly words: Int32Array;
  readonly ringsIn: readonly (RingMemory | undefined)[];
  readonly ringsOut: readonly (RingMemory | undefined)[];
  readonly ringBytes: number;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Trimmed when the thread has been quiet for a while; absent: the heap is not ours to collect. */
  readonly heap?: Heap | undefined;
  readonly log: (level: LogLevel, text: string, fields?: Record<string, unknown>) => void;
  readonly report: (event: string, detail: Record<string, string | number | boolean>) => void;
  /** Must not return to the loop's caller: the thread ends. */
  readonly fail: (error: Error) => void;
  /** A loop that is driven step by step (a blocking one in a simulation) wants its next step: something came from outside its turns. */
  readonly turnWanted?: () => void;
}

export class ThreadLoop implements ThreadContext, HostPort, RecordSink {
  readonly index: number;
  readonly name: string;
  readonly loop: LoopKind;
  readonly generation: number;
  readonly host: ActorHost;
  readonly #parts: ThreadParts;
  readonly #words: Int32Array;
  readonly #block: number;
  readonly #codec: SlotCodec;
  readonly #lanes: RingLanes;
  readonly #handlers: (RecordHandler | undefined)[] = new Array(RAW_TYPE_MAX + 1).fill(undefined);
  readonly #sources: PollSource[] = [];
  readonly #turnEnds: (() => void)[] = [];
  readonly #stops: (() => void | Promise<void>)[] = [];
  readonly #deaths: Int32Array;
  #epoch: number;
  #inTurn = false;
  /** The running turn is at its ends, or the thread looks around before it sleeps. */
  #isPastActors = false;
  #wantsTurn = false;
  /** Actors had messages left when the last turn was over. */
  readonly #trims: TrimGovernor;
  #busyMs = 0;
  #naps: { readonly governor: NapGovernor; readonly count: () => number } | undefined;
  /** 0: it sleeps as soon as there is nothing to do. */
  #lingerUntilMs = 0;
  #hasBacklog = false;
  #turnsHeldBack = 0;
  #isRunning = false;
  #isEnded = false;
  #immediate: NodeJS.Immediate | undefined;
  #isAsleepArmed = false;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #heartbeat: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #turnBeganMs = 0;
  #busyFromMs = 0;
  #turns = 0;
  #onCommand: (() => void) | undefined;
  readonly #shouldYield = (): boolean => this.#parts.clock.monotonicMs() - this.#turnBeganMs > TURN_MAX_MS;

  constructor(parts: ThreadParts) {
    this.#parts = parts;
    this.index = parts.index;
    this.name = parts.name;
    this.loop = parts.loop;
    this.generation = parts.generation;
    this.#words = parts.words;
    this.#block = blockOf(parts.index);
    this.#trims = new TrimGovernor(parts.clock.monotonicMs());
    this.#lanes = new RingLanes(parts);
    this.#deaths = new Int32Array(parts.threadCount);
    // Pairs with the root's store of EPOCH: deaths before this thread began are none of its business.
    this.#epoch = Atomics.load(this.#words, EPOCH_WORD);
    for (let i = 0; i < parts.threadCount; i++) this.#deaths[i] = Atomics.load(this.#words, blockOf(i) + DEATHS);
    this.host = new ActorHost(this);
    this.#codec = new SlotCodec(
      {
        threadOf: (value) => (value instanceof PathRef ? value.thread : undefined),
        make: (thread, path) => this.host.refOn(thread, path),
      },
      recordBytesMax(parts.ringBytes),
    );
  }

  // ---- what a thread's module sees

  now(): number {
    return this.#parts.clock.now();
  }

  monotonicMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  random(): number {
    return this.#parts.random.next();
  }

  threadIndex(name: string): number {
    return this.#parts.placement.threadIndex(name);
  }

  threadsOf(group: string): readonly number[] {
    return this.#parts.placement.threadsOf(group);
  }

  placementOf(path: string): number {
    return this.#parts.placement.of(path);
  }

  register(prefix: string, activator: Activator): void {
    this.host.register(prefix, activator);
  }

  spawn(path: string, create: () => Actor<never>, options?: Omit<Activator, 'create'>): ActorRef<ActorMessage> {
    return this.host.spawn(path, create, options);
  }

  ref<M extends ActorMessage>(path: string): ActorRef<M> {
    return this.host.ref(path);
  }

  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    onReply: (reply: R | undefined) => void,
  ): void {
    this.host.ask(target, build, timeoutMs, onReply);
  }

  addSource(source: PollSource): void {
    this.#sources.push(source);
    this.requestTurn();
  }

  addTurnEnd(run: () => void): void {
    this.#turnEnds.push(run);
  }

  allowNaps(count: () => number): void {
    this.#naps = { governor: new NapGovernor(), count };
  }

  linger(untilMs: number): void {
    this.#lingerUntilMs = untilMs;
  }

  requestTurn(): void {
    // Before its turn ends a running turn does all that was asked for; behind them only another one does.
    if (this.#isPastActors) this.#wantsTurn = true;
    else this.workCame();
  }

  workCame(): void {
    if (this.#inTurn || this.#immediate !== undefined || this.#isEnded) return;
    if (this.loop === 'blocking') this.#parts.turnWanted?.();
    else this.#immediate = setImmediate(this.#onImmediate);
  }

  wake(thread: number): boolean {
    return wake(this.#words, thread);
  }

  sendRecord(thread: number, type: number, length: number, write: (bytes: Uint8Array, view: DataView, offset: number) => void): boolean {
    if (!this.#lanes.write(thread, type, length, write)) return false;
    this.workCame();
    return true;
  }

  onRecord(type: number, handler: RecordHandler): void {
    if (!Number.isInteger(type) || type < 1 || type > RAW_TYPE_MAX) {
      throw new RuntimeError('MQ_RUNTIME_LIMIT', `A raw record's type must be 1…${RAW_TYPE_MAX}, not ${type}`, { type });
    }
    this.#handlers[type] = handler;
  }

  schedule(delayMs: number, run: () => void): number {
    return this.host.schedule(delayMs, run);
  }

  cancel(timer: number): void {
    this.host.cancel(timer);
  }

  enterCall(): void {
    // Pairs with the supervisor's load at its ticks: odd means that no heartbeat can come.
    Atomics.add(this.#words, this.#block + IN_CALL, 1);
  }

  leaveCall(): void {
    Atomics.add(this.#words, this.#block + IN_CALL, 1);
  }

  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void {
    this.#parts.log(level, text, fields);
  }

  onStop(run: () => void | Promise<void>): void {
    this.#stops.push(run);
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#isEnded = true;
    this.#parts.fail(error);
  }

  report(event: string, detail: Record<string, string | number | boolean>): void {
    this.#parts.report(event, detail);
  }

  // ---- rings

  send(thread: number, type: HostRecordType, path: string, message: ActorMessage): boolean {
    const length = this.#codec.encode(path, message);
    if (!this.#lanes.copy(thread, type, this.#codec.scratch, length)) return false;
    this.workCame();
    return true;
  }

  record(bytes: Uint8Array, view: DataView, offset: number, length: number, type: number, fromThread: number): void {
    if (type > RAW_TYPE_MAX) {
      const path = this.#codec.path(bytes, view, offset);
      this.host.arrived(type, path, this.#codec.message());
      return;
    }
    const handler = this.#handlers[type];
    if (handler === undefined) {
      // A predecessor may have been sent what this generation does not hear yet.
      this.host.deadLetter(`${this.name}/raw-record-${type}`, { kind: `from thread ${fromThread}` }, 'no-actor');
      return;
    }
    handler(bytes, view, offset, length, fromThread);
  }

  // ---- turns

  /** One turn. True: something was done, or is left to do. */
  turn(): boolean {
    this.#inTurn = true;
    this.#wantsTurn = false;
    try {
      this.#turnBeganMs = this.#parts.clock.monotonicMs();
      let didWork = false;
      // Pairs with the root's store after a thread's death.
      if (Atomics.load(this.#words, EPOCH_WORD) !== this.#epoch) this.#lookForDeaths();
      // When the last turn left actors with messages the rings keep theirs: full rings say no to their senders, full mailboxes could only lose.
      // Not for ever: what comes from sockets may keep the actors busy all the time.
      if (!this.#hasBacklog || ++this.#turnsHeldBack > HELD_BACK_TURNS_MAX) {
        this.#turnsHeldBack = 0;
        if (this.#lanes.drain(this)) didWork = true;
      }
      const sources = this.#sources;
      for (let i = 0; i < sources.length; i++) if ((sources[i] as PollSource).poll()) didWork = true;
      if (this.host.turn(this.#turnBeganMs, this.#shouldYield) > 0) didWork = true;
      this.#hasBacklog = this.host.hasWork;
      // Before the records are shown: whoever has an answer finds the counters that go with it.
      this.#count();
      // Before the turn ends: what an actor told others is on its way before a socket says that it was done.
      this.#lanes.publish();
      this.#isPastActors = true;
      const turnEnds = this.#turnEnds;
      for (let i = 0; i < turnEnds.length; i++) (turnEnds[i] as () => void)();
      this.#lanes.publish();
      return didWork || this.#wantsTurn || this.host.hasWork;
    } finally {
      this.#inTurn = false;
      this.#isPastActors = false;
    }
  }

  /** Shared counters are plain stores: they are read for show, and a wrapped word is a word. */
  #count(): void {
    const words = this.#words;
    const block = this.#block;
    const host = this.host;
    words[block + TURNS] = ++this.#turns;
    words[block + MAILBOX_DEPTH] = host.queued;
    words[block + MESSAGES] = host.handled;
    words[block + ACTORS] = host.actors;
    words[block + TIMERS] = host.timers;
    words[block + DEAD_LETTERS] = host.deadLetters.count;
    words[block + REFUSED] = host.refused;
    words[block + ACTOR_RESTARTS] = host.restarts;
    words[block + RING_FULL] = this.#lanes.full;
  }

  #lookForDeaths(): void {
    this.#epoch = Atomics.load(this.#words, EPOCH_WORD);
    for (let i = 0; i < this.#deaths.length; i++) {
      const deaths = Atomics.load(this.#words, blockOf(i) + DEATHS);
      if (deaths === this.#deaths[i]) continue;
      this.#deaths[i] = deaths;
      if (i !== this.index) this.host.threadDied(i);
    }
  }

  /** Whether something came up that only a look after `declareAsleep` could find. */
  #recheck(): boolean {
    if (this.#lanes.hasRecords || this.host.hasWork) return true;
    // Pairs with the root's stores, which are followed by `wake`.
    if (Atomics.load(this.#words, EPOCH_WORD) !== this.#epoch) return true;
    if (Atomics.load(this.#words, this.#block + COMMAND) !== COMMAND_RUN && this.#onCommand !== undefined) return true;
    const sources = this.#sources;
    for (let i = 0; i < sources.length; i++) if ((sources[i] as PollSource).poll()) return true;
    // A source that found nothing may still have written or told something.
    return this.#wantsTurn || this.#lanes.hasUnpublished || this.host.hasWork;
  }

  #lingers(): boolean {
    if (this.#lingerUntilMs === 0) return false;
    if (this.#parts.clock.monotonicMs() < this.#lingerUntilMs) return true;
    this.#lingerUntilMs = 0;
    return false;
  }

  #beat(): void {
    this.#words[this.#block + HEARTBEAT] = ((this.#words[this.#block + HEARTBEAT] as number) + 1) | 0;
  }

  /** Shown in microseconds, as a word that wraps. */
  #countBusy(ms: number): void {
    this.#busyMs += ms;
    this.#words[this.#block + BUSY_US] = ((this.#words[this.#block + BUSY_US] as number) + ms * 1000) | 0;
  }

  /** Gives back what a burst has left, when the thread has been quiet for a while. */
  #trim(nowMs: number): void {
    const heap = this.#parts.heap;
    if (heap === undefined || !this.#trims.shouldTrim(nowMs, this.#busyMs, heap.bytes)) return;
    heap.collect();
    this.#trims.trimmed(heap.bytes());
  }

  // ---- a blocking thread

  /** Runs until the stop command; throws what `fail` was given. */
  runBlocking(): void {
    this.#isRunning = true;
    this.#busyFromMs = this.#parts.clock.monotonicMs();
    while (this.isToldToRun) {
      const waitMs = this.step();
      if (waitMs === 0) continue;
      sleep(this.#words, this.index, waitMs);
      this.awoke();
    }
  }

  /** The root has not said stop. */
  get isToldToRun(): boolean {
    // Pairs with the root's store, which is followed by `wake`.
    return Atomics.load(this.#words, this.#block + COMMAND) === COMMAND_RUN;
  }

  /**
   * A blocking thread's turn, and when it had nothing to do the look that falling asleep needs. Gives for how many ms the thread may
   * sleep now, which it is declared to do until `awoke`; 0: not at all. Throws what `fail` was given.
   */
  step(): number {
    this.#beat();
    const didWork = this.turn();
    if (this.#failure !== undefined) throw this.#failure;
    const waitMs = didWork || this.#lingers() ? 0 : this.#fallAsleep();
    if (this.#failure !== undefined) throw this.#failure;
    return waitMs;
  }

  /** The sleep that `step` allowed is over. */
  awoke(): void {
    this.#busyFromMs = this.#parts.clock.monotonicMs();
    declareAwake(this.#words, this.index);
  }

  #fallAsleep(): number {
    const words = this.#words;
    declareAsleep(words, this.index);
    this.#isPastActors = true;
    const isAwake = this.#recheck() || !this.isToldToRun;
    this.#isPastActors = false;
    let waitMs = 0;
    if (!isAwake) {
      const before = this.#parts.clock.monotonicMs();
      this.#countBusy(before - this.#busyFromMs);
      waitMs = Math.min(SLEEP_MAX_MS, this.#parts.heartbeatMs);
      const nextTimerMs = this.host.nextTimerMs;
      if (nextTimerMs !== undefined) waitMs = Math.min(waitMs, Math.max(0, nextTimerMs - before));
      if (this.host.hasOutgoing) waitMs = Math.min(waitMs, OUTGOING_RETRY_MS);
      if (waitMs > 0) {
        words[this.#block + SLEEPS] = ((words[this.#block + SLEEPS] as number) + 1) | 0;
        // Declared asleep: whoever has something meanwhile rings, and the sleep that follows ends at once.
        this.#trim(before);
        return waitMs;
      }
      this.#busyFromMs = before;
    }
    declareAwake(words, this.index);
    return 0;
  }

  // ---- an event thread

  /** From now on turns run as work comes. `onCommand` is called once when the stop command is seen. */
  runOnEvents(onCommand: () => void): void {
    this.#onCommand = onCommand;
    this.#isRunning = true;
    this.#beat();
    this.#heartbeat = setInterval(() => {
      this.#beat();
      this.#trim(this.#parts.clock.monotonicMs());
      // A turn a beat costs nothing, and puts an end to any wait that no design should have.
      this.requestTurn();
    }, this.#parts.heartbeatMs);
    this.#heartbeat.unref();
    this.requestTurn();
  }

  readonly #onImmediate = (): void => {
    this.#immediate = undefined;
    this.#eventTurn();
  };

  #eventTurn(): void {
    if (this.#isEnded) return;
    if (!this.#isRunning) {
      // `main` has not settled yet: what it sends may go, nothing is taken in.
      this.#lanes.publish();
      return;
    }
    declareAwake(this.#words, this.index);
    const beganMs = this.#parts.clock.monotonicMs();
    this.turn();
    this.#countBusy(this.#parts.clock.monotonicMs() - beganMs);
    if (this.#isEnded) return;
    if (this.#onCommand !== undefined && Atomics.load(this.#words, this.#block + COMMAND) !== COMMAND_RUN) {
      const onCommand = this.#onCommand;
      this.#onCommand = undefined;
      onCommand();
    }
    const naps = this.#naps;
    if (naps !== undefined) {
      const napMs = naps.governor.afterTurn(this.#turnBeganMs, naps.count());
      // Still declared awake: nobody rings meanwhile, and the look below finds what came.
      if (napMs > 0) nap(napMs);
    }
    if (this.#lingers()) {
      // Declared awake: nobody rings, the turns behind those of sockets and timers look.
      this.requestTurn();
      return;
    }
    // No second turn to find out that nothing is left: the look that falling asleep needs anyway tells.
    declareAsleep(this.#words, this.index);
    this.#inTurn = true;
    this.#isPastActors = true;
    let found: boolean;
    try {
      found = this.#recheck();
    } finally {
      this.#inTurn = false;
      this.#isPastActors = false;
    }
    if (found) {
      declareAwake(this.#words, this.index);
      this.requestTurn();
      return;
    }
    this.#armTimer();
    this.#armDoorbell();
  }

  #armDoorbell(): void {
    // One wait at a time, kept over turns that sockets and timers began: any later notify resolves it.
    if (this.#isAsleepArmed) return;
    const woken = sleepAsync(this.#words, this.index);
    this.#words[this.#block + SLEEPS] = ((this.#words[this.#block + SLEEPS] as number) + 1) | 0;
    if (woken === undefined) {
      this.requestTurn();
      return;
    }
    this.#isAsleepArmed = true;
    void woken.then(this.#onDoorbell);
  }

  readonly #onDoorbell = (): void => {
    this.#isAsleepArmed = false;
    if (this.#inTurn || this.#isEnded) return;
    try {
      this.#eventTurn();
    } catch (thrown) {
      // Out of a promise it would be an unhandled rejection; a crash is an uncaught exception.
      setImmediate(() => {
        throw thrown;
      });
    }
  };

  #armTimer(): void {
    let nextMs = this.host.nextTimerMs ?? Number.POSITIVE_INFINITY;
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.host.hasOutgoing) nextMs = Math.min(nextMs, nowMs + OUTGOING_RETRY_MS);
    if (nextMs === this.#timerMs || nextMs === Number.POSITIVE_INFINITY) return;
    // An earlier wake-up than needed is left standing: it finds nothing and arms the next.
    if (this.#timerMs <= nextMs && this.#timerMs > nowMs) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timerMs = nextMs;
    this.#timer = setTimeout(this.#onTimer, Math.min(Math.max(1, Math.ceil(nextMs - nowMs)), 0x7fffffff));
    this.#timer.unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#eventTurn();
  };

  // ---- the end

  /** Works off what waits, stops the actors (youngest first), then runs the stop hooks (latest first). Event threads keep serving meanwhile. */
  async drain(): Promise<void> {
    const beganMs = this.#parts.clock.monotonicMs();
    this.#workOff(beganMs + DRAIN_MAX_MS);
    for (const run of [...this.#stops].reverse()) await run();
    // The hooks may have sent and been sent something.
    this.#workOff(this.#parts.clock.monotonicMs() + DRAIN_MAX_MS);
    this.host.stopAll();
    this.turn();
    this.end();
  }

  #workOff(untilMs: number): void {
    while (this.turn()) {
      if (this.#parts.clock.monotonicMs() < untilMs) continue;
      this.log('warn', 'a thread stops with messages left', { thread: this.name, queued: this.host.queued });
      return;
    }
  }

  /** No turn runs any more. */
  end(): void {
    this.#isEnded = true;
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#heartbeat !== undefined) clearInterval(this.#heartbeat);
    if (this.#isAsleepArmed) endSleep(this.#words, this.index);
  }
}

/**
 * Thread loop: one thread of the system: its rings, sources, actors and turns. One a thread, the root's included. When turns run, and how the thread
 * sleeps, say event-turns.ts and blocking-turns.ts.
 * A throw out of a source, a raw record's handler, a turn's end or a socket's callback is a crash of the thread: its supervisor decides.
 *
 * A turn: rings → sources → timers and actors → publish the rings, waking who sleeps → turn ends → publish what those wrote.
 */
import assert from 'node:assert/strict';
import type { Actor, ActorMessage, ActorRef, LogLevel } from '../actor.ts';
import { ActorHost } from '../actor-host.ts';
import { RuntimeError } from '../errors.ts';
import type { HostPort } from '../host-port.ts';
import type { HostRecordType } from '../host-record.ts';
import { PathRef } from '../path-ref.ts';
import type { RecordSink } from '../ring/ring-buffer.ts';
import { recordBytesMax } from '../ring/ring-layout.ts';
import { SlotCodec } from '../ring/slot-codec.ts';
import { BlockingTurns } from './blocking-turns.ts';
import type { DrivenTurns } from './driven-turns.ts';
import { EventTurns } from './event-turns.ts';
import { RingLanes } from './ring-lanes.ts';
import { blockOf, COMMAND, COMMAND_RUN, DEATHS, EPOCH_WORD } from './thread-block.ts';
import type { Activator, LoopKind, PollSource, RecordHandler, ThreadContext } from './thread-context.ts';
import type { ThreadParts } from './thread-parts.ts';
import { ThreadSigns } from './thread-signs.ts';
import { wake } from './wake-up.ts';

/** After this long a turn ends although actors have messages left, so that sockets are served. */
const TURN_MAX_MS = 4;
/** While words wait for room in a full ring, nobody rings when there is room again. */
const OUTGOING_RETRY_MS = 5;
/** Turns in a row in which rings wait for actors that have messages left. */
const HELD_BACK_TURNS_MAX = 8;
const RAW_TYPE_MAX = 255;
const DRAIN_MAX_MS = 2000;

export class ThreadLoop implements ThreadContext, HostPort, RecordSink, DrivenTurns {
  readonly index: number;
  readonly name: string;
  readonly loop: LoopKind;
  readonly generation: number;
  readonly host: ActorHost;
  readonly signs: ThreadSigns;
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
  /** 0: it sleeps as soon as there is nothing to do. */
  #lingerUntilMs = 0;
  /** Actors had messages left when the last turn was over. */
  #hasBacklog = false;
  #turnsHeldBack = 0;
  #isEnded = false;
  #failure: Error | undefined;
  #turnBeganMs = 0;
  /** One of the two says when turns run. */
  readonly #events: EventTurns | undefined;
  readonly #blocking: BlockingTurns | undefined;
  readonly #shouldYield = (): boolean => this.#parts.clock.monotonicMs() - this.#turnBeganMs > TURN_MAX_MS;

  constructor(parts: ThreadParts) {
    this.#parts = parts;
    this.index = parts.index;
    this.name = parts.name;
    this.loop = parts.loop;
    this.generation = parts.generation;
    this.#words = parts.words;
    this.#block = blockOf(parts.index);
    this.signs = new ThreadSigns(parts);
    if (parts.loop === 'event') this.#events = new EventTurns(this, parts);
    else this.#blocking = new BlockingTurns(this, parts);
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
    this.#events?.allowNaps(count);
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
    if (this.#inTurn || this.#isEnded) return;
    if (this.#events !== undefined) this.#events.workCame();
    else this.#blocking!.workCame();
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
    this.signs.callChanged();
  }

  leaveCall(): void {
    this.signs.callChanged();
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
      this.signs.count(this.host, this.#lanes.full);
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

  #lookForDeaths(): void {
    this.#epoch = Atomics.load(this.#words, EPOCH_WORD);
    for (let i = 0; i < this.#deaths.length; i++) {
      const deaths = Atomics.load(this.#words, blockOf(i) + DEATHS);
      if (deaths === this.#deaths[i]) continue;
      this.#deaths[i] = deaths;
      if (i !== this.index) this.host.threadDied(i);
    }
  }

  lookAgain(): boolean {
    this.#inTurn = true;
    this.#isPastActors = true;
    try {
      if (this.#lanes.hasRecords || this.host.hasWork) return true;
      // Pairs with the root's stores, which are followed by `wake`.
      if (Atomics.load(this.#words, EPOCH_WORD) !== this.#epoch) return true;
      const sources = this.#sources;
      for (let i = 0; i < sources.length; i++) if ((sources[i] as PollSource).poll()) return true;
      // A source that found nothing may still have written or told something.
      return this.#wantsTurn || this.#lanes.hasUnpublished || this.host.hasWork;
    } finally {
      this.#inTurn = false;
      this.#isPastActors = false;
    }
  }

  lingers(): boolean {
    if (this.#lingerUntilMs === 0) return false;
    if (this.#parts.clock.monotonicMs() < this.#lingerUntilMs) return true;
    this.#lingerUntilMs = 0;
    return false;
  }

  nextLookMs(nowMs: number): number {
    const nextMs = this.host.nextTimerMs ?? Number.POSITIVE_INFINITY;
    return this.host.hasOutgoing ? Math.min(nextMs, nowMs + OUTGOING_RETRY_MS) : nextMs;
  }

  publish(): void {
    this.#lanes.publish();
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isInTurn(): boolean {
    return this.#inTurn;
  }

  get isToldToRun(): boolean {
    // Pairs with the root's store, which is followed by `wake`.
    return Atomics.load(this.#words, this.#block + COMMAND) === COMMAND_RUN;
  }

  // ---- when turns run

  /** An event thread: from now on turns run as work comes. `onCommand` is called once when the stop command is seen. */
  runOnEvents(onCommand: () => void): void {
    assert(this.#events !== undefined, 'A blocking thread has no turns of the event loop');
    this.#events.run(onCommand);
  }

  /** A blocking thread: runs until the stop command; throws what `fail` was given. `step` and `awoke` of it drive it from outside. */
  get blocking(): BlockingTurns {
    assert(this.#blocking !== undefined, 'An event thread must not block');
    return this.#blocking;
  }

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
    this.#events?.end();
  }
}

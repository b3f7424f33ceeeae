/**
 * Actor host: all actors of one thread: finds, activates, supervises and stops them, and keeps their timers, asks and death watches.
 * One a thread, and one a simulation: the same class in both. It decides nothing about threads and rings; those are behind HostPort.
 * An actor's failure that its supervision does not cover ends in `port.fail`: the thread's own supervisor decides.
 */
import { Activators, checkPath, MAILBOX_MAX, topSupervision } from './activators.ts';
import type { Actor, ActorMessage, ActorRef, ChildSpec, LogLevel } from './actor.ts';
import { ActorCell, type CellHost, type TopSupervision } from './actor-cell.ts';
import { Asks } from './asks.ts';
import { type DeadLetterReason, DeadLetters } from './dead-letters.ts';
import { DeathWatch } from './death-watch.ts';
import { RuntimeError, toError } from './errors.ts';
import { DEFAULT_LIMITS, type HostLimits, type HostPort } from './host-port.ts';
import { TELL, type WatchWord } from './host-record.ts';
import { PathRef, type RefHost } from './path-ref.ts';
import { CellSupervision } from './supervision/cell-supervision.ts';
import type { Activator } from './thread/thread-context.ts';
import { TimerWheel } from './timer-wheel.ts';
import { TurnScheduler } from './turn-scheduler.ts';

export class ActorHost implements RefHost, CellHost {
  /** Messages in all mailboxes. */
  queued = 0;
  /** Messages handled, ever. */
  handled = 0;
  /** Messages refused because a mailbox on this thread was full. */
  refused = 0;
  readonly deadLetters: DeadLetters;
  readonly #port: HostPort;
  readonly #limits: HostLimits;
  readonly #scheduler: TurnScheduler;
  readonly #timers: TimerWheel<() => void>;
  readonly #cells: Map<string, ActorCell> = new Map();
  readonly #activators: Activators = new Activators();
  readonly #asks: Asks;
  readonly #deathWatch: DeathWatch;
  readonly #supervision: CellSupervision;
  #deferred: (() => void)[] = [];
  #isStopping = false;
  readonly #fire = (run: () => void): void => run();

  constructor(port: HostPort, options: { choose?: (length: number) => number; limits?: Partial<HostLimits> } = {}) {
    this.#port = port;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#scheduler = new TurnScheduler(options.choose);
    this.#timers = new TimerWheel(port.monotonicMs(), this.#limits.timersMax);
    this.#deathWatch = new DeathWatch(
      {
        index: port.index,
        placementOf: (path) => port.placementOf(path),
        send: (thread, type, path, word) => port.send(thread, type, path, word),
        mayCome: (path) => this.#mayCome(path),
        tellSelf: (cell, message) => this.pushSystem(cell, message),
        defer: (run) => this.#defer(run),
      },
      this.#limits.watchesMax,
    );
    this.#asks = new Asks(
      {
        refHere: (path) => this.refOn(port.index, path),
        schedule: (delayMs, run) => this.schedule(delayMs, run),
        cancel: (timer) => this.cancel(timer),
        defer: (run) => this.#defer(run),
        log: (level, text, fields) => port.log(level, text, fields),
      },
      `${port.name}/?${port.generation}.`,
      this.#limits.asksMax,
    );
    this.#supervision = new CellSupervision({
      monotonicMs: () => port.monotonicMs(),
      schedule: (delayMs, run) => this.schedule(delayMs, run),
      defer: (run) => this.#defer(run),
      begun: (cell) => {
        if (cell.mailbox.size > 0) this.#line(cell);
      },
      forget: (cell) => this.#forget(cell),
      log: (level, text, fields) => port.log(level, text, fields),
      fail: (error) => port.fail(error),
    });
    this.deadLetters = new DeadLetters((level, text, fields) => port.log(level, text, fields));
  }

  get actors(): number {
    return this.#cells.size;
  }

  /** Actors restarted, ever. */
  get restarts(): number {
    return this.#supervision.restarts;
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** When the first timer may be due (monotonic), undefined without timers. */
  get nextTimerMs(): number | undefined {
    return this.#timers.nextMs();
  }

  /** Whether a turn has something to do besides timers. */
  get hasWork(): boolean {
    return this.#scheduler.hasWork || this.#deferred.length > 0;
  }

  /** Whether words wait for room in a ring. */
  get hasOutgoing(): boolean {
    return this.#deathWatch.hasOutgoing;
  }

  // ---- the turn

  /** Timers, what was put off, then the actors in line. Gives back how much was done. */
  turn(nowMs: number, shouldYield: () => boolean): number {
    let done = this.#timers.size > 0 ? this.#timers.advance(nowMs, this.#fire) : 0;
    if (this.#deferred.length > 0) {
      const deferred = this.#deferred;
      this.#deferred = [];
      done += deferred.length;
      for (const run of deferred) run();
    }
    if (this.#deathWatch.hasOutgoing) this.#deathWatch.sendOutgoing();
    if (this.#scheduler.hasWork) {
      const handled = this.#scheduler.turn(shouldYield);
      this.handled += handled;
      // A turn in which only stopped actors stood in line has cleared the line: that is something done too.
      done += handled + 1;
    }
    return done;
  }

  // ---- references and messages

  ref<M extends ActorMessage>(path: string): ActorRef<M> {
    return this.refOn(this.#port.placementOf(path), path);
  }

  refOn<M extends ActorMessage>(thread: number, path: string): ActorRef<M> {
    return new PathRef(this, thread, path) as unknown as ActorRef<M>;
  }

  tell(ref: PathRef, message: ActorMessage): boolean {
    if (ref.thread !== this.#port.index) return this.#tellFar(ref, message);
    let cell = ref.cell as ActorCell | undefined;
    if (cell === undefined || cell.state === 'gone') {
      cell = this.#find(ref.path);
      if (cell === undefined) {
        this.#deliverToNone(ref.path, message);
        return true;
      }
      ref.cell = cell;
    }
    if (!this.#push(cell, message)) {
      this.refused++;
      return false;
    }
    return true;
  }

  /** A record of another thread's host. */
  arrived(type: number, path: string, message: ActorMessage): void {
    if (type === TELL) {
      const cell = this.#find(path);
      if (cell === undefined) this.#deliverToNone(path, message);
      else if (!this.#push(cell, message)) {
        this.refused++;
        this.deadLetter(path, message, 'mailbox-full');
      }
      return;
    }
    this.#deathWatch.word(type, path, message as WatchWord);
  }

  #tellFar(ref: PathRef, message: ActorMessage): boolean {
    if (ref.thread < 0) {
      this.deadLetter(ref.path, message, 'no-placement');
      return true;
    }
    try {
      return this.#port.send(ref.thread, TELL, ref.path, message);
    } catch (thrown) {
      // A message that cannot travel is a bug of the sender, but `tell` never throws: it would fail the wrong actor in a chain.
      this.deadLetter(ref.path, message, 'not-a-message', toError(thrown));
      return false;
    }
  }

  #push(cell: ActorCell, message: ActorMessage): boolean {
    if (!cell.mailbox.push(message)) return false;
    this.queued++;
    if (cell.state === 'running' && !cell.isQueued) this.#line(cell);
    return true;
  }

  /** For the actor's own timers, replies and watches: never refused. */
  pushSystem(cell: ActorCell, message: ActorMessage): void {
    if (cell.state === 'gone') return;
    cell.mailbox.pushSystem(message);
    this.queued++;
    if (cell.state === 'running') this.#line(cell);
  }

  #line(cell: ActorCell): void {
    this.#scheduler.add(cell);
    this.#port.workCame();
  }

  #deliverToNone(path: string, message: ActorMessage): void {
    if (!this.#asks.answered(path, message)) this.deadLetter(path, message, 'no-actor');
  }

  deadLetter(path: string, message: ActorMessage, reason: DeadLetterReason, cause?: Error): void {
    this.deadLetters.add(path, message, reason, this.#port.now(), cause);
  }

  // ---- finding and starting actors

  register(prefix: string, activator: Activator): void {
    this.#activators.register(prefix, activator);
  }

  spawn(path: string, create: () => Actor<never>, options: Omit<Activator, 'create'> = {}): ActorRef<ActorMessage> {
    checkPath(path);
    const placed = this.#port.placementOf(path);
    if (placed !== this.#port.index) {
      throw new RuntimeError(
        'MQ_RUNTIME_BAD_PLACEMENT',
        `'${path}' is not placed on thread ${this.#port.index} but on ${placed}: messages would not find it`,
        { path, placed },
      );
    }
    if (this.#cells.has(path)) throw new RuntimeError('MQ_RUNTIME_BAD_PATH', `There is an actor at '${path}' already`, { path });
    const cell = this.#startTop(path, create, topSupervision(options));
    if (cell === undefined)
      throw new RuntimeError('MQ_RUNTIME_LIMIT', `No more than ${this.#limits.actorsMax} actors on one thread`, { path });
    return cell.self;
  }

  spawnChild(parent: ActorCell, child: ChildSpec): ActorRef<ActorMessage> {
    if (child.id.includes('/') || child.id === '')
      throw new RuntimeError('MQ_RUNTIME_BAD_PATH', `A child's id must be a name without '/', not '${child.id}'`, { id: child.id });
    const path = `${parent.path}/${child.id}`;
    checkPath(path);
    if (this.#cells.has(path)) throw new RuntimeError('MQ_RUNTIME_BAD_PATH', `There is an actor at '${path}' already`, { path });
    if (this.#cells.size >= this.#limits.actorsMax)
      throw new RuntimeError('MQ_RUNTIME_LIMIT', `No more than ${this.#limits.actorsMax} actors on one thread`, { path });
    // A child lives with its parent, whatever placement says of its path.
    const self = new PathRef(this, this.#port.index, path);
    const cell = new ActorCell(this, self, child.create, {
      parent,
      restart: child.restart ?? 'permanent',
      mailboxMax: child.mailboxMax ?? MAILBOX_MAX,
    });
    self.cell = cell;
    this.#cells.set(path, cell);
    parent.children ??= new Map();
    parent.children.set(child.id, cell);
    this.#supervision.begin(cell);
    return self;
  }

  #find(path: string): ActorCell | undefined {
    const found = this.#cells.get(path);
    if (found !== undefined || this.#isStopping) return found;
    const registration = this.#activators.of(path);
    if (registration === undefined) return undefined;
    const { activator, prefix } = registration;
    return this.#startTop(path, () => activator.create(path, path.slice(prefix.length)), registration.top);
  }

  /** Whether an actor lives at `path`, or would be made by a message. */
  #mayCome(path: string): boolean {
    return this.#cells.has(path) || (!this.#isStopping && this.#activators.of(path) !== undefined);
  }

  #startTop(path: string, create: () => Actor<never>, top: TopSupervision): ActorCell | undefined {
    if (this.#cells.size >= this.#limits.actorsMax) return undefined;
    const self = new PathRef(this, this.#port.index, path);
    const cell = new ActorCell(this, self, create, top);
    self.cell = cell;
    this.#cells.set(path, cell);
    this.#supervision.begin(cell);
    return cell;
  }

  // ---- ending and supervising actors

  failed(cell: ActorCell, error: Error): void {
    this.#supervision.failed(cell, error);
  }

  stoppedItself(cell: ActorCell): void {
    this.#supervision.stoppedItself(cell);
  }

  stopSoon(cell: ActorCell): void {
    this.#supervision.stopSoon(cell);
  }

  stopChild(parent: ActorCell, path: string): void {
    this.#supervision.stopChild(parent, path);
  }

  #forget(cell: ActorCell): void {
    for (let message = cell.mailbox.shift(); message !== undefined; message = cell.mailbox.shift()) {
      this.queued--;
      this.deadLetter(cell.path, message, 'actor-stopped');
    }
    this.#cells.delete(cell.path);
    cell.parent?.children?.delete(cell.path.slice(cell.parent.path.length + 1));
    this.#deathWatch.ended(cell.path);
  }

  /** Forgets what the ended instance had begun. */
  dropEffects(cell: ActorCell): void {
    if (cell.timers !== undefined) {
      for (const timer of cell.timers) this.#timers.cancel(timer);
      cell.timers = undefined;
    }
    this.#deathWatch.drop(cell);
  }

  /** Stops all actors, the youngest first. No actor starts after that. */
  stopAll(): void {
    this.#isStopping = true;
    for (const cell of [...this.#cells.values()].reverse()) this.#supervision.stop(cell);
    this.#asks.drop();
  }

  // ---- time

  now(): number {
    return this.#port.now();
  }

  monotonicMs(): number {
    return this.#port.monotonicMs();
  }

  random(): number {
    return this.#port.random();
  }

  schedule(delayMs: number, run: () => void): number {
    const timer = this.#timers.schedule(this.#port.monotonicMs() + Math.max(0, delayMs), run);
    this.#port.workCame();
    return timer;
  }

  cancel(timer: number): void {
    this.#timers.cancel(timer);
  }

  #defer(run: () => void): void {
    this.#deferred.push(run);
    this.#port.workCame();
  }

  // ---- asks

  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    onReply: (reply: R | undefined) => void,
  ): void {
    this.#asks.ask(target, build, timeoutMs, onReply);
  }

  // ---- death watch

  watch(cell: ActorCell, target: ActorRef<never>, message: ActorMessage): void {
    this.#deathWatch.watch(cell, target, message);
  }

  /** All that was watched on a thread is gone with it; what it watched here is no longer awaited. */
  threadDied(thread: number): void {
    this.#deathWatch.threadDied(thread);
  }

  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void {
    this.#port.log(level, text, fields);
  }
}

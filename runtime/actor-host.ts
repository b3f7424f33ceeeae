/**
 * Actor host: all actors of one thread: finds, activates, supervises and stops them, and keeps their timers, asks and death watches.
 * One a thread, and one a simulation: the same class in both. It decides nothing about threads and rings; those are behind HostPort.
 * An actor's failure that its supervision does not cover ends in `port.fail`: the thread's own supervisor decides.
 */
import type { Actor, ActorMessage, ActorRef, ChildSpec, LogLevel, Restart } from './actor.ts';
import { ActorCell, type CellHost, type TopSupervision } from './actor-cell.ts';
import { type DeadLetterReason, DeadLetters } from './dead-letters.ts';
import { DeathWatch } from './death-watch.ts';
import { RuntimeError, toError } from './errors.ts';
import { type HostRecordType, TELL, type WatchWord } from './host-record.ts';
import { PathRef, type RefHost } from './path-ref.ts';
import { RestartBudget } from './supervision/restart-budget.ts';
import { isRestarted, planRestart } from './supervision/restart-strategy.ts';
import type { Activator } from './thread/thread-context.ts';
import { TimerWheel } from './timer-wheel.ts';
import { TurnScheduler } from './turn-scheduler.ts';

/** What a host needs of the thread it lives on. */
export interface HostPort {
  readonly index: number;
  readonly name: string;
  readonly generation: number;
  /** −1: no rule places the path. */
  placementOf(path: string): number;
  /** Puts a message into the ring to `thread`. False: full. Throws RuntimeError for what cannot travel. */
  send(thread: number, type: HostRecordType, path: string, message: ActorMessage): boolean;
  /** An actor, a timer or a word has something to do: a turn must come, unless one is running. */
  workCame(): void;
  now(): number;
  monotonicMs(): number;
  random(): number;
  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void;
  /** The thread has failed. */
  fail(error: Error): void;
}

export interface HostLimits {
  /** Actors alive at once. */
  readonly actorsMax: number;
  /** Asks without an answer, of all actors of the thread. */
  readonly asksMax: number;
  readonly watchesMax: number;
  readonly timersMax: number;
}

const DEFAULT_LIMITS: HostLimits = { actorsMax: 2 ** 20, asksMax: 2 ** 16, watchesMax: 2 ** 20, timersMax: 2 ** 20 };
const MAILBOX_MAX = 1024;
const PATH_CHARACTERS_MAX = 1024;

interface Registration {
  readonly prefix: string;
  readonly activator: Activator;
  readonly top: TopSupervision;
}

interface Ask {
  readonly timer: number;
  readonly onReply: (reply: ActorMessage | undefined) => void;
}

export class ActorHost implements RefHost, CellHost {
  /** Messages in all mailboxes. */
  queued = 0;
  /** Messages handled, ever. */
  handled = 0;
  /** Actors restarted, ever. */
  restarts = 0;
  /** Messages refused because a mailbox on this thread was full. */
  refused = 0;
  readonly deadLetters: DeadLetters;
  readonly #port: HostPort;
  readonly #limits: HostLimits;
  readonly #scheduler: TurnScheduler;
  readonly #timers: TimerWheel<() => void>;
  readonly #cells: Map<string, ActorCell> = new Map();
  /** Longest prefix first. */
  readonly #registrations: Registration[] = [];
  readonly #asks: Map<number, Ask> = new Map();
  readonly #askPrefix: string;
  #nextAsk = 0;
  readonly #deathWatch: DeathWatch;
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
    this.#askPrefix = `${port.name}/?${port.generation}.`;
    this.deadLetters = new DeadLetters((level, text, fields) => port.log(level, text, fields));
  }

  get actors(): number {
    return this.#cells.size;
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
    if (path.startsWith(this.#askPrefix)) {
      // A reply that comes after its deadline finds nothing, as it should.
      this.#settleAsk(Number(path.slice(this.#askPrefix.length)), message);
      return;
    }
    this.deadLetter(path, message, 'no-actor');
  }

  deadLetter(path: string, message: ActorMessage, reason: DeadLetterReason, cause?: Error): void {
    this.deadLetters.add(path, message, reason, this.#port.now(), cause);
  }

  // ---- finding and starting actors

  register(prefix: string, activator: Activator): void {
    this.#registrations.push({ prefix, activator, top: topSupervision(activator) });
    this.#registrations.sort((a, b) => b.prefix.length - a.prefix.length);
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
    this.#begin(cell);
    return self;
  }

  #find(path: string): ActorCell | undefined {
    const found = this.#cells.get(path);
    if (found !== undefined || this.#isStopping) return found;
    for (const registration of this.#registrations) {
      if (!path.startsWith(registration.prefix)) continue;
      if (path.length > PATH_CHARACTERS_MAX) return undefined;
      const { activator, prefix } = registration;
      return this.#startTop(path, () => activator.create(path, path.slice(prefix.length)), registration.top);
    }
    return undefined;
  }

  /** Whether an actor lives at `path`, or would be made by a message. */
  #mayCome(path: string): boolean {
    return this.#cells.has(path) || (!this.#isStopping && this.#registrations.some(({ prefix }) => path.startsWith(prefix)));
  }

  #startTop(path: string, create: () => Actor<never>, top: TopSupervision): ActorCell | undefined {
    if (this.#cells.size >= this.#limits.actorsMax) return undefined;
    const self = new PathRef(this, this.#port.index, path);
    const cell = new ActorCell(this, self, create, top);
    self.cell = cell;
    this.#cells.set(path, cell);
    this.#begin(cell);
    return cell;
  }

  #begin(cell: ActorCell): void {
    try {
      cell.begin();
    } catch (thrown) {
      this.failed(cell, toError(thrown));
      return;
    }
    if (cell.stopRequested) this.stopSoon(cell);
    if (cell.mailbox.size > 0) this.#line(cell);
  }

  // ---- ending and supervising actors

  /** `cell` threw. Its supervision decides. */
  failed(cell: ActorCell, error: Error): void {
    if (cell.state === 'gone') return;
    this.#port.log('error', 'actor failed', { actor: cell.path, error: error.message, stack: error.stack ?? '' });
    this.#ended(cell, error);
  }

  /** `cell` has asked for its own end. A permanent child comes back (as in OTP); an actor without parent is gone until the next message. */
  stoppedItself(cell: ActorCell): void {
    if (cell.state !== 'running') return;
    if (cell.parent === undefined) this.#stopForGood(cell);
    else this.#ended(cell, undefined);
  }

  /** After the current message; also when the actor asked for it in `started`. */
  stopSoon(cell: ActorCell): void {
    const incarnation = cell.incarnation;
    this.#defer(() => {
      if (cell.incarnation === incarnation && cell.stopRequested) this.stoppedItself(cell);
    });
  }

  stopChild(parent: ActorCell, path: string): void {
    const child = parent.children?.get(path.slice(parent.path.length + 1));
    if (child !== undefined && child.path === path) this.#stopForGood(child);
  }

  #ended(cell: ActorCell, error: Error | undefined): void {
    if (!isRestarted(cell.restart, error !== undefined)) {
      this.#stopForGood(cell);
      return;
    }
    const parent = cell.parent;
    const budget = parent === undefined ? (cell.top as TopSupervision).budget : parent.childBudget;
    const delayMs = budget.take(this.#port.monotonicMs());
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
      else this.#stopForGood(sibling);
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
      this.#port.fail(failure);
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
        this.#begin(cell);
      });
    };
    if (delayMs > 0) this.schedule(delayMs, resume);
    else this.#defer(resume);
  }

  #stopChildren(cell: ActorCell): void {
    if (cell.children === undefined) return;
    for (const child of [...cell.children.values()].reverse()) this.#stopForGood(child);
  }

  #stopForGood(cell: ActorCell): void {
    if (cell.state === 'gone') return;
    this.#stopChildren(cell);
    cell.halt('gone');
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
    for (const cell of [...this.#cells.values()].reverse()) this.#stopForGood(cell);
    for (const ask of this.#asks.values()) this.#timers.cancel(ask.timer);
    this.#asks.clear();
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
    if (this.#asks.size >= this.#limits.asksMax) {
      this.#port.log('warn', 'too many asks without an answer', { asks: this.#asks.size, target: target.path });
      this.#defer(() => onReply(undefined));
      return;
    }
    const id = this.#nextAsk++;
    const replyTo = this.refOn<R>(this.#port.index, this.#askPrefix + id);
    const message = build(replyTo);
    const timer = this.schedule(timeoutMs, () => this.#settleAsk(id, undefined));
    this.#asks.set(id, { timer, onReply: onReply as (reply: ActorMessage | undefined) => void });
    if (!target.tell(message)) this.#defer(() => this.#settleAsk(id, undefined));
  }

  #settleAsk(id: number, reply: ActorMessage | undefined): void {
    const ask = this.#asks.get(id);
    if (ask === undefined) return;
    this.#asks.delete(id);
    this.#timers.cancel(ask.timer);
    ask.onReply(reply);
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

function topSupervision(options: { restart?: Restart; intensity?: number; periodMs?: number; mailboxMax?: number }): TopSupervision {
  return {
    restart: options.restart ?? 'permanent',
    budget: new RestartBudget(options.intensity ?? 10, options.periodMs ?? 10_000),
    mailboxMax: options.mailboxMax ?? MAILBOX_MAX,
  };
}

function checkPath(path: string): void {
  if (path.length === 0 || path.length > PATH_CHARACTERS_MAX || path.startsWith('/')) {
    throw new RuntimeError('MQ_RUNTIME_BAD_PATH', `An actor's path must have 1…${PATH_CHARACTERS_MAX} characters and not begin with '/'`, {
      path: path.slice(0, 64),
    });
  }
}

/**
 * Actor cell: one actor's place on its thread: the instance, its mailbox, timers, watches and children, and the context that the instance sees.
 * One an actor; outlives the instance over restarts. What fails inside `receive` is handed to the host, which supervises.
 */
import type { Actor, ActorContext, ActorMessage, ActorRef, ChildSpec, LogLevel, Restart, TimerId } from './actor.ts';
import { toError } from './errors.ts';
import { Mailbox } from './mailbox.ts';
import type { PathRef } from './path-ref.ts';
import { DEFAULT_SUPERVISION, type Supervising, type Supervision } from './supervision/child-spec.ts';
import { RestartBudget } from './supervision/restart-budget.ts';
import type { Runnable } from './turn-scheduler.ts';

/** `suspended`: between a failure and the restart; the mailbox fills but nothing runs. */
export type CellState = 'running' | 'suspended' | 'gone';

/** Supervises cells that have no parent: what they were registered or spawned with. */
export interface TopSupervision {
  readonly restart: Restart;
  readonly budget: RestartBudget;
  readonly mailboxMax: number;
}

/** What a cell needs of the thread's host. */
export interface CellHost {
  queued: number;
  now(): number;
  monotonicMs(): number;
  random(): number;
  ref<M extends ActorMessage>(path: string): ActorRef<M>;
  schedule(delayMs: number, run: () => void): TimerId;
  cancel(timer: TimerId): void;
  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    onReply: (reply: R | undefined) => void,
  ): void;
  /** For the actor's own timers, replies and watches: never refused. */
  pushSystem(cell: ActorCell, message: ActorMessage): void;
  watch(cell: ActorCell, target: ActorRef<never>, message: ActorMessage): void;
  spawnChild(parent: ActorCell, child: ChildSpec): ActorRef<ActorMessage>;
  stopChild(parent: ActorCell, path: string): void;
  stopSoon(cell: ActorCell): void;
  stoppedItself(cell: ActorCell): void;
  failed(cell: ActorCell, error: Error): void;
  dropEffects(cell: ActorCell): void;
  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void;
}

export class ActorCell implements ActorContext, Runnable {
  readonly path: string;
  readonly self: PathRef;
  readonly mailbox: Mailbox;
  readonly restart: Restart;
  readonly parent: ActorCell | undefined;
  /** Of a cell without parent only. */
  readonly top: TopSupervision | undefined;
  readonly create: () => Actor<never>;
  isQueued = false;
  state: CellState = 'suspended';
  /** One more with each instance: what an earlier one began (timers, asks, watches) no longer reaches this one. */
  incarnation = 0;
  stopRequested = false;
  children: Map<string, ActorCell> | undefined;
  timers: Set<TimerId> | undefined;
  watches: Set<number> | undefined;
  #actor: Actor<ActorMessage> | undefined;
  #budget: RestartBudget | undefined;
  readonly #host: CellHost;

  constructor(
    host: CellHost,
    self: PathRef,
    create: () => Actor<never>,
    under: { parent: ActorCell; restart: Restart; mailboxMax: number } | TopSupervision,
  ) {
    this.#host = host;
    this.path = self.path;
    this.self = self;
    this.create = create;
    this.restart = under.restart;
    this.mailbox = new Mailbox(under.mailboxMax);
    if ('parent' in under) {
      this.parent = under.parent;
      this.top = undefined;
    } else {
      this.parent = undefined;
      this.top = under;
    }
  }

  get hasWork(): boolean {
    return this.state === 'running' && this.mailbox.size > 0;
  }

  /** How this cell's children are restarted: the instance's own word, or one for one. */
  get supervision(): Supervision {
    return (this.#actor as Partial<Supervising> | undefined)?.supervision ?? DEFAULT_SUPERVISION;
  }

  /** Counts the restarts of this cell's children; outlives the instance. */
  get childBudget(): RestartBudget {
    const { intensity, periodMs, backoff } = this.supervision;
    this.#budget ??= new RestartBudget(intensity, periodMs, backoff);
    return this.#budget;
  }

  /** Creates the instance and starts it. Throws what it throws. */
  begin(): void {
    this.incarnation++;
    this.stopRequested = false;
    this.#actor = this.create() as Actor<ActorMessage>;
    this.state = 'running';
    this.#actor.started?.(this);
  }

  /** Ends the instance: its `stopped` runs, its timers, asks and watches are dropped. The mailbox stays. */
  halt(state: 'suspended' | 'gone'): void {
    const actor = this.#actor;
    this.#actor = undefined;
    this.state = state;
    this.incarnation++;
    if (actor?.stopped !== undefined) {
      try {
        actor.stopped(this);
      } catch (thrown) {
        // It is going anyway: no supervisor can do more than to say it.
        this.#host.log('error', 'an actor failed while it was stopped', { path: this.path, error: toError(thrown).message });
      }
    }
    this.#host.dropEffects(this);
  }

  run(budget: number): number {
    let handled = 0;
    while (handled < budget && this.state === 'running') {
      const message = this.mailbox.shift();
      if (message === undefined) break;
      handled++;
      this.#host.queued--;
      try {
        (this.#actor as Actor<ActorMessage>).receive(message, this);
      } catch (thrown) {
        this.#host.failed(this, toError(thrown));
        break;
      }
      if (this.stopRequested) {
        this.#host.stoppedItself(this);
        break;
      }
    }
    return handled;
  }

  now(): number {
    return this.#host.now();
  }

  monotonicMs(): number {
    return this.#host.monotonicMs();
  }

  random(): number {
    return this.#host.random();
  }

  ref<M extends ActorMessage>(path: string): ActorRef<M> {
    return this.#host.ref(path);
  }

  schedule(delayMs: number, message: ActorMessage): TimerId {
    const incarnation = this.incarnation;
    const timer = this.#host.schedule(delayMs, () => {
      this.timers?.delete(timer);
      if (this.incarnation === incarnation) this.#host.pushSystem(this, message);
    });
    this.timers ??= new Set();
    this.timers.add(timer);
    return timer;
  }

  cancel(timer: TimerId): void {
    // Only its own: an id that was kept too long may be another actor's by now.
    if (this.timers?.delete(timer) === true) this.#host.cancel(timer);
  }

  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
    toSelf: (reply: R | undefined) => ActorMessage,
  ): void {
    const incarnation = this.incarnation;
    this.#host.ask<R, M>(target, build, timeoutMs, (reply) => {
      if (this.incarnation !== incarnation) return;
      let message: ActorMessage;
      try {
        message = toSelf(reply);
      } catch (thrown) {
        this.#host.failed(this, toError(thrown));
        return;
      }
      this.#host.pushSystem(this, message);
    });
  }

  spawn(child: ChildSpec): ActorRef<ActorMessage> {
    return this.#host.spawnChild(this, child);
  }

  stop(child?: ActorRef<never>): void {
    if (child === undefined || child.path === this.path) {
      this.stopRequested = true;
      this.#host.stopSoon(this);
    } else this.#host.stopChild(this, child.path);
  }

  watch(target: ActorRef<never>, message: ActorMessage): void {
    this.#host.watch(this, target, message);
  }

  log(level: LogLevel, text: string, fields?: Record<string, unknown>): void {
    this.#host.log(level, text, { actor: this.path, ...fields });
  }
}

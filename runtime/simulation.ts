/**
 * Simulation: the actor system on one thread, with a virtual clock, chance from a seed, and an order of turns from the same seed. One a test.
 * Mailboxes, scheduler, supervision, timers, asks and watches are the classes that run in production; only the thread around them is this one.
 * Fails by throwing what would have failed the thread, and when actors keep each other busy for ever without time going on.
 */
import type { Actor, ActorMessage, ActorRef, LogLevel } from './actor.ts';
import { ActorHost } from './actor-host.ts';
import { VirtualClock } from './clock.ts';
import type { DeadLetter } from './dead-letters.ts';
import { RuntimeError } from './errors.ts';
import type { HostPort } from './host-port.ts';
import { SeededRandom } from './random.ts';
import type { Activator } from './thread/thread-context.ts';

const MESSAGES_AT_ONE_TIME_MAX = 1_000_000;
const PROBE_MESSAGES_MAX = 1_000_000;

export interface SimulationOptions {
  /** Decides all chance and the order in which actors with messages run. */
  readonly seed: number;
  /** Wall-clock time at which the simulated world begins. */
  readonly startMs?: number;
}

/** An actor that keeps what it is told. */
export interface Probe<M extends ActorMessage> {
  readonly ref: ActorRef<M>;
  /** In order of arrival; empty it as you like. */
  readonly received: M[];
}

export interface SimulatedLog {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: Record<string, unknown>;
}

export class Simulation {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  /** All that actors and the host have logged. */
  readonly logs: SimulatedLog[] = [];
  readonly #host: ActorHost;
  #probes = 0;
  #unnamed = 0;
  #failure: Error | undefined;

  constructor(options: SimulationOptions) {
    this.clock = new VirtualClock(options.startMs);
    this.random = new SeededRandom(options.seed);
    // Its own numbers: an actor that asks for chance does not change the order of turns.
    const order = new SeededRandom(options.seed ^ 0x5bd1e995);
    const port: HostPort = {
      index: 0,
      name: 'simulation',
      generation: 0,
      placementOf: () => 0,
      send: () => {
        throw new RuntimeError('MQ_RUNTIME_UNKNOWN_THREAD', 'A simulation has one thread', {});
      },
      workCame: () => {},
      now: () => this.clock.now(),
      monotonicMs: () => this.clock.monotonicMs(),
      random: () => this.random.next(),
      log: (level, text, fields) => this.logs.push({ level, text, fields: fields ?? {} }),
      fail: (error) => {
        this.#failure ??= error;
      },
    };
    this.#host = new ActorHost(port, { choose: (length) => order.below(length) });
  }

  /** Errors that actors have thrown, as their supervisors saw them. */
  get failures(): readonly string[] {
    return this.logs.filter(({ text }) => text === 'actor failed').map(({ fields }) => String(fields.error));
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#host.deadLetters.last;
  }

  /** Messages handled so far. */
  get handled(): number {
    return this.#host.handled;
  }

  /** Starts an actor at `path`, or at a path of its own. */
  spawn<M extends ActorMessage>(path: string, create: () => Actor<M>, options?: Omit<Activator, 'create'>): ActorRef<M>;
  spawn<M extends ActorMessage>(create: () => Actor<M>): ActorRef<M>;
  spawn<M extends ActorMessage>(
    first: string | (() => Actor<M>),
    create?: () => Actor<M>,
    options?: Omit<Activator, 'create'>,
  ): ActorRef<M> {
    const path = typeof first === 'string' ? first : `unnamed/${this.#unnamed++}`;
    const make = (typeof first === 'string' ? create : first) as () => Actor<never>;
    return this.#host.spawn(path, make, options) as unknown as ActorRef<M>;
  }

  /** As ThreadContext.register. */
  register(prefix: string, activator: Activator): void {
    this.#host.register(prefix, activator);
  }

  ref<M extends ActorMessage>(path: string): ActorRef<M> {
    return this.#host.ref(path);
  }

  probe<M extends ActorMessage>(): Probe<M> {
    const received: M[] = [];
    const actor: Actor<M> = { receive: (message) => void received.push(message) };
    const ref = this.#host.spawn(`probe/${this.#probes++}`, () => actor, { mailboxMax: PROBE_MESSAGES_MAX });
    return { ref: ref as unknown as ActorRef<M>, received };
  }

  /** Runs `run` after `delayMs`: for a test's own part in the world. */
  schedule(delayMs: number, run: () => void): number {
    return this.#host.schedule(delayMs, run);
  }

  /** Asks, and advances until the answer is there or `timeoutMs` are over. */
  ask<R extends ActorMessage, M extends ActorMessage>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    timeoutMs: number,
  ): R | undefined {
    let isSettled = false;
    let answer: R | undefined;
    this.#host.ask<R, M>(target, build, timeoutMs, (reply) => {
      isSettled = true;
      answer = reply;
    });
    const endMs = this.clock.monotonicMs() + timeoutMs + 1;
    this.#runAll();
    while (!isSettled && this.#stepTo(endMs));
    return answer;
  }

  /** Works off all messages, then moves the clock on by `ms`, from timer to timer. */
  advance(ms: number): void {
    const endMs = this.clock.monotonicMs() + ms;
    this.#runAll();
    while (this.#stepTo(endMs));
  }

  /** Stops all actors, the youngest first. */
  stop(): void {
    this.#host.stopAll();
    this.#runAll();
  }

  /** Goes to the next timer, or to `endMs`. False: arrived there. */
  #stepTo(endMs: number): boolean {
    const nextMs = this.#host.nextTimerMs;
    const isEnd = nextMs === undefined || nextMs > endMs;
    // Timers lie on whole milliseconds; one may be named that lies before the present.
    this.clock.moveTo(isEnd ? endMs : nextMs);
    this.#runAll();
    return !isEnd;
  }

  #runAll(): void {
    let left = MESSAGES_AT_ONE_TIME_MAX;
    do {
      left -= this.#host.turn(this.clock.monotonicMs(), neverYield);
      if (this.#failure !== undefined) {
        const failure = this.#failure;
        this.#failure = undefined;
        throw failure;
      }
      if (left <= 0) {
        throw new RuntimeError('MQ_RUNTIME_LIMIT', `More than ${MESSAGES_AT_ONE_TIME_MAX} messages without time going on`, {
          atMs: this.clock.monotonicMs(),
        });
      }
    } while (this.#host.hasWork);
  }
}

function neverYield(): boolean {
  return false;
}

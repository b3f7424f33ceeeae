/**
 * Host port: what an actor host needs of the thread it lives on, and how much it may hold. A thread's loop is one, a simulation another.
 */
import type { ActorMessage, LogLevel } from './actor.ts';
import type { HostRecordType } from './host-record.ts';

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

export const DEFAULT_LIMITS: HostLimits = { actorsMax: 2 ** 20, asksMax: 2 ** 16, watchesMax: 2 ** 20, timersMax: 2 ** 20 };

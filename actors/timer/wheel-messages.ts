/**
 * What the timing wheel and its files hear and say. A page of units fits a ring record.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { Arrived } from '../queue/queue-actor.ts';

export const WHEEL_FILES_PATH = 'timer-files';

/** Everything that is settled goes to the disk now; answered when it is there, or cannot be. */
export type SaveWheel = { readonly kind: 'save-wheel'; readonly replyTo: ActorRef<WheelSaved> };
export type WheelSaved = { readonly kind: 'wheel-saved' };

/** How the wheel does; counts since its start. */
export type QueryWheel = { readonly kind: 'query-wheel'; readonly replyTo: ActorRef<WheelTold> };
export type WheelTold = {
  readonly kind: 'wheel-told';
  /** Timers that wait, and those of them in memory. */
  readonly pending: number;
  readonly near: number;
  /** By how many ms the oldest that is due is late; 0 when none is. */
  readonly lagMs: number;
  /** Units of the timer queue that the wheel has not seen. */
  readonly behind: number;
  readonly parked: number;
  readonly delivered: number;
  readonly recalled: number;
  readonly rolled: number;
  readonly dropped: number;
  /** A second, of the last few. */
  readonly parkedRate: number;
  readonly deliveredRate: number;
};

export type WheelCommand = SaveWheel | QueryWheel | Arrived;

/** Two columns a mark and one more: see `SettledMark`. */
export type Marks = { readonly keys: readonly number[]; readonly physicals: readonly number[]; readonly ends: readonly number[] };

/** The units of the timer queue in [min, seen), and what of them is settled. */
export type WheelUnits = { readonly handle: number; readonly min: number; readonly seen: number; readonly marks: Marks };

/** How much of them is sorted, and how much is to come. */
export type CountTimers = WheelUnits & { readonly kind: 'count-timers'; readonly replyTo: ActorRef<TimersCounted> };
/** `pending`: timers that are not settled. `indexed`: units before it are sorted. */
export type TimersCounted = { readonly kind: 'timers-counted'; readonly pending: number; readonly indexed: number };

/** The first timers behind (key, physical), as far as `untilKey`; words that take messages back also when they are settled. */
export type TakeTimers = WheelUnits & {
  readonly kind: 'take-timers';
  readonly key: number;
  readonly physical: number;
  readonly untilKey: number;
  readonly replyTo: ActorRef<TimersTaken>;
};
/** `units` in the wheel's order. Nothing else lies up to (endKey, endPhysical). */
export type TimersTaken = {
  readonly kind: 'timers-taken';
  readonly units: Uint8Array;
  readonly endKey: number;
  readonly endPhysical: number;
};

/** They may be sorted into files; those that are settled are left out. */
export type IndexTimers = WheelUnits & { readonly kind: 'index-timers'; readonly replyTo: ActorRef<TimersIndexed> };
export type TimersIndexed = { readonly kind: 'timers-indexed'; readonly indexed: number };

export type WheelFilesCommand = CountTimers | TakeTimers | IndexTimers;

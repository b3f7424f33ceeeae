/**
 * Wheel files: finds the timers that come next among all that are parked, for the wheel, which has only the nearest in memory. One a broker, at
 * `timer-files`, on the reader's thread, which may block. Owns the runs (storage/timer/timer-runs.ts); what is not in a run yet is in the
 * timer queue's own units. Runs hold nothing that the queue does not have: damaged ones are thrown away, and made again bit by bit; without
 * room for them nothing is lost, only slower. A queue that cannot be read leaves the asker without an answer: it asks again.
 */
import { TIMER_TOPIC } from '../../model/topic.ts';
import type { Actor, ActorContext } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitTime } from '../../storage/consume-queue/queue-unit.ts';
import { DiskError } from '../../storage/errors.ts';
import type { Disk } from '../../storage/file.ts';
import { TimerRunDamage } from '../../storage/timer/timer-run.ts';
import { TimerRuns } from '../../storage/timer/timer-runs.ts';
import { comesBefore, isRecallKey, timerKey } from '../../storage/timer/timer-unit.ts';
import type { ColdReader } from '../store/cold-read.ts';
import { isMessage } from './decide-delivery.ts';
import { FoundUnits } from './found-units.ts';
import { isWanted, type SettledMark } from './wheel-checkpoint.ts';
import type { CountTimers, IndexTimers, Marks, TakeTimers, WheelFilesCommand, WheelUnits } from './wheel-messages.ts';

type Private = { readonly kind: 'merge' } | { readonly kind: 'rest' };

export type WheelFilesParts = {
  readonly disk: Disk;
  /** The directory of the runs. */
  readonly directory: string;
  readonly reader: Pick<ColdReader, 'units'>;
  /** Units of the queue that one run is made of. */
  readonly runUnits?: number;
};

const RUN_UNITS = 65_536;
/** Units that one answer carries: it has to fit a ring record. */
export const TAKEN_MAX = 3_200;
const READ_UNITS = 8_192;
/** So many runs' units that are in none are sorted first, bit by bit: what is found among them has to fit in memory. */
const TAIL_RUNS_MAX = 4;
const MERGE_PAUSE_MS = 10;
const REST_MS = 10_000;

export class WheelFilesActor implements Actor<WheelFilesCommand | Private> {
  readonly #parts: WheelFilesParts;
  readonly #runUnits: number;
  #runs: TimerRuns | null = null;
  #isMerging = false;
  #found: FoundUnits | null = null;
  #isFoundUsed = false;
  #marks: readonly SettledMark[] = [];

  constructor(parts: WheelFilesParts) {
    this.#parts = parts;
    this.#runUnits = parts.runUnits ?? RUN_UNITS;
  }

  stopped(): void {
    this.#runs?.close();
    this.#runs = null;
  }

  receive(message: WheelFilesCommand | Private, context: ActorContext): void {
    try {
      this.#do(message, context);
    } catch (error) {
      if (error instanceof TimerRunDamage && this.#runs !== null) {
        context.log('error', 'the files of the timing wheel are made anew', { error: error.message });
        this.#runs.clear();
        this.#do(message, context);
      } else if (error instanceof DiskError) {
        context.log('error', 'the timing wheel cannot use its files; it tries again', { error: error.message });
      } else throw error;
    }
  }

  #do(message: WheelFilesCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'count-timers':
        this.#count(message, context);
        return;
      case 'take-timers':
        this.#take(message, context);
        return;
      case 'index-timers':
        this.#index(message, context);
        return;
      case 'rest':
        this.#rest(context);
        return;
      case 'merge': {
        this.#isMerging = false;
        const marks = this.#marks;
        if (this.#runs?.mergeStep((key, physical) => isWanted(marks, key, physical)) === true) this.#mergeSoon(context);
        return;
      }
    }
  }

  #open({ seen }: WheelUnits, context: ActorContext): TimerRuns {
    this.#runs ??= new TimerRuns(this.#parts.disk, this.#parts.directory, seen, (reason) =>
      context.log('error', 'the files of the timing wheel are made anew', { reason }),
    );
    return this.#runs;
  }

  /** Memory for units that are looked for: kept while it is used, for a queue that fills makes a run every second. */
  #begin(context: ActorContext): FoundUnits {
    if (this.#found === null) {
      this.#found = new FoundUnits();
      context.schedule(REST_MS, { kind: 'rest' } satisfies Private);
    }
    this.#isFoundUsed = true;
    this.#found.clear();
    return this.#found;
  }

  #rest(context: ActorContext): void {
    if (this.#isFoundUsed) context.schedule(REST_MS, { kind: 'rest' } satisfies Private);
    else this.#found = null;
    this.#isFoundUsed = false;
  }

  /** The first unit that is in no run. */
  #tailFrom(runs: TimerRuns, { min }: WheelUnits): number {
    return Math.max(min, runs.indexed);
  }

  #count(message: CountTimers, context: ActorContext): void {
    const runs = this.#open(message, context);
    const marks = marksOf(message.marks);
    const own = marks[marks.length - 1]!;
    let pending = runs.pending(own.key, own.physical, (key, physical) => isWanted(marks, key, physical), marks.length > 1);
    const indexed = this.#tailFrom(runs, message);
    this.#eachInQueue(message, indexed, message.seen, (units, at) => {
      const [key, physical] = [timerKey(unitTime(units, at)), unitPhysicalOffset(units, at)];
      if (!isRecallKey(key) && isWanted(marks, key, physical)) pending++;
    });
    message.replyTo.tell({ kind: 'timers-counted', pending, indexed });
  }

  #take(message: TakeTimers, context: ActorContext): void {
    const runs = this.#open(message, context);
    const marks = marksOf(message.marks);
    const { key: afterKey, physical: afterPhysical, untilKey, replyTo } = message;
    if (message.seen - this.#tailFrom(runs, message) > TAIL_RUNS_MAX * this.#runUnits) {
      this.#addRun(runs, message, marks, context);
      // No further than where the asker is: it asks again.
      replyTo.tell({ kind: 'timers-taken', units: new Uint8Array(0), endKey: afterKey, endPhysical: afterPhysical });
      return;
    }
    const tail = this.#sortedTail(runs, message, marks, context);
    let tailAt = 0;
    const taken = new Uint8Array(TAKEN_MAX * QUEUE_UNIT_BYTES);
    let length = 0;
    let [endKey, endPhysical] = [Number.POSITIVE_INFINITY, 0];
    const put = (units: Uint8Array, at: number, key: number, physical: number): boolean => {
      if (length === taken.length || key > untilKey) {
        // Nothing lies between what was taken and this one.
        [endKey, endPhysical] = [key, physical - 1];
        return false;
      }
      taken.set(units.subarray(at, at + QUEUE_UNIT_BYTES), length);
      length += QUEUE_UNIT_BYTES;
      return true;
    };
    const putTail = (): boolean => {
      const isPut = put(tail, tailAt, timerKey(unitTime(tail, tailAt)), unitPhysicalOffset(tail, tailAt));
      if (isPut) tailAt += QUEUE_UNIT_BYTES;
      return isPut;
    };
    let isOpen = true;
    runs.each(afterKey, afterPhysical, (units, at, key, physical) => {
      if (!isWanted(marks, key, physical)) return true;
      while (
        isOpen &&
        tailAt < tail.length &&
        comesBefore(timerKey(unitTime(tail, tailAt)), unitPhysicalOffset(tail, tailAt), key, physical)
      )
        isOpen = putTail();
      isOpen = isOpen && put(units, at, key, physical);
      return isOpen;
    });
    while (isOpen && tailAt < tail.length) isOpen = putTail();
    replyTo.tell({ kind: 'timers-taken', units: taken.slice(0, length), endKey, endPhysical });
  }

  /** What of the queue is in no run and comes behind the place that was asked for; the first one behind `untilKey` too. */
  #sortedTail(runs: TimerRuns, message: TakeTimers, marks: readonly SettledMark[], context: ActorContext): Uint8Array {
    const { key: afterKey, physical: afterPhysical, untilKey, seen } = message;
    const from = this.#tailFrom(runs, message);
    const found = this.#begin(context);
    let [laterKey, laterAt] = [Number.POSITIVE_INFINITY, -1];
    const later = new Uint8Array(QUEUE_UNIT_BYTES);
    this.#eachInQueue(message, from, seen, (units, at) => {
      const [key, physical] = [timerKey(unitTime(units, at)), unitPhysicalOffset(units, at)];
      if (!comesBefore(afterKey, afterPhysical, key, physical) || !isWanted(marks, key, physical)) return;
      if (key <= untilKey) found.add(units, at, key);
      else if (key < laterKey) {
        [laterKey, laterAt] = [key, physical];
        later.set(units.subarray(at, at + QUEUE_UNIT_BYTES));
      }
    });
    if (laterAt >= 0) found.add(later, 0, laterKey);
    return found.sorted();
  }

  /** One run more, when there is enough for it. */
  #index(message: IndexTimers, context: ActorContext): void {
    const runs = this.#open(message, context);
    const marks = marksOf(message.marks);
    this.#addRun(runs, message, marks, context);
    message.replyTo.tell({ kind: 'timers-indexed', indexed: this.#tailFrom(runs, message) });
  }

  #addRun(runs: TimerRuns, message: WheelUnits, marks: readonly SettledMark[], context: ActorContext): void {
    this.#marks = marks;
    const from = this.#tailFrom(runs, message);
    if (message.seen - from < this.#runUnits) return;
    // The range begins where the one before ended, whatever retention has removed since.
    const begin = runs.indexed < 0 ? from : runs.indexed;
    const to = from + this.#runUnits;
    const found = this.#begin(context);
    this.#eachInQueue(message, from, to, (units, at) => {
      const [key, physical] = [timerKey(unitTime(units, at)), unitPhysicalOffset(units, at)];
      if (isWanted(marks, key, physical)) found.add(units, at, key);
    });
    runs.add(found.sorted(), begin, to);
    this.#mergeSoon(context);
  }

  #mergeSoon(context: ActorContext): void {
    if (this.#isMerging) return;
    this.#isMerging = true;
    context.schedule(MERGE_PAUSE_MS, { kind: 'merge' } satisfies Private);
  }

  /** The messages' units of the timer queue in [from, to). */
  #eachInQueue({ handle }: WheelUnits, from: number, to: number, take: (units: Uint8Array, at: number) => void): void {
    for (let offset = from; offset < to; ) {
      const units = this.#parts.reader.units(TIMER_TOPIC, 0, handle, offset, Math.min(READ_UNITS, to - offset));
      if (units.length === 0) throw new DiskError('read', 'ENODATA', TIMER_TOPIC, { offset, to });
      for (let at = 0; at < units.length; at += QUEUE_UNIT_BYTES) if (isMessage(units, at)) take(units, at);
      offset += units.length / QUEUE_UNIT_BYTES;
    }
  }
}

function marksOf({ keys, physicals, ends }: Marks): readonly SettledMark[] {
  return keys.map((key, index) => ({ key, physical: physicals[index]!, end: ends[index]! }));
}

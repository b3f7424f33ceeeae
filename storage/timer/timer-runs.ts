/**
 * Timer runs: the timers of a broker in the order of their times, in files; what is too far away for memory is found there. Each run holds
 * what of a range of the timer queue was not settled when it was written; ranges follow each other without a gap, and neighbours of a size
 * are merged into one, so that there are few. Owns the open runs. Everything in them can be had from the queue again: a directory that
 * is damaged, or has a gap, is emptied.
 *
 *   <first queue offset, 20 digits>-<offset behind the last, 20 digits>.run      a run (timer-run.ts)
 *
 * Fails by DiskError, and by TimerRunDamage when a block is read that was damaged: then `clear` and add again.
 */
import { join } from 'node:path';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitTime } from '../consume-queue/queue-unit.ts';
import type { Disk } from '../file.ts';
import { TimerRun, TimerRunDamage, TimerRunWriter } from './timer-run.ts';
import { comesBefore, timerKey } from './timer-unit.ts';

const NAME = /^(\d{20})-(\d{20})\.run$/;
const DIGITS = 20;
/** So many neighbours of a size become one. */
const MERGED = 4;
/** Units of the smallest size; each further one is `MERGED` times as large. */
const SMALLEST = 65_536;
/** Units that one step of a merge writes. */
const STEP_UNITS = 16_384;

type Range = { readonly from: number; readonly to: number; readonly run: TimerRun };

/** Whether a timer is still to be had. */
export type IsWanted = (key: number, physical: number) => boolean;

export class TimerRuns {
  readonly #disk: Disk;
  readonly #directory: string;
  /** In the order of the queue. */
  #ranges: Range[] = [];
  #merge: Generator<void, void, void> | null = null;

  /** @param next of the queue: runs of what a crash has cut off go. @param onDamage is told why the directory was emptied */
  constructor(disk: Disk, directory: string, next: number, onDamage: (reason: string) => void) {
    this.#disk = disk;
    this.#directory = directory;
    try {
      this.#open(next);
    } catch (error) {
      if (!(error instanceof TimerRunDamage)) throw error;
      onDamage(error.message);
      this.clear();
    }
  }

  #open(next: number): void {
    const names = this.#disk.list(this.#directory);
    for (const name of names) if (name.endsWith('.tmp')) this.#disk.remove(join(this.#directory, name));
    let end = -1;
    for (const [index, name] of names.entries()) {
      const match = NAME.exec(name);
      if (match === null) continue;
      const [from, to] = [Number(match[1]), Number(match[2])];
      // What is merged is named like its first part: the later name of one beginning has more in it.
      const isContained = names.slice(index + 1).some((other) => other.startsWith(`${match[1]}-`)) || to <= end;
      if (isContained) {
        this.#disk.remove(join(this.#directory, name));
        continue;
      }
      if (to > next || to <= from || (end >= 0 && from !== end))
        throw new TimerRunDamage(join(this.#directory, name), `it does not go on at ${end}, or is behind the queue's end ${next}`);
      end = to;
      this.#ranges.push({ from, to, run: new TimerRun(this.#disk, join(this.#directory, name)) });
    }
  }

  /** Units of the queue before it are in the runs, or were settled; −1 without a run. */
  get indexed(): number {
    return this.#ranges.length === 0 ? -1 : this.#ranges[this.#ranges.length - 1]!.to;
  }

  /** The first unit of the queue that the runs know of. */
  get from(): number {
    return this.#ranges[0]?.from ?? -1;
  }

  get count(): number {
    return this.#ranges.length;
  }

  /** Units in all runs. */
  get units(): number {
    return this.#ranges.reduce((sum, { run }) => sum + run.count, 0);
  }

  /** Timers, without words that take messages back, behind (key, physical) that are wanted. */
  pending(key: number, physical: number, isWanted: IsWanted, isExact: boolean): number {
    let pending = 0;
    for (const { run } of this.#ranges) {
      run.seek(key, physical);
      if (!isExact && run.words === 0) {
        pending += run.count - run.position;
        continue;
      }
      for (; !run.isAtEnd; run.next()) {
        const time = unitTime(run.units, run.unitAt);
        if (time > 0 && isWanted(timerKey(time), unitPhysicalOffset(run.units, run.unitAt))) pending++;
      }
    }
    return pending;
  }

  /** Adds what is left of the queue's units in [from, to), in the wheel's order. */
  add(units: Uint8Array, from: number, to: number): void {
    this.#disk.makeDirectory(this.#directory);
    const writer = new TimerRunWriter(this.#disk, this.#path(from, to));
    try {
      for (let at = 0; at < units.length; at += QUEUE_UNIT_BYTES) writer.put(units, at);
      writer.finish();
    } catch (error) {
      writer.abandon();
      throw error;
    }
    this.#ranges.push({ from, to, run: new TimerRun(this.#disk, this.#path(from, to)) });
  }

  /** Gives units of all runs behind (key, physical) in order, until `take` gives false. */
  each(key: number, physical: number, take: (units: Uint8Array, at: number, key: number, physical: number) => boolean): void {
    for (const { run } of this.#ranges) run.seek(key, physical);
    mergeRuns(
      this.#ranges.map(({ run }) => run),
      take,
    );
  }

  /** One step of merging neighbours; what is not wanted any more is left out. False: there is nothing to merge. */
  mergeStep(isWanted: IsWanted): boolean {
    this.#merge ??= this.#mergeable(isWanted);
    if (this.#merge === null) return false;
    if (this.#merge.next().done === true) this.#merge = null;
    return true;
  }

  /** Everything goes. */
  clear(): void {
    this.close();
    for (const name of this.#disk.list(this.#directory)) this.#disk.remove(join(this.#directory, name));
  }

  close(): void {
    this.#merge?.return();
    this.#merge = null;
    for (const { run } of this.#ranges) run.close();
    this.#ranges = [];
  }

  #path(from: number, to: number): string {
    return join(this.#directory, `${String(from).padStart(DIGITS, '0')}-${String(to).padStart(DIGITS, '0')}.run`);
  }

  #mergeable(isWanted: IsWanted): Generator<void, void, void> | null {
    for (let size = SMALLEST; ; size *= MERGED) {
      for (let first = 0; first + MERGED <= this.#ranges.length; first++) {
        const ranges = this.#ranges.slice(first, first + MERGED);
        if (ranges.every(({ run }) => run.count <= size)) return this.#mergeRanges(ranges, isWanted);
      }
      if (!this.#ranges.some(({ run }) => run.count > size)) return null;
    }
  }

  *#mergeRanges(ranges: readonly Range[], isWanted: IsWanted): Generator<void, void, void> {
    const [from, to] = [ranges[0]!.from, ranges[ranges.length - 1]!.to];
    const path = this.#path(from, to);
    const writer = new TimerRunWriter(this.#disk, path);
    // Readers of their own: others seek in these runs between the steps.
    const readers: TimerRun[] = [];
    let isWhole = false;
    try {
      for (const { run } of ranges) readers.push(new TimerRun(this.#disk, run.path));
      for (const reader of readers) reader.seek(0, -1);
      for (let isOver = false; !isOver; ) {
        let left = STEP_UNITS;
        isOver = true;
        mergeRuns(readers, (units, at, key, physical) => {
          if (left-- === 0) {
            isOver = false;
            return false;
          }
          if (isWanted(key, physical)) writer.put(units, at);
          return true;
        });
        yield;
      }
      writer.finish();
      isWhole = true;
    } finally {
      for (const reader of readers) reader.close();
      if (!isWhole) writer.abandon();
    }
    const first = this.#ranges.indexOf(ranges[0]!);
    this.#ranges.splice(first, ranges.length, { from, to, run: new TimerRun(this.#disk, path) });
    for (const { run } of ranges) {
      run.close();
      if (run.path !== path) this.#disk.remove(run.path);
    }
  }
}

/** Gives what the runs have from their places on, in order; stops where `take` gives false, and that unit is given again. */
function mergeRuns(runs: readonly TimerRun[], take: (units: Uint8Array, at: number, key: number, physical: number) => boolean): void {
  const keys = new Float64Array(runs.length);
  const physicals = new Float64Array(runs.length);
  const look = (index: number): void => {
    const run = runs[index]!;
    keys[index] = run.isAtEnd ? Number.POSITIVE_INFINITY : timerKey(unitTime(run.units, run.unitAt));
    physicals[index] = run.isAtEnd ? 0 : unitPhysicalOffset(run.units, run.unitAt);
  };
  for (let index = 0; index < runs.length; index++) look(index);
  for (;;) {
    let first = -1;
    for (let index = 0; index < runs.length; index++) {
      if (keys[index] === Number.POSITIVE_INFINITY) continue;
      if (first < 0 || comesBefore(keys[index]!, physicals[index]!, keys[first]!, physicals[first]!)) first = index;
    }
    if (first < 0) return;
    const run = runs[first]!;
    if (!take(run.units, run.unitAt, keys[first]!, physicals[first]!)) return;
    run.next();
    look(first);
  }
}

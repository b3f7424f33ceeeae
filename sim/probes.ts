/**
 * Probes: a place in the middle of a turn, between two stores to shared memory, where a simulated thread may be killed although it makes
 * no call of the disk there: the log worker behind the mark of what it has written, before it shows the units. Methods of production's
 * classes are wrapped in this process; one world at a time listens.
 */
import { type Mark, Watermarks, WRITTEN_END } from '../actors/commit-log/watermarks.ts';

let passed: () => void = () => {};

/** From now on `run` is called when a probe is passed. */
export function probeWith(run: () => void): void {
  passed = run;
}

const move = Watermarks.prototype.move;
Watermarks.prototype.move = function (this: Watermarks, mark: Mark, end: number): void {
  move.call(this, mark, end);
  if (mark === WRITTEN_END) passed();
};

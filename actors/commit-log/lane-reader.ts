/**
 * Lane reader: copies records of the log's tail out of the lanes, where the newest of them still lie. A copy counts only if its
 * source was whole after it was made. One a thread that serves pulls.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import { LAP_BYTES, type LaneMemory, LaneView } from './log-lane.ts';
import { FoundRun, RunTable, type RunTableMemory } from './run-table.ts';
import { type Watermarks, WRITTEN_END } from './watermarks.ts';

/** Positions of a lane this far apart are still told in order: half of what 32 bits can. */
const POSITIONS_APART_MAX = 2 ** 30;

export class LaneReader {
  readonly #lanes: readonly LaneView[];
  readonly #runs: RunTable;
  readonly #marks: Watermarks;
  readonly #run = new FoundRun();
  #oldest = 0;
  /** Of the log behind its written end: further back the positions of its run may have wrapped. */
  readonly #reachBytes: number;

  constructor(lanes: readonly LaneMemory[], runs: RunTableMemory, marks: Watermarks) {
    this.#lanes = lanes.map((lane) => new LaneView(lane));
    // A short lap moves the position by a whole one.
    const laneBytes = Math.max(...lanes.map((lane) => lane.laneBytes));
    this.#reachBytes = POSITIONS_APART_MAX / Math.max(1, laneBytes / LAP_BYTES);
    this.#runs = new RunTable(runs);
    this.#marks = marks;
  }

  /** Before the copies of one pull: what is older than this is not in any lane. */
  begin(): void {
    this.#oldest = this.#marks.read(WRITTEN_END) - this.#reachBytes;
    this.#run.length = 0;
  }

  /** Copies the records of the first `count` units back to back to `target[at]`. False: one of them is no longer in a lane. */
  copyUnits(units: Uint8Array, count: number, target: Uint8Array, at: number): boolean {
    this.begin();
    let to = at;
    for (let i = 0; i < count; i++) {
      const size = unitSize(units, i * QUEUE_UNIT_BYTES);
      if (!this.copy(unitPhysicalOffset(units, i * QUEUE_UNIT_BYTES), size, target, to)) return false;
      to += size;
    }
    return true;
  }

  /** Copies a record's `size` bytes at `physical` to `target[at]`. False: it is no longer in a lane. */
  copy(physical: number, size: number, target: Uint8Array, at: number): boolean {
    const run = this.#run;
    if (physical < this.#oldest) return false;
    const isInRun = physical >= run.start && physical + size <= run.start + run.length;
    if (!isInRun && !this.#runs.find(physical, run)) {
      run.length = 0;
      return false;
    }
    const lane = this.#lanes[run.lane];
    if (lane === undefined) return false;
    const position = (run.position + (physical - run.start)) | 0;
    const index = position & lane.byteMask;
    if (index + size > lane.laneBytes || !lane.intact(position)) return false;
    copyBytes(lane.bytes, index, index + size, target, at);
    return lane.intact(position);
  }
}

/**
 * Run table: which part of the commit log lies where in which lane, so that readers find the log's tail in memory.
 * One writer (the log worker), a ring of the newest runs, ordered by physical offset. A run that continues the last one in
 * the file and in its lane makes that one longer, so a lone shard needs a run per lap and segment only.
 */
const RUN_WORDS = 8;
const VERSION = 0;
const PHYSICAL_LO = 1;
const PHYSICAL_HI = 2;
const LENGTH = 3;
const LANE = 4;
const POSITION = 5;
const GENERATION = 6;
const HEADER_WORDS = 16;
const COUNT = 0;

export type RunTableMemory = { readonly buffer: SharedArrayBuffer; readonly runs: number };

export function allocateRunTable(runs = 8192): RunTableMemory {
  return { buffer: new SharedArrayBuffer((HEADER_WORDS + runs * RUN_WORDS) * 4), runs };
}

/** A run as found by a reader; reused from call to call. */
export class FoundRun {
  start = 0;
  length = 0;
  lane = 0;
  position = 0;
  generation = 0;
}

export class RunTable {
  readonly #words: Int32Array;
  readonly #runs: number;
  /** The writer's copy of the last run. */
  #lastEnd = -1;
  #lastLane = -1;
  #lastPositionEnd = 0;
  #lastGeneration = -1;

  constructor(memory: RunTableMemory) {
    this.#words = new Int32Array(memory.buffer);
    this.#runs = memory.runs;
  }

  /** The log worker notes a run just written. */
  note(physical: number, length: number, lane: number, position: number, generation: number): void {
    const words = this.#words;
    let count = words[COUNT]!;
    const grows =
      count > 0 &&
      physical === this.#lastEnd &&
      lane === this.#lastLane &&
      position === this.#lastPositionEnd &&
      generation === this.#lastGeneration;
    if (grows) {
      const at = HEADER_WORDS + ((count - 1) % this.#runs) * RUN_WORDS;
      const grown = words[at + LENGTH]! + length;
      if (grown <= 0x4000_0000) {
        // A single aligned word: readers see the old length or the new one, both true.
        Atomics.store(words, at + LENGTH, grown);
        this.#lastEnd += length;
        this.#lastPositionEnd = (position + length) | 0;
        return;
      }
    }
    const at = HEADER_WORDS + (count % this.#runs) * RUN_WORDS;
    const version = words[at + VERSION]!;
    // Odd while the entry is overwritten; pairs with the two loads in `find`.
    Atomics.store(words, at + VERSION, version | 1);
    words[at + PHYSICAL_LO] = physical | 0;
    words[at + PHYSICAL_HI] = Math.floor(physical / 0x1_0000_0000);
    words[at + LENGTH] = length;
    words[at + LANE] = lane;
    words[at + POSITION] = position;
    words[at + GENERATION] = generation;
    Atomics.store(words, at + VERSION, ((version | 1) + 1) | 0);
    count++;
    Atomics.store(words, COUNT, count);
    this.#lastEnd = physical + length;
    this.#lastLane = lane;
    this.#lastPositionEnd = (position + length) | 0;
    this.#lastGeneration = generation;
  }

  /** Finds the run that holds `physical`; false: it is no longer (or not yet) in the table. */
  find(physical: number, found: FoundRun): boolean {
    const count = Atomics.load(this.#words, COUNT);
    let low = Math.max(0, count - this.#runs + 1);
    let high = count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (!this.#load(middle, found)) return false;
      if (physical < found.start) high = middle - 1;
      else if (physical >= found.start + found.length) low = middle + 1;
      else return true;
    }
    return false;
  }

  #load(entry: number, found: FoundRun): boolean {
    const words = this.#words;
    const at = HEADER_WORDS + (entry % this.#runs) * RUN_WORDS;
    const version = Atomics.load(words, at + VERSION);
    found.start = (words[at + PHYSICAL_HI]! >>> 0) * 0x1_0000_0000 + (words[at + PHYSICAL_LO]! >>> 0);
    found.length = Atomics.load(words, at + LENGTH);
    found.lane = words[at + LANE]!;
    found.position = words[at + POSITION]!;
    found.generation = words[at + GENERATION]!;
    return (version & 1) === 0 && Atomics.load(words, at + VERSION) === version;
  }
}

/**
 * Index feed: the index entries of records just written, from the log worker to the store worker, which brings them to the
 * index files. A ring of five words an entry (key hash, physical offset, store time). A full feed stops the sequencer.
 */
import { allocateMappedWords } from '../../runtime/mapped-memory.ts';

const ENTRY_WORDS = 5;
const HEADER_WORDS = 32;
const HEAD = 0;
const TAIL = 16;
/** Entries looked at ahead: what they need stays in the second cache until they are given. */
const GROUP = 512;
const TWO_32 = 0x1_0000_0000;

export type IndexFeedMemory = Int32Array<SharedArrayBuffer>;

/** @param entries a power of two */
export function allocateIndexFeed(entries = 262_144): IndexFeedMemory {
  return allocateMappedWords(HEADER_WORDS + entries * ENTRY_WORDS);
}

export class IndexFeed {
  readonly #words: Int32Array;
  readonly capacity: number;
  readonly #mask: number;
  #head: number;
  #sum = 0;

  constructor(memory: IndexFeedMemory) {
    this.#words = memory;
    this.capacity = (this.#words.length - HEADER_WORDS) / ENTRY_WORDS;
    this.#mask = this.capacity - 1;
    this.#head = Atomics.load(this.#words, HEAD);
  }

  /** Nobody's business: the last sum of `ahead`. */
  get lookedAhead(): number {
    return this.#sum;
  }

  /** Entries that wait for the store worker. */
  get waiting(): number {
    return (Atomics.load(this.#words, HEAD) - Atomics.load(this.#words, TAIL)) >>> 0;
  }

  /** The log worker's: how many entries more there is room for. */
  room(): number {
    return this.capacity - ((this.#head - Atomics.load(this.#words, TAIL)) >>> 0);
  }

  put(keyHash: number, physicalHigh: number, physicalLow: number, timeHigh: number, timeLow: number): void {
    const words = this.#words;
    const at = HEADER_WORDS + (this.#head & this.#mask) * ENTRY_WORDS;
    words[at] = keyHash;
    words[at + 1] = physicalLow;
    words[at + 2] = physicalHigh;
    words[at + 3] = timeLow;
    words[at + 4] = timeHigh;
    this.#head = (this.#head + 1) | 0;
  }

  /** Makes what was put visible. Pairs with the load in `take`. */
  publish(): void {
    if (this.#words[HEAD] !== this.#head) Atomics.store(this.#words, HEAD, this.#head);
  }

  /**
   * The store worker takes every waiting entry. `ahead` is told the key hashes of the next few hundred entries before they are
   * given, so that it can have what they need near; what it gives back is added up and kept, for else it could be left out.
   */
  take(entry: (keyHash: number, physical: number, storeTimestamp: number) => void, ahead: (keyHash: number) => number = nothing): number {
    const words = this.#words;
    const mask = this.#mask;
    const head = Atomics.load(words, HEAD);
    let tail = words[TAIL]!;
    let taken = 0;
    while (tail !== head) {
      const left = (head - tail) | 0;
      const end = left > GROUP ? (tail + GROUP) | 0 : head;
      let sum = 0;
      for (let next = tail; next !== end; next = (next + 1) | 0)
        sum = (sum + ahead(words[HEADER_WORDS + (next & mask) * ENTRY_WORDS]!)) | 0;
      this.#sum = sum;
      for (; tail !== end; tail = (tail + 1) | 0) {
        const at = HEADER_WORDS + (tail & mask) * ENTRY_WORDS;
        entry(
          words[at]!,
          (words[at + 2]! >>> 0) * TWO_32 + (words[at + 1]! >>> 0),
          (words[at + 4]! >>> 0) * TWO_32 + (words[at + 3]! >>> 0),
        );
        taken++;
      }
      Atomics.store(words, TAIL, tail);
    }
    return taken;
  }
}

function nothing(): number {
  return 0;
}

/**
 * Word ring: a ring of 32-bit numbers in shared memory between two threads, one that pushes and one that pops. Words: head, tail, then the
 * numbers, a power of two of them. Never fuller than its maker provided for: one word too many is an assertion.
 */
import assert from 'node:assert/strict';

/** One side of the ring, or both: who pushes does not pop. */
export class WordRing {
  readonly #words: Int32Array;
  readonly #mask: number;
  constructor(memory: Int32Array) {
    this.#words = memory;
    this.#mask = this.#words.length - 2 - 1;
  }

  push(word: number): void {
    const words = this.#words;
    const head = words[0]!;
    assert(((head - Atomics.load(words, 1)) | 0) <= this.#mask, 'A word ring is as large as what may lie in it');
    words[2 + (head & this.#mask)] = word;
    // Pairs with the load in `pop`: the word is there before the count says so.
    Atomics.store(words, 0, (head + 1) | 0);
  }

  /** What `pop` would give. -1: nothing there. */
  peek(): number {
    const words = this.#words;
    const tail = words[1]!;
    return tail === Atomics.load(words, 0) ? -1 : words[2 + (tail & this.#mask)]!;
  }

  /** -1: nothing there. */
  pop(): number {
    const word = this.peek();
    const words = this.#words;
    // Pairs with the load in `contents`.
    if (word >= 0) Atomics.store(words, 1, (words[1]! + 1) | 0);
    return word;
  }

  /** The pusher's: what lies in it, and perhaps what is being popped. */
  contents(): Set<number> {
    const words = this.#words;
    const found = new Set<number>();
    for (let at = Atomics.load(words, 1); at !== words[0]; at = (at + 1) | 0) found.add(words[2 + (at & this.#mask)]!);
    return found;
  }
}

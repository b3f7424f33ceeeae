/**
 * The only source of chance of the whole system. One a system; it cannot fail. Not for secrets.
 */

export interface Random {
  /** In [0, 1). */
  next(): number;
}

/** The machine's chance. */
export const systemRandom: Random = { next: () => Math.random() };

/** The same numbers for the same seed (mulberry32: 32 bits of state, passes the usual tests for this size). */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
}

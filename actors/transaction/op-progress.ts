/**
 * Op progress: from which op record on the next start has to read. An op record is done with when all half messages that it names, and
 * those of the records before it, lie below the half queue's own progress. Pure; bounded: of many records it remembers some places only.
 */

type Place = { readonly after: number; readonly highest: number };

const PLACES_MAX = 4096;

export class OpProgress {
  #done: number;
  /** In the queue's order; `highest` is that of this record and all before it. */
  #places: Place[] = [];
  #highest = -1;

  constructor(done: number) {
    this.#done = done;
  }

  /** Op records below it are needed no more. */
  get done(): number {
    return this.#done;
  }

  /** The op record at `offset` ends half messages up to `highest`; −1: none. Told in the queue's order. */
  note(offset: number, highest: number): void {
    this.#highest = Math.max(this.#highest, highest);
    const last = this.#places.at(-1);
    if (last !== undefined && last.highest === this.#highest) this.#places.pop();
    this.#places.push({ after: offset + 1, highest: this.#highest });
    if (this.#places.length <= PLACES_MAX) return;
    // The last place stays: it is the one that says that all are done with.
    const end = this.#places.length - 1;
    this.#places = this.#places.filter((_, index) => index === end || (end - index) % 2 === 0);
  }

  /** All half messages below `base` are ended. */
  settle(base: number): void {
    let count = 0;
    while (count < this.#places.length && this.#places[count]!.highest < base) count++;
    if (count === 0) return;
    this.#done = this.#places[count - 1]!.after;
    this.#places.splice(0, count);
  }
}

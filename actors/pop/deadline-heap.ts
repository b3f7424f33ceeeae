/**
 * Deadline heap: what is due first, of things that may be taken out again before. Pure. One a pop actor; adding and removing cost log n, and
 * what was removed leaves nothing behind.
 */

/** `place` is the heap's own: −1 when the thing is not in it. */
export interface Deadline {
  readonly dueAt: number;
  place: number;
}

export class DeadlineHeap<D extends Deadline> {
  readonly #items: D[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** What is due first. */
  get first(): D | undefined {
    return this.#items[0];
  }

  add(item: D): void {
    item.place = this.#items.length;
    this.#items.push(item);
    this.#rise(item);
  }

  remove(item: D): void {
    const { place } = item;
    if (place < 0) return;
    const last = this.#items.pop()!;
    item.place = -1;
    if (last === item) return;
    this.#items[place] = last;
    last.place = place;
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: D): void {
    const items = this.#items;
    while (item.place > 0) {
      const above = items[(item.place - 1) >> 1]!;
      if (above.dueAt <= item.dueAt) return;
      this.#swap(above, item);
    }
  }

  #sink(item: D): void {
    const items = this.#items;
    for (;;) {
      const left = items[2 * item.place + 1];
      const right = items[2 * item.place + 2];
      const below = right !== undefined && right.dueAt < left!.dueAt ? right : left;
      if (below === undefined || below.dueAt >= item.dueAt) return;
      this.#swap(item, below);
    }
  }

  /** `above` and `below` change places. */
  #swap(above: D, below: D): void {
    const place = above.place;
    above.place = below.place;
    below.place = place;
    this.#items[above.place] = above;
    this.#items[place] = below;
  }
}

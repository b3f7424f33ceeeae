/**
 * Delivery progress of one level: which offsets of its queue are delivered, under way, or still to be read. Pure. What is delivered
 * without a gap is `done`: the next start goes on there, so nothing is lost, and what was delivered behind a gap may come twice.
 */
import assert from 'node:assert/strict';

export class DeliveryProgress {
  /** Everything below is delivered. */
  #done: number;
  /** Where reading goes on. */
  #next: number;
  readonly #flying: Set<number> = new Set();
  /** Delivered, with something before them that is not. */
  readonly #ahead: Set<number> = new Set();

  constructor(done: number) {
    this.#done = done;
    this.#next = done;
  }

  get done(): number {
    return this.#done;
  }

  get next(): number {
    return this.#next;
  }

  get flying(): number {
    return this.#flying.size;
  }

  /** True: the message at `next` is to be delivered now. False: it is under way or delivered already. Moves on in both cases. */
  take(): boolean {
    const offset = this.#next++;
    if (this.#ahead.has(offset) || this.#flying.has(offset)) return false;
    this.#flying.add(offset);
    return true;
  }

  /** The message is stored where it belongs, or there is nothing to deliver. */
  settle(offset: number): void {
    assert(this.#flying.delete(offset), 'What is settled was taken');
    this.#ahead.add(offset);
    while (this.#ahead.delete(this.#done)) this.#done++;
    // A failed one was read again, and what lies behind it was delivered before.
    this.#next = Math.max(this.#next, this.#done);
  }

  /** The message was not stored: it is read again. */
  fail(offset: number): void {
    assert(this.#flying.delete(offset), 'What failed was taken');
    this.#next = Math.min(this.#next, offset);
  }

  /** The queue holds offsets in [min, max): what lies before was removed, what lies behind was cut off with the log's end. True: it changed. */
  clamp(min: number, max: number): boolean {
    const done = Math.min(Math.max(this.#done, min), max);
    if (done === this.#done || this.#flying.size > 0) return false;
    this.#done = done;
    for (const offset of this.#ahead) if (offset < done) this.#ahead.delete(offset);
    while (this.#ahead.delete(this.#done)) this.#done++;
    this.#next = this.#done;
    return true;
  }
}

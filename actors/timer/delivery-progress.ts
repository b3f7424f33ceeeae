/**
 * How far a delay level is delivered. Pure; a ring of bounded size. Messages are taken in order, several at once, and settle or fail in any
 * order: below `done` everything is delivered, and of what lies behind it the ring knows what flies and what is delivered. What is delivered
 * without a gap is `done`: the next start goes on there, so nothing is lost, and what was delivered behind a gap may come twice.
 */
import assert from 'node:assert/strict';

/** Messages behind `done` that may be under way or delivered; a power of two. */
const SPAN = 8192;
const OPEN = 0;
const FLYING = 1;
const DELIVERED = 2;

export class DeliveryProgress {
  /** Everything below is delivered. */
  #done: number;
  /** Where reading goes on. */
  #next: number;
  #flying = 0;
  /** Of the offsets in [done, done + SPAN). */
  readonly #states = new Uint8Array(SPAN);

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
    return this.#flying;
  }

  /** The oldest that is not delivered is too far behind: nothing is taken before it is. */
  get isFull(): boolean {
    return this.#next - this.#done >= SPAN;
  }

  /** True: the message at `next` is to be delivered now. False: it is under way or delivered already. Moves on in both cases. */
  take(): boolean {
    assert(!this.isFull, 'Who takes has looked for room');
    const at = this.#next++ % SPAN;
    if (this.#states[at] !== OPEN) return false;
    this.#states[at] = FLYING;
    this.#flying++;
    return true;
  }

  /** The message is stored where it belongs, or there is nothing to deliver. */
  settle(offset: number): void {
    this.#land(offset, DELIVERED);
    const states = this.#states;
    for (let at = this.#done % SPAN; states[at] === DELIVERED; at = this.#done % SPAN) {
      states[at] = OPEN;
      this.#done++;
    }
    // A failed one was read again, and what lies behind it was delivered before.
    if (this.#next < this.#done) this.#next = this.#done;
  }

  /** The message was not stored: it is read again. */
  fail(offset: number): void {
    this.#land(offset, OPEN);
    if (offset < this.#next) this.#next = offset;
  }

  #land(offset: number, state: number): void {
    const isFlying = offset >= this.#done && offset < this.#done + SPAN && this.#states[offset % SPAN] === FLYING;
    assert(isFlying, 'What comes to its end was taken');
    this.#states[offset % SPAN] = state;
    this.#flying--;
  }

  /** The queue holds offsets in [min, max): what lies before was removed, what lies behind was cut off with the log's end. True: it changed. */
  clamp(min: number, max: number): boolean {
    const done = Math.min(Math.max(this.#done, min), max);
    if (done === this.#done || this.#flying > 0) return false;
    const states = this.#states;
    if (done < this.#done || done - this.#done >= SPAN) states.fill(OPEN);
    else for (let offset = this.#done; offset < done; offset++) states[offset % SPAN] = OPEN;
    this.#done = done;
    while (states[this.#done % SPAN] === DELIVERED) {
      states[this.#done % SPAN] = OPEN;
      this.#done++;
    }
    this.#next = this.#done;
    return true;
  }
}

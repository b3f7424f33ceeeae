/**
 * Flight ledger: what was taken off the wheel and is not settled yet, in the order in which it was taken. Pure; a ring of bounded size.
 * From it comes what may be saved: `doneKey` and `donePhysical`, up to which everything is settled that the wheel had when it came to
 * that place; and `seenLimit`, for what came later than that (a timer of a few ms). A start goes on there: nothing is left out.
 */
import assert from 'node:assert/strict';
import { comesBefore } from '../../storage/timer/timer-unit.ts';
import { NearTimers } from './near-timers.ts';

const FREE = 0;
const FLYING = 1;
const SETTLED = 2;

export class FlightLedger {
  readonly #mask: number;
  readonly #keys: Float64Array;
  readonly #physicals: Float64Array;
  readonly #isLate: Uint8Array;
  readonly #states: Uint8Array;
  #first = 0;
  #next = 0;
  #takenKey: number;
  #takenPhysical: number;
  #doneKey: number;
  #donePhysical: number;
  /** Places in the log of late ones, the first of the log on top; those that are settled and not on top. */
  readonly #late: NearTimers = new NearTimers();
  readonly #lateSettled: Set<number> = new Set();

  /** @param capacity flights at once, a power of two */
  constructor(capacity: number, doneKey: number, donePhysical: number) {
    assert((capacity & (capacity - 1)) === 0, 'A ledger is a power of two');
    this.#mask = capacity - 1;
    this.#keys = new Float64Array(capacity);
    this.#physicals = new Float64Array(capacity);
    this.#isLate = new Uint8Array(capacity);
    this.#states = new Uint8Array(capacity);
    this.#takenKey = doneKey;
    this.#takenPhysical = donePhysical;
    this.#doneKey = doneKey;
    this.#donePhysical = donePhysical;
  }

  get doneKey(): number {
    return this.#doneKey;
  }

  get donePhysical(): number {
    return this.#donePhysical;
  }

  get isFull(): boolean {
    return this.left === 0;
  }

  /** Flights that it has room for. */
  get left(): number {
    return this.#mask + 1 - this.flying;
  }

  get flying(): number {
    return this.#next - this.#first;
  }

  /** Key of the oldest flight that is not settled; +∞ without one. */
  get firstKey(): number {
    return this.flying === 0 ? Number.POSITIVE_INFINITY : this.#keys[this.#first & this.#mask]!;
  }

  keyOf(flight: number): number {
    return this.#keys[flight & this.#mask]!;
  }

  physicalOf(flight: number): number {
    return this.#physicals[flight & this.#mask]!;
  }

  /** Time and place of what was taken last, but for late ones. */
  get takenKey(): number {
    return this.#takenKey;
  }

  /** A timer came to the wheel, which may have passed its place already. Told once of each. */
  came(key: number, physical: number): void {
    if (!comesBefore(this.#takenKey, this.#takenPhysical, key, physical)) this.#late.push(physical, 0, 0);
  }

  /** The first of the wheel is taken. Gives its flight's number. */
  take(key: number, physical: number): number {
    assert(!this.isFull, 'Who takes has looked for room');
    const isLate = !comesBefore(this.#takenKey, this.#takenPhysical, key, physical);
    if (!isLate) {
      this.#takenKey = key;
      this.#takenPhysical = physical;
    }
    const flight = this.#next++;
    const at = flight & this.#mask;
    this.#keys[at] = key;
    this.#physicals[at] = physical;
    this.#isLate[at] = isLate ? 1 : 0;
    this.#states[at] = FLYING;
    return flight;
  }

  settle(flight: number): void {
    const at = flight & this.#mask;
    assert(flight >= this.#first && flight < this.#next && this.#states[at] === FLYING, 'What is settled flies');
    this.#states[at] = SETTLED;
    if (this.#isLate[at] === 1) this.#settleLate(this.#physicals[at]!);
    while (this.#first < this.#next && this.#states[this.#first & this.#mask] === SETTLED) {
      const done = this.#first++ & this.#mask;
      this.#states[done] = FREE;
      if (this.#isLate[done] === 1) continue;
      this.#doneKey = this.#keys[done]!;
      this.#donePhysical = this.#physicals[done]!;
    }
  }

  #settleLate(physical: number): void {
    this.#lateSettled.add(physical);
    while (this.#late.size > 0 && this.#lateSettled.delete(this.#late.key)) this.#late.pop();
  }

  /** Place in the log before which `doneKey` says what is settled. @param end of what the wheel has seen */
  seenLimit(end: number): number {
    return this.#late.size > 0 ? Math.min(end, this.#late.key) : end;
  }
}

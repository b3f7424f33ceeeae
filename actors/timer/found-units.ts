/**
 * Found units: units of the timer queue that are to be sorted, in memory that is used again. Part of the wheel files; it grows to what it had to
 * hold, which its user bounds, and goes as a whole.
 */
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import { sortUnits } from '../../storage/timer/sort-units.ts';

const FIRST_UNITS = 1024;

export class FoundUnits {
  #units = new Uint8Array(FIRST_UNITS * QUEUE_UNIT_BYTES);
  #keys = new Float64Array(FIRST_UNITS);
  #sorted = new Uint8Array(0);
  #space = new Float64Array(0);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(units: Uint8Array, at: number, key: number): void {
    if (this.#count === this.#keys.length) this.#grow();
    this.#units.set(units.subarray(at, at + QUEUE_UNIT_BYTES), this.#count * QUEUE_UNIT_BYTES);
    this.#keys[this.#count++] = key;
  }

  #grow(): void {
    const [units, keys] = [new Uint8Array(this.#units.length * 2), new Float64Array(this.#keys.length * 2)];
    units.set(this.#units);
    keys.set(this.#keys);
    [this.#units, this.#keys] = [units, keys];
  }

  /** What was found, in the wheel's order; good until more is looked for. */
  sorted(): Uint8Array {
    if (this.#space.length < this.#count) {
      this.#sorted = new Uint8Array(this.#units.length);
      this.#space = new Float64Array(this.#keys.length);
    }
    return sortUnits(this.#units, this.#keys, this.#count, this.#sorted, this.#space);
  }
}

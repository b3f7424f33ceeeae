/**
 * Found units: units of the timer queue that are to be sorted, in memory that is used again. Part of the wheel files; it grows to what it had to
 * hold, which its user bounds, and goes as a whole.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { allocateMapped } from '../../runtime/mapped-memory.ts';
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import { sortUnits } from '../../storage/timer/sort-units.ts';

const FIRST_UNITS = 1024;
const GROWTH = 8;
const MAPPED_UNITS_LEAST = 32_768;

/** Much of it is mapped by itself, so that it goes back as a whole; an arena of the allocator would keep the holes. */
function memoryFor(count: number): { readonly units: Uint8Array<ArrayBufferLike>; readonly keys: Float64Array<ArrayBufferLike> } {
  const keyBytes = count * Float64Array.BYTES_PER_ELEMENT;
  const bytes = keyBytes + count * QUEUE_UNIT_BYTES;
  const memory = count < MAPPED_UNITS_LEAST ? new ArrayBuffer(bytes) : allocateMapped(bytes);
  return { units: new Uint8Array(memory, keyBytes, count * QUEUE_UNIT_BYTES), keys: new Float64Array(memory, 0, count) };
}

export class FoundUnits {
  #units: Uint8Array = new Uint8Array(FIRST_UNITS * QUEUE_UNIT_BYTES);
  #keys: Float64Array = new Float64Array(FIRST_UNITS);
  #sorted: Uint8Array = new Uint8Array(0);
  #space: Float64Array = new Float64Array(0);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(units: Uint8Array, at: number, key: number): void {
    if (this.#count === this.#keys.length) this.#grow();
    copyBytes(units, at, at + QUEUE_UNIT_BYTES, this.#units, this.#count * QUEUE_UNIT_BYTES);
    this.#keys[this.#count++] = key;
  }

  #grow(): void {
    const { units, keys } = memoryFor(this.#keys.length * GROWTH);
    units.set(this.#units);
    keys.set(this.#keys);
    [this.#units, this.#keys] = [units, keys];
  }

  /** What was found, in the wheel's order; good until more is looked for. */
  sorted(): Uint8Array {
    if (this.#space.length < this.#count) {
      const { units, keys } = memoryFor(this.#keys.length);
      [this.#sorted, this.#space] = [units, keys];
    }
    return sortUnits(this.#units, this.#keys, this.#count, this.#sorted, this.#space);
  }
}

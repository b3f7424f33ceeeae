/**
 * Near timers: the part of the wheel that is in memory, a heap of typed arrays by time and place. Pure; one broker has two: what is due
 * next, and what is read and waits for its millisecond. Memory is given back in halves, so that a burst leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { allocateMapped } from '../../runtime/mapped-memory.ts';
import { comesBefore } from '../../storage/timer/timer-unit.ts';

const FIRST_CAPACITY = 1024;
const SAMPLE = 63;
const MAPPED_CAPACITY_LEAST = 32_768;

export class NearTimers {
  #keys: Float64Array = new Float64Array(FIRST_CAPACITY);
  #physicals: Float64Array = new Float64Array(FIRST_CAPACITY);
  #values: Float64Array = new Float64Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Of the first: key, place in the log, the caller's number. Only while there is one. */
  get key(): number {
    return this.#keys[0]!;
  }

  get physical(): number {
    return this.#physicals[0]!;
  }

  get value(): number {
    return this.#values[0]!;
  }

  push(key: number, physical: number, value: number): void {
    if (this.#size === this.#keys.length) this.#resize(this.#size * 2);
    this.#up(this.#size++, key, physical, value);
  }

  /** Takes the first away. */
  pop(): void {
    assert(this.#size > 0, 'What is taken is there');
    const last = --this.#size;
    if (last > 0) this.#down(0, this.#keys[last]!, this.#physicals[last]!, this.#values[last]!);
    if (last > FIRST_CAPACITY && last < this.#keys.length / 4) this.#resize(this.#keys.length / 2);
  }

  /** Key and place that about half of them do not come behind, from a sample. Only while there is one. */
  median(): { readonly key: number; readonly physical: number } {
    const sample = Array.from({ length: Math.min(SAMPLE, this.#size) }, (_, i, step = this.#size / Math.min(SAMPLE, this.#size)) => {
      const at = Math.floor(i * step);
      return { key: this.#keys[at]!, physical: this.#physicals[at]! };
    });
    sample.sort((a, b) => a.key - b.key || a.physical - b.physical);
    return sample[sample.length >> 1]!;
  }

  /** Forgets what comes behind this key and place. */
  dropAfter(key: number, physical: number): void {
    let kept = 0;
    for (let i = 0; i < this.#size; i++) {
      if (comesBefore(key, physical, this.#keys[i]!, this.#physicals[i]!)) continue;
      this.#set(kept++, this.#keys[i]!, this.#physicals[i]!, this.#values[i]!);
    }
    this.#size = kept;
    for (let i = (kept >> 1) - 1; i >= 0; i--) this.#down(i, this.#keys[i]!, this.#physicals[i]!, this.#values[i]!);
    let capacity = this.#keys.length;
    while (capacity > FIRST_CAPACITY && kept <= capacity / 4) capacity /= 2;
    if (capacity < this.#keys.length) this.#resize(capacity);
  }

  #set(at: number, key: number, physical: number, value: number): void {
    this.#keys[at] = key;
    this.#physicals[at] = physical;
    this.#values[at] = value;
  }

  #move(to: number, from: number): void {
    this.#set(to, this.#keys[from]!, this.#physicals[from]!, this.#values[from]!);
  }

  #up(start: number, key: number, physical: number, value: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!comesBefore(key, physical, this.#keys[parent]!, this.#physicals[parent]!)) break;
      this.#move(at, parent);
      at = parent;
    }
    this.#set(at, key, physical, value);
  }

  #down(start: number, key: number, physical: number, value: number): void {
    const size = this.#size;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && comesBefore(this.#keys[right]!, this.#physicals[right]!, this.#keys[child]!, this.#physicals[child]!))
        child = right;
      if (!comesBefore(this.#keys[child]!, this.#physicals[child]!, key, physical)) break;
      this.#move(at, child);
      at = child;
    }
    this.#set(at, key, physical, value);
  }

  #resize(capacity: number): void {
    // Much memory is mapped by itself, so that it goes back as a whole; an arena of the allocator would keep the holes.
    const bytes = capacity * Float64Array.BYTES_PER_ELEMENT;
    const memory = capacity < MAPPED_CAPACITY_LEAST ? new ArrayBuffer(3 * bytes) : allocateMapped(3 * bytes);
    const resized = (from: Float64Array, index: number): Float64Array => {
      const to = new Float64Array(memory, index * bytes, capacity);
      to.set(from.subarray(0, this.#size));
      return to;
    };
    this.#keys = resized(this.#keys, 0);
    this.#physicals = resized(this.#physicals, 1);
    this.#values = resized(this.#values, 2);
  }
}

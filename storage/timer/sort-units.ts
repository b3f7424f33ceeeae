/**
 * Sorts units of the timer queue into the wheel's order: by key, then by place in the log. Pure. They come in the log's order, so that the
 * index decides between equal keys: key and index make one number, and the engine sorts numbers.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { QUEUE_UNIT_BYTES } from '../consume-queue/queue-unit.ts';

/**
 * The first `count` units, whose keys stand beside them, sorted into `sorted`, of which a part is given. @param space for the sorting; both have
 * room for `count`
 */
export function sortUnits(units: Uint8Array, keys: Float64Array, count: number, sorted: Uint8Array, space: Float64Array): Uint8Array {
  const order = space.subarray(0, count);
  let least = Number.POSITIVE_INFINITY;
  let greatest = 0;
  for (let i = 0; i < count; i++) {
    least = Math.min(least, keys[i]!);
    greatest = Math.max(greatest, keys[i]!);
  }
  const place = (i: number, to: number): void => {
    const from = i * QUEUE_UNIT_BYTES;
    copyBytes(units, from, from + QUEUE_UNIT_BYTES, sorted, to * QUEUE_UNIT_BYTES);
  };
  if ((greatest - least + 1) * count > Number.MAX_SAFE_INTEGER) {
    const all = Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
    for (let to = 0; to < count; to++) place(all[to]!, to);
    return sorted.subarray(0, count * QUEUE_UNIT_BYTES);
  }
  for (let i = 0; i < count; i++) order[i] = (keys[i]! - least) * count + i;
  order.sort();
  for (let to = 0; to < count; to++) place(order[to]! % count, to);
  return sorted.subarray(0, count * QUEUE_UNIT_BYTES);
}

/**
 * Copies bytes between any two memories. `TypedArray.set` from or to a SharedArrayBuffer goes byte by byte unless both sides happen
 * to be aligned alike (300 ns for 1 KiB, measured on Node 24), and needs a view of the source; `Buffer.copy` is one `memmove`
 * (35 ns) and needs none. A few bytes are cheaper in a loop than by either.
 */
const LOOP_BYTES_MAX = 24;
const moveBytes = Buffer.prototype.copy;

/** Copies `source[start, end)` to `target[at]`; gives the position behind the copy. The caller sees to the room. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const length = end - start;
  if (length <= LOOP_BYTES_MAX) for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  else moveBytes.call(source, target, at, start, end);
  return at + length;
}

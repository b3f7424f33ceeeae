/**
 * Shared memory for what is large: asked for in blocks that the C library maps and unmaps by themselves. Smaller ones it would give, once it has
 * seen some freed, from heaps that it clears by hand and seldom gives back: a process that makes and unmakes systems would grow, and pages that
 * nobody ever touches would be resident. Address space is all that the padding costs.
 */

/** glibc maps whatever is larger than the most that its threshold ever grows to, 32 MiB. */
const MAPPED_BYTES_MIN = 32 * 1024 * 1024 + 4096;

/** `length` words, zero, in a block of their own. */
export function allocateMappedWords(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(allocateMapped(length * 4), 0, length);
}

/** At least `bytes`, zero; users must not take the length for what they asked for. */
export function allocateMapped(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.max(bytes, MAPPED_BYTES_MIN));
}

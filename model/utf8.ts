/**
 * Text out of bytes, also out of shared memory, which `TextDecoder` of some runtimes refuses. Malformed UTF-8 becomes U+FFFD.
 */

/** The text in `bytes[start, end)`. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

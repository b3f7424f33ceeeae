/**
 * Java's `String.hashCode`: h = 31 h + unit over the UTF-16 units, in int32. Clients compute tag codes with it and the index
 * file keys, so the broker must find the very same numbers, here from UTF-8 bytes without making a string.
 */

/** Hash of a string. */
export function javaHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  return hash;
}

/**
 * Hash of the text whose UTF-8 bytes are `bytes[start, end)`, going on from `seed` (0, or the hash of what stands before it).
 * Malformed UTF-8 counts as U+FFFD, as where Java decodes it.
 */
export function javaHashBytes(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let hash = seed;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return hashWide(bytes, at, end, hash);
    hash = (Math.imul(31, hash) + byte) | 0;
  }
  return hash;
}

const HASH_SIGN = 35;

/** Seed for the hash of `topic#key`, the index file's key, from the topic's own hash. */
export function keyHashSeed(topicHash: number): number {
  return (Math.imul(31, topicHash) + HASH_SIGN) | 0;
}

/** The rest from its first byte above 0x7f on: decodes, for the hash is over UTF-16 units. */
function hashWide(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  return hash;
}

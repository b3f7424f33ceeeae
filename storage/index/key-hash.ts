/**
 * The hash under which the index file keeps a key: Java's hash of `topic#key` without its sign. Pure.
 * Source: RocketMQ 5.3 `IndexFile.indexKeyHashMethod`.
 */
import { javaHash, javaHashBytes, keyHashSeed } from '../../model/java-hash.ts';

/** From Java's hash code to the index's: absolute, and 0 where Java's absolute value stays negative. */
export function indexHash(hashCode: number): number {
  if (hashCode >= 0) return hashCode;
  return hashCode === -0x8000_0000 ? 0 : -hashCode;
}

export function indexKeyHash(topic: string, key: string): number {
  return indexHash(javaHash(`${topic}#${key}`));
}

/** The same from the topic's own Java hash and the key's UTF-8 bytes. */
export function indexKeyHashBytes(topicHash: number, bytes: Uint8Array, start: number, end: number): number {
  return indexHash(javaHashBytes(bytes, start, end, keyHashSeed(topicHash)));
}

const SPACE = 0x20;

/** Calls `onKey` with the hash of each blank-separated key of a KEYS property in `bytes[start, end)`; returns how many. */
export function eachKeyHash(topicHash: number, bytes: Uint8Array, start: number, end: number, onKey: (hash: number) => void): number {
  let count = 0;
  let at = start;
  while (at < end) {
    while (at < end && bytes[at] === SPACE) at++;
    const keyAt = at;
    while (at < end && bytes[at] !== SPACE) at++;
    if (at === keyAt) break;
    onKey(indexKeyHashBytes(topicHash, bytes, keyAt, at));
    count++;
  }
  return count;
}

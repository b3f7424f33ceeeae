/**
 * The tag code of a message: what a consume-queue unit carries and a pull's filter compares. Java's hash of the TAGS property's
 * value, sign-extended to 64 bits on disk; a message without a tag has code 0.
 * Source: RocketMQ `MessageExtBrokerInner.tagsString2tagsCode`.
 */
import { javaHash, javaHashBytes } from './java-hash.ts';

/** Code of the tag in `bytes[start, end)`; 0 for none. */
export function tagHash(bytes: Uint8Array, start: number, end: number): number {
  return javaHashBytes(bytes, start, end, 0);
}

/** Code of a tag. */
export function tagCode(tag: string): number {
  return javaHash(tag);
}

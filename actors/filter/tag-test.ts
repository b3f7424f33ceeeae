/**
 * Tag test: whether a record has one of some tags, by the tag itself: units are chosen by its hash, and tags such as `Aa` and `BB` share theirs. One a
 * wish and thread. Where the tag stands is mostly where it stood in the record before: it is looked for there first, counted from the end of the
 * record, then from the beginning of its properties. A record is trusted to be sound.
 * Source: RocketMQ 5.3 `PullAPIWrapper.processPullResult`, which does it in the client.
 */
import { propertiesLengthAt, readInt32 } from '../../model/message-record.ts';
import { NAME_END, type RecordTest, VALUE_END } from './record-filter.ts';

const NAME = Buffer.from('TAGS\u0001');

export class TagTest implements RecordTest {
  /** `TAGS`, the separator and the tag, of each tag. */
  readonly #wanted: readonly Uint8Array[];
  #fromEnd = 0;
  #fromStart = 0;

  constructor(tags: readonly string[]) {
    this.#wanted = tags.map((tag) => Buffer.concat([NAME, Buffer.from(tag)]));
  }

  matches(bytes: Uint8Array, at: number): boolean {
    const lengthAt = propertiesLengthAt(bytes, at);
    const start = lengthAt + 2;
    const end = start + (((bytes[lengthAt] as number) << 8) | (bytes[lengthAt + 1] as number));
    const fromEnd = end - this.#fromEnd;
    if (fromEnd >= start && this.#isAt(bytes, fromEnd, start, end)) return true;
    const fromStart = start + this.#fromStart;
    if (fromStart < end && this.#isAt(bytes, fromStart, start, end)) return true;
    return this.#search(bytes, start, end);
  }

  /** Whether every record of `bytes[start, end)` passes. */
  all(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; at += readInt32(bytes, at)) if (!this.matches(bytes, at)) return false;
    return true;
  }

  /** Whether a property begins at `from` that is a wanted tag. */
  #isAt(bytes: Uint8Array, from: number, start: number, end: number): boolean {
    if (from !== start && bytes[from - 1] !== VALUE_END) return false;
    const wanted = this.#wanted;
    for (let i = 0; i < wanted.length; i++) {
      const tag = wanted[i] as Uint8Array;
      const until = from + tag.length;
      if (until > end || (until !== end && bytes[until] !== VALUE_END)) continue;
      let byte = 0;
      while (byte < tag.length && bytes[from + byte] === tag[byte]) byte++;
      if (byte === tag.length) return true;
    }
    return false;
  }

  #search(bytes: Uint8Array, start: number, end: number): boolean {
    for (let from = start; from < end; ) {
      let nameEnd = from;
      while (nameEnd < end && bytes[nameEnd] !== NAME_END && bytes[nameEnd] !== VALUE_END) nameEnd++;
      if (nameEnd - from === NAME.length - 1 && this.#isAt(bytes, from, start, end)) {
        this.#fromEnd = end - from;
        this.#fromStart = from - start;
        return true;
      }
      from = nameEnd;
      while (from < end && bytes[from] !== VALUE_END) from++;
      from++;
    }
    return false;
  }
}

/** The test that goes with tag codes; null where the tags do not account for the codes: then the codes alone count, as they always did. */
export function tagTestOf(tags: readonly string[], codes: ArrayLike<number>, hash: (tag: string) => number): TagTest | null {
  if (codes.length === 0 || tags.length === 0) return null;
  const hashes = new Set(tags.map(hash));
  for (let i = 0; i < codes.length; i++) if (!hashes.has(codes[i] as number)) return null;
  return new TagTest(tags);
}

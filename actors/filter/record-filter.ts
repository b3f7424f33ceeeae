/**
 * Record filter: which records of a pull's answer a SQL92 filter lets through. Reads the properties where they lie in the record, and only
 * those that the filter looks at. One a filter and thread; not re-entrant. A record is trusted to be sound: its reader has checked it.
 */
import {
  BODY_LENGTH_AT,
  HOST_V6_EXTRA_BYTES,
  MAGIC_AT,
  QUEUE_OFFSET_AT,
  RECORD_MAGIC_V2,
  readInt32,
  readInt64,
  SYS_FLAG_AT,
} from '../../model/message-record.ts';
import { BORN_HOST_V6_FLAG, STORE_HOST_V6_FLAG } from '../../model/system-flag.ts';
import { utf8Text } from '../../model/utf8.ts';
import type { PropertySource, SqlFilter } from './compile-sql.ts';

const NAME_END = 1;
const VALUE_END = 2;

/** What is left of an answer: `count` records in `length` bytes; the pull goes on at `next`, −1: behind the last one looked at. */
export type Kept = { length: number; count: number; next: number };

export class RecordFilter implements PropertySource {
  readonly #filter: SqlFilter;
  readonly #names: readonly Uint8Array[];
  /** Where each name's value lies, and until where; −1: the record has no such property. */
  readonly #from: Int32Array;
  readonly #until: Int32Array;
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #kept: Kept = { length: 0, count: 0, next: -1 };

  constructor(filter: SqlFilter) {
    this.#filter = filter;
    this.#names = filter.names.map((name) => Buffer.from(name));
    this.#from = new Int32Array(this.#names.length);
    this.#until = new Int32Array(this.#names.length);
  }

  property(index: number): string | undefined {
    const from = this.#from[index] as number;
    return from < 0 ? undefined : utf8Text(this.#bytes, from, this.#until[index] as number);
  }

  /** Whether the record at `at` passes. */
  matches(bytes: Uint8Array, at: number): boolean {
    this.#bytes = bytes;
    this.#from.fill(-1);
    this.#find(bytes, at);
    return this.#filter.matches(this);
  }

  /**
   * Moves the records of `bytes[start, end)` that pass to its front, at most `max` and together `bytesMax`, but one at least. The result is
   * reused from call to call.
   */
  keep(bytes: Uint8Array, start: number, end: number, max: number, bytesMax: number): Kept {
    const kept = this.#kept;
    kept.count = 0;
    kept.next = -1;
    let to = start;
    for (let at = start; at < end; ) {
      const size = readInt32(bytes, at);
      if (this.matches(bytes, at)) {
        if (kept.count === max || (kept.count > 0 && to - start + size > bytesMax)) {
          kept.next = readInt64(bytes, at + QUEUE_OFFSET_AT);
          break;
        }
        if (to !== at) bytes.copyWithin(to, at, at + size);
        to += size;
        kept.count++;
      }
      at += size;
    }
    kept.length = to - start;
    return kept;
  }

  #find(bytes: Uint8Array, at: number): void {
    const names = this.#names;
    const flags = readInt32(bytes, at + SYS_FLAG_AT);
    let extra = (flags & BORN_HOST_V6_FLAG) === 0 ? 0 : HOST_V6_EXTRA_BYTES;
    if ((flags & STORE_HOST_V6_FLAG) !== 0) extra += HOST_V6_EXTRA_BYTES;
    const bodyLengthAt = at + BODY_LENGTH_AT + extra;
    const topicAt = bodyLengthAt + 4 + readInt32(bytes, bodyLengthAt);
    const isV2 = readInt32(bytes, at + MAGIC_AT) === RECORD_MAGIC_V2;
    const lengthAt = isV2
      ? topicAt + 2 + (((bytes[topicAt] as number) << 8) | (bytes[topicAt + 1] as number))
      : topicAt + 1 + (bytes[topicAt] as number);
    const end = lengthAt + 2 + (((bytes[lengthAt] as number) << 8) | (bytes[lengthAt + 1] as number));
    for (let from = lengthAt + 2; from < end; ) {
      let nameEnd = from;
      while (nameEnd < end && bytes[nameEnd] !== NAME_END) nameEnd++;
      let valueEnd = nameEnd + 1;
      while (valueEnd < end && bytes[valueEnd] !== VALUE_END) valueEnd++;
      for (let name = 0; name < names.length; name++) {
        if (!isAt(names[name] as Uint8Array, bytes, from, nameEnd)) continue;
        this.#from[name] = nameEnd + 1;
        this.#until[name] = Math.min(valueEnd, end);
      }
      from = valueEnd + 1;
    }
  }
}

function isAt(name: Uint8Array, bytes: Uint8Array, from: number, until: number): boolean {
  if (until - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false;
  return true;
}

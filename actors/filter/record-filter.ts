/**
 * Record filter: which records of a pull's answer a SQL92 filter lets through. Reads the properties where they lie in the record, and only
 * those that the filter looks at. One a filter and thread; not re-entrant. A record is trusted to be sound: its reader has checked it.
 */
import { propertiesLengthAt, QUEUE_OFFSET_AT, readInt32, readInt64 } from '../../model/message-record.ts';
import { utf8Text } from '../../model/utf8.ts';
import type { PropertySource, SqlFilter } from './compile-sql.ts';

/** What ends a property's name and its value, in a record. */
export const NAME_END = 1;
export const VALUE_END = 2;

/** What is left of an answer: `count` records in `length` bytes; the pull goes on at `next`, −1: behind the last one looked at. */
export type Kept = { length: number; count: number; next: number };

/** Decides of each record by itself; `index` counts the records of one answer. */
export interface RecordTest {
  matches(bytes: Uint8Array, at: number, index: number): boolean;
}

const kept: Kept = { length: 0, count: 0, next: -1 };

/**
 * Moves the records of `bytes[start, end)` that pass to its front, at most `max` and together `bytesMax`, but one at least. Of them only the first
 * `looked` are there to be decided of: the pull goes on behind them. The result is reused from call to call.
 */
export function keepRecords(
  test: RecordTest,
  bytes: Uint8Array,
  start: number,
  end: number,
  max: number,
  bytesMax: number,
  looked: number = Number.MAX_SAFE_INTEGER,
): Kept {
  kept.count = 0;
  kept.next = -1;
  let to = start;
  let index = 0;
  for (let at = start; at < end; index++) {
    const size = readInt32(bytes, at);
    if (index === looked) {
      kept.next = readInt64(bytes, at + QUEUE_OFFSET_AT);
      break;
    }
    if (test.matches(bytes, at, index)) {
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

export class RecordFilter implements PropertySource, RecordTest {
  readonly #filter: SqlFilter;
  readonly #names: readonly Uint8Array[];
  /** Where each name's value lies, and until where; −1: the record has no such property. */
  readonly #from: Int32Array;
  readonly #until: Int32Array;
  #bytes: Uint8Array = new Uint8Array(0);

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

  #find(bytes: Uint8Array, at: number): void {
    const names = this.#names;
    const lengthAt = propertiesLengthAt(bytes, at);
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

/** Whether `bytes[from, until)` is the name. */
export function isAt(name: Uint8Array, bytes: Uint8Array, from: number, until: number): boolean {
  if (until - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false;
  return true;
}

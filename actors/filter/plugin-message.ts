/**
 * A record as a plugin sees it: one object, moved from record to record of a batch; what is not read is not made. One a plugin's thread.
 * A record is trusted to be sound: its reader has checked it.
 */
import {
  BORN_TIMESTAMP_AT,
  bodyLengthAt,
  MAGIC_AT,
  propertiesLengthAt,
  QUEUE_ID_AT,
  QUEUE_OFFSET_AT,
  RECONSUME_TIMES_AT,
  RECORD_MAGIC_V2,
  readInt32,
  readInt64,
  STORE_TIMESTAMP_AT,
  SYS_FLAG_AT,
} from '../../model/message-record.ts';
import { COMPRESSED_FLAG } from '../../model/system-flag.ts';
import { utf8Text } from '../../model/utf8.ts';
import type { FilterMessage } from './filter-plugin.ts';
import { isAt, NAME_END, VALUE_END } from './record-filter.ts';

const NAME_MARK = String.fromCharCode(NAME_END);
const VALUE_MARK = String.fromCharCode(VALUE_END);
/** Names asked for whose bytes are kept. */
const NAMES_MAX = 256;

export class PluginMessage implements FilterMessage {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #bodyLengthAt = 0;
  #propertiesFrom = 0;
  #propertiesEnd = 0;
  #properties: Record<string, string> | null = null;
  readonly #names: Map<string, Uint8Array> = new Map();

  /** From now on it is the record at `at`. */
  moveTo(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
    this.#properties = null;
    this.#bodyLengthAt = bodyLengthAt(bytes, at);
    const lengthAt = propertiesLengthAt(bytes, at);
    this.#propertiesFrom = lengthAt + 2;
    this.#propertiesEnd = lengthAt + 2 + (((bytes[lengthAt] as number) << 8) | (bytes[lengthAt + 1] as number));
  }

  get topic(): string {
    const bytes = this.#bytes;
    const lengthAt = this.#bodyLengthAt + 4 + readInt32(bytes, this.#bodyLengthAt);
    const isV2 = readInt32(bytes, this.#at + MAGIC_AT) === RECORD_MAGIC_V2;
    return utf8Text(bytes, lengthAt + (isV2 ? 2 : 1), this.#propertiesFrom - 2);
  }

  get queueId(): number {
    return readInt32(this.#bytes, this.#at + QUEUE_ID_AT);
  }

  get offset(): number {
    return readInt64(this.#bytes, this.#at + QUEUE_OFFSET_AT);
  }

  get tags(): string | undefined {
    return this.property('TAGS');
  }

  get keys(): readonly string[] {
    const keys = this.property('KEYS');
    return keys === undefined ? [] : keys.split(' ').filter((key) => key !== '');
  }

  get properties(): Readonly<Record<string, string>> {
    if (this.#properties !== null) return this.#properties;
    const properties = Object.create(null) as Record<string, string>;
    // One text for all: each property is a piece of it.
    const text = utf8Text(this.#bytes, this.#propertiesFrom, this.#propertiesEnd);
    for (let from = 0; from < text.length; ) {
      const found = text.indexOf(VALUE_MARK, from);
      const valueEnd = found < 0 ? text.length : found;
      const nameEnd = text.indexOf(NAME_MARK, from);
      if (nameEnd >= 0 && nameEnd < valueEnd) properties[text.slice(from, nameEnd)] = text.slice(nameEnd + 1, valueEnd);
      from = valueEnd + 1;
    }
    this.#properties = properties;
    return properties;
  }

  property(name: string): string | undefined {
    if (this.#properties !== null) return this.#properties[name];
    const bytes = this.#bytes;
    const end = this.#propertiesEnd;
    const wanted = this.#nameBytes(name);
    let value: string | undefined;
    for (let from = this.#propertiesFrom; from < end; ) {
      const valueEnd = endOf(VALUE_END, bytes, from, end);
      const nameEnd = endOf(NAME_END, bytes, from, valueEnd);
      // As in a map, the last of the same name counts.
      if (nameEnd < valueEnd && isAt(wanted, bytes, from, nameEnd)) value = utf8Text(bytes, nameEnd + 1, valueEnd);
      from = valueEnd + 1;
    }
    return value;
  }

  get bodyBytes(): number {
    return readInt32(this.#bytes, this.#bodyLengthAt);
  }

  get body(): Uint8Array {
    const from = this.#bodyLengthAt + 4;
    return Uint8Array.prototype.slice.call(this.#bytes, from, from + this.bodyBytes);
  }

  get text(): string {
    const from = this.#bodyLengthAt + 4;
    return utf8Text(this.#bytes, from, from + this.bodyBytes);
  }

  get isCompressed(): boolean {
    return (readInt32(this.#bytes, this.#at + SYS_FLAG_AT) & COMPRESSED_FLAG) !== 0;
  }

  get bornAt(): number {
    return readInt64(this.#bytes, this.#at + BORN_TIMESTAMP_AT);
  }

  get storedAt(): number {
    return readInt64(this.#bytes, this.#at + STORE_TIMESTAMP_AT);
  }

  get reconsumeTimes(): number {
    return readInt32(this.#bytes, this.#at + RECONSUME_TIMES_AT);
  }

  #nameBytes(name: string): Uint8Array {
    let bytes = this.#names.get(name);
    if (bytes !== undefined) return bytes;
    bytes = Buffer.from(name);
    if (this.#names.size >= NAMES_MAX) this.#names.clear();
    this.#names.set(name, bytes);
    return bytes;
  }
}

function endOf(mark: number, bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== mark) at++;
  return at;
}

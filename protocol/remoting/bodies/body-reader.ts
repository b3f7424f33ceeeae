/**
 * Typed values out of parsed bodies, as lenient as fastjson: a number may come as text, an absent member takes its default. Fails with a
 * BodyError that names the member.
 */
import { BodyError } from '../errors.ts';
import { JsonKeyedMap, type JsonObject, type JsonValue, parseJsonBody } from './tolerant-json.ts';

/** The object that a body is. */
export function bodyObject(bytes: Uint8Array, what: string): BodyReader {
  if (bytes.length === 0) throw new BodyError(`The body is missing: ${what} is needed`);
  return readerOf(parseJsonBody(bytes), what);
}

/** A reader of a value that has to be an object. */
export function readerOf(value: JsonValue | undefined, what: string): BodyReader {
  if (!isObject(value)) throw new BodyError(`${what} is no object`);
  return new BodyReader(value, what);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonKeyedMap);
}

/** Reads the members of one object. */
export class BodyReader {
  readonly #object: JsonObject;
  readonly #what: string;

  constructor(object: JsonObject, what: string) {
    this.#object = object;
    this.#what = what;
  }

  /** The member; undefined when it is absent or null. */
  value(name: string): JsonValue | undefined {
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return value === null ? undefined : value;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.#refuse(name, 'is missing');
  }

  optionalString(name: string): string | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (typeof value === 'object') return this.#refuse(name, 'is no text');
    return String(value);
  }

  /** An int32; `fallback` when absent. */
  int(name: string, fallback: number): number {
    const value = this.#number(name, fallback);
    return typeof value === 'number' && (value | 0) === value ? value : this.#refuse(name, `is ${value}, a 32-bit integer is needed`);
  }

  /** An int64 that is kept exactly; `fallback` when absent. */
  long(name: string, fallback: number): number {
    const value = this.#number(name, fallback);
    return typeof value === 'number' && Number.isSafeInteger(value)
      ? value
      : this.#refuse(name, `is ${value}, an integer within 2^53 - 1 is needed`);
  }

  /** An int64 that saturates at ±(2^53 − 1): a time or a version made of one. */
  time(name: string, fallback: number): number {
    const value = Number(this.#number(name, fallback));
    return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(value)));
  }

  double(name: string, fallback: number): number {
    return Number(this.#number(name, fallback));
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.value(name);
    if (value === undefined) return fallback;
    if (typeof value === 'object') return this.#refuse(name, 'is no boolean');
    return typeof value === 'number' ? value !== 0 : String(value).toLowerCase() === 'true';
  }

  /** The member as a list; empty when absent. */
  list(name: string): readonly JsonValue[] {
    const value = this.value(name);
    if (value === undefined) return [];
    return Array.isArray(value) ? value : this.#refuse(name, 'is no list');
  }

  /** The member as a list of texts; numbers become texts. */
  strings(name: string): string[] {
    return this.list(name).map((item) => (typeof item === 'object' ? this.#refuse(name, 'holds what is no text') : String(item)));
  }

  /** The member as a list of objects. */
  objects(name: string): BodyReader[] {
    return this.list(name).map((item) => readerOf(item, `an item of ${name} of ${this.#what}`));
  }

  /** The member as an object; null when absent. */
  object(name: string): BodyReader | null {
    const value = this.value(name);
    return value === undefined ? null : readerOf(value, `${name} of ${this.#what}`);
  }

  /** The entries of a member that is a table with texts (or integers) as keys; empty when absent. */
  table(name: string): [string, JsonValue][] {
    const value = this.value(name);
    if (value === undefined) return [];
    return isObject(value) ? Object.entries(value) : this.#refuse(name, 'is no table');
  }

  /** A table of texts. */
  textTable(name: string): Map<string, string> {
    const table = new Map<string, string>();
    for (const [key, value] of this.table(name)) {
      if (value === null) continue;
      table.set(key, typeof value === 'object' ? this.#refuse(name, 'holds what is no text') : String(value));
    }
    return table;
  }

  /** The entries of a member that is a table with objects as keys; a key that is the text of an object is read as one. */
  keyedTable(name: string): [BodyReader, JsonValue][] {
    const value = this.value(name);
    if (value === undefined) return [];
    const entries =
      value instanceof JsonKeyedMap ? value.entries : isObject(value) ? Object.entries(value) : this.#refuse(name, 'is no table');
    return entries.map(([key, item]) => {
      const keyValue = typeof key === 'string' ? parseJsonBody(Buffer.from(key)) : key;
      return [readerOf(keyValue, `a key of ${name} of ${this.#what}`), item];
    });
  }

  #number(name: string, fallback: number): number | bigint {
    const value = this.value(name);
    if (value === undefined || value === '') return fallback;
    if (typeof value === 'number' || typeof value === 'bigint') return value;
    const number = typeof value === 'string' ? Number(value) : Number.NaN;
    return Number.isNaN(number) ? this.#refuse(name, 'is no number') : number;
  }

  #refuse(name: string, why: string): never {
    throw new BodyError(`${name} of ${this.#what} ${why}`);
  }
}

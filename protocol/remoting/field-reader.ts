/**
 * Typed values out of a command's header fields, as strict as Java's own parsing. Fails with a FieldError whose message names the field,
 * its value and what is needed: fit to be the remark of the answer (code 1).
 * Integers that Java would take but a double cannot hold: offsets are refused, times saturate at 2^53 − 1.
 */
import { FieldError } from './errors.ts';

/** What Java's parsers take: an optional sign and digits. */
const INTEGER = /^[+-]?[0-9]{1,32}$/;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The 32-bit integer in `text`. */
export function exactInt(field: string, text: string): number {
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  if ((value | 0) !== value) throw malformed(field, text, 'a 32-bit integer');
  return value | 0;
}

/** The 64-bit integer in `text`; refused beyond ±(2^53 − 1), for it must be kept exactly. */
export function exactLong(field: string, text: string): number {
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw malformed(field, text, 'an integer within 2^53 - 1');
  return value + 0;
}

/** The 64-bit integer in `text`, saturating at ±(2^53 − 1): for times, which clients set to Long.MAX_VALUE. */
export function exactTime(field: string, text: string): number {
  if (!INTEGER.test(text)) throw malformed(field, text, 'a 64-bit integer');
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value > INT64_MAX || value < INT64_MIN) throw malformed(field, text, 'a 64-bit integer');
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}

/** Java's Boolean.parseBoolean: `true` in any case is true, everything else false. */
export function exactBoolean(text: string): boolean {
  return text.toLowerCase() === 'true';
}

/** Reads the fields of one request. */
export class FieldReader {
  readonly #fields: ReadonlyMap<string, string>;

  constructor(fields: ReadonlyMap<string, string>) {
    this.#fields = fields;
  }

  /** A required text; may be empty. */
  string(name: string): string {
    return this.#fields.get(name) ?? absent(name);
  }

  optionalString(name: string): string | null {
    return this.#fields.get(name) ?? null;
  }

  int(name: string): number {
    return exactInt(name, this.string(name));
  }

  optionalInt(name: string): number | null {
    const text = this.#fields.get(name);
    return text === undefined ? null : exactInt(name, text);
  }

  /** A required int64 that is kept exactly. */
  long(name: string): number {
    return exactLong(name, this.string(name));
  }

  optionalLong(name: string): number | null {
    const text = this.#fields.get(name);
    return text === undefined ? null : exactLong(name, text);
  }

  /** A required int64 that may saturate. */
  time(name: string): number {
    return exactTime(name, this.string(name));
  }

  optionalTime(name: string): number | null {
    const text = this.#fields.get(name);
    return text === undefined ? null : exactTime(name, text);
  }

  boolean(name: string): boolean {
    return exactBoolean(this.string(name));
  }

  optionalBoolean(name: string): boolean | null {
    const text = this.#fields.get(name);
    return text === undefined ? null : exactBoolean(text);
  }
}

function absent(field: string): never {
  throw new FieldError(field, `The header field ${field} is missing; send it`);
}

function malformed(field: string, text: string, need: string): FieldError {
  const shown = text.length <= 40 ? text : `${text.slice(0, 40)}...`;
  return new FieldError(field, `The header field ${field} is "${shown}"; ${need} is needed`);
}

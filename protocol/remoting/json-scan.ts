/**
 * The small steps of the byte scanners (send-scanner.ts, pull-scanner.ts): plain numbers, booleans and names in a header's bytes, and the
 * unescaping of a JSON string. What is not plain is VALUE_ODD: the scanner gives up and the frame takes the exact way.
 */

/** No value of any field: 2^62. */
export const VALUE_ODD: number = 2 ** 62;

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;
export const OPEN_LIST = 0x5b;
const MINUS = 0x2d;
const ZERO = 0x30;

/** The decimal int32 in `bytes[start, end)`. */
export function plainInt(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 1) {
    const digit = (bytes[start] as number) - ZERO;
    return digit >= 0 && digit <= 9 ? digit : VALUE_ODD;
  }
  const value = plainLong(bytes, start, end);
  return value >= -0x8000_0000 && value <= 0x7fff_ffff ? value : VALUE_ODD;
}

/** The decimal integer of up to 15 digits in `bytes[start, end)`. */
export function plainLong(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const isNegative = at < end && bytes[at] === MINUS;
  if (isNegative) at++;
  const digits = end - at;
  if (digits < 1 || digits > 15) return VALUE_ODD;
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return VALUE_ODD;
    value = value * 10 + digit;
  }
  // 0 - value, for −0 is not what a field holds.
  return isNegative ? 0 - value : value;
}

/** 1 for `true`, 0 for `false`, VALUE_ODD for anything else. */
export function plainBoolean(bytes: Uint8Array, start: number, end: number): number {
  if (end - start === 5 && bytes[start] === 0x66 && isText(bytes, start, FALSE)) return 0;
  if (end - start === 4 && bytes[start] === 0x74 && isText(bytes, start, TRUE)) return 1;
  return VALUE_ODD;
}

const TRUE = asciiBytes('true');
const FALSE = asciiBytes('false');
const NULL = asciiBytes('null');

/** The closing quote of a string that opened before `start`; −2 when there is none. */
export function stringEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return -2;
}

/** One past a bare word (number, true, false, null); −1 when it is none. */
export function bareEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === COMMA || byte === CLOSE) return at;
    if (byte === QUOTE || byte === OPEN || byte === OPEN_LIST) return -1;
  }
  return -1;
}

/** True when the bare word in `bytes[start, end)` is `null`: the field is absent then. */
export function isNull(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 4 && isText(bytes, start, NULL);
}

/** True when the bytes from `start` on are those of `text`, which the caller knows to be as long as the range. */
export function isText(bytes: Uint8Array, start: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text[index]) return false;
  return true;
}

/** The bytes of an ASCII name, for `isText`. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * Writes the text of the JSON string whose inside is `bytes[start, end)` to `target` at `at`, as UTF-8; returns the end there. It never
 * grows: `end − start` bytes of room are enough. A lone surrogate becomes U+FFFD. −1: an escape that JSON does not have.
 */
export function unescapeInto(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = bytes[from] as number;
    if (byte !== BACKSLASH) {
      target[to++] = byte;
      continue;
    }
    if (from + 1 >= end) return -1;
    const kind = bytes[from + 1] as number;
    if (kind !== 0x75) {
      const plain = kind < 128 ? (PLAIN_ESCAPES[kind] as number) : 0;
      if (plain === 0) return -1;
      target[to++] = plain;
      from += 1;
      continue;
    }
    if (from + 5 >= end) return -1;
    // The separators of properties, \u0001 and \u0002, are nearly all that comes.
    if (bytes[from + 2] === ZERO && bytes[from + 3] === ZERO && bytes[from + 4] === ZERO) {
      const digit = hexDigit(bytes[from + 5] as number);
      if (digit < 0) return -1;
      target[to++] = digit;
      from += 5;
      continue;
    }
    const unit = hexUnit(bytes, from + 2);
    if (unit < 0) return -1;
    from += 5;
    if ((unit & 0xfc00) === 0xd800 && from + 6 < end && bytes[from + 1] === BACKSLASH && bytes[from + 2] === 0x75) {
      const low = hexUnit(bytes, from + 3);
      if (low < 0) return -1;
      if ((low & 0xfc00) === 0xdc00) {
        to = writeCodePoint(target, to, 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff));
        from += 6;
        continue;
      }
    }
    to = writeCodePoint(target, to, (unit & 0xf800) === 0xd800 ? 0xfffd : unit);
  }
  return to;
}

/** What follows a backslash → the byte it means; 0 for what JSON does not have. */
const PLAIN_ESCAPES: Uint8Array = plainEscapes();

function plainEscapes(): Uint8Array {
  const table = new Uint8Array(128);
  for (const [kind, byte] of [
    ['"', 0x22],
    ['\\', 0x5c],
    ['/', 0x2f],
    ['b', 0x08],
    ['f', 0x0c],
    ['n', 0x0a],
    ['r', 0x0d],
    ['t', 0x09],
  ] as const) {
    table[kind.charCodeAt(0)] = byte;
  }
  return table;
}

function hexUnit(bytes: Uint8Array, at: number): number {
  let unit = 0;
  for (let index = 0; index < 4; index++) {
    const digit = hexDigit(bytes[at + index] as number);
    if (digit < 0) return -1;
    unit = (unit << 4) | digit;
  }
  return unit;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function writeCodePoint(target: Uint8Array, at: number, point: number): number {
  let to = at;
  if (point < 0x80) {
    target[to++] = point;
  } else if (point < 0x800) {
    target[to++] = 0xc0 | (point >> 6);
    target[to++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    target[to++] = 0xe0 | (point >> 12);
    target[to++] = 0x80 | ((point >> 6) & 0x3f);
    target[to++] = 0x80 | (point & 0x3f);
  } else {
    target[to++] = 0xf0 | (point >> 18);
    target[to++] = 0x80 | ((point >> 12) & 0x3f);
    target[to++] = 0x80 | ((point >> 6) & 0x3f);
    target[to++] = 0x80 | (point & 0x3f);
  }
  return to;
}

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

/** The view of the bytes that were looked at last: read buffers and lanes are used again and again, so one of each stands ready. */
class LastView {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);

  of(bytes: Uint8Array): DataView {
    if (bytes === this.#bytes) return this.#view;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#view;
  }
}

const sources = new LastView();
const targets = new LastView();

/** A view of the bytes that are written to, made anew only when they are others than the last time. */
export function targetView(bytes: Uint8Array): DataView {
  return targets.of(bytes);
}

/** A view of a frame's bytes, made anew only when they are others than the last time. */
export function sourceView(bytes: Uint8Array): DataView {
  return sources.of(bytes);
}

/** Not 0 when one of the four bytes in `word` is the byte that `repeated` has four times. */
export function hasByte(word: number, repeated: number): number {
  const difference = word ^ repeated;
  return (difference - 0x0101_0101) & ~difference & 0x8080_8080;
}

export const BACKSLASHES = 0x5c5c_5c5c;
export const QUOTES = 0x2222_2222;

/** Four ASCII characters as the little-endian word that `DataView.getInt32(at, true)` gives for them. */
export function asciiWord(text: string): number {
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16) | (text.charCodeAt(3) << 24);
}

/**
 * Writes the text of the JSON string whose inside is `bytes[start, end)` to `target` at `at`, as UTF-8; returns the end there. It never
 * grows: `end − start` bytes of room are enough. A lone surrogate becomes U+FFFD. −1: an escape that JSON does not have.
 */
export function unescapeInto(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const source = sources.of(bytes);
  const room = targets.of(target);
  let from = start;
  let to = at;
  for (;;) {
    // Four bytes at a time up to the next escape.
    while (from + 4 <= end) {
      const word = source.getInt32(from, true);
      if (hasByte(word, BACKSLASHES) !== 0) break;
      room.setInt32(to, word, true);
      from += 4;
      to += 4;
    }
    let byte = 0;
    while (from < end) {
      byte = bytes[from] as number;
      if (byte === BACKSLASH) break;
      target[to++] = byte;
      from++;
    }
    if (from >= end) return to;
    // The separators of properties, \u0001 and \u0002, are nearly all that comes.
    if (from + 6 <= end && source.getInt32(from + 1, true) === U000) {
      const digit = hexDigit(bytes[from + 5] as number);
      if (digit < 0) return -1;
      target[to++] = digit;
      from += 6;
      continue;
    }
    const taken = unescapeOne(bytes, from, end, target, to);
    if (taken < 0) return -1;
    // Bytes read above, bytes written below.
    from += taken >> 4;
    to += taken & 15;
  }
}

/** `u000` as a little-endian word. */
const U000 = 0x3030_3075;

/** One escape at `from`, or a pair of surrogates: bytes read · 16 + bytes written; −1 when JSON does not have it. */
function unescapeOne(bytes: Uint8Array, from: number, end: number, target: Uint8Array, to: number): number {
  if (from + 1 >= end) return -1;
  const kind = bytes[from + 1] as number;
  if (kind !== 0x75) {
    const plain = kind < 128 ? (PLAIN_ESCAPES[kind] as number) : 0;
    if (plain === 0) return -1;
    target[to] = plain;
    return (2 << 4) | 1;
  }
  if (from + 6 > end) return -1;
  const unit = hexUnit(bytes, from + 2);
  if (unit < 0) return -1;
  if ((unit & 0xfc00) === 0xd800 && from + 12 <= end && bytes[from + 6] === BACKSLASH && bytes[from + 7] === 0x75) {
    const low = hexUnit(bytes, from + 8);
    if (low < 0) return -1;
    if ((low & 0xfc00) === 0xdc00) return (12 << 4) | (writeCodePoint(target, to, 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff)) - to);
  }
  return (6 << 4) | (writeCodePoint(target, to, (unit & 0xf800) === 0xd800 ? 0xfffd : unit) - to);
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

/**
 * Writes numbers and ids as text straight into a caller's bytes, without a string. Returns where it ended.
 */
import { BACKSLASH, BACKSLASHES, hasByte, QUOTE, QUOTES, sourceView, targetView } from './json-scan.ts';

const ZERO = 0x30;
const MINUS = 0x2d;
const HEX: Uint8Array = Uint8Array.from('0123456789ABCDEF', (digit) => digit.charCodeAt(0));

/** Longest text of `writeDecimal`: a sign and 16 digits. */
export const DECIMAL_BYTES_MAX = 17;

/** Writes an integer within ±(2^53 − 1) in decimal. */
export function writeDecimal(target: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value <= 9) {
    target[at] = ZERO + value;
    return at + 1;
  }
  if (value < 0) {
    target[at] = MINUS;
    return writeDecimal(target, at + 1, 0 - value);
  }
  if (value <= 0x7fff_ffff) return writeDigits(target, at, value | 0, countDigits(value | 0));
  // Two parts below 10^9, for division of small integers is what is fast.
  const high = Math.floor(value / 1e9);
  return writeDigits(target, writeDigits(target, at, high | 0, countDigits(high | 0)), (value - high * 1e9) | 0, 9);
}

/** Digits of an int32 that is not negative. */
function countDigits(value: number): number {
  if (value < 100_000) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : value < 10_000 ? 4 : 5;
  }
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7;
  return value < 100_000_000 ? 8 : value < 1_000_000_000 ? 9 : 10;
}

function writeDigits(target: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value;
  for (let to = at + digits - 1; to >= at; to--) {
    const quotient = (rest / 10) | 0;
    target[to] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
  return at + digits;
}

/** Two hexadecimal digits for each byte, as the 16-bit word that `DataView.setInt16(at, word, true)` writes. */
const HEX_PAIRS: Uint16Array = Uint16Array.from(
  { length: 256 },
  (_, byte) => (HEX[byte >> 4] as number) | ((HEX[byte & 15] as number) << 8),
);

/** Writes an integer from 0 to 2^53 − 1 as 16 upper-case hexadecimal digits. */
export function writeHex64(target: Uint8Array, at: number, value: number): number {
  const view = targetView(target);
  writeHex32(view, at, Math.floor(value / 0x1_0000_0000) | 0);
  writeHex32(view, at + 8, value | 0);
  return at + 16;
}

function writeHex32(view: DataView, at: number, value: number): void {
  view.setInt16(at, HEX_PAIRS[value >>> 24] as number, true);
  view.setInt16(at + 2, HEX_PAIRS[(value >>> 16) & 0xff] as number, true);
  view.setInt16(at + 4, HEX_PAIRS[(value >>> 8) & 0xff] as number, true);
  view.setInt16(at + 6, HEX_PAIRS[value & 0xff] as number, true);
}

/** A constant text that is written by words of four bytes: for the short ones, a call of `set` costs more. */
export class TextPiece {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.words = Int32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getInt32(index * 4, true));
  }
}

/** Writes a piece; returns its end. */
export function writePiece(target: Uint8Array, at: number, piece: TextPiece): number {
  const view = targetView(target);
  const { bytes, words } = piece;
  let to = at;
  for (let index = 0; index < words.length; index++) {
    view.setInt32(to, words[index] as number, true);
    to += 4;
  }
  for (let index = words.length << 2; index < bytes.length; index++) target[to++] = bytes[index] as number;
  return to;
}

const BLANKS = 0x2020_2020;
const HIGH_BITS = 0x8080_8080;

/** Writes the UTF-8 bytes `source[start, end)` as the inside of a JSON string; up to six times as long. */
export function writeJsonEscaped(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): number {
  const read = sourceView(source);
  const write = targetView(target);
  let to = at;
  let from = start;
  while (from < end) {
    if (from + 4 <= end) {
      const word = read.getInt32(from, true);
      const hasControl = (word - BLANKS) & ~word & HIGH_BITS;
      if ((hasControl | hasByte(word, QUOTES) | hasByte(word, BACKSLASHES)) === 0) {
        write.setInt32(to, word, true);
        from += 4;
        to += 4;
        continue;
      }
    }
    const byte = source[from++] as number;
    if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
      target[to++] = byte;
    } else if (byte < 0x20) {
      target[to] = BACKSLASH;
      target[to + 1] = 0x75;
      target[to + 2] = ZERO;
      target[to + 3] = ZERO;
      target[to + 4] = HEX[byte >> 4] as number;
      target[to + 5] = HEX[byte & 15] as number;
      to += 6;
    } else {
      target[to] = BACKSLASH;
      target[to + 1] = byte;
      to += 2;
    }
  }
  return to;
}

/**
 * Writes numbers and ids as text straight into a caller's bytes, without a string. Returns where it ended.
 */
import { BACKSLASH, QUOTE } from './json-scan.ts';

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

/** Writes an integer from 0 to 2^53 − 1 as 16 upper-case hexadecimal digits. */
export function writeHex64(target: Uint8Array, at: number, value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  writeHex32(target, at, high | 0);
  writeHex32(target, at + 8, value | 0);
  return at + 16;
}

function writeHex32(target: Uint8Array, at: number, value: number): void {
  target[at] = HEX[value >>> 28] as number;
  target[at + 1] = HEX[(value >>> 24) & 15] as number;
  target[at + 2] = HEX[(value >>> 20) & 15] as number;
  target[at + 3] = HEX[(value >>> 16) & 15] as number;
  target[at + 4] = HEX[(value >>> 12) & 15] as number;
  target[at + 5] = HEX[(value >>> 8) & 15] as number;
  target[at + 6] = HEX[(value >>> 4) & 15] as number;
  target[at + 7] = HEX[value & 15] as number;
}

/** Copies `piece` by a loop: for the short ones, a call of `set` costs more. */
export function writeBytes(target: Uint8Array, at: number, piece: Uint8Array): number {
  const length = piece.length;
  for (let index = 0; index < length; index++) target[at + index] = piece[index] as number;
  return at + length;
}

/** Writes the UTF-8 bytes `source[start, end)` as the inside of a JSON string; up to six times as long. */
export function writeJsonEscaped(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): number {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = source[from] as number;
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

/**
 * One walk through a compact JSON header where it lies in its frame, without a string or an object: the members of the top-level object and,
 * one deeper, the header fields (`extFields`). What is not plain (blanks between members, an escape in a name, objects elsewhere) it does not
 * understand: the exact way (`decodeCommand`) decides then.
 */
import {
  asciiBytes,
  BACKSLASH,
  bareEnd,
  CLOSE,
  COLON,
  COMMA,
  isNull,
  isText,
  OPEN,
  plainInt,
  QUOTE,
  stringEnd,
  VALUE_ODD,
} from './json-scan.ts';

/** A name and its value as ranges of the bytes; a bare word is no string. False: not understood. */
export type TakeValue<T> = (
  bytes: Uint8Array,
  key: number,
  keyLength: number,
  start: number,
  end: number,
  isString: boolean,
  out: T,
) => boolean;

/** What every header has beside its fields. */
export type HeaderMembers = { code: number; flag: number; opaque: number; version: number };

const CODE = asciiBytes('code');
const FLAG = asciiBytes('flag');
const OPAQUE = asciiBytes('opaque');
const VERSION = asciiBytes('version');
const EXT_FIELDS = asciiBytes('extFields');

/** Fills `out` from the header in `bytes[start, end)`: its members, and each field by `takeField`. False: not understood. */
export function walkJsonHeader<T extends HeaderMembers>(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: T,
  takeField: TakeValue<T>,
): boolean {
  if (bytes[start] !== OPEN) return false;
  let isField = false;
  let at = start + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) return false;
    const keyStart = at + 1;
    for (at = keyStart; bytes[at] !== QUOTE; at++) if (at >= end || bytes[at] === BACKSLASH) return false;
    const keyLength = at - keyStart;
    if (bytes[at + 1] !== COLON) return false;
    at += 2;
    if (bytes[at] === OPEN) {
      if (isField || keyLength !== 9 || !isText(bytes, keyStart, EXT_FIELDS)) return false;
      if (bytes[at + 1] !== CLOSE) {
        isField = true;
        at++;
        continue;
      }
      at += 2;
    } else {
      const isString = bytes[at] === QUOTE;
      const valueStart = isString ? at + 1 : at;
      const valueEnd = isString ? stringEnd(bytes, valueStart, end) : bareEnd(bytes, at, end);
      if (valueEnd < 0) return false;
      at = isString ? valueEnd + 1 : valueEnd;
      const isTaken = isField
        ? takeField(bytes, keyStart, keyLength, valueStart, valueEnd, isString, out)
        : takeMember(bytes, keyStart, keyLength, valueStart, valueEnd, isString, out);
      if (!isTaken) return false;
    }
    if (isField && bytes[at] === CLOSE) {
      isField = false;
      at++;
    }
    const after = bytes[at++];
    if (after === CLOSE) return !isField && at === end;
    if (after !== COMMA) return false;
  }
}

const takeMember: TakeValue<HeaderMembers> = (bytes, key, keyLength, start, end, isString, out) => {
  const isCode = keyLength === 4 && isText(bytes, key, CODE);
  const isFlag = keyLength === 4 && isText(bytes, key, FLAG);
  const isOpaque = keyLength === 6 && isText(bytes, key, OPAQUE);
  const isVersion = keyLength === 7 && isText(bytes, key, VERSION);
  if (!isCode && !isFlag && !isOpaque && !isVersion)
    return keyLength !== 9 || !isText(bytes, key, EXT_FIELDS) || (!isString && isNull(bytes, start, end));
  const value = isString ? VALUE_ODD : plainInt(bytes, start, end);
  if (value === VALUE_ODD) return false;
  if (isCode) out.code = value;
  else if (isFlag) out.flag = value;
  else if (isOpaque) out.opaque = value;
  else out.version = value;
  return true;
};

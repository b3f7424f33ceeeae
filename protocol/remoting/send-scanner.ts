/**
 * Reads the header of a send (codes 10, 310, 320, 324, 325) out of the frame's bytes in one walk, without a string or an object:
 * the hot path's decoder. Text fields are given as ranges of the bytes. What it does not understand (blanks between members, escapes in
 * a topic, numbers of odd shape) it leaves to `decodeCommand` and `fillFromCommand`, which decide exactly.
 * Source: RocketMQ 5.3 `SendMessageRequestHeader`, `SendMessageRequestHeaderV2`.
 */
import { readInt32 } from '../../model/message-record.ts';
import { BINARY_FIXED_BYTES } from './binary-header.ts';
import type { RemotingCommand } from './command.ts';
import { exactBoolean, exactInt, exactTime } from './field-reader.ts';
import { FRAME_PREFIX_BYTES, SERIALIZE_ROCKETMQ } from './frame-reader.ts';
import {
  asciiWord,
  BACKSLASH,
  BACKSLASHES,
  bareEnd,
  CLOSE,
  COLON,
  COMMA,
  hasByte,
  OPEN,
  plainInt,
  QUOTE,
  QUOTES,
  sourceView,
  VALUE_ODD,
} from './json-scan.ts';
import {
  BATCH,
  BORN_TIMESTAMP,
  CODE,
  clearSendHeader,
  DEFAULT_TOPIC,
  DEFAULT_TOPIC_QUEUE_NUMS,
  EXT_FIELDS,
  FLAG,
  FOUND_BORN_TIMESTAMP,
  FOUND_PRODUCER_GROUP,
  FOUND_TOPIC,
  LONG_NAMES,
  longField,
  MAX_RECONSUME_TIMES,
  MESSAGE_FLAG,
  OPAQUE,
  PRODUCER_GROUP,
  PROPERTIES,
  QUEUE_ID,
  RECONSUME_TIMES,
  type SendHeader,
  SYS_FLAG,
  shortField,
  TOPIC,
  takeField,
  takeInt,
  takeText,
  UNIT_MODE,
  VERSION,
} from './send-header.ts';

/**
 * Fills `out` from the send frame in `bytes[start, end)`. False: not understood, and `out` holds no meaning; take `decodeCommand` and
 * `fillFromCommand`. True says nothing of completeness: compare `found` with FOUND_REQUIRED.
 */
export function scanSendHeader(bytes: Uint8Array, start: number, end: number, out: SendHeader): boolean {
  const headerStart = start + FRAME_PREFIX_BYTES;
  const typeAndLength = readInt32(bytes, start + 4);
  const headerEnd = headerStart + (typeAndLength & 0xffffff);
  if (headerEnd > end) return false;
  clearSendHeader(out, bytes);
  out.bodyStart = headerEnd;
  out.bodyEnd = end;
  if (typeAndLength >>> 24 === SERIALIZE_ROCKETMQ) {
    out.isBinary = true;
    return scanBinary(bytes, headerStart, headerEnd, out);
  }
  out.isBinary = false;
  return scanJson(bytes, headerStart, headerEnd, out);
}

const WORD_CODE = asciiWord('code');
const WORD_FLAG = asciiWord('flag');
const WORD_OPAQ = asciiWord('opaq');
const WORD_VERS = asciiWord('vers');
const WORD_EXTF = asciiWord('extF');
const WORD_LANG = asciiWord('lang');
const WORD_UE = asciiWord('ue":');
const WORD_ION = asciiWord('ion"');
const WORD_IELD = asciiWord('ield');
const WORD_UAGE = asciiWord('uage');
const WORD_TRUE = asciiWord('true');
const WORD_ALSE = asciiWord('alse');
const MINUS = 0x2d;
const ZERO = 0x30;

/** 1 for the fields that are 32-bit integers. */
const IS_INT: Uint8Array = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 0);

/**
 * The header: compact, members in any order. One walk with two levels, `isExt` says in which it is; a key is known by a letter or by words of
 * four bytes, and a number is read while its end is looked for.
 */
function scanJson(bytes: Uint8Array, start: number, end: number, out: SendHeader): boolean {
  if (bytes[start] !== OPEN) return false;
  const view = sourceView(bytes);
  let isExt = false;
  let names = 0;
  let at = start + 1;
  for (;;) {
    // Words of four bytes are read from here on: what is shorter than any known member is for the exact way.
    if (bytes[at] !== QUOTE || at + 9 > end) return false;
    let field = 0;
    if (isExt) {
      if (bytes[at + 2] === QUOTE) {
        const letter = bytes[at + 1] as number;
        if (letter === BACKSLASH || letter === QUOTE) return false;
        field = letter - 0x60;
        if (field < 1 || field > BATCH) field = 0;
        else names |= 1;
        at += 3;
      } else {
        const keyStart = at + 1;
        for (at = keyStart; bytes[at] !== QUOTE; at++) if (at >= end || bytes[at] === BACKSLASH) return false;
        field = longField(bytes, keyStart, at - keyStart);
        if (field !== 0) names |= 2;
        at++;
      }
    } else {
      const word = view.getInt32(at + 1, true);
      if (word === WORD_CODE && bytes[at + 5] === QUOTE) {
        field = CODE;
        at += 6;
      } else if (word === WORD_FLAG && bytes[at + 5] === QUOTE) {
        field = FLAG;
        at += 6;
      } else if (word === WORD_OPAQ && view.getInt32(at + 5, true) === WORD_UE) {
        field = OPAQUE;
        at += 8;
      } else if (word === WORD_VERS && view.getInt32(at + 5, true) === WORD_ION) {
        field = VERSION;
        at += 9;
      } else if (word === WORD_EXTF && view.getInt32(at + 5, true) === WORD_IELD && bytes[at + 9] === 0x73 && bytes[at + 10] === QUOTE) {
        field = EXT_FIELDS;
        at += 11;
      } else if (word === WORD_LANG && view.getInt32(at + 5, true) === WORD_UAGE && bytes[at + 9] === QUOTE) {
        at += 10;
      } else {
        for (at++; bytes[at] !== QUOTE; at++) if (at >= end || bytes[at] === BACKSLASH) return false;
        at++;
      }
    }
    if (bytes[at] !== COLON) return false;
    at++;
    const isString = bytes[at] === QUOTE;
    if (field === EXT_FIELDS) {
      if (bytes[at] !== OPEN) return false;
      if (bytes[at + 1] !== CLOSE) {
        isExt = true;
        at++;
        continue;
      }
      at += 2;
    } else if (IS_INT[field] === 1) {
      if (isString) {
        if (!isExt) return false;
        at++;
      }
      const isNegative = bytes[at] === MINUS;
      if (isNegative) at++;
      const digitsStart = at;
      let value = 0;
      for (let digit = (bytes[at] as number) - ZERO; digit >= 0 && digit <= 9; digit = (bytes[at] as number) - ZERO) {
        value = (value * 10 + digit) | 0;
        at++;
      }
      if (isNegative) value = 0 - value;
      // More than nine digits may have wrapped.
      const digits = at - digitsStart;
      if (digits < 1 || digits > 9) value = plainInt(bytes, isNegative ? digitsStart - 1 : digitsStart, at);
      if (value === VALUE_ODD) return false;
      if (isString && bytes[at++] !== QUOTE) return false;
      takeInt(field, value, out);
    } else if (field === BORN_TIMESTAMP) {
      if (isString) at++;
      const digitsStart = at;
      let value = 0;
      for (let digit = (bytes[at] as number) - ZERO; digit >= 0 && digit <= 9; digit = (bytes[at] as number) - ZERO) {
        value = value * 10 + digit;
        at++;
        if (at - digitsStart > 15) return false;
      }
      if (at === digitsStart) return false;
      if (isString && bytes[at++] !== QUOTE) return false;
      out.bornTimestamp = value;
      out.found |= FOUND_BORN_TIMESTAMP;
    } else if (field === UNIT_MODE || field === BATCH) {
      if (isString) at++;
      if (at + 5 > end) return false;
      const isTrue = view.getInt32(at, true) === WORD_TRUE;
      if (!isTrue && (bytes[at] !== 0x66 || view.getInt32(at + 1, true) !== WORD_ALSE)) return false;
      at += isTrue ? 4 : 5;
      if (isString && bytes[at++] !== QUOTE) return false;
      if (field === UNIT_MODE) out.isUnitMode = isTrue;
      else out.isBatch = isTrue;
    } else if (isString) {
      const valueStart = ++at;
      let isEscaped = false;
      for (;;) {
        while (at + 4 <= end) {
          const word = view.getInt32(at, true);
          if ((hasByte(word, QUOTES) | hasByte(word, BACKSLASHES)) !== 0) break;
          at += 4;
        }
        while (at < end && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at++;
        if (at >= end) return false;
        if (bytes[at] === QUOTE) break;
        isEscaped = true;
        at += 2;
      }
      if (field === PROPERTIES) {
        out.propertiesStart = valueStart;
        out.propertiesEnd = at;
        out.arePropertiesEscaped = isEscaped;
      } else if (field !== 0) {
        // A topic or group with an escape is for the exact way.
        if (isEscaped) return false;
        takeText(field, valueStart, at, out);
      }
      at++;
    } else {
      // A bare word: of no interest, or null where a text is, which is for the exact way.
      if (field !== 0) return false;
      at = bareEnd(bytes, at, end);
      if (at < 0) return false;
    }
    if (isExt && bytes[at] === CLOSE) {
      if (areNamesMixed(names, out)) return false;
      isExt = false;
      names = 0;
      at++;
    }
    const after = bytes[at++];
    if (after === CLOSE) return !isExt && at === end;
    if (after !== COMMA) return false;
  }
}

function scanBinary(bytes: Uint8Array, start: number, end: number, out: SendHeader): boolean {
  if (end - start < BINARY_FIXED_BYTES) return false;
  out.code = readInt16(bytes, start);
  out.version = readInt16(bytes, start + 3);
  out.opaque = readInt32(bytes, start + 5);
  out.flag = readInt32(bytes, start + 9);
  const remarkLength = readInt32(bytes, start + 13);
  if (remarkLength < 0 || remarkLength > end - start - BINARY_FIXED_BYTES) return false;
  let at = start + BINARY_FIXED_BYTES + remarkLength;
  if (readInt32(bytes, at - 4) !== end - at) return false;
  let names = 0;
  while (at < end) {
    if (end - at < 6) return false;
    const nameLength = readInt16(bytes, at);
    const nameStart = at + 2;
    const valueStart = nameStart + nameLength + 4;
    if (nameLength < 0 || valueStart > end) return false;
    const valueLength = readInt32(bytes, valueStart - 4);
    if (valueLength < 0 || valueLength > end - valueStart) return false;
    at = valueStart + valueLength;
    const field = nameLength === 1 ? shortField(bytes[nameStart] as number) : longField(bytes, nameStart, nameLength);
    // An empty value is null in Java: absent.
    if (field === 0 || valueLength === 0) continue;
    names |= nameLength === 1 ? 1 : 2;
    if (!takeField(bytes, field, valueStart, at, true, false, out)) return false;
  }
  return !areNamesMixed(names, out);
}

/** Long and short names in one header, or short ones without `a` and `b`: which of them count is for the exact way to say. */
function areNamesMixed(names: number, out: SendHeader): boolean {
  return names === 3 || (names === 1 && (out.found & (FOUND_PRODUCER_GROUP | FOUND_TOPIC)) === 0);
}

function readInt16(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) >> 16) | (bytes[at + 1] as number);
}

const SHORT_NAMES = 'abcdefghijklm';

/**
 * Fills `out` from a decoded send: the exact way, for frames that the scanner left. `frame` is what the command was decoded from (its body
 * lies there). Short names count when `a` or `b` is there, else long ones. Throws FieldError for a malformed value; what is missing is
 * left out of `found`.
 */
export function fillFromCommand(command: RemotingCommand, frame: Uint8Array, out: SendHeader): void {
  const isShort = command.ext.has('a') || command.ext.has('b');
  const value = (field: number): string | undefined =>
    command.ext.get(isShort ? (SHORT_NAMES[field - 1] as string) : (LONG_NAMES[field - 1] as string));
  const texts = [PRODUCER_GROUP, TOPIC, DEFAULT_TOPIC, PROPERTIES].map((field) => Buffer.from(value(field) ?? ''));
  clearSendHeader(out, Buffer.concat(texts));
  out.code = command.code;
  out.opaque = command.opaque;
  out.flag = command.flag;
  out.version = command.version;
  out.isBinary = command.serializeType === SERIALIZE_ROCKETMQ;
  out.bodyStart = command.body.byteOffset - frame.byteOffset;
  out.bodyEnd = out.bodyStart + command.body.length;
  let at = 0;
  for (const [index, field] of [PRODUCER_GROUP, TOPIC, DEFAULT_TOPIC, PROPERTIES].entries()) {
    const end = at + (texts[index] as Buffer).length;
    if (value(field) !== undefined) takeField(out.text, field, at, end, true, false, out);
    at = end;
  }
  for (const field of [DEFAULT_TOPIC_QUEUE_NUMS, QUEUE_ID, SYS_FLAG, MESSAGE_FLAG, RECONSUME_TIMES, MAX_RECONSUME_TIMES]) {
    const text = value(field);
    if (text !== undefined) takeInt(field, exactInt(LONG_NAMES[field - 1] as string, text), out);
  }
  const bornTimestamp = value(BORN_TIMESTAMP);
  if (bornTimestamp !== undefined) {
    out.bornTimestamp = exactTime('bornTimestamp', bornTimestamp);
    out.found |= FOUND_BORN_TIMESTAMP;
  }
  out.isUnitMode = exactBoolean(value(UNIT_MODE) ?? '');
  out.isBatch = exactBoolean(value(BATCH) ?? '');
}

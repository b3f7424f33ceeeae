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
  asciiBytes,
  asciiWord,
  BACKSLASH,
  BACKSLASHES,
  bareEnd,
  CLOSE,
  COLON,
  COMMA,
  hasByte,
  isText,
  OPEN,
  plainBoolean,
  plainInt,
  plainLong,
  QUOTE,
  QUOTES,
  sourceView,
  VALUE_ODD,
} from './json-scan.ts';

/** Bits of `SendHeader.found`. */
export const FOUND_PRODUCER_GROUP = 1;
export const FOUND_TOPIC = 2;
export const FOUND_DEFAULT_TOPIC = 4;
export const FOUND_DEFAULT_TOPIC_QUEUE_NUMS = 8;
export const FOUND_QUEUE_ID = 16;
export const FOUND_SYS_FLAG = 32;
export const FOUND_BORN_TIMESTAMP = 64;
export const FOUND_MESSAGE_FLAG = 128;
/** All that a send must have. */
export const FOUND_REQUIRED = 255;

const REQUIRED_NAMES = [
  'producerGroup',
  'topic',
  'defaultTopic',
  'defaultTopicQueueNums',
  'queueId',
  'sysFlag',
  'bornTimestamp',
  'flag',
] as const;

const NO_BYTES = new Uint8Array(0);

/** One header, filled anew for every frame. Ranges are [start, end) within `text`; an absent text has start = end. */
export class SendHeader {
  /** Where the ranges of the text fields lie: the frame's bytes, or a copy when the slow way was taken. */
  text: Uint8Array = NO_BYTES;
  code = 0;
  opaque = 0;
  flag = 0;
  version = 0;
  /** True when the frame's header was binary: answer in kind. */
  isBinary = false;
  /** FOUND_ bits of the required fields that are there. */
  found = 0;
  producerGroupStart = 0;
  producerGroupEnd = 0;
  topicStart = 0;
  topicEnd = 0;
  defaultTopicStart = 0;
  defaultTopicEnd = 0;
  defaultTopicQueueNums = 0;
  queueId = 0;
  sysFlag = 0;
  /** Saturates at 2^53 − 1. */
  bornTimestamp = 0;
  messageFlag = 0;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** True: the range holds JSON escapes; take it through `unescapeInto`. */
  arePropertiesEscaped = false;
  reconsumeTimes = 0;
  isUnitMode = false;
  /** −1 when absent. */
  maxReconsumeTimes = -1;
  isBatch = false;
  /** The body, within the frame's bytes (not `text`). */
  bodyStart = 0;
  bodyEnd = 0;
}

/** Clears what a header need not have, and notes what stands before it. */
function begin(out: SendHeader, bytes: Uint8Array): void {
  out.text = bytes;
  out.code = 0;
  out.opaque = 0;
  out.flag = 0;
  out.version = 0;
  out.found = 0;
  out.producerGroupStart = 0;
  out.producerGroupEnd = 0;
  out.topicStart = 0;
  out.topicEnd = 0;
  out.defaultTopicStart = 0;
  out.defaultTopicEnd = 0;
  out.defaultTopicQueueNums = 0;
  out.queueId = 0;
  out.sysFlag = 0;
  out.bornTimestamp = 0;
  out.messageFlag = 0;
  out.propertiesStart = 0;
  out.propertiesEnd = 0;
  out.arePropertiesEscaped = false;
  out.reconsumeTimes = 0;
  out.isUnitMode = false;
  out.maxReconsumeTimes = -1;
  out.isBatch = false;
}

/**
 * Fills `out` from the send frame in `bytes[start, end)`. False: not understood, and `out` holds no meaning; take `decodeCommand` and
 * `fillFromCommand`. True says nothing of completeness: compare `found` with FOUND_REQUIRED.
 */
export function scanSendHeader(bytes: Uint8Array, start: number, end: number, out: SendHeader): boolean {
  const headerStart = start + FRAME_PREFIX_BYTES;
  const typeAndLength = readInt32(bytes, start + 4);
  const headerEnd = headerStart + (typeAndLength & 0xffffff);
  if (headerEnd > end) return false;
  begin(out, bytes);
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

/** Members of the top-level object, beyond the fields of a send. */
const CODE = 14;
const FLAG = 15;
const OPAQUE = 16;
const VERSION = 17;
const EXT_FIELDS = 18;

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

/** The fields by the letters of their short names: a = 1. */
const PRODUCER_GROUP = 1;
const TOPIC = 2;
const DEFAULT_TOPIC = 3;
const DEFAULT_TOPIC_QUEUE_NUMS = 4;
const QUEUE_ID = 5;
const SYS_FLAG = 6;
const BORN_TIMESTAMP = 7;
const MESSAGE_FLAG = 8;
const PROPERTIES = 9;
const RECONSUME_TIMES = 10;
const UNIT_MODE = 11;
const MAX_RECONSUME_TIMES = 12;
const BATCH = 13;

const LONG_NAMES = [
  'producerGroup',
  'topic',
  'defaultTopic',
  'defaultTopicQueueNums',
  'queueId',
  'sysFlag',
  'bornTimestamp',
  'flag',
  'properties',
  'reconsumeTimes',
  'unitMode',
  'maxReconsumeTimes',
  'batch',
] as const;
const LONG_NAME_BYTES: readonly Uint8Array[] = LONG_NAMES.map(asciiBytes);

function shortField(letter: number): number {
  const field = letter - 0x60;
  return field >= 1 && field <= BATCH ? field : 0;
}

/** Length and first letter single a name out; then it is compared whole. 0: not a field of a send. */
function longField(bytes: Uint8Array, start: number, length: number): number {
  const first = bytes[start];
  let field = 0;
  if (length === 4) field = MESSAGE_FLAG;
  else if (length === 5) field = first === 0x74 ? TOPIC : BATCH;
  else if (length === 7) field = first === 0x71 ? QUEUE_ID : SYS_FLAG;
  else if (length === 8) field = UNIT_MODE;
  else if (length === 10) field = PROPERTIES;
  else if (length === 12) field = DEFAULT_TOPIC;
  else if (length === 13) field = first === 0x70 ? PRODUCER_GROUP : BORN_TIMESTAMP;
  else if (length === 14) field = RECONSUME_TIMES;
  else if (length === 17) field = MAX_RECONSUME_TIMES;
  else if (length === 21) field = DEFAULT_TOPIC_QUEUE_NUMS;
  return field !== 0 && isText(bytes, start, LONG_NAME_BYTES[field - 1] as Uint8Array) ? field : 0;
}

/** Puts a value where it belongs. False: a text as a bare word, an escape where none is expected, a number that is not plain. */
function takeField(
  bytes: Uint8Array,
  field: number,
  start: number,
  end: number,
  isString: boolean,
  isEscaped: boolean,
  out: SendHeader,
): boolean {
  switch (field) {
    case PRODUCER_GROUP:
    case TOPIC:
    case DEFAULT_TOPIC:
      takeText(field, start, end, out);
      return isString && !isEscaped;
    case PROPERTIES:
      out.propertiesStart = start;
      out.propertiesEnd = end;
      out.arePropertiesEscaped = isEscaped;
      return isString;
    case BORN_TIMESTAMP: {
      const value = plainLong(bytes, start, end);
      out.bornTimestamp = value;
      out.found |= FOUND_BORN_TIMESTAMP;
      return value !== VALUE_ODD;
    }
    case UNIT_MODE: {
      const value = plainBoolean(bytes, start, end);
      out.isUnitMode = value === 1;
      return value !== VALUE_ODD;
    }
    case BATCH: {
      const value = plainBoolean(bytes, start, end);
      out.isBatch = value === 1;
      return value !== VALUE_ODD;
    }
    default: {
      const value = plainInt(bytes, start, end);
      if (value === VALUE_ODD) return false;
      takeInt(field, value, out);
      return true;
    }
  }
}

function takeText(field: number, start: number, end: number, out: SendHeader): void {
  if (field === PRODUCER_GROUP) {
    out.producerGroupStart = start;
    out.producerGroupEnd = end;
    out.found |= FOUND_PRODUCER_GROUP;
  } else if (field === TOPIC) {
    out.topicStart = start;
    out.topicEnd = end;
    out.found |= FOUND_TOPIC;
  } else {
    out.defaultTopicStart = start;
    out.defaultTopicEnd = end;
    out.found |= FOUND_DEFAULT_TOPIC;
  }
}

function takeInt(field: number, value: number, out: SendHeader): void {
  switch (field) {
    case CODE:
      out.code = value;
      break;
    case FLAG:
      out.flag = value;
      break;
    case OPAQUE:
      out.opaque = value;
      break;
    case VERSION:
      out.version = value;
      break;
    case DEFAULT_TOPIC_QUEUE_NUMS:
      out.defaultTopicQueueNums = value;
      out.found |= FOUND_DEFAULT_TOPIC_QUEUE_NUMS;
      break;
    case QUEUE_ID:
      out.queueId = value;
      out.found |= FOUND_QUEUE_ID;
      break;
    case SYS_FLAG:
      out.sysFlag = value;
      out.found |= FOUND_SYS_FLAG;
      break;
    case MESSAGE_FLAG:
      out.messageFlag = value;
      out.found |= FOUND_MESSAGE_FLAG;
      break;
    case RECONSUME_TIMES:
      out.reconsumeTimes = value;
      break;
    default:
      out.maxReconsumeTimes = value;
  }
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
  begin(out, Buffer.concat(texts));
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

/** Name of the first required field that `header` lacks; null when it has all. */
export function missingField(header: SendHeader): string | null {
  for (let index = 0; index < REQUIRED_NAMES.length; index++) {
    if ((header.found & (1 << index)) === 0) return REQUIRED_NAMES[index] as string;
  }
  return null;
}

/**
 * Reads the header of a pull (codes 11 and 361) out of the frame's bytes in one walk, without a string or an object. Text fields are given as
 * ranges of the bytes. What it does not understand it leaves to `decodeCommand` and `fillPullFromCommand`, which decide exactly.
 * Source: RocketMQ 5.3 `PullMessageRequestHeader`.
 */
import { readInt32 } from '../../model/message-record.ts';
import { BINARY_FIXED_BYTES } from './binary-header.ts';
import type { RemotingCommand } from './command.ts';
import { exactInt, exactLong, exactTime } from './field-reader.ts';
import { FRAME_PREFIX_BYTES, SERIALIZE_ROCKETMQ } from './frame-reader.ts';
import { asciiBytes, BACKSLASH, isNull, isText, plainInt, plainLong, VALUE_ODD } from './json-scan.ts';
import { type TakeValue, walkJsonHeader } from './json-walk.ts';

/** Bits of `PullHeader.found`, by the order of the field names below. */
export const PULL_FOUND_REQUIRED = 511;

const NO_BYTES = new Uint8Array(0);

/** One header, filled anew for every frame. Ranges are [start, end) within `text`; an absent text has start = end. */
export class PullHeader {
  /** Where the ranges of the text fields lie: the frame's bytes, or a copy when the slow way was taken. */
  text: Uint8Array = NO_BYTES;
  code = 0;
  opaque = 0;
  flag = 0;
  version = 0;
  /** True when the frame's header was binary: answer in kind. */
  isBinary = false;
  /** Bits of the required fields that are there. */
  found = 0;
  consumerGroupStart = 0;
  consumerGroupEnd = 0;
  topicStart = 0;
  topicEnd = 0;
  queueId = 0;
  queueOffset = 0;
  maxMsgNums = 0;
  /** PULL_ flags of system-flag.ts. */
  sysFlag = 0;
  commitOffset = 0;
  suspendTimeoutMillis = 0;
  subVersion = 0;
  /** The tag expression; its JSON escapes, if any, are resolved, for such a header takes the exact way. */
  subscriptionStart = 0;
  subscriptionEnd = 0;
  /** TAG when absent. */
  expressionTypeStart = 0;
  expressionTypeEnd = 0;
  /** −1 when absent. */
  maxMsgBytes = -1;
}

/** Fields: 1 to 9 are required; then those that need not be there. 0 is no field. */
const NAMES = [
  '',
  'consumerGroup',
  'topic',
  'queueId',
  'queueOffset',
  'maxMsgNums',
  'sysFlag',
  'commitOffset',
  'suspendTimeoutMillis',
  'subVersion',
  'subscription',
  'expressionType',
  'maxMsgBytes',
] as const;
const NAME_BYTES: readonly Uint8Array[] = NAMES.map(asciiBytes);
const CONSUMER_GROUP = 1;
const TOPIC = 2;
const QUEUE_ID = 3;
const QUEUE_OFFSET = 4;
const MAX_MSG_NUMS = 5;
const SYS_FLAG = 6;
const COMMIT_OFFSET = 7;
const SUSPEND_TIMEOUT_MILLIS = 8;
const SUB_VERSION = 9;
const SUBSCRIPTION = 10;
const EXPRESSION_TYPE = 11;
const MAX_MSG_BYTES = 12;

/** What each of the required bits of `found` stands for. */
export function missingPullField(header: PullHeader): string | null {
  for (let field = CONSUMER_GROUP; field <= SUB_VERSION; field++) {
    if ((header.found & (1 << (field - 1))) === 0) return NAMES[field] as string;
  }
  return null;
}

/**
 * Fills `out` from the pull frame in `bytes[start, end)`. False: not understood, and `out` holds no meaning; take `decodeCommand` and
 * `fillPullFromCommand`. True says nothing of completeness: compare `found` with PULL_FOUND_REQUIRED.
 */
export function scanPullHeader(bytes: Uint8Array, start: number, end: number, out: PullHeader): boolean {
  const headerStart = start + FRAME_PREFIX_BYTES;
  const typeAndLength = readInt32(bytes, start + 4);
  const headerEnd = headerStart + (typeAndLength & 0xffffff);
  if (headerEnd > end) return false;
  begin(out, bytes);
  out.isBinary = typeAndLength >>> 24 === SERIALIZE_ROCKETMQ;
  return out.isBinary ? scanBinary(bytes, headerStart, headerEnd, out) : walkJsonHeader(bytes, headerStart, headerEnd, out, takeJsonField);
}

/** Fills `out` from a decoded pull, exactly. Throws FieldError for a malformed value; what is missing is left out of `found`. */
export function fillPullFromCommand(command: RemotingCommand, out: PullHeader): void {
  const texts = [CONSUMER_GROUP, TOPIC, SUBSCRIPTION, EXPRESSION_TYPE];
  const parts = texts.map((field) => Buffer.from(command.ext.get(NAMES[field] as string) ?? ''));
  begin(out, Buffer.concat(parts));
  out.code = command.code;
  out.opaque = command.opaque;
  out.flag = command.flag;
  out.version = command.version;
  out.isBinary = command.serializeType === SERIALIZE_ROCKETMQ;
  let at = 0;
  for (const [index, field] of texts.entries()) {
    const end = at + (parts[index] as Buffer).length;
    if (command.ext.has(NAMES[field] as string)) takeText(field, at, end, out);
    at = end;
  }
  for (let field = QUEUE_ID; field <= MAX_MSG_BYTES; field++) {
    const name = NAMES[field] as string;
    const text = command.ext.get(name);
    if (text === undefined || field === SUBSCRIPTION || field === EXPRESSION_TYPE) continue;
    const isOffset = field === QUEUE_OFFSET || field === COMMIT_OFFSET;
    takeNumber(field, isOffset ? exactLong(name, text) : isLong(field) ? exactTime(name, text) : exactInt(name, text), out);
  }
}

function begin(out: PullHeader, bytes: Uint8Array): void {
  out.text = bytes;
  out.code = 0;
  out.opaque = 0;
  out.flag = 0;
  out.version = 0;
  out.found = 0;
  out.consumerGroupStart = 0;
  out.consumerGroupEnd = 0;
  out.topicStart = 0;
  out.topicEnd = 0;
  out.queueId = 0;
  out.queueOffset = 0;
  out.maxMsgNums = 0;
  out.sysFlag = 0;
  out.commitOffset = 0;
  out.suspendTimeoutMillis = 0;
  out.subVersion = 0;
  out.subscriptionStart = 0;
  out.subscriptionEnd = 0;
  out.expressionTypeStart = 0;
  out.expressionTypeEnd = 0;
  out.maxMsgBytes = -1;
}

function scanBinary(bytes: Uint8Array, start: number, end: number, out: PullHeader): boolean {
  if (end - start < BINARY_FIXED_BYTES) return false;
  out.code = (((bytes[start] as number) << 24) >> 16) | (bytes[start + 1] as number);
  out.version = (((bytes[start + 3] as number) << 24) >> 16) | (bytes[start + 4] as number);
  out.opaque = readInt32(bytes, start + 5);
  out.flag = readInt32(bytes, start + 9);
  const remarkLength = readInt32(bytes, start + 13);
  if (remarkLength < 0 || remarkLength > end - start - BINARY_FIXED_BYTES) return false;
  let at = start + BINARY_FIXED_BYTES + remarkLength;
  if (readInt32(bytes, at - 4) !== end - at) return false;
  while (at < end) {
    if (end - at < 6) return false;
    const nameLength = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const valueStart = at + 6 + nameLength;
    if (valueStart > end) return false;
    const valueLength = readInt32(bytes, valueStart - 4);
    if (valueLength < 0 || valueLength > end - valueStart) return false;
    const field = fieldOf(bytes, at + 2, nameLength);
    at = valueStart + valueLength;
    // An empty value is null in Java: absent.
    if (valueLength > 0 && !takeField(bytes, field, valueStart, at, true, false, out)) return false;
  }
  return true;
}

/** Length and some letter single a name out; then it is compared whole. */
function fieldOf(bytes: Uint8Array, start: number, length: number): number {
  let field = 0;
  if (length === 5) field = TOPIC;
  else if (length === 7) field = bytes[start] === 0x71 ? QUEUE_ID : SYS_FLAG;
  else if (length === 10) field = bytes[start] === 0x6d ? MAX_MSG_NUMS : SUB_VERSION;
  else if (length === 11) field = bytes[start] === 0x71 ? QUEUE_OFFSET : MAX_MSG_BYTES;
  else if (length === 12) field = bytes[start] === 0x63 ? COMMIT_OFFSET : SUBSCRIPTION;
  else if (length === 13) field = CONSUMER_GROUP;
  else if (length === 14) field = EXPRESSION_TYPE;
  else if (length === 20) field = SUSPEND_TIMEOUT_MILLIS;
  return field !== 0 && isText(bytes, start, NAME_BYTES[field] as Uint8Array) ? field : 0;
}

function isLong(field: number): boolean {
  return field === QUEUE_OFFSET || field === COMMIT_OFFSET || field === SUSPEND_TIMEOUT_MILLIS || field === SUB_VERSION;
}

const takeJsonField: TakeValue<PullHeader> = (bytes, key, keyLength, start, end, isString, out) => {
  return takeField(bytes, fieldOf(bytes, key, keyLength), start, end, isString, true, out);
};

/** False: what only the exact way can judge. `isJson`: a text may hold escapes. */
function takeField(
  bytes: Uint8Array,
  field: number,
  start: number,
  end: number,
  isString: boolean,
  isJson: boolean,
  out: PullHeader,
): boolean {
  if (field === 0 || (!isString && isNull(bytes, start, end))) return true;
  if (field === CONSUMER_GROUP || field === TOPIC || field === SUBSCRIPTION || field === EXPRESSION_TYPE) {
    if (!isString) return false;
    if (isJson) for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return false;
    takeText(field, start, end, out);
    return true;
  }
  const value = isLong(field) ? plainLong(bytes, start, end) : plainInt(bytes, start, end);
  if (value === VALUE_ODD) return false;
  takeNumber(field, value, out);
  return true;
}

function takeText(field: number, start: number, end: number, out: PullHeader): void {
  if (field === CONSUMER_GROUP) {
    out.consumerGroupStart = start;
    out.consumerGroupEnd = end;
    out.found |= 1;
  } else if (field === TOPIC) {
    out.topicStart = start;
    out.topicEnd = end;
    out.found |= 2;
  } else if (field === SUBSCRIPTION) {
    out.subscriptionStart = start;
    out.subscriptionEnd = end;
  } else {
    out.expressionTypeStart = start;
    out.expressionTypeEnd = end;
  }
}

function takeNumber(field: number, value: number, out: PullHeader): void {
  if (field <= SUB_VERSION) out.found |= 1 << (field - 1);
  switch (field) {
    case QUEUE_ID:
      out.queueId = value;
      break;
    case QUEUE_OFFSET:
      out.queueOffset = value;
      break;
    case MAX_MSG_NUMS:
      out.maxMsgNums = value;
      break;
    case SYS_FLAG:
      out.sysFlag = value;
      break;
    case COMMIT_OFFSET:
      out.commitOffset = value;
      break;
    case SUSPEND_TIMEOUT_MILLIS:
      out.suspendTimeoutMillis = value;
      break;
    case SUB_VERSION:
      out.subVersion = value;
      break;
    default:
      out.maxMsgBytes = value;
  }
}

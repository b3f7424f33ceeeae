/**
 * What a send's header says, and how its fields are known: by the letters of their short names or by their long ones. One SendHeader is reused for
 * every frame of a shard. Source: RocketMQ 5.3 `SendMessageRequestHeader`, `SendMessageRequestHeaderV2`.
 */
import { asciiBytes, isText, plainBoolean, plainInt, plainLong, VALUE_ODD } from './json-scan.ts';

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
export function clearSendHeader(out: SendHeader, bytes: Uint8Array): void {
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

/** Name of the first required field that `header` lacks; null when it has all. */
export function missingField(header: SendHeader): string | null {
  for (let index = 0; index < REQUIRED_NAMES.length; index++) {
    if ((header.found & (1 << index)) === 0) return REQUIRED_NAMES[index] as string;
  }
  return null;
}

/** The fields by the letters of their short names: a = 1. */
export const PRODUCER_GROUP = 1;
export const TOPIC = 2;
export const DEFAULT_TOPIC = 3;
export const DEFAULT_TOPIC_QUEUE_NUMS = 4;
export const QUEUE_ID = 5;
export const SYS_FLAG = 6;
export const BORN_TIMESTAMP = 7;
export const MESSAGE_FLAG = 8;
export const PROPERTIES = 9;
export const RECONSUME_TIMES = 10;
export const UNIT_MODE = 11;
export const MAX_RECONSUME_TIMES = 12;
export const BATCH = 13;

/** Members of the top-level object, beyond the fields of a send. */
export const CODE = 14;
export const FLAG = 15;
export const OPAQUE = 16;
export const VERSION = 17;
export const EXT_FIELDS = 18;

export const LONG_NAMES = [
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

export function shortField(letter: number): number {
  const field = letter - 0x60;
  return field >= 1 && field <= BATCH ? field : 0;
}

/** Length and first letter single a name out; then it is compared whole. 0: not a field of a send. */
export function longField(bytes: Uint8Array, start: number, length: number): number {
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
export function takeField(
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

export function takeText(field: number, start: number, end: number, out: SendHeader): void {
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

export function takeInt(field: number, value: number, out: SendHeader): void {
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

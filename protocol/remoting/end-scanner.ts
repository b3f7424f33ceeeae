/**
 * Reads the header of a transaction's end (code 37) out of the frame's bytes in one walk, without a string or an object. What it does not
 * understand, the binary header among it, it leaves to `decodeCommand` and `decodeEndTransactionRequest`, which decide exactly.
 * Source: RocketMQ 5.3 `EndTransactionRequestHeader`.
 */
import { javaHashBytes } from '../../model/java-hash.ts';
import { readInt32 } from '../../model/message-record.ts';
import { FRAME_PREFIX_BYTES, SERIALIZE_ROCKETMQ } from './frame-reader.ts';
import { asciiBytes, BACKSLASH, isNull, isText, plainBoolean, plainInt, plainLong, VALUE_ODD } from './json-scan.ts';
import { type HeaderMembers, type TakeValue, walkJsonHeader } from './json-walk.ts';

/** `found` of a header that has all it must have. */
export const END_FOUND_REQUIRED = 31;

/** One header, filled anew for every frame. The group is [groupStart, groupEnd) of the frame's bytes. */
export class EndHeader implements HeaderMembers {
  code = 0;
  flag = 0;
  opaque = 0;
  version = 0;
  /** Bits of the required fields that are there. */
  found = 0;
  groupStart = 0;
  groupEnd = 0;
  /** Place of the half message in its queue, and in the log. */
  halfOffset = 0;
  physical = 0;
  /** A transaction type (system-flag.ts). */
  outcome = 0;
  isFromCheck = false;
  /** Java's hashes of the texts that name the message; 0: none. */
  transactionIdHash = 0;
  messageIdHash = 0;
}

const GROUP = asciiBytes('producerGroup');
const HALF_OFFSET = asciiBytes('tranStateTableOffset');
const PHYSICAL = asciiBytes('commitLogOffset');
const OUTCOME = asciiBytes('commitOrRollback');
const MESSAGE_ID = asciiBytes('msgId');
const TRANSACTION_ID = asciiBytes('transactionId');
const IS_FROM_CHECK = asciiBytes('fromTransactionCheck');

/** Fills `out` from the frame in `bytes[start, end)`. False: not understood. True says nothing of completeness: see END_FOUND_REQUIRED. */
export function scanEndHeader(bytes: Uint8Array, start: number, end: number, out: EndHeader): boolean {
  const headerStart = start + FRAME_PREFIX_BYTES;
  const typeAndLength = readInt32(bytes, start + 4);
  const headerEnd = headerStart + (typeAndLength & 0xffffff);
  if (headerEnd > end || typeAndLength >>> 24 === SERIALIZE_ROCKETMQ) return false;
  out.flag = 0;
  out.found = 0;
  out.isFromCheck = false;
  out.transactionIdHash = 0;
  return walkJsonHeader(bytes, headerStart, headerEnd, out, takeField);
}

/** Length and first letter single a name out; then it is compared whole. */
const takeField: TakeValue<EndHeader> = (bytes, key, keyLength, start, end, isString, out) => {
  if (!isString && isNull(bytes, start, end)) return true;
  switch (keyLength) {
    case 5:
      if (!isText(bytes, key, MESSAGE_ID)) return true;
      out.found |= 1;
      out.messageIdHash = javaHashBytes(bytes, start, end);
      return isString && isAsItStands(bytes, start, end);
    case 13:
      if (isText(bytes, key, TRANSACTION_ID)) {
        out.transactionIdHash = javaHashBytes(bytes, start, end);
        return isString && isAsItStands(bytes, start, end);
      }
      if (!isText(bytes, key, GROUP)) return true;
      if (!isAsItStands(bytes, start, end)) return false;
      out.groupStart = start;
      out.groupEnd = end;
      out.found |= 2;
      return isString;
    case 15:
      if (!isText(bytes, key, PHYSICAL)) return true;
      out.physical = plainLong(bytes, start, end);
      out.found |= 4;
      return out.physical !== VALUE_ODD;
    case 16:
      if (!isText(bytes, key, OUTCOME)) return true;
      out.outcome = plainInt(bytes, start, end);
      out.found |= 8;
      return out.outcome !== VALUE_ODD;
    case 20: {
      if (isText(bytes, key, IS_FROM_CHECK)) {
        const value = plainBoolean(bytes, start, end);
        out.isFromCheck = value === 1;
        return value !== VALUE_ODD;
      }
      if (!isText(bytes, key, HALF_OFFSET)) return true;
      out.halfOffset = plainLong(bytes, start, end);
      out.found |= 16;
      return out.halfOffset !== VALUE_ODD;
    }
    default:
      return true;
  }
};

/** Nothing in it stands for something else. */
function isAsItStands(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return false;
  return true;
}

/**
 * Sound record: whether what lies in the log is the record that a unit means. A former run of the broker may have left bytes behind that its
 * disk never got: its records count only with the right checksum of the body. Pure.
 */
import { bodyCrc32 } from '../../model/crc32.ts';
import { BODY_CRC_AT, bodyLengthAt, MAGIC_AT, RECORD_MAGIC_V1, readInt32 } from '../../model/message-record.ts';
import { wrongRecord } from '../../storage/commit-log/scan-record.ts';

/** Why the record at `at` is not the one of `size` bytes at `physical`; '' when it is. Those before `checkedEnd` show their body's checksum too. */
export function wrongStored(bytes: Uint8Array, at: number, size: number, physical: number, checkedEnd: number): string {
  const reason = wrongRecord(bytes, at, size, physical);
  return reason === '' && physical < checkedEnd ? wrongBody(bytes, at, size) : reason;
}

/** Whether the lengths of a record whose head is sound make its size. */
export function doLengthsAddUp(bytes: Uint8Array, at: number, size: number): boolean {
  const lengthAt = bodyLengthAt(bytes, at);
  const bodyBytes = readInt32(bytes, lengthAt);
  const end = at + size;
  if (bodyBytes < 0 || lengthAt + 4 + bodyBytes > end) return false;
  let next = lengthAt + 4 + bodyBytes;
  const topicBytes = readInt32(bytes, at + MAGIC_AT) === RECORD_MAGIC_V1 ? bytes[next++]! : (bytes[next++]! << 8) | bytes[next++]!;
  next += topicBytes;
  return next + 2 + ((bytes[next]! << 8) | bytes[next + 1]!) === end;
}

/** Why the body of a record whose head is sound is not the one that was stored; '' when it is. */
function wrongBody(bytes: Uint8Array, at: number, size: number): string {
  const lengthAt = bodyLengthAt(bytes, at);
  const length = readInt32(bytes, lengthAt);
  const start = lengthAt + 4;
  if (length < 0 || start + length > at + size) return 'its lengths do not add up to its size';
  const isSound = length === 0 || bodyCrc32(bytes, start, start + length) === readInt32(bytes, at + BODY_CRC_AT);
  return isSound ? '' : 'its body does not have its CRC';
}

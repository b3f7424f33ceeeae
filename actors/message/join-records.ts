/**
 * Joins the parts in which a reader gave records to one body. Pure. A record at the end that is cut off is left out: it was removed while it was
 * read.
 */
import { RECORD_FIXED_BYTES, readInt32 } from '../../model/message-record.ts';

/** The records in the order in which the parts have them. */
export function wholeRecords(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  let end = 0;
  while (end + RECORD_FIXED_BYTES <= bytes.length) {
    const size = readInt32(bytes, end);
    if (size < RECORD_FIXED_BYTES || end + size > bytes.length) break;
    end += size;
  }
  return bytes.subarray(0, end);
}

/** The oldest first, of records that came newest first: as the Java broker answers a query. */
export function joinRecords(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  const starts: number[] = [];
  let end = 0;
  while (end + RECORD_FIXED_BYTES <= bytes.length) {
    const size = readInt32(bytes, end);
    if (size < RECORD_FIXED_BYTES || end + size > bytes.length) break;
    starts.push(end);
    end += size;
  }
  if (starts.length <= 1) return bytes.subarray(0, end);
  const joined = new Uint8Array(end);
  let at = 0;
  for (let index = starts.length - 1; index >= 0; index--) {
    const record = bytes.subarray(starts[index]!, starts[index + 1] ?? end);
    joined.set(record, at);
    at += record.length;
  }
  return joined;
}

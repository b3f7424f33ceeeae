/**
 * The ROCKETMQ (binary) form of a command's header, both ways. Codes have 16 bits here, so the pop family cannot travel in it.
 * Fails with a FrameError. Source: RocketMQ 5.3 `RocketMQSerializable`.
 *
 *   0  code      2      9  flag          4
 *   2  language  1     13  remarkLength  4   (0: none)
 *   3  version   2         remark        n
 *   5  opaque    4         extLength     4   (0: none)
 *                          extLength bytes of: nameLength 2, name, valueLength 4, value
 */
import { readInt32, writeInt32 } from '../../model/message-record.ts';
import { utf8Text } from '../../model/utf8.ts';
import { type CommandHeader, EXT_FIELDS_MAX } from './command-header.ts';
import { FrameError } from './errors.ts';
import { languageCode, languageOf } from './language-code.ts';

/** Largest code that fits; signed, as Java reads it. */
export const BINARY_CODE_MAX = 0x7fff;
export const BINARY_FIXED_BYTES = 21;

export function decodeBinaryHeader(bytes: Uint8Array, start: number, end: number): CommandHeader {
  if (end - start < BINARY_FIXED_BYTES)
    throw new FrameError('malformed-header', `A binary header of ${end - start} bytes; the shortest has ${BINARY_FIXED_BYTES}`);
  const remarkAt = start + 17;
  const remarkLength = readInt32(bytes, start + 13);
  if (remarkLength < 0 || remarkLength > end - remarkAt - 4)
    throw new FrameError('malformed-header', `A remark of ${remarkLength} bytes in a header of ${end - start}`);
  const extAt = remarkAt + remarkLength + 4;
  const extLength = readInt32(bytes, extAt - 4);
  if (extLength < 0 || extLength > end - extAt)
    throw new FrameError('malformed-header', `Header fields of ${extLength} bytes in a header of ${end - start}`);
  return {
    code: readInt16(bytes, start),
    language: languageOf(bytes[start + 2] as number),
    version: readInt16(bytes, start + 3),
    opaque: readInt32(bytes, start + 5),
    flag: readInt32(bytes, start + 9),
    remark: remarkLength === 0 ? null : utf8Text(bytes, remarkAt, remarkAt + remarkLength),
    ext: decodeFields(bytes, extAt, extAt + extLength),
  };
}

export function encodeBinaryHeader(header: CommandHeader): Uint8Array {
  const remark = Buffer.from(header.remark ?? '');
  const parts: Uint8Array[] = [];
  let extLength = 0;
  for (const [name, value] of header.ext) {
    const nameBytes = Buffer.from(name);
    const valueBytes = Buffer.from(value);
    if (nameBytes.length > 0x7fff) throw new FrameError('malformed-header', `A field name of ${nameBytes.length} bytes; 32767 are allowed`);
    parts.push(nameBytes, valueBytes);
    extLength += 6 + nameBytes.length + valueBytes.length;
  }
  const bytes = new Uint8Array(BINARY_FIXED_BYTES + remark.length + extLength);
  writeInt16(bytes, 0, header.code);
  bytes[2] = languageCode(header.language);
  writeInt16(bytes, 3, header.version);
  writeInt32(bytes, 5, header.opaque);
  writeInt32(bytes, 9, header.flag);
  writeInt32(bytes, 13, remark.length);
  bytes.set(remark, 17);
  let at = 17 + remark.length;
  writeInt32(bytes, at, extLength);
  at += 4;
  for (let index = 0; index < parts.length; index += 2) {
    const name = parts[index] as Uint8Array;
    const value = parts[index + 1] as Uint8Array;
    writeInt16(bytes, at, name.length);
    bytes.set(name, at + 2);
    writeInt32(bytes, at + 2 + name.length, value.length);
    bytes.set(value, at + 6 + name.length);
    at += 6 + name.length + value.length;
  }
  return bytes;
}

/** The code alone; −1 when the header is too short to have one. */
export function binaryHeaderCode(bytes: Uint8Array, start: number, end: number): number {
  return end - start < BINARY_FIXED_BYTES ? -1 : readInt16(bytes, start);
}

function decodeFields(bytes: Uint8Array, start: number, end: number): Map<string, string> {
  const fields = new Map<string, string>();
  let count = 0;
  for (let at = start; at < end; ) {
    if (++count > EXT_FIELDS_MAX) throw new FrameError('malformed-header', `More than ${EXT_FIELDS_MAX} header fields`);
    const nameLength = end - at < 6 ? -1 : readInt16(bytes, at);
    const valueAt = at + 2 + nameLength + 4;
    const valueLength = nameLength < 0 || valueAt > end ? -1 : readInt32(bytes, valueAt - 4);
    if (valueLength < 0 || valueLength > end - valueAt)
      throw new FrameError('malformed-header', `Header field ${count} goes beyond the header`);
    // An empty text is null in Java, so a field with an empty name or value is not there.
    if (nameLength > 0 && valueLength > 0)
      fields.set(utf8Text(bytes, at + 2, valueAt - 4), utf8Text(bytes, valueAt, valueAt + valueLength));
    at = valueAt + valueLength;
  }
  return fields;
}

function readInt16(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) >> 16) | (bytes[at + 1] as number);
}

function writeInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

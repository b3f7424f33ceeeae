/**
 * A remoting command, request or answer, decoded whole: the way of everything that is not a send or a pull on the hot path.
 * Decoding fails with a FrameError; the connection is then to be closed, as Java does.
 * Source: RocketMQ 5.3 `RemotingCommand`, `RocketMQSerializable`, `RemotingSerializable`.
 */
import { readInt32, writeInt32 } from '../../model/message-record.ts';
import { BINARY_CODE_MAX, binaryHeaderCode, decodeBinaryHeader, encodeBinaryHeader } from './binary-header.ts';
import { type CommandHeader, type ExtFields, HEADER_BYTES_MAX } from './command-header.ts';
import { FrameError } from './errors.ts';
import { FRAME_PREFIX_BYTES, SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from './frame-reader.ts';
import { decodeJsonHeader, encodeJsonHeader, jsonHeaderCode } from './json-header.ts';
import type { Language } from './language-code.ts';

/** What we say of ourselves in every frame: the ordinal of RocketMQ 5.4.0. */
export const OUR_VERSION = 493;
export const OUR_LANGUAGE: Language = 'JAVA';

export const RESPONSE_FLAG = 1;
export const ONEWAY_FLAG = 2;

export type SerializeType = typeof SERIALIZE_JSON | typeof SERIALIZE_ROCKETMQ;

export type RemotingCommand = CommandHeader & {
  /** A view of the frame's bytes, empty when there is none: copy what outlives the call. */
  body: Uint8Array;
  serializeType: SerializeType;
};

export type { ExtFields } from './command-header.ts';

/** What to send. What is left out: our version and language, JSON, no remark, no fields, no body. */
export type CommandFields = {
  readonly code: number;
  readonly opaque: number;
  /** RESPONSE_FLAG, ONEWAY_FLAG */
  readonly flag?: number;
  readonly remark?: string | null;
  readonly ext?: ExtFields | null;
  readonly body?: Uint8Array | null;
  readonly serializeType?: SerializeType;
  readonly version?: number;
  readonly language?: Language;
};

/** Decodes the frame in `bytes[start, end)`, `start` at its length field, as FrameReader hands it on. */
export function decodeCommand(bytes: Uint8Array, start: number, end: number): RemotingCommand {
  if (end - start < FRAME_PREFIX_BYTES || end > bytes.length)
    throw new FrameError('frame-too-short', `A frame of ${end - start} bytes; the shortest has ${FRAME_PREFIX_BYTES}`);
  const serializeType = bytes[start + 4] as number;
  const headerStart = start + FRAME_PREFIX_BYTES;
  const headerEnd = headerStart + (readInt32(bytes, start + 4) & 0xffffff);
  if (headerEnd > end)
    throw new FrameError('header-beyond-frame', `A header of ${headerEnd - headerStart} bytes in a frame with ${end - headerStart}`);
  if (headerEnd - headerStart > HEADER_BYTES_MAX)
    throw new FrameError('header-too-large', `A header of ${headerEnd - headerStart} bytes; ${HEADER_BYTES_MAX} are allowed`);
  if (serializeType !== SERIALIZE_JSON && serializeType !== SERIALIZE_ROCKETMQ)
    throw new FrameError('unknown-serializer', `Unknown serialize type ${serializeType}; 0 (JSON) and 1 (ROCKETMQ) are understood`);
  const header =
    serializeType === SERIALIZE_JSON ? decodeJsonHeader(bytes, headerStart, headerEnd) : decodeBinaryHeader(bytes, headerStart, headerEnd);
  return { ...header, body: bytes.subarray(headerEnd, end), serializeType };
}

/** The frame of a command. Codes beyond the binary header's 16 bits go out in JSON whatever was asked. */
export function encodeCommand(fields: CommandFields): Uint8Array {
  const body = fields.body ?? null;
  const bodyBytes = body === null ? 0 : body.length;
  const header = encodeHeader(fields);
  const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + header.length + bodyBytes);
  writePrefix(frame, header.length, bodyBytes, frameSerializeType(fields));
  frame.set(header, FRAME_PREFIX_BYTES);
  if (body !== null) frame.set(body, FRAME_PREFIX_BYTES + header.length);
  return frame;
}

/** The frame of a command up to its body of `bodyBytes`, which the caller writes after it. */
export function encodeCommandHead(fields: CommandFields, bodyBytes: number): Uint8Array {
  const header = encodeHeader(fields);
  const head = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + header.length);
  writePrefix(head, header.length, bodyBytes, frameSerializeType(fields));
  head.set(header, FRAME_PREFIX_BYTES);
  return head;
}

/** The frame that answers `request`: its opaque, its serialization. */
export function encodeResponse(
  request: { readonly opaque: number; readonly serializeType: SerializeType },
  code: number,
  remark: string | null = null,
  ext: ExtFields | null = null,
  body: Uint8Array | null = null,
): Uint8Array {
  return encodeCommand({ code, opaque: request.opaque, flag: RESPONSE_FLAG, remark, ext, body, serializeType: request.serializeType });
}

/** The code of the frame in `bytes[start, end)` without decoding it; −1 when its header is not understood at a glance. */
export function peekHeader(bytes: Uint8Array, start: number, end: number): number {
  const headerStart = start + FRAME_PREFIX_BYTES;
  const headerEnd = headerStart + (readInt32(bytes, start + 4) & 0xffffff);
  if (headerEnd > end) return -1;
  const serializeType = bytes[start + 4];
  if (serializeType === SERIALIZE_JSON) return jsonHeaderCode(bytes, headerStart, headerEnd);
  return serializeType === SERIALIZE_ROCKETMQ ? binaryHeaderCode(bytes, headerStart, headerEnd) : -1;
}

/** True when the frame's header says that it is an answer to one of our requests. */
export function isResponse(flag: number): boolean {
  return (flag & RESPONSE_FLAG) !== 0;
}

/** True when the sender wants no answer, not even an error. */
export function isOneway(flag: number): boolean {
  return (flag & ONEWAY_FLAG) !== 0;
}

function frameSerializeType(fields: CommandFields): SerializeType {
  return fields.code > BINARY_CODE_MAX ? SERIALIZE_JSON : (fields.serializeType ?? SERIALIZE_JSON);
}

function encodeHeader(fields: CommandFields): Uint8Array {
  const ext = fields.ext ?? null;
  const header = {
    code: fields.code,
    language: fields.language ?? OUR_LANGUAGE,
    version: fields.version ?? OUR_VERSION,
    opaque: fields.opaque,
    flag: fields.flag ?? 0,
    remark: fields.remark ?? null,
  };
  return frameSerializeType(fields) === SERIALIZE_JSON
    ? encodeJsonHeader(header, ext)
    : encodeBinaryHeader({ ...header, ext: extMap(ext) });
}

function extMap(ext: ExtFields | null): Map<string, string> {
  if (ext === null) return new Map();
  if (ext instanceof Map) return ext;
  const map = new Map<string, string>();
  for (const [name, value] of Object.entries(ext)) {
    if (value !== null && value !== undefined) map.set(name, String(value));
  }
  return map;
}

function writePrefix(frame: Uint8Array, headerBytes: number, bodyBytes: number, serializeType: SerializeType): void {
  writeInt32(frame, 0, 4 + headerBytes + bodyBytes);
  writeInt32(frame, 4, (serializeType << 24) | headerBytes);
}

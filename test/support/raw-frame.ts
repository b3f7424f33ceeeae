/**
 * Remoting frames written and read by the rules of the protocol alone, apart from `protocol/remoting`: what the tests
 * compare that room with. Owns no socket. Fails by throwing on a frame that is not one.
 * Source: RocketMQ `RemotingCommand`, `RocketMQSerializable`.
 */

/** How a frame's header is written. */
export type HeaderEncoding = 'json' | 'binary';

/** A frame with its header decoded; `ext` values are strings as they were on the wire, other scalars in their JSON text. */
export type RawFrame = {
  code: number;
  opaque: number;
  flag: number;
  version: number;
  language: string;
  remark: string | null;
  ext: Record<string, string> | null;
  body: Buffer;
  encoding: HeaderEncoding;
};

/** What a sender chooses. */
export type RawFrameInput = {
  code: number;
  opaque: number;
  flag?: number;
  version?: number;
  language?: string;
  remark?: string | null;
  ext?: Record<string, unknown> | null;
  body?: Uint8Array;
  encoding?: HeaderEncoding;
};

const LANGUAGES = ['JAVA', 'CPP', 'DOTNET', 'PYTHON', 'DELPHI', 'ERLANG', 'RUBY', 'OTHER', 'HTTP', 'GO', 'PHP', 'OMS', 'RUST', 'NODE_JS'];

/** The largest `length` word that a server has to take. */
export const FRAME_LENGTH_MAX = 16 * 1024 * 1024;

/** Encodes one frame, length word included. */
export function encodeRawFrame(input: RawFrameInput): Buffer {
  const header = input.encoding === 'binary' ? binaryHeader(input) : jsonHeader(input);
  const body = input.body ?? new Uint8Array(0);
  const frame = Buffer.alloc(8 + header.length + body.length);
  frame.writeInt32BE(4 + header.length + body.length, 0);
  frame.writeUInt8(input.encoding === 'binary' ? 1 : 0, 4);
  frame.writeUIntBE(header.length, 5, 3);
  header.copy(frame, 8);
  frame.set(body, 8 + header.length);
  return frame;
}

function jsonHeader(input: RawFrameInput): Buffer {
  const header: Record<string, unknown> = { code: input.code };
  if (input.ext !== null && input.ext !== undefined) header.extFields = input.ext;
  header.flag = input.flag ?? 0;
  header.language = input.language ?? 'JAVA';
  header.opaque = input.opaque;
  if (input.remark !== null && input.remark !== undefined) header.remark = input.remark;
  header.serializeTypeCurrentRPC = 'JSON';
  header.version = input.version ?? 479;
  return Buffer.from(JSON.stringify(header), 'utf8');
}

function binaryHeader(input: RawFrameInput): Buffer {
  const remark = Buffer.from(input.remark ?? '', 'utf8');
  const entries: Buffer[] = [];
  for (const [key, value] of Object.entries(input.ext ?? {})) {
    const keyBytes = Buffer.from(key, 'utf8');
    const valueBytes = Buffer.from(String(value), 'utf8');
    const entry = Buffer.alloc(2 + keyBytes.length + 4 + valueBytes.length);
    entry.writeInt16BE(keyBytes.length, 0);
    keyBytes.copy(entry, 2);
    entry.writeInt32BE(valueBytes.length, 2 + keyBytes.length);
    valueBytes.copy(entry, 6 + keyBytes.length);
    entries.push(entry);
  }
  const ext = Buffer.concat(entries);
  const fixed = Buffer.alloc(17);
  fixed.writeInt16BE(input.code, 0);
  fixed.writeInt8(Math.max(0, LANGUAGES.indexOf(input.language ?? 'JAVA')), 2);
  fixed.writeInt16BE(input.version ?? 479, 3);
  fixed.writeInt32BE(input.opaque, 5);
  fixed.writeInt32BE(input.flag ?? 0, 9);
  fixed.writeInt32BE(remark.length, 13);
  const extLength = Buffer.alloc(4);
  extLength.writeInt32BE(ext.length, 0);
  return Buffer.concat([fixed, remark, extLength, ext]);
}

/** Decodes exactly one frame, length word included. */
export function decodeRawFrame(frame: Buffer): RawFrame {
  const length = frame.readInt32BE(0);
  if (length !== frame.length - 4) throw new Error(`Frame says ${length} bytes follow, ${frame.length - 4} do`);
  const type = frame.readUInt8(4);
  const headerLength = frame.readUIntBE(5, 3);
  if (headerLength > length - 4) throw new Error(`Header of ${headerLength} bytes in a frame of ${length}`);
  const header = frame.subarray(8, 8 + headerLength);
  const body = Buffer.from(frame.subarray(8 + headerLength));
  if (type === 0) return { ...decodeJson(header), body, encoding: 'json' };
  if (type === 1) return { ...decodeBinary(header), body, encoding: 'binary' };
  throw new Error(`Unknown header serializer ${type}`);
}

type Header = Omit<RawFrame, 'body' | 'encoding'>;

function decodeJson(bytes: Buffer): Header {
  const json = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  let ext: Record<string, string> | null = null;
  if (json.extFields !== undefined && json.extFields !== null) {
    ext = {};
    for (const [key, value] of Object.entries(json.extFields as Record<string, unknown>)) if (value !== null) ext[key] = String(value);
  }
  return {
    code: Number(json.code),
    opaque: Number(json.opaque),
    flag: Number(json.flag),
    version: Number(json.version),
    language: String(json.language),
    remark: typeof json.remark === 'string' ? json.remark : null,
    ext,
  };
}

function decodeBinary(bytes: Buffer): Header {
  const remarkLength = bytes.readInt32BE(13);
  const remark = remarkLength === 0 ? null : bytes.toString('utf8', 17, 17 + remarkLength);
  let at = 17 + remarkLength;
  const extLength = bytes.readInt32BE(at);
  at += 4;
  const end = at + extLength;
  if (end !== bytes.length) throw new Error(`Ext fields end at ${end} of a header of ${bytes.length} bytes`);
  const ext: Record<string, string> = {};
  while (at < end) {
    const keyLength = bytes.readInt16BE(at);
    const key = bytes.toString('utf8', at + 2, at + 2 + keyLength);
    at += 2 + keyLength;
    const valueLength = bytes.readInt32BE(at);
    // An empty string reads as null here, and a field that is null is none.
    if (valueLength > 0) ext[key] = bytes.toString('utf8', at + 4, at + 4 + valueLength);
    at += 4 + valueLength;
  }
  return {
    code: bytes.readInt16BE(0),
    opaque: bytes.readInt32BE(5),
    flag: bytes.readInt32BE(9),
    version: bytes.readInt16BE(3),
    language: LANGUAGES[bytes.readInt8(2)] ?? 'OTHER',
    remark,
    ext: extLength === 0 ? null : ext,
  };
}

/** Cuts a byte stream into frames; bytes of an unfinished frame wait for the next push. */
export class FrameCutter {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: Buffer[] = [];
    while (this.#pending.length >= 4) {
      const length = this.#pending.readInt32BE(0);
      if (length < 4 || length > 2 * FRAME_LENGTH_MAX) throw new Error(`Frame length ${length}: the stream is out of step`);
      if (this.#pending.length < 4 + length) break;
      frames.push(Buffer.from(this.#pending.subarray(0, 4 + length)));
      this.#pending = this.#pending.subarray(4 + length);
    }
    return frames;
  }
}

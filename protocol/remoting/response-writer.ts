/**
 * Writes the answers of sends and the heads of pull answers straight into a caller's bytes, without strings: the hot path's encoder.
 * One writer a thread; what never changes stands ready in pieces. The caller sees to the room: the _MAX constants say how much.
 * Source: RocketMQ 5.3 `SendMessageResponseHeader`, `PullMessageResponseHeader`; members in the order in which Java writes them.
 */
import { readInt32, writeInt32 } from '../../model/message-record.ts';
import { OUR_LANGUAGE, OUR_VERSION, RESPONSE_FLAG } from './command.ts';
import { FRAME_PREFIX_BYTES, SERIALIZE_ROCKETMQ } from './frame-reader.ts';
import { asciiBytes } from './json-scan.ts';
import { languageCode } from './language-code.ts';
import { TextPiece, writeDecimal, writeHex64, writeJsonEscaped, writePiece } from './text-writer.ts';

/** A longer transaction id is left out of the answer; real ones have 32 to 56 bytes. */
export const TRANSACTION_ID_BYTES_MAX = 255;
/** Room for the answer of one send: 6 bytes a byte of an all-escaped transaction id, 56 of msgId, the rest fixed. */
export const SEND_RESPONSE_MAX_BYTES = 2560;
/** Room for the head of a pull's answer without its remark (6 bytes for each of its characters). */
export const PULL_RESPONSE_HEAD_MAX_BYTES = 640;
/** A recall handle goes out as it is: plain ASCII without anything that JSON escapes. Its room comes on top of the others. */
const TO_RECALL_HANDLE = asciiPiece('","recallHandle":"');
const BINARY_RECALL_HANDLE = new TextPiece(binaryName('recallHandle'));
/** Region names longer than this are refused when a writer is made. */
export const REGION_BYTES_MAX = 255;

const NO_BYTES = new Uint8Array(0);
const FLAG_TO_OPAQUE = asciiPiece(`"},"flag":${RESPONSE_FLAG},"language":"${OUR_LANGUAGE}","opaque":`);
const TO_VERSION = asciiPiece(`,"serializeTypeCurrentRPC":"JSON","version":${OUR_VERSION}}`);
const TO_REMARK = asciiPiece(',"remark":"');
const CLOSE_TO_VERSION = asciiPiece(`","serializeTypeCurrentRPC":"JSON","version":${OUR_VERSION}}`);
const TO_QUEUE_ID = asciiPiece('","queueId":"');
const TO_QUEUE_OFFSET = asciiPiece('","queueOffset":"');
const TO_TRANSACTION_ID = asciiPiece('","transactionId":"');
const BINARY_QUEUE_ID = new TextPiece(binaryName('queueId'));
const BINARY_QUEUE_OFFSET = new TextPiece(binaryName('queueOffset'));
const BINARY_TRANSACTION_ID = new TextPiece(binaryName('transactionId'));

/** Room for the answer of a batch of `count` messages. */
export function batchResponseMaxBytes(count: number): number {
  return SEND_RESPONSE_MAX_BYTES + count * 57;
}

/** Writes the answers of sends. The store's address goes into every message id, so it stands in the writer. */
export class SendResponseWriter {
  /** JSON up to the address in msgId, by code (0, 10, 11, 12). */
  readonly #jsonHeads: ReadonlyMap<number, TextPiece>;
  readonly #jsonHeadOk: TextPiece;
  /** Header fields up to the address in msgId. */
  readonly #binaryHead: TextPiece;
  /** A comma and the address: opens a further id of a batch. */
  readonly #nextId: TextPiece;
  readonly #hostChars: number;

  /** @param storeHost the broker's advertised address (4 or 16 bytes) and port (4 bytes), as it stands in records. */
  constructor(storeHost: Uint8Array, regionId: string, isTraceOn: boolean) {
    if (Buffer.byteLength(regionId) > REGION_BYTES_MAX)
      throw new RangeError(`A region name of ${Buffer.byteLength(regionId)} bytes; ${REGION_BYTES_MAX} are allowed`);
    const host = Buffer.from(storeHost).toString('hex').toUpperCase();
    this.#hostChars = host.length;
    this.#nextId = asciiPiece(`,${host}`);
    const ext = `,"extFields":{"MSG_REGION":${JSON.stringify(regionId)},"TRACE_ON":"${isTraceOn}","msgId":"${host}`;
    const head = (code: number): TextPiece => new TextPiece(Buffer.from(`{"code":${code}${ext}`));
    this.#jsonHeadOk = head(0);
    this.#jsonHeads = new Map([0, 10, 11, 12].map((code) => [code, head(code)]));
    const fields = [binaryField('MSG_REGION', regionId), binaryField('TRACE_ON', String(isTraceOn)), binaryName('msgId')];
    this.#binaryHead = new TextPiece(Buffer.concat([...fields, asciiBytes(host)]));
  }

  /**
   * Writes the answer of one stored message at `at`; returns where it ends. `code` is 0, 10, 11 or 12. The transaction id is
   * `idSource[idStart, idEnd)`, plain UTF-8; empty or over 255 bytes: none. `recallHandle` is for a timed message; empty: none.
   */
  write(
    target: Uint8Array,
    at: number,
    isBinary: boolean,
    opaque: number,
    code: number,
    physicalOffset: number,
    queueId: number,
    queueOffset: number,
    idSource: Uint8Array,
    idStart: number,
    idEnd: number,
    recallHandle: Uint8Array = NO_BYTES,
  ): number {
    if (isBinary) {
      const hostEnd = this.#openBinary(target, at, opaque, code);
      const next = writeHex64(target, hostEnd, physicalOffset);
      this.#setIdBytes(target, hostEnd, next);
      return closeBinary(target, at, next, queueId, queueOffset, idSource, idStart, idEnd, recallHandle);
    }
    const next = writeHex64(target, this.#openJson(target, at, code), physicalOffset);
    return closeJson(target, at, next, opaque, queueId, queueOffset, idSource, idStart, idEnd, recallHandle);
  }

  /**
   * Writes the answer of a batch: `physicalOffsets[0, count)` are its messages' in order, `queueOffset` its first message's.
   * Its room is `batchResponseMaxBytes(count)`.
   */
  writeBatch(
    target: Uint8Array,
    at: number,
    isBinary: boolean,
    opaque: number,
    code: number,
    physicalOffsets: Float64Array,
    count: number,
    queueId: number,
    queueOffset: number,
  ): number {
    const hostEnd = isBinary ? this.#openBinary(target, at, opaque, code) : this.#openJson(target, at, code);
    let next = writeHex64(target, hostEnd, physicalOffsets[0] as number);
    for (let index = 1; index < count; index++)
      next = writeHex64(target, writePiece(target, next, this.#nextId), physicalOffsets[index] as number);
    if (!isBinary) return closeJson(target, at, next, opaque, queueId, queueOffset, NO_BYTES, 0, 0, NO_BYTES);
    this.#setIdBytes(target, hostEnd, next);
    return closeBinary(target, at, next, queueId, queueOffset, NO_BYTES, 0, 0, NO_BYTES);
  }

  /** Writes up to the address in the first message id; where the offset goes. */
  #openJson(target: Uint8Array, at: number, code: number): number {
    const head = code === 0 ? this.#jsonHeadOk : this.#jsonHeads.get(code);
    if (head === undefined) throw new RangeError(`A stored message is answered with 0, 10, 11 or 12, not ${code}`);
    return writePiece(target, at + FRAME_PREFIX_BYTES, head);
  }

  #openBinary(target: Uint8Array, at: number, opaque: number, code: number): number {
    return writePiece(target, openBinaryHeader(target, at, opaque, code), this.#binaryHead);
  }

  /** Sets the length of the msgId field, whose first address ends at `hostEnd`. */
  #setIdBytes(target: Uint8Array, hostEnd: number, end: number): void {
    const start = hostEnd - this.#hostChars;
    writeInt32(target, start - 4, end - start);
  }
}

function closeJson(
  target: Uint8Array,
  at: number,
  from: number,
  opaque: number,
  queueId: number,
  queueOffset: number,
  idSource: Uint8Array,
  idStart: number,
  idEnd: number,
  recallHandle: Uint8Array,
): number {
  let next = writeDecimal(target, writePiece(target, from, TO_QUEUE_ID), queueId);
  next = writeDecimal(target, writePiece(target, next, TO_QUEUE_OFFSET), queueOffset);
  if (idEnd > idStart && idEnd - idStart <= TRANSACTION_ID_BYTES_MAX)
    next = writeJsonEscaped(target, writePiece(target, next, TO_TRANSACTION_ID), idSource, idStart, idEnd);
  if (recallHandle.length > 0) {
    next = writePiece(target, next, TO_RECALL_HANDLE);
    target.set(recallHandle, next);
    next += recallHandle.length;
  }
  next = writeDecimal(target, writePiece(target, next, FLAG_TO_OPAQUE), opaque);
  next = writePiece(target, next, TO_VERSION);
  writeInt32(target, at, next - at - 4);
  writeInt32(target, at + 4, next - at - FRAME_PREFIX_BYTES);
  return next;
}

function closeBinary(
  target: Uint8Array,
  at: number,
  from: number,
  queueId: number,
  queueOffset: number,
  idSource: Uint8Array,
  idStart: number,
  idEnd: number,
  recallHandle: Uint8Array,
): number {
  let next = writeBinaryDecimal(target, from, BINARY_QUEUE_ID, queueId);
  next = writeBinaryDecimal(target, next, BINARY_QUEUE_OFFSET, queueOffset);
  const idBytes = idEnd - idStart;
  if (idBytes > 0 && idBytes <= TRANSACTION_ID_BYTES_MAX) {
    next = writePiece(target, next, BINARY_TRANSACTION_ID);
    writeInt32(target, next - 4, idBytes);
    for (let index = 0; index < idBytes; index++) target[next + index] = idSource[idStart + index] as number;
    next += idBytes;
  }
  if (recallHandle.length > 0) {
    next = writePiece(target, next, BINARY_RECALL_HANDLE);
    writeInt32(target, next - 4, recallHandle.length);
    target.set(recallHandle, next);
    next += recallHandle.length;
  }
  return closeBinaryHeader(target, at, next, 0);
}

/** What a pull's answer says beside its messages. */
export type PullResponseFields = {
  readonly code: number;
  /** RocketMQ's name of the outcome, such as FOUND. */
  readonly remark: string;
  readonly suggestWhichBrokerId: number;
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly topicSysFlag: number;
  readonly groupSysFlag: number;
};

const PULL_EXT: readonly (readonly [keyof PullResponseFields, TextPiece, TextPiece])[] = (
  ['groupSysFlag', 'maxOffset', 'minOffset', 'nextBeginOffset', 'suggestWhichBrokerId', 'topicSysFlag'] as const
).map((name, index) => [name, asciiPiece(`${index === 0 ? ',"extFields":{"' : '","'}${name}":"`), new TextPiece(binaryName(name))]);
const CODE_HEAD = asciiPiece('{"code":');

/** Writes the head of a pull's answer, up to its body of `bodyBytes`; returns where the body begins. */
export function writePullResponseHeader(
  target: Uint8Array,
  at: number,
  isBinary: boolean,
  opaque: number,
  fields: PullResponseFields,
  bodyBytes: number,
): number {
  if (isBinary) return writeBinaryPullHead(target, at, opaque, fields, bodyBytes);
  let next = writeDecimal(target, writePiece(target, at + FRAME_PREFIX_BYTES, CODE_HEAD), fields.code);
  for (let index = 0; index < PULL_EXT.length; index++) {
    const [name, piece] = PULL_EXT[index] as (typeof PULL_EXT)[number];
    next = writeDecimal(target, writePiece(target, next, piece), fields[name] as number);
  }
  next = writeDecimal(target, writePiece(target, next, FLAG_TO_OPAQUE), opaque);
  if (fields.remark === '') {
    next = writePiece(target, next, TO_VERSION);
  } else {
    const remark = remarkBytes(fields.remark);
    next = writeJsonEscaped(target, writePiece(target, next, TO_REMARK), remark, 0, remark.length);
    next = writePiece(target, next, CLOSE_TO_VERSION);
  }
  writeInt32(target, at, next - at - 4 + bodyBytes);
  writeInt32(target, at + 4, next - at - FRAME_PREFIX_BYTES);
  return next;
}

function writeBinaryPullHead(target: Uint8Array, at: number, opaque: number, fields: PullResponseFields, bodyBytes: number): number {
  let next = openBinaryHeader(target, at, opaque, fields.code);
  if (fields.remark !== '') {
    const remark = remarkBytes(fields.remark);
    writeInt32(target, next - 8, remark.length);
    target.set(remark, next - 4);
    next += remark.length;
  }
  for (let index = 0; index < PULL_EXT.length; index++) {
    const [name, , piece] = PULL_EXT[index] as (typeof PULL_EXT)[number];
    next = writeBinaryDecimal(target, next, piece, fields[name] as number);
  }
  return closeBinaryHeader(target, at, next, bodyBytes);
}

/** Bytes of the few remarks that pulls get; the table is bounded since texts come from code, not from peers. */
const REMARKS = new Map<string, Uint8Array>();
const REMARKS_MAX = 64;

function remarkBytes(remark: string): Uint8Array {
  const known = REMARKS.get(remark);
  if (known !== undefined) return known;
  const bytes = Buffer.from(remark);
  if (REMARKS.size < REMARKS_MAX) REMARKS.set(remark, bytes);
  return bytes;
}

/** Writes the fixed part of a binary header that has no remark; its ext length is set by `closeBinaryHeader`. */
function openBinaryHeader(target: Uint8Array, at: number, opaque: number, code: number): number {
  const header = at + FRAME_PREFIX_BYTES;
  target[header] = code >>> 8;
  target[header + 1] = code;
  target[header + 2] = languageCode(OUR_LANGUAGE);
  target[header + 3] = OUR_VERSION >>> 8;
  target[header + 4] = OUR_VERSION & 0xff;
  writeInt32(target, header + 5, opaque);
  writeInt32(target, header + 9, RESPONSE_FLAG);
  writeInt32(target, header + 13, 0);
  return header + 21;
}

function closeBinaryHeader(target: Uint8Array, at: number, next: number, bodyBytes: number): number {
  const header = at + FRAME_PREFIX_BYTES;
  const extAt = header + 21 + readInt32(target, header + 13);
  writeInt32(target, extAt - 4, next - extAt);
  writeInt32(target, at, next - at - 4 + bodyBytes);
  writeInt32(target, at + 4, (SERIALIZE_ROCKETMQ << 24) | (next - header));
  return next;
}

function writeBinaryDecimal(target: Uint8Array, at: number, name: TextPiece, value: number): number {
  const valueAt = writePiece(target, at, name);
  const next = writeDecimal(target, valueAt, value);
  writeInt32(target, valueAt - 4, next - valueAt);
  return next;
}

/** A field's name as the binary header has it, and four bytes for the length of its value. */
function binaryName(name: string): Uint8Array {
  return Uint8Array.from([name.length >>> 8, name.length & 0xff, ...asciiBytes(name), 0, 0, 0, 0]);
}

function binaryField(name: string, value: string): Uint8Array {
  const bytes = Buffer.concat([binaryName(name), Buffer.from(value)]);
  bytes.writeInt32BE(Buffer.byteLength(value), name.length + 2);
  return bytes;
}

function asciiPiece(text: string): TextPiece {
  return new TextPiece(asciiBytes(text));
}

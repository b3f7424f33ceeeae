/**
 * Slot codec: an actor's message ↔ the bytes of one ring record. One a thread (it owns scratch memory and a cache of short strings); knows no ring.
 * Fails by RuntimeError: NOT_A_MESSAGE for a value that is none, RECORD_TOO_LARGE above `recordMax`.
 *
 *   value    one byte of tag, then
 *     int32 4 · float64 8 · latin1-short 1 + n · utf8 4 + n · utf16 4 + n · bytes 4 + n
 *     bigint64 8 · bigint (decimal, as latin1-short) · ref int32 thread + string · array 4 + values · record 2 + (string, value)…
 */
import { Buffer } from 'node:buffer';
import type { ActorMessage, ActorRef } from '../actor.ts';
import { RuntimeError } from '../errors.ts';

const NULL = 0;
const TRUE = 1;
const FALSE = 2;
const INT32 = 3;
const FLOAT64 = 4;
const LATIN1_SHORT = 5;
const UTF8 = 7;
const UTF16 = 8;
const BYTES = 9;
const BIGINT64 = 10;
const BIGINT = 11;
const REF = 12;
const ARRAY = 13;
const RECORD = 14;
const UNDEFINED = 15;

/** Records and arrays within each other; also what ends a value that contains itself. */
export const DEPTH_MAX = 16;
const FIELDS_MAX = 65_535;
const SHORT_MAX = 255;
/** Up to this length strings are copied by a loop and looked up in the cache when decoded. */
const CACHED_MAX = 64;
const CACHE_SLOTS = 4096;
const FIRST_SCRATCH = 4096;

/** What the codec must know of references: they travel as the thread that hosts the actor, and its path. */
export interface RefCodec {
  /** Thread index of a reference of this system; undefined for any other object. */
  threadOf(value: object): number | undefined;
  make(thread: number, path: string): ActorRef<ActorMessage>;
}

export class SlotCodec {
  readonly #refs: RefCodec;
  readonly #recordMax: number;
  #scratch: Buffer;
  #view: DataView;
  #at = 0;
  #source: Uint8Array = new Uint8Array(0);
  #sourceBuffer: Buffer = Buffer.alloc(0);
  #sourceView: DataView = new DataView(new ArrayBuffer(0));
  readonly #cache: (string | undefined)[] = new Array(CACHE_SLOTS).fill(undefined);

  /** @param recordMax bytes that one encoded message may take. */
  constructor(refs: RefCodec, recordMax: number) {
    this.#refs = refs;
    this.#recordMax = recordMax;
    this.#scratch = Buffer.allocUnsafeSlow(Math.min(FIRST_SCRATCH, recordMax));
    this.#view = new DataView(this.#scratch.buffer);
  }

  /** Where the last `encode` left its bytes, from 0 on. Valid until the next one. */
  get scratch(): Uint8Array {
    return this.#scratch;
  }

  /** Encodes `path` and `message` into `scratch`; gives back the length in bytes. */
  encode(path: string, message: ActorMessage): number {
    this.#at = 0;
    this.#string(path);
    this.#value(message, 0);
    return this.#at;
  }

  /** Begins to decode a record that lies at `offset` of `bytes`, and gives back its path; `message()` is next. */
  path(bytes: Uint8Array, view: DataView, offset: number): string {
    if (bytes !== this.#source) {
      this.#source = bytes;
      this.#sourceView = view;
      this.#sourceBuffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#at = offset;
    return this.#readString();
  }

  /** The message of the record whose path was just read. Nothing in it refers to the record's memory. */
  message(): ActorMessage {
    return this.#readValue() as ActorMessage;
  }

  #need(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#scratch.length) return;
    if (needed > this.#recordMax) {
      throw new RuntimeError(
        'MQ_RUNTIME_RECORD_TOO_LARGE',
        `A message that crosses threads may take ${this.#recordMax} bytes, this one needs more than ${needed}`,
        {
          recordMax: this.#recordMax,
          needed,
        },
      );
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#recordMax, Math.max(needed, this.#scratch.length * 2)));
    this.#scratch.copy(grown, 0, 0, this.#at);
    this.#scratch = grown;
    this.#view = new DataView(grown.buffer);
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'number':
        this.#number(value);
        return;
      case 'string':
        this.#string(value);
        return;
      case 'boolean':
        this.#need(1);
        this.#scratch[this.#at++] = value ? TRUE : FALSE;
        return;
      case 'object':
        if (value === null) {
          this.#need(1);
          this.#scratch[this.#at++] = NULL;
        } else this.#object(value, depth);
        return;
      case 'bigint':
        this.#bigint(value);
        return;
      case 'undefined':
        this.#need(1);
        this.#scratch[this.#at++] = UNDEFINED;
        return;
      default:
        throw new RuntimeError('MQ_RUNTIME_NOT_A_MESSAGE', `A ${typeof value} cannot travel in a message`, { type: typeof value });
    }
  }

  #number(value: number): void {
    this.#need(9);
    // −0 is no int32: it would come out as 0.
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      this.#scratch[this.#at] = INT32;
      this.#view.setInt32(this.#at + 1, value, true);
      this.#at += 5;
    } else {
      this.#scratch[this.#at] = FLOAT64;
      this.#view.setFloat64(this.#at + 1, value, true);
      this.#at += 9;
    }
  }

  #string(value: string): void {
    const length = value.length;
    if (length > CACHED_MAX) {
      this.#longString(value);
      return;
    }
    this.#need(2 + length);
    const scratch = this.#scratch;
    const begin = this.#at + 2;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 255) {
        this.#longString(value);
        return;
      }
      scratch[begin + i] = code;
    }
    scratch[this.#at] = LATIN1_SHORT;
    scratch[this.#at + 1] = length;
    this.#at = begin + length;
  }

  #longString(value: string): void {
    // Two bytes a unit at most as UTF-16, three as UTF-8: asked for before, so that the write below is never cut.
    const bytesMax = value.length * 3;
    // A string that could not be read back as it was (a lone surrogate) travels as UTF-16.
    const wellFormed = value.isWellFormed();
    const exact = bytesMax + 5 + this.#at > this.#recordMax ? Buffer.byteLength(value, wellFormed ? 'utf8' : 'utf16le') : bytesMax;
    this.#need(5 + exact);
    const written = this.#scratch.write(value, this.#at + 5, exact, wellFormed ? 'utf8' : 'utf16le');
    this.#scratch[this.#at] = wellFormed ? UTF8 : UTF16;
    this.#view.setUint32(this.#at + 1, written, true);
    this.#at += 5 + written;
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.#need(9);
      this.#scratch[this.#at] = BIGINT64;
      this.#view.setBigInt64(this.#at + 1, value, true);
      this.#at += 9;
      return;
    }
    const text = value.toString();
    if (text.length > SHORT_MAX) {
      throw new RuntimeError('MQ_RUNTIME_NOT_A_MESSAGE', `A bigint in a message may have ${SHORT_MAX} digits, not ${text.length}`, {
        digits: text.length,
      });
    }
    this.#need(2 + text.length);
    this.#scratch[this.#at] = BIGINT;
    this.#scratch[this.#at + 1] = text.length;
    this.#scratch.write(text, this.#at + 2, 'latin1');
    this.#at += 2 + text.length;
  }

  #object(value: object, depth: number): void {
    if (depth >= DEPTH_MAX) {
      throw new RuntimeError('MQ_RUNTIME_NOT_A_MESSAGE', `A message may nest ${DEPTH_MAX} deep`, { depthMax: DEPTH_MAX });
    }
    if (Array.isArray(value)) this.#array(value, depth);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null) this.#record(value as Record<string, unknown>, depth);
      else this.#ref(value);
    }
  }

  #ref(value: object): void {
    const thread = this.#refs.threadOf(value);
    if (thread === undefined) {
      const type = (value.constructor as { name?: string } | undefined)?.name ?? 'object';
      throw new RuntimeError('MQ_RUNTIME_NOT_A_MESSAGE', `A ${type} cannot travel in a message`, { type });
    }
    this.#need(5);
    this.#scratch[this.#at] = REF;
    this.#view.setInt32(this.#at + 1, thread, true);
    this.#at += 5;
    this.#string((value as ActorRef<never>).path);
  }

  #bytes(value: Uint8Array): void {
    this.#need(5 + value.length);
    this.#scratch[this.#at] = BYTES;
    this.#view.setUint32(this.#at + 1, value.length, true);
    this.#scratch.set(value, this.#at + 5);
    this.#at += 5 + value.length;
  }

  #array(value: readonly unknown[], depth: number): void {
    this.#need(5);
    this.#scratch[this.#at] = ARRAY;
    this.#view.setUint32(this.#at + 1, value.length, true);
    this.#at += 5;
    for (let i = 0; i < value.length; i++) this.#value(value[i], depth + 1);
  }

  #record(value: Record<string, unknown>, depth: number): void {
    this.#need(3);
    const begin = this.#at;
    this.#scratch[begin] = RECORD;
    this.#at = begin + 3;
    let fields = 0;
    for (const key in value) {
      const field = value[key];
      if (field === undefined || !Object.hasOwn(value, key)) continue;
      fields++;
      this.#string(key);
      this.#value(field, depth + 1);
    }
    if (fields > FIELDS_MAX) {
      throw new RuntimeError('MQ_RUNTIME_NOT_A_MESSAGE', `A record in a message may have ${FIELDS_MAX} fields, not ${fields}`, { fields });
    }
    this.#view.setUint16(begin + 1, fields, true);
  }

  #readValue(): unknown {
    const tag = this.#source[this.#at] as number;
    switch (tag) {
      case INT32:
        this.#at += 5;
        return this.#sourceView.getInt32(this.#at - 4, true);
      case FLOAT64:
        this.#at += 9;
        return this.#sourceView.getFloat64(this.#at - 8, true);
      case LATIN1_SHORT:
      case UTF8:
      case UTF16:
        return this.#readString();
      case NULL:
        this.#at++;
        return null;
      case TRUE:
        this.#at++;
        return true;
      case FALSE:
        this.#at++;
        return false;
      case UNDEFINED:
        this.#at++;
        return undefined;
      case RECORD:
        return this.#readRecord();
      case ARRAY:
        return this.#readArray();
      case BYTES: {
        const length = this.#sourceView.getUint32(this.#at + 1, true);
        const begin = this.#at + 5;
        this.#at = begin + length;
        // Always a copy into memory of its own: the ring's is overwritten when the record is released.
        const copy = new Uint8Array(length);
        copy.set(this.#source.subarray(begin, begin + length));
        return copy;
      }
      case BIGINT64:
        this.#at += 9;
        return this.#sourceView.getBigInt64(this.#at - 8, true);
      case BIGINT: {
        const length = this.#source[this.#at + 1] as number;
        const begin = this.#at + 2;
        this.#at = begin + length;
        return BigInt(this.#sourceBuffer.toString('latin1', begin, begin + length));
      }
      case REF: {
        const thread = this.#sourceView.getInt32(this.#at + 1, true);
        this.#at += 5;
        return this.#refs.make(thread, this.#readString());
      }
      default:
        throw new RuntimeError('MQ_RUNTIME_RING_CORRUPT', `No value begins with the byte ${tag}`, { tag, at: this.#at });
    }
  }

  #readArray(): unknown[] {
    const length = this.#sourceView.getUint32(this.#at + 1, true);
    this.#at += 5;
    const values: unknown[] = [];
    for (let i = 0; i < length; i++) values.push(this.#readValue());
    return values;
  }

  #readRecord(): Record<string, unknown> {
    const fields = this.#sourceView.getUint16(this.#at + 1, true);
    this.#at += 3;
    const record: Record<string, unknown> = {};
    for (let i = 0; i < fields; i++) {
      const key = this.#readString();
      const value = this.#readValue();
      // Names come from outside: assigning to this one would change the record's prototype.
      if (key === '__proto__') Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
      else record[key] = value;
    }
    return record;
  }

  #readString(): string {
    const tag = this.#source[this.#at];
    if (tag === LATIN1_SHORT) {
      const length = this.#source[this.#at + 1] as number;
      const begin = this.#at + 2;
      this.#at = begin + length;
      return this.#cached(begin, length);
    }
    const length = this.#sourceView.getUint32(this.#at + 1, true);
    const begin = this.#at + 5;
    this.#at = begin + length;
    if (tag === UTF8) return this.#sourceBuffer.toString('utf8', begin, begin + length);
    if (tag === UTF16) return this.#sourceBuffer.toString('utf16le', begin, begin + length);
    throw new RuntimeError('MQ_RUNTIME_RING_CORRUPT', `No string begins with the byte ${tag}`, { tag: tag ?? -1, at: begin - 5 });
  }

  /** Names, kinds, topics and groups come again and again: found by their bytes, they cost no allocation. */
  #cached(begin: number, length: number): string {
    if (length === 0) return '';
    const source = this.#source;
    let hash = length;
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + (source[begin + i] as number)) | 0;
    const slot = (hash ^ (hash >>> 15)) & (CACHE_SLOTS - 1);
    const found = this.#cache[slot];
    if (found !== undefined && found.length === length) {
      let i = 0;
      while (i < length && found.charCodeAt(i) === source[begin + i]) i++;
      if (i === length) return found;
    }
    const text = this.#sourceBuffer.toString('latin1', begin, begin + length);
    this.#cache[slot] = text;
    return text;
  }
}

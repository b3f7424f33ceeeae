/**
 * Cuts the byte stream of one connection into frames. One per connection. Frames that lie whole within a chunk are handed on where
 * they lie; a partial one waits in a buffer that grows with the bytes that came, never with the length that was announced.
 * Fails with a FrameError, after which the connection is to be closed: `push` gives the same error again.
 * Source: RocketMQ 5.3 `NettyDecoder`, `RemotingCommand.decode`.
 *
 *   0  length        4   bytes that follow this field
 *   4  serializeType 1   0 JSON, 1 ROCKETMQ
 *   5  headerLength  3
 *   8  header, then body
 */
import { readInt32 } from '../../model/message-record.ts';
import { FrameError } from './errors.ts';

export const FRAME_BYTES_MAX = 16 * 1024 * 1024;
/** Length field, serialize type and header length. */
export const FRAME_PREFIX_BYTES = 8;
export const SERIALIZE_JSON = 0;
export const SERIALIZE_ROCKETMQ = 1;

const KEPT_BYTES_MIN = 1024;
/** A waiting-room up to this size outlives its frame, so that a busy connection does not buy a new one for each. */
const KEPT_BYTES_IDLE_MAX = 16 * 1024;
/** A larger one lives on while frames that need it keep coming. */
const KEPT_ROUNDS_UNUSED_MAX = 64;

/**
 * Takes a frame: `start` is its length field, `end` one past its last byte; the bytes are only valid during the call.
 * False: no more for now; what comes after this frame is kept until `resume`.
 */
export type OnFrame = (bytes: Uint8Array, start: number, end: number) => boolean;

const NO_BYTES = new Uint8Array(0);

export class FrameReader {
  readonly #maxFrameBytes: number;
  #kept: Uint8Array = NO_BYTES;
  #keptStart = 0;
  #keptEnd = 0;
  #isStopped = false;
  #roundsUnused = 0;
  #error: FrameError | null = null;

  /** @param maxFrameBytes largest value of a frame's length field. */
  constructor(maxFrameBytes: number = FRAME_BYTES_MAX) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** True after `onFrame` said false, until `resume`. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Bytes that wait: of a partial frame, or of all frames after a stop. */
  get keptBytes(): number {
    return this.#keptEnd - this.#keptStart;
  }

  /** Memory held for them. */
  get heldBytes(): number {
    return this.#kept.length;
  }

  /** Bytes that an unfinished frame still wants; 0: none waits, its length has not come, or frames wait for `resume`. */
  get missingBytes(): number {
    const waiting = this.#keptEnd - this.#keptStart;
    if (this.#isStopped || waiting < 4) return 0;
    return Math.max(0, 4 + readInt32(this.#kept, this.#keptStart) - waiting);
  }

  /** Takes the first `length` bytes of `chunk`; they may be overwritten afterwards. */
  push(chunk: Uint8Array, length: number, onFrame: OnFrame): FrameError | null {
    if (this.#error !== null) return this.#error;
    let at = 0;
    if (this.#isStopped) {
      this.#keep(chunk, 0, length);
      return null;
    }
    if (this.#keptEnd > this.#keptStart) {
      at = this.#complete(chunk, length, onFrame);
      if (this.#error !== null || at === length) return this.#error;
    } else if (this.#kept.length > KEPT_BYTES_IDLE_MAX && ++this.#roundsUnused > KEPT_ROUNDS_UNUSED_MAX) {
      this.trim();
    }
    if (!this.#isStopped) at = this.#deliver(chunk, at, length, onFrame);
    if (this.#error !== null) return this.#error;
    if (at < length) this.#keep(chunk, at, length);
    return null;
  }

  /** Goes on after a stop with what was kept; may be stopped again. */
  resume(onFrame: OnFrame): FrameError | null {
    if (this.#error !== null || !this.#isStopped) return this.#error;
    this.#isStopped = false;
    this.#keptStart = this.#deliver(this.#kept, this.#keptStart, this.#keptEnd, onFrame);
    if (this.#keptStart === this.#keptEnd) this.#emptied();
    return this.#error;
  }

  /** Gives memory back when nothing waits; for a connection that has been idle. */
  trim(): void {
    if (this.#keptEnd === this.#keptStart) this.drop();
  }

  /** Gives all memory back, with what waits; nothing comes after it. */
  drop(): void {
    this.#kept = NO_BYTES;
    this.#keptStart = 0;
    this.#keptEnd = 0;
    this.#roundsUnused = 0;
  }

  /** Hands on the whole frames of `bytes[start, end)`; where it ended: at a partial frame, after a stop, or at the end. */
  #deliver(bytes: Uint8Array, start: number, end: number, onFrame: OnFrame): number {
    let at = start;
    while (end - at >= 4) {
      const length = readInt32(bytes, at);
      if (length < 4 || length > this.#maxFrameBytes) return this.#refuseLength(length, at);
      if (end - at >= FRAME_PREFIX_BYTES && !this.#hasGoodPrefix(bytes, at, length)) return at;
      const next = at + 4 + length;
      if (next > end) return at;
      const goOn = onFrame(bytes, at, next);
      at = next;
      if (!goOn) {
        this.#isStopped = true;
        return at;
      }
    }
    return at;
  }

  /** Brings the kept partial frame to its end with bytes of `chunk`, no byte more; how many of them it took. */
  #complete(chunk: Uint8Array, length: number, onFrame: OnFrame): number {
    let at = 0;
    // First its prefix, so that its length is known and its fault is seen before its body is waited for.
    const prefixMissing = FRAME_PREFIX_BYTES - (this.#keptEnd - this.#keptStart);
    if (prefixMissing > 0) {
      at = Math.min(prefixMissing, length);
      this.#keep(chunk, 0, at);
      if (this.#keptEnd - this.#keptStart < 4) return at;
    }
    const frameLength = readInt32(this.#kept, this.#keptStart);
    if (frameLength < 4 || frameLength > this.#maxFrameBytes) {
      this.#refuseLength(frameLength, 0);
      return at;
    }
    if (at < length) {
      if (!this.#hasGoodPrefix(this.#kept, this.#keptStart, frameLength)) return at;
      const missing = 4 + frameLength - (this.#keptEnd - this.#keptStart);
      const taken = Math.min(missing, length - at);
      this.#keep(chunk, at, at + taken, 4 + frameLength);
      at += taken;
    }
    this.#keptStart = this.#deliver(this.#kept, this.#keptStart, this.#keptEnd, onFrame);
    if (this.#keptStart === this.#keptEnd) this.#emptied();
    return at;
  }

  #hasGoodPrefix(bytes: Uint8Array, at: number, length: number): boolean {
    const serializeType = bytes[at + 4] as number;
    if (serializeType > SERIALIZE_ROCKETMQ) {
      this.#error = new FrameError(
        'unknown-serializer',
        `Unknown serialize type ${serializeType}; 0 (JSON) and 1 (ROCKETMQ) are understood`,
      );
      return false;
    }
    const headerLength = ((bytes[at + 5] as number) << 16) | ((bytes[at + 6] as number) << 8) | (bytes[at + 7] as number);
    if (headerLength > length - 4) {
      this.#error = new FrameError(
        'header-beyond-frame',
        `A header of ${headerLength} bytes in a frame with ${length - 4} bytes for header and body`,
      );
      return false;
    }
    return true;
  }

  #refuseLength(length: number, at: number): number {
    if (length < 0) this.#error = new FrameError('negative-length', `A frame of ${length} bytes`);
    else if (length < 4) this.#error = new FrameError('frame-too-short', `A frame of ${length} bytes; the shortest has 4`);
    else this.#error = new FrameError('frame-too-large', `A frame of ${length} bytes; ${this.#maxFrameBytes} are allowed`);
    return at;
  }

  /**
   * Appends to what waits. Room at least doubles, and stays within twice the bytes that came (and a small least size).
   * @param roomMax what all of it will come to
   */
  #keep(chunk: Uint8Array, start: number, end: number, roomMax: number = Number.MAX_SAFE_INTEGER): void {
    const came = end - start;
    if (came === 0) return;
    const waiting = this.#keptEnd - this.#keptStart;
    const need = waiting + came;
    if (this.#keptEnd + came > this.#kept.length) {
      const isRoomy = need <= this.#kept.length && this.#keptStart >= this.#kept.length >> 1;
      if (isRoomy) {
        this.#kept.copyWithin(0, this.#keptStart, this.#keptEnd);
      } else {
        const grown = Buffer.allocUnsafeSlow(Math.max(KEPT_BYTES_MIN, Math.min(roomMax, need + Math.min(need, waiting))));
        grown.set(this.#kept.subarray(this.#keptStart, this.#keptEnd));
        this.#kept = grown;
      }
      this.#keptStart = 0;
      this.#keptEnd = waiting;
    }
    const kept = this.#kept;
    const to = this.#keptEnd;
    if (came < 64) for (let index = 0; index < came; index++) kept[to + index] = chunk[start + index] as number;
    else kept.set(start === 0 && came === chunk.length ? chunk : chunk.subarray(start, end), to);
    this.#keptEnd = to + came;
    if (need > this.#kept.length >> 2) this.#roundsUnused = 0;
  }

  #emptied(): void {
    this.#keptStart = 0;
    this.#keptEnd = 0;
    if (this.#kept.length > KEPT_BYTES_IDLE_MAX && ++this.#roundsUnused > KEPT_ROUNDS_UNUSED_MAX) this.trim();
  }
}

/**
 * Output buffers: the memory that answers are written into and that the socket sends from, given back when the kernel has it.
 * One pool a shard. A fresh buffer for each write would let external memory drive full collections, so buffers come in a few
 * sizes and are kept, up to a bound, for the next answer.
 */

const KIB = 1024;
const SIZES = [4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB, 1536 * KIB, 2560 * KIB, 5120 * KIB] as const;
/** Idle memory kept for each size. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;

/** Who waits for buffers to be sent. */
export interface BufferHolder {
  /** Sizes of all buffers that it has and that were not given back. */
  heldBytes: number;
}

export class OutputBuffer {
  readonly bytes: Uint8Array;
  holder: BufferHolder | null = null;
  /** Bytes written so far. */
  length = 0;
  /** Gives the buffer back; made once, so that a write needs no closure. */
  readonly release: () => void;

  constructor(bytes: Uint8Array, release: (buffer: OutputBuffer) => void) {
    this.bytes = bytes;
    this.release = () => release(this);
  }

  get room(): number {
    return this.bytes.length - this.length;
  }
}

export class OutputPool {
  readonly #idle: OutputBuffer[][] = SIZES.map(() => []);
  /** Bytes handed out and not given back. */
  outstanding = 0;
  /** `outstanding` at which `onPressure` is called, by each `take`. */
  pressureAt = Number.POSITIVE_INFINITY;
  onPressure: () => void = () => {};

  /** A buffer with room for at least `bytes`. */
  take(bytes: number, holder: BufferHolder): OutputBuffer {
    let size = 0;
    while (size < SIZES.length && SIZES[size]! < bytes) size++;
    const idle = this.#idle[size];
    const kept = idle?.pop();
    const buffer = kept ?? new OutputBuffer(Buffer.allocUnsafeSlow(SIZES[size] ?? bytes), this.#giveBack);
    buffer.length = 0;
    buffer.holder = holder;
    holder.heldBytes += buffer.bytes.length;
    this.outstanding += buffer.bytes.length;
    if (this.outstanding >= this.pressureAt) this.onPressure();
    return buffer;
  }

  readonly #giveBack = (buffer: OutputBuffer): void => {
    this.outstanding -= buffer.bytes.length;
    if (buffer.holder !== null) buffer.holder.heldBytes -= buffer.bytes.length;
    buffer.holder = null;
    const size = SIZES.indexOf(buffer.bytes.length as (typeof SIZES)[number]);
    const idle = this.#idle[size];
    if (idle !== undefined && (idle.length + 1) * buffer.bytes.length <= KEPT_BYTES_MAX) idle.push(buffer);
  };
}

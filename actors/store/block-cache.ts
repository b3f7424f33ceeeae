/**
 * Block cache: the blocks of the commit log that cold pulls read last. The queues of a topic lie interleaved in the log and are
 * pulled at about the same pace, so each block is read once for all of them instead of once for each. One a reader, its memory
 * bounded and taken as it is used. A block counts up to the written end as it was before it was read: segments are full-sized
 * from the beginning, and what lay behind that end were zeros. Blocks begin anew with each segment.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import type { RecoverableLog } from '../../storage/commit-log/recover.ts';

const BLOCK_BYTES = 256 * 1024;
/** A topic's eight queues pulled with a megabyte each, by two consumers of which one is a pull ahead, and some more. */
const BLOCKS_MAX = 96;

type Block = { base: number; length: number; readonly bytes: Buffer };

export class BlockCache {
  readonly #log: RecoverableLog;
  readonly #writtenEnd: () => number;
  /** By base; the order is that of the last use. */
  readonly #blocks: Map<number, Block> = new Map();
  #last: Block | null = null;

  constructor(log: RecoverableLog, writtenEnd: () => number) {
    this.#log = log;
    this.#writtenEnd = writtenEnd;
  }

  /** Copies `[position, position + size)`, within one segment, to `target[at]`. False: the log has no longer, or not yet, so many bytes there. */
  copy(position: number, size: number, target: Uint8Array, at: number): boolean {
    const end = position + size;
    let to = at;
    for (let from = position; from < end; ) {
      const base = from - ((from % this.#log.segmentBytes) % BLOCK_BYTES);
      const until = Math.min(end, base + BLOCK_BYTES);
      const block = this.#block(base, until - base);
      if (block === null) return false;
      to = copyBytes(block.bytes, from - base, until - base, target, to);
      from = until;
    }
    return true;
  }

  /** The block at `base` with at least `length` bytes. */
  #block(base: number, length: number): Block | null {
    const last = this.#last;
    if (last !== null && last.base === base && last.length >= length) return last;
    let block = this.#blocks.get(base);
    if (block !== undefined) this.#blocks.delete(base);
    else block = this.#blocks.size < BLOCKS_MAX ? { base, length: 0, bytes: Buffer.allocUnsafeSlow(BLOCK_BYTES) } : this.#oldest();
    if (block.base !== base) block.length = 0;
    block.base = base;
    if (block.length < length) {
      const written = this.#writtenEnd() - base;
      block.length = Math.max(0, Math.min(written, this.#log.read(block.bytes, 0, BLOCK_BYTES, base)));
    }
    this.#blocks.set(base, block);
    this.#last = block;
    return block.length >= length ? block : null;
  }

  #oldest(): Block {
    const [base, block] = this.#blocks.entries().next().value!;
    this.#blocks.delete(base);
    return block;
  }

  /** Nobody has pulled for a while: the memory goes back. */
  release(): void {
    this.#blocks.clear();
    this.#last = null;
  }

  /** Retention has removed the log before `min`: what is gone is not served from memory either. */
  forgetBefore(min: number): void {
    for (const base of this.#blocks.keys()) if (base < min) this.#blocks.delete(base);
    this.#last = null;
  }
}

/**
 * Block cache: the blocks of the commit log that cold pulls read last. The queues of a topic lie interleaved in the log and are
 * pulled at about the same pace, so each block is read once for all of them instead of once for each. One a reader, its memory
 * bounded and taken as it is used. A block counts up to the written end as it was before it was read: segments are full-sized
 * from the beginning, and what lay behind that end were zeros. Blocks begin anew with each segment.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import type { RecoverableLog } from '../../storage/commit-log/recover.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset } from '../../storage/consume-queue/queue-unit.ts';
import { BLOCKS_AT, RecordMover } from './record-mover.ts';
import type { WasmMemory } from './web-assembly.ts';

const BLOCK_BYTES = 256 * 1024;
/** A topic's eight queues pulled with a megabyte each, by two consumers of which one is a pull ahead, and some more. */
const BLOCKS_MAX = 96;

/** `place`: its number in the mover's memory. */
type Block = { base: number; length: number; readonly place: number };

export class BlockCache {
  readonly #log: RecoverableLog;
  readonly #writtenEnd: () => number;
  /** By base; the order is that of the last use. */
  readonly #blocks: Map<number, Block> = new Map();
  #last: Block | null = null;
  #places = 0;
  /** Blocks that `forgetBefore` gave up. */
  readonly #free: Block[] = [];
  readonly #mover: RecordMover;

  /** @param slots the memories that records may be moved to many at once: see record-mover.ts */
  constructor(log: RecoverableLog, writtenEnd: () => number, slots: readonly WasmMemory[]) {
    this.#log = log;
    this.#writtenEnd = writtenEnd;
    this.#mover = new RecordMover(slots, BLOCKS_MAX * BLOCK_BYTES);
  }

  /**
   * Moves the records of `units[first, end)` to `target[at …]`, back to back, as many as are sound and lie wholly in the block of the
   * first. Gives how many; `movedEnd` is behind them. What it leaves is to be looked at one by one.
   */
  move(units: Uint8Array, first: number, end: number, target: Uint8Array, at: number): number {
    const physical = unitPhysicalOffset(units, first * QUEUE_UNIT_BYTES);
    const block = this.#block(this.#baseOf(physical), 1);
    return block === null ? 0 : this.#mover.move(units, first, end, this.#at(block), block.base, block.length, target, at);
  }

  get movedEnd(): number {
    return this.#mover.end;
  }

  /** Copies `[position, position + size)`, within one segment, to `target[at]`. False: the log has no longer, or not yet, so many bytes there. */
  copy(position: number, size: number, target: Uint8Array, at: number): boolean {
    const end = position + size;
    let to = at;
    for (let from = position; from < end; ) {
      const base = this.#baseOf(from);
      const until = Math.min(end, base + BLOCK_BYTES);
      const block = this.#block(base, until - base);
      if (block === null) return false;
      const start = this.#at(block) - base;
      to = copyBytes(this.#mover.bytes, start + from, start + until, target, to);
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
    else block = this.#free.pop() ?? (this.#places < BLOCKS_MAX ? this.#newBlock() : this.#oldest());
    if (block.base !== base) block.length = 0;
    block.base = base;
    // Known before it is read: a disk that fails must not cost its place.
    this.#blocks.set(base, block);
    if (block.length < length) {
      const written = this.#writtenEnd() - base;
      block.length = Math.max(0, Math.min(written, this.#log.read(this.#mover.bytes, this.#at(block), BLOCK_BYTES, base)));
    }
    this.#last = block;
    return block.length >= length ? block : null;
  }

  #baseOf(position: number): number {
    return position - ((position % this.#log.segmentBytes) % BLOCK_BYTES);
  }

  #at(block: Block): number {
    return BLOCKS_AT + block.place * BLOCK_BYTES;
  }

  #newBlock(): Block {
    const place = this.#places++;
    this.#mover.grow(this.#places * BLOCK_BYTES);
    return { base: -1, length: 0, place };
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
    this.#places = 0;
    this.#free.length = 0;
    this.#mover.release();
  }

  /** Retention has removed the log before `min`: what is gone is not served from memory either. */
  forgetBefore(min: number): void {
    for (const [base, block] of this.#blocks) {
      if (base >= min) continue;
      this.#blocks.delete(base);
      // Its bytes are nobody's: not even those of the block that it was.
      block.base = -1;
      this.#free.push(block);
    }
    this.#last = null;
  }
}

/**
 * Record mover: the memory of the blocks that cold pulls read, and the moving of records out of it into the memory that answers are
 * sent from. A pull wants every fourth record of a block, or so: a call for each costs more than the copying, so consecutive units
 * are served by one call of a few lines of WebAssembly (move-records.wat), which takes only what is sound and whole; what it
 * leaves is the caller's. It leaves everything where the answers' memory is not WebAssembly's, or the engine cannot import two memories.
 */
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import { MOVE_RECORDS } from './move-records-module.ts';
import { WASM_PAGE_BYTES, type WasmGlobal, type WasmMemory, type WasmModule, webAssembly } from './web-assembly.ts';

/** Units moved by one call: what one block has of a queue of small messages, in many calls. */
const UNITS_MAX = 1024;
/** The units of a call lie before the blocks. */
export const BLOCKS_AT: number = Math.ceil((UNITS_MAX * QUEUE_UNIT_BYTES) / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;

type Move = (unit: number, unitsEnd: number, base: number, block: number, length: number, to: number, end: number) => number;
type Exports = { readonly move: Move; readonly served: WasmGlobal };

/** Compiled once a thread; null: the engine cannot. */
let compiled: WasmModule | null | undefined;

function moduleOfThread(): WasmModule | null {
  if (compiled === undefined) {
    const code = Buffer.from(MOVE_RECORDS, 'base64');
    compiled = webAssembly.validate(code) ? new webAssembly.Module(code) : null;
  }
  return compiled;
}

export class RecordMover {
  readonly #slots: readonly WasmMemory[];
  readonly #blocksMax: number;
  #memory: WasmMemory | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  /** By the memory moved into. */
  readonly #movers: Map<ArrayBufferLike, Exports> = new Map();
  /** Behind the last record that was moved, in the target. */
  end = 0;

  /** @param slots the memories that answers are sent from
   * @param blocksMax bytes of blocks at most */
  constructor(slots: readonly WasmMemory[], blocksMax: number) {
    this.#slots = slots;
    this.#blocksMax = blocksMax;
  }

  /** All memory; another object after each `grow`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Has room for `length` bytes of blocks, which begin at BLOCKS_AT of `bytes`. */
  grow(length: number): void {
    const needed = BLOCKS_AT + length;
    if (this.#bytes.length < needed) {
      const pages = Math.ceil(needed / WASM_PAGE_BYTES);
      if (this.#memory === null)
        this.#memory = new webAssembly.Memory({ initial: pages, maximum: (BLOCKS_AT + this.#blocksMax) / WASM_PAGE_BYTES });
      else this.#memory.grow(pages - this.#bytes.length / WASM_PAGE_BYTES);
      this.#bytes = Buffer.from(this.#memory.buffer);
    }
  }

  /** Gives the memory back. */
  release(): void {
    this.#memory = null;
    this.#bytes = Buffer.alloc(0);
    this.#movers.clear();
  }

  /**
   * Moves the records of `units[first, end)` to `target[at …]`, back to back, up to the first that is not sound or not wholly within
   * the block: `length` bytes at `block` of `bytes`, which lie in the log from `base` on. Gives how many were moved; `end` is behind them.
   */
  move(units: Uint8Array, first: number, end: number, block: number, base: number, length: number, target: Uint8Array, at: number): number {
    const mover = this.#moverInto(target.buffer);
    if (mover === null) return 0;
    const count = Math.min(end - first, UNITS_MAX);
    this.#bytes.set(units.subarray(first * QUEUE_UNIT_BYTES, (first + count) * QUEUE_UNIT_BYTES), 0);
    const start = target.byteOffset;
    this.end = mover.move(0, count * QUEUE_UNIT_BYTES, base, block, length, start + at, start + target.length) - start;
    return mover.served.value;
  }

  #moverInto(buffer: ArrayBufferLike): Exports | null {
    const known = this.#movers.get(buffer);
    if (known !== undefined) return known;
    const slots = this.#slots.find((memory) => memory.buffer === buffer);
    const module = slots === undefined ? null : moduleOfThread();
    if (this.#memory === null || slots === undefined || module === null) return null;
    const { exports } = new webAssembly.Instance(module, { memory: { blocks: this.#memory, slots } });
    const mover = exports as Exports;
    this.#movers.set(buffer, mover);
    return mover;
  }
}

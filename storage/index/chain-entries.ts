/**
 * The entries of one chain of an index file, as a query walks them from the newest to the oldest. Most chains are short: their
 * entries are read one by one. A long one belongs to a key of many messages, whose entries lie close together: it is read in
 * blocks, so that a walk costs no more than the file's bytes. Owns the bytes of one query; reads through what it is given.
 * Source: RocketMQ 5.3 `IndexFile.selectPhyOffset`.
 */
import { readInt32, readInt64 } from '../../model/message-record.ts';

/** As in the drawing of `index-file.ts`. */
const ENTRY_BYTES = 20;
const SINGLES = 32;
const BLOCK_ENTRIES = 3276;

export class ChainEntries {
  readonly #read: (number: number, count: number, target: Uint8Array) => void;
  readonly #fileEnd: number;
  #bytes = new Uint8Array(ENTRY_BYTES);
  #at = 0;
  #singles = 0;
  /** Numbers of the entries that the block holds. */
  #first = 0;
  #end = 0;

  /**
   * @param read puts the bytes of `count` entries from `number` on into the target
   * @param fileEnd entries from this number on are in memory, where reading ahead saves nothing
   */
  constructor(read: (number: number, count: number, target: Uint8Array) => void, fileEnd: number) {
    this.#read = read;
    this.#fileEnd = fileEnd;
  }

  /** Makes entry `number` the one that the other members speak of. */
  load(number: number): void {
    if (number >= this.#first && number < this.#end) {
      this.#at = (number - this.#first) * ENTRY_BYTES;
      return;
    }
    this.#at = 0;
    if (number >= this.#fileEnd || ++this.#singles <= SINGLES) {
      this.#read(number, 1, this.#bytes);
      return;
    }
    if (this.#bytes.length === ENTRY_BYTES) this.#bytes = new Uint8Array(BLOCK_ENTRIES * ENTRY_BYTES);
    // Entry 0 is unused; the chain goes down.
    this.#first = Math.max(1, number + 1 - BLOCK_ENTRIES);
    this.#end = number + 1;
    this.#read(this.#first, this.#end - this.#first, this.#bytes);
    this.#at = (number - this.#first) * ENTRY_BYTES;
  }

  get keyHash(): number {
    return readInt32(this.#bytes, this.#at);
  }

  get position(): number {
    return readInt64(this.#bytes, this.#at + 4);
  }

  /** Since the file's first message; negative in an entry that is none. */
  get seconds(): number {
    return readInt32(this.#bytes, this.#at + 12);
  }

  /** Number of the former entry of the same slot; 0: there is none. */
  get former(): number {
    return readInt32(this.#bytes, this.#at + 16);
  }
}

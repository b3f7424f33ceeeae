/**
 * End batch: half messages whose ends go to the log in one piece, with the records of those that are committed. Pure; owns the memory for
 * records, which is used again for each batch. Bounded: whoever finds it full stores it first.
 */
import type { InnerMessage, InnerRecord } from '../commit-log/inner-append.ts';
import type { EndTransaction } from './transaction-messages.ts';

export type EndItem = {
  /** Null: nobody waits for the answer. */
  readonly end: EndTransaction | null;
  readonly current: number;
  readonly origin: number;
  /** Null: rolled back. */
  readonly message: InnerMessage | InnerRecord | null;
};

const ITEMS_MAX = 64;
const BYTES_MAX = 256 * 1024;

export class EndBatch {
  items: EndItem[] = [];
  #memory: Uint8Array | null = null;
  #used = 0;
  /** Of all messages. */
  #bytes = 0;

  get isFull(): boolean {
    return this.items.length >= ITEMS_MAX || this.#bytes >= BYTES_MAX;
  }

  /** Memory for a record of this size; `at` says where in it. */
  room(size: number): Uint8Array {
    this.#memory ??= new Uint8Array(BYTES_MAX);
    if (this.#used + size > this.#memory.length) {
      this.at = 0;
      return new Uint8Array(size);
    }
    this.at = this.#used;
    this.#used += size;
    return this.#memory;
  }

  at = 0;

  add(item: EndItem): void {
    const { message } = item;
    this.items.push(item);
    if (message !== null) this.#bytes += 'record' in message ? message.size : message.body.length;
  }

  /** The log has its messages, or refuses them: the batch begins anew. */
  clear(): void {
    this.items = [];
    this.#used = 0;
    this.#bytes = 0;
  }
}

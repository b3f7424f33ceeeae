/**
 * End batch: half messages whose ends go to the log in one piece, with the records of those that are committed. Pure. Bounded: whoever finds
 * it full stores it first.
 */
import type { InnerMessage, InnerRecord } from '../commit-log/inner-append.ts';
import { RecordMemory } from '../commit-log/record-memory.ts';
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
const BYTES_MAX = 128 * 1024;

export class EndBatch {
  items: EndItem[] = [];
  readonly memory = new RecordMemory();
  /** Of all messages. */
  #bytes = 0;

  get isFull(): boolean {
    return this.items.length >= ITEMS_MAX || this.#bytes >= BYTES_MAX;
  }

  add(item: EndItem): void {
    const { message } = item;
    this.items.push(item);
    if (message !== null) this.#bytes += 'record' in message ? message.size : message.body.length;
  }

  /** The log has its messages, or refuses them: the batch begins anew. */
  clear(): void {
    this.items = [];
    this.memory.clear();
    this.#bytes = 0;
  }
}

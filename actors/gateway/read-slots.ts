/**
 * Read slots of one shard: the parts of shared memory that the reader puts a cold pull's messages into, and which of them are free. A large answer
 * goes to its socket from where it lies: its slot is lent and comes back when the kernel has taken the bytes. Bounded by the slots there are.
 */
import { READ_SLOT_BYTES, READ_SLOTS } from '../broker/broker-memory.ts';
import type { ClientConnection } from './client-connection.ts';

/** Below it a copy is cheaper than a slot that waits for its socket. */
const LEND_BYTES_MIN = 64 * 1024;
/** A connection that has more to send than some answers to its other pulls is slow: it would keep its slots. */
const LEND_UNSENT_BYTES_MAX = 4 * 1024 * 1024;

export class ReadSlots {
  readonly bytes: Uint8Array;
  readonly #free: number[] = [];
  /** The slot of the answer at hand went to a socket, which gives it back. */
  #isLent = false;
  #onFree: () => void = () => {};

  constructor(memory: SharedArrayBuffer) {
    this.bytes = new Uint8Array(memory);
    for (let slot = READ_SLOTS - 1; slot >= 0; slot--) this.#free.push(slot);
  }

  get free(): number {
    return this.#free.length;
  }

  /** Called when a socket has given one back. */
  whenFree(run: () => void): void {
    this.#onFree = run;
  }

  take(): number {
    return this.#free.pop()!;
  }

  give(slot: number): void {
    this.#free.push(slot);
  }

  /** Before the answer from a slot is written. */
  beginAnswer(): void {
    this.#isLent = false;
  }

  /** Behind it: the slot is free, unless a socket has it. */
  endAnswer(slot: number): void {
    if (!this.#isLent) this.#free.push(slot);
  }

  /** Whether so many bytes may go to the connection's socket from their slot: not if the socket is slow or the slots are needed. */
  mayLend(connection: ClientConnection, bytes: number): boolean {
    return bytes >= LEND_BYTES_MIN && connection.unsentBytes < LEND_UNSENT_BYTES_MAX && this.#free.length >= READ_SLOTS / 2;
  }

  /** Sends `bytes[start, end)`, of one slot, behind what was written to the connection. */
  lend(connection: ClientConnection, start: number, end: number): void {
    const slot = Math.floor(start / READ_SLOT_BYTES);
    this.#isLent = true;
    connection.writeLent(this.bytes.subarray(start, end), () => {
      this.#free.push(slot);
      this.#onFree();
    });
  }
}

/**
 * How much may be under way at once: messages and bytes. Who finds no room waits, first come first served; and no more than `waitersMax` wait, so
 * that a program which never awaits is told instead of filling the memory. Pure but for the promises.
 */
import { ClientError } from './errors.ts';

type Waiter = { readonly bytes: number; readonly admit: () => void; readonly fail: (error: ClientError) => void };

export class SendWindow {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  readonly #waitersMax: number;
  #messages = 0;
  #bytes = 0;
  #waiters: Waiter[] = [];
  #idle: (() => void)[] = [];

  constructor(messagesMax: number, bytesMax: number, waitersMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
    this.#waitersMax = waitersMax;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Takes room for a message. Null: it has it; else it has it when the promise resolves. Rejects with MQ_CLIENT_LIMIT. */
  enter(bytes: number): Promise<void> | null {
    if (this.#waiters.length === 0 && this.#hasRoom(bytes)) {
      this.#messages++;
      this.#bytes += bytes;
      return null;
    }
    if (this.#waiters.length >= this.#waitersMax) {
      const text = `${this.#messages} messages are under way and ${this.#waiters.length} wait already: await some of them before sending more`;
      return Promise.reject(new ClientError('MQ_CLIENT_LIMIT', text));
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ bytes, admit: resolve, fail: reject });
    });
  }

  /** Gives room back. */
  leave(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    for (let next = this.#waiters[0]; next !== undefined && this.#hasRoom(next.bytes); next = this.#waiters[0]) {
      this.#waiters.shift();
      this.#messages++;
      this.#bytes += next.bytes;
      next.admit();
    }
    if (this.#messages > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#messages === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Sends away all who wait. */
  refuseAll(error: ClientError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.fail(error);
  }

  /** One message always has room, or a large one would wait for ever. */
  #hasRoom(bytes: number): boolean {
    return this.#messages === 0 || (this.#messages < this.#messagesMax && this.#bytes + bytes <= this.#bytesMax);
  }
}

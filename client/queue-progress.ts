/**
 * How far one queue has come: which of the messages taken are done, and so what may be committed: never beyond a message that is not done, so
 * that a crash repeats messages but loses none. Counts what is held. Pure.
 * Source: RocketMQ 5.3 `ProcessQueue`.
 */

import type { ProcessQueueInfo } from '../protocol/remoting/bodies/consumer-running-info.ts';

type Held = { readonly offset: number; readonly bytes: number; isDone: boolean };

/** Entries at the front that are done are cut off when so many have gathered. */
const CUT_MIN = 1024;

export class QueueProgress {
  #held: Held[] = [];
  /** First entry that counts. */
  #first = 0;
  #byOffset: Map<number, Held> = new Map();
  #nextOffset: number;
  #messages = 0;
  #bytes = 0;
  #committed = Number.NaN;

  /** @param offset of the message that comes next. */
  constructor(offset: number) {
    this.#nextOffset = offset;
  }

  /** Messages that were taken and are not done. */
  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** From the first that is not done to the end, in offsets. */
  get span(): number {
    const first = this.#held[this.#first];
    return first === undefined ? 0 : this.#nextOffset - first.offset;
  }

  /** What the group has consumed: all before this offset is done. */
  get consumedOffset(): number {
    return this.#held[this.#first]?.offset ?? this.#nextOffset;
  }

  /** What it tells of itself, beside what its puller and its consumer know. Times in ms. */
  info(locked: boolean, lastPullTimestamp: number, lastConsumeTimestamp: number): ProcessQueueInfo {
    return {
      commitOffset: this.consumedOffset,
      cachedMsgCount: this.#messages,
      cachedMsgSizeInMiB: Math.floor(this.#bytes / 1024 ** 2),
      locked,
      lastPullTimestamp,
      lastConsumeTimestamp,
    };
  }

  /** The offset to commit, if it is another than was committed last; null when there is nothing new. */
  get uncommitted(): number | null {
    const offset = this.consumedOffset;
    return offset === this.#committed ? null : offset;
  }

  committed(offset: number): void {
    this.#committed = offset;
  }

  /** A message was taken. Offsets grow; one that is held already is not taken twice: false. */
  take(offset: number, bytes: number): boolean {
    const last = this.#held.at(-1);
    if (this.#byOffset.has(offset) || (last !== undefined && this.#first < this.#held.length && offset < last.offset)) return false;
    const held = { offset, bytes, isDone: false };
    this.#held.push(held);
    this.#byOffset.set(offset, held);
    this.#messages++;
    this.#bytes += bytes;
    if (offset >= this.#nextOffset) this.#nextOffset = offset + 1;
    return true;
  }

  /** All before `offset` has been looked at: what the tags let pass and what they did not. */
  moveTo(offset: number): void {
    if (offset > this.#nextOffset) this.#nextOffset = offset;
  }

  /** A message is done, or goes its way by the retry topic. */
  done(offset: number): void {
    const held = this.#byOffset.get(offset);
    if (held === undefined) return;
    held.isDone = true;
    this.#byOffset.delete(offset);
    this.#messages--;
    this.#bytes -= held.bytes;
    while (this.#held[this.#first]?.isDone === true) this.#first++;
    if (this.#first >= CUT_MIN && this.#first * 2 >= this.#held.length) {
      this.#held = this.#held.slice(this.#first);
      this.#first = 0;
    } else if (this.#first === this.#held.length) {
      this.#held = [];
      this.#first = 0;
    }
  }
}

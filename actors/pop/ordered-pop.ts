/**
 * Ordered pop: the messages of one queue that were given out in order last. While one of them is neither acknowledged nor visible again, nothing
 * more of the queue is given out; then those that are not acknowledged come again, in their order. Pure. One a queue.
 * Source: RocketMQ 5.3 `ConsumerOrderInfoManager.OrderInfo`.
 */
import type { PopEvent } from './pop-events.ts';

type Ordered = Extract<PopEvent, { kind: 'ordered' }>;

export class OrderedPop {
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly attemptId: string;
  readonly offsets: readonly number[];
  /** Deliveries that each message has had before this one. */
  readonly attempts: readonly number[];
  readonly #isSettled: boolean[];
  /** Of messages whose invisible time was changed. */
  readonly #visibleAt: Map<number, number> = new Map();

  constructor(event: Ordered) {
    this.popTime = event.popTime;
    this.invisibleMs = event.invisibleMs;
    this.attemptId = event.attemptId;
    this.offsets = event.offsets;
    this.attempts = event.attempts;
    this.#isSettled = event.offsets.map(() => false);
  }

  /** In order. */
  get unsettled(): number[] {
    return this.offsets.filter((_, index) => !this.#isSettled[index]);
  }

  /** Wall-clock ms from which on the queue is open for a request of this attempt; 0: it is. The same attempt gets its messages again at once. */
  blockedUntil(attemptId: string): number {
    if (attemptId !== '' && attemptId === this.attemptId) return 0;
    let until = 0;
    for (const offset of this.unsettled) until = Math.max(until, this.#visibleAt.get(offset) ?? this.popTime + this.invisibleMs);
    return until;
  }

  /** False: it is none of these, or settled. */
  has(offset: number): boolean {
    const index = this.offsets.indexOf(offset);
    return index >= 0 && !this.#isSettled[index];
  }

  settle(offset: number): void {
    const index = this.offsets.indexOf(offset);
    if (index >= 0) this.#isSettled[index] = true;
  }

  change(offset: number, visibleAt: number): void {
    this.#visibleAt.set(offset, visibleAt);
  }

  /** Deliveries that a message has had when it is given out once more by `attemptId`. */
  attemptsOf(offset: number, attemptId: string): number {
    const index = this.offsets.indexOf(offset);
    if (index < 0) return 0;
    const isSame = attemptId !== '' && attemptId === this.attemptId;
    return this.attempts[index]! + (isSame ? 0 : 1);
  }

  /** The events that make this state. */
  events(next: number): PopEvent[] {
    const { popTime, invisibleMs, attemptId, offsets, attempts } = this;
    const events: PopEvent[] = [{ kind: 'ordered', popTime, invisibleMs, attemptId, offsets, attempts, next }];
    offsets.forEach((offset, index) => {
      if (this.#isSettled[index]) events.push({ kind: 'ordered-settled', offset });
    });
    for (const [offset, visibleAt] of this.#visibleAt) events.push({ kind: 'ordered-changed', offset, visibleAt });
    return events;
  }
}

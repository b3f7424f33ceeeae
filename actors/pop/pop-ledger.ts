/**
 * Pop ledger: which messages of one queue a group has in flight, under which receipts, and where its next pop begins. Pure: it changes by events
 * alone. One a queue of a topic, or of one of its retry topics, in a pop actor. Memory is that of the messages in flight, however long one stays.
 * Source: RocketMQ 5.3 `PopCheckPoint`, `PopBufferMergeService`; in place of its revive topic's scan.
 */
import type { PopRetry } from '../../model/pop-topic.ts';
import type { Deadline, DeadlineHeap } from './deadline-heap.ts';
import { OrderedPop } from './ordered-pop.ts';
import type { PopDepartures } from './pop-departures.ts';
import type { PopEvent } from './pop-events.ts';

/** Messages that one pop gave out of one queue; visible again at `dueAt` as far as they are still in flight. */
export interface Checkpoint extends Deadline {
  readonly ledger: PopLedger;
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly offsets: readonly number[];
  /** Of them, in flight. */
  left: number;
}

/** `replaced`: the message is in flight under another receipt. `expired`: its time is over and it was given on. `settled`: it is done. */
export type ReceiptState = 'live' | 'replaced' | 'expired' | 'settled';

/** Names a ledger within its actor. */
export function ledgerKey(retry: PopRetry, queueId: number): string {
  return `${retry}/${queueId}`;
}

export class PopLedger {
  readonly retry: PopRetry;
  readonly queueId: number;
  readonly #deadlines: DeadlineHeap<Checkpoint>;
  readonly #flying: Map<number, Checkpoint> = new Map();
  /** Of them, those that are being stored once more: no receipt stops that any more. */
  readonly #leaving: Set<number> = new Set();
  #ordered: OrderedPop | null = null;
  /** First offset that no pop has looked at; −1: not known yet. */
  #next = -1;

  constructor(retry: PopRetry, queueId: number, deadlines: DeadlineHeap<Checkpoint>) {
    this.retry = retry;
    this.queueId = queueId;
    this.#deadlines = deadlines;
  }

  get next(): number {
    return this.#next;
  }

  get ordered(): OrderedPop | null {
    return this.#ordered;
  }

  /** Messages in flight that were not given out in order. */
  get flying(): number {
    return this.#flying.size;
  }

  get isClean(): boolean {
    return this.#flying.size === 0 && this.#ordered === null;
  }

  /** Everything below is done: what the group has committed. */
  get floor(): number {
    let floor = this.#next;
    for (const offset of this.#flying.keys()) if (offset < floor) floor = offset;
    for (const offset of this.#ordered?.unsettled ?? []) if (offset < floor) floor = offset;
    return floor;
  }

  isFlying(offset: number): boolean {
    return this.#flying.has(offset);
  }

  /** The place where reading goes on, when what lies before it is not wanted: no event, for it is looked at again after a restart. */
  skipTo(next: number): void {
    if (next > this.#next) this.#next = next;
  }

  /** The message's time is over and it is on its way to where it comes again from; `stay`: it was not stored. */
  leave(offset: number): void {
    if (this.#flying.has(offset)) this.#leaving.add(offset);
  }

  stay(offset: number): void {
    this.#leaving.delete(offset);
  }

  /** What a former life of the actor has begun to store once more is on its way. */
  recall(departures: PopDepartures): void {
    for (const [offset, { popTime }] of this.#flying) {
      if (departures.of(this.retry, this.queueId, offset, popTime) !== 'staying') this.#leaving.add(offset);
    }
  }

  /** Whether a receipt of that pop is good for the message. */
  receiptState(offset: number, popTime: number, invisibleMs: number, now: number): ReceiptState {
    if (this.#leaving.has(offset)) return 'expired';
    if (this.#flying.get(offset)?.popTime === popTime) return 'live';
    if (this.#ordered?.popTime === popTime && this.#ordered.has(offset)) return 'live';
    if (this.#flying.has(offset) || this.#ordered?.has(offset)) return 'replaced';
    return now >= popTime + invisibleMs ? 'expired' : 'settled';
  }

  apply(event: PopEvent): void {
    switch (event.kind) {
      case 'popped':
        this.#fly(event.popTime, event.invisibleMs, event.offsets);
        this.#next = event.next;
        return;
      case 'settled':
        for (const offset of event.offsets) this.#land(offset);
        return;
      case 'changed':
        if (!this.#flying.has(event.offset)) return;
        this.#land(event.offset);
        this.#fly(event.popTime, event.invisibleMs, [event.offset]);
        return;
      case 'reset':
        for (const offset of [...this.#flying.keys()]) this.#land(offset);
        this.#ordered = null;
        this.#next = event.next;
        return;
      case 'ordered':
        this.#ordered = new OrderedPop(event);
        this.#next = event.next;
        return;
      case 'ordered-settled':
        this.#ordered?.settle(event.offset);
        if (this.#ordered?.unsettled.length === 0) this.#ordered = null;
        return;
      case 'ordered-changed':
        this.#ordered?.change(event.offset, event.visibleAt);
        return;
    }
  }

  /** What happens when the queue was cut at `end`, before `next`: a power cut has taken the rest, and what is stored after that has these offsets. */
  cutEvents(end: number, now: number): PopEvent[] {
    const offsets = [...this.#flying.keys()].filter((offset) => offset >= end);
    const ordered = (this.#ordered?.unsettled ?? []).filter((offset) => offset >= end);
    return [
      { kind: 'settled', offsets },
      ...ordered.map((offset): PopEvent => ({ kind: 'ordered-settled', offset })),
      { kind: 'popped', popTime: now, invisibleMs: 0, offsets: [], next: end },
    ];
  }

  /** The events that make this state of a ledger that knows nothing. */
  events(): PopEvent[] {
    const events: PopEvent[] = [{ kind: 'reset', next: this.#next }];
    const seen = new Set<Checkpoint>();
    for (const checkpoint of this.#flying.values()) {
      if (seen.has(checkpoint)) continue;
      seen.add(checkpoint);
      const { popTime, invisibleMs } = checkpoint;
      const offsets = checkpoint.offsets.filter((offset) => this.#flying.get(offset) === checkpoint);
      events.push({ kind: 'popped', popTime, invisibleMs, offsets, next: this.#next });
    }
    if (this.#ordered !== null) events.push(...this.#ordered.events(this.#next));
    return events;
  }

  /** Offsets of a checkpoint that are in flight under its receipt. */
  flyingOf(checkpoint: Checkpoint): number[] {
    return checkpoint.offsets.filter((offset) => this.#flying.get(offset) === checkpoint);
  }

  #fly(popTime: number, invisibleMs: number, offsets: readonly number[]): void {
    if (offsets.length === 0) return;
    const dueAt = popTime + invisibleMs;
    const checkpoint: Checkpoint = { ledger: this, popTime, invisibleMs, offsets, left: offsets.length, dueAt, place: -1 };
    for (const offset of offsets) this.#flying.set(offset, checkpoint);
    this.#deadlines.add(checkpoint);
  }

  #land(offset: number): void {
    const checkpoint = this.#flying.get(offset);
    if (checkpoint === undefined) return;
    this.#flying.delete(offset);
    this.#leaving.delete(offset);
    if (--checkpoint.left === 0) this.#deadlines.remove(checkpoint);
  }
}

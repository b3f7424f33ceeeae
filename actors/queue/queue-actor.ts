/**
 * Queue actor: owns one message queue as consumers see it: its visible range and the pulls that are held open until a message
 * comes (long polling). One a topic and queue id, made by the first pull. It answers with positions; the shard of the puller's
 * connection copies the bytes. No file, no socket; restarted from the shared tails, and clients ask again for the pulls it held.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `PullRequestHoldService`.
 */

import { copyBytes } from '../../model/copy-bytes.ts';
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitEnd } from '../../storage/consume-queue/queue-unit.ts';
import { FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import { decidePull, type PullStatus } from './decide-pull.ts';
import type { QueueTable } from './queue-table.ts';
import { selectUnits } from './select-units.ts';

/** Messages from `offset` on, at most `max` with together about `bytesMax`; waits up to `holdMs` (0: not) for the first. */
export type Pull = {
  readonly kind: 'pull';
  readonly ticket: number;
  /** The queue's handle: another one than before when its topic was deleted and made again. */
  readonly handle: number;
  readonly offset: number;
  readonly max: number;
  readonly bytesMax: number;
  /** Tag codes wanted; empty: all. */
  readonly codes: readonly number[];
  readonly holdMs: number;
  readonly replyTo: ActorRef<PullReply>;
};
/** The log worker has appended to the queue. */
export type Arrived = { readonly kind: 'arrived' };
/** What range consumers see. */
export type QueryRange = { readonly kind: 'query-range'; readonly handle: number; readonly replyTo: ActorRef<QueueRange> };
export type QueueRange = { readonly kind: 'queue-range'; readonly min: number; readonly max: number };
type HoldExpired = { readonly kind: 'hold-expired'; readonly hold: number };
export type QueueCommand = Pull | Arrived | QueryRange | HoldExpired;

/** `units`: the 20-byte units of the messages found. `isCold`: they are not in memory, a reader has to look. */
export type PullReply = {
  readonly kind: 'pull-reply';
  readonly ticket: number;
  readonly status: PullStatus;
  readonly offset: number;
  readonly nextOffset: number;
  readonly min: number;
  readonly max: number;
  readonly isCold: boolean;
  readonly units: Uint8Array;
};

/** What a queue actor sees of its shard. */
export interface QueueSurroundings {
  readonly table: QueueTable;
  readonly marks: Watermarks;
  readonly syncFlush: boolean;
  /** From now on `arrived` for the handle's queue goes to `queue`. */
  own(handle: number, queue: ActorRef<Arrived>): void;
  /** Sync flush: tell the queue `arrived` again when the flushed end is no longer `seen`. */
  tellAfterFlush(queue: ActorRef<Arrived>, seen: number): void;
}

const NO_UNITS = new Uint8Array(0);
/** Units of answers under way, one behind the other: an array for each would be a block of memory that waits for a collection. */
const PAGE_BYTES = 32 * 1024;
/** Units looked at in one go; a filter that matches little answers "go on from here" after so many. */
const SCAN_UNITS_MAX = 8192;
/** Pulls held at once in one queue; one more is answered without waiting. */
export const HELD_MAX = 65_536;
const scratch = new Uint8Array(SCAN_UNITS_MAX * QUEUE_UNIT_BYTES);
let page = new Uint8Array(0);
let pageUsed = 0;

/** A copy of the first `length` bytes of `scratch`, which the next pull overwrites. */
function keptApart(length: number): Uint8Array {
  if (length > PAGE_BYTES / 4) return scratch.slice(0, length);
  if (pageUsed + length > page.length) {
    page = new Uint8Array(PAGE_BYTES);
    pageUsed = 0;
  }
  const start = pageUsed;
  pageUsed = copyBytes(scratch, 0, length, page, start);
  return page.subarray(start, pageUsed);
}

type Held = { readonly pull: Pull; readonly timer: TimerId };

export class QueueActor implements Actor<QueueCommand> {
  #handle = -1;
  readonly #around: QueueSurroundings;
  readonly #held: Map<number, Held> = new Map();
  #nextHold = 0;
  /** Flushed end at the last look. */
  #seenFlushed = 0;
  /** Sync flush: offsets below it are on disk. */
  #flushed = 0;

  constructor(around: QueueSurroundings) {
    this.#around = around;
  }

  receive(message: QueueCommand, context: ActorContext): void {
    switch (message.kind) {
      case 'pull':
        this.#own(message.handle, context);
        this.#onPull(message, context);
        return;
      case 'arrived':
        this.#onArrived(context);
        return;
      case 'query-range':
        this.#own(message.handle, context);
        message.replyTo.tell({ kind: 'queue-range', min: this.#around.table.min(this.#handle), max: this.#visible() });
        return;
      case 'hold-expired':
        this.#onHoldExpired(message.hold);
        return;
    }
  }

  #own(handle: number, context: ActorContext): void {
    if (handle === this.#handle) return;
    this.#handle = handle;
    this.#flushed = this.#around.table.filed(handle);
    this.#around.own(handle, context.self as ActorRef<Arrived>);
  }

  #onPull(pull: Pull, context: ActorContext): void {
    if (this.#answer(pull, pull.holdMs > 0 && this.#held.size < HELD_MAX)) return;
    const hold = this.#nextHold++;
    this.#held.set(hold, { pull, timer: context.schedule(pull.holdMs, { kind: 'hold-expired', hold } as HoldExpired) });
    this.#around.table.setWaiting(this.#handle, this.#held.size);
    // Looked at once more: what came between the first look and the flag rang no bell.
    if (this.#visible() > pull.offset) this.#release(hold, context);
    else this.#awaitFlush(context);
  }

  #onArrived(context: ActorContext): void {
    for (const hold of this.#held.keys()) this.#release(hold, context);
    if (this.#held.size === 0) return;
    this.#around.table.setWaiting(this.#handle, this.#held.size);
    this.#awaitFlush(context);
  }

  /** Written but not on disk yet: nobody reads what a power cut could take back. */
  #awaitFlush(context: ActorContext): void {
    if (this.#around.syncFlush && this.#visible() < this.#around.table.next(this.#handle))
      this.#around.tellAfterFlush(context.self as ActorRef<Arrived>, this.#seenFlushed);
  }

  /** Answers a held pull if there is something for it. */
  #release(hold: number, context: ActorContext): void {
    const held = this.#held.get(hold)!;
    if (!this.#answer(held.pull, true)) return;
    this.#held.delete(hold);
    context.cancel(held.timer);
  }

  #onHoldExpired(hold: number): void {
    const held = this.#held.get(hold);
    if (held === undefined) return;
    this.#held.delete(hold);
    this.#answer(held.pull, false);
  }

  /** Answers unless there is nothing yet and the pull may wait. */
  #answer(pull: Pull, mayWait: boolean): boolean {
    const table = this.#around.table;
    const min = table.min(this.#handle);
    const max = this.#visible();
    const decision = decidePull(pull.offset, min, max);
    if (decision.kind === 'wait' && mayWait) return false;
    if (decision.kind !== 'read') {
      this.#reply(pull, decision.status, decision.nextOffset, min, max, NO_UNITS, false);
      return true;
    }
    const wanted = pull.codes.length === 0 ? Math.min(pull.max, SCAN_UNITS_MAX) : SCAN_UNITS_MAX;
    const read = table.readUnits(this.#handle, pull.offset, Math.min(wanted, max - pull.offset), scratch);
    if (read === 0) {
      this.#reply(pull, 'FOUND', pull.offset, min, max, NO_UNITS, true);
      return true;
    }
    const kept = selectUnits(scratch, read, pull.max, pull.bytesMax, pull.codes);
    if (kept.found > 0) {
      this.#reply(pull, 'FOUND', pull.offset + kept.scanned, min, max, keptApart(kept.found * QUEUE_UNIT_BYTES), false);
      return true;
    }
    // A filter that nothing matched at the queue's end may wait for more, as if the offset were the end.
    if (mayWait && pull.offset + read >= max && this.#held.size > 0) return false;
    this.#reply(pull, 'NO_MATCHED_MESSAGE', pull.offset + kept.scanned, min, max, NO_UNITS, false);
    return true;
  }

  #reply(pull: Pull, status: PullStatus, nextOffset: number, min: number, max: number, units: Uint8Array, isCold: boolean): void {
    pull.replyTo.tell({ kind: 'pull-reply', ticket: pull.ticket, status, offset: pull.offset, nextOffset, min, max, isCold, units });
  }

  /** The end of what consumers may see. */
  #visible(): number {
    const { table, marks, syncFlush } = this.#around;
    const next = table.next(this.#handle);
    if (!syncFlush) return next;
    // NEXT was read first: every unit below it ends at or before the written end read now.
    const written = marks.read(WRITTEN_END);
    const flushed = marks.read(FLUSHED_END);
    this.#seenFlushed = flushed;
    if (flushed >= written) this.#flushed = next;
    // In this mode units are filed only once their records are on disk, and what is not filed lies in memory.
    else this.#flushed = Math.max(this.#flushed, table.filed(this.#handle));
    while (this.#flushed < next) {
      const read = table.readUnits(this.#handle, this.#flushed, Math.min(SCAN_UNITS_MAX, next - this.#flushed), scratch);
      if (read === 0) break;
      let unit = 0;
      while (unit < read && unitEnd(scratch, unit * QUEUE_UNIT_BYTES) <= flushed) unit++;
      this.#flushed += unit;
      if (unit < read) break;
    }
    return this.#flushed;
  }
}

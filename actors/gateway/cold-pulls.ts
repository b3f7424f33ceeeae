/**
 * Cold pulls of one shard: those whose messages no lane holds any more. Answers from what was read ahead, else has the reader fetch the messages into
 * a read slot; pulls wait in order where no slot is free. The reader's thread starts with the first of them. Dies the reader, what it was asked is
 * answered busy (2) and its slots are free again; an answer from before its death is known by its ticket.
 */
import * as code from '../../protocol/remoting/response-code.ts';
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { READ_SLOT_BYTES, READ_SLOTS } from '../broker/broker-memory.ts';
import type { PullReply } from '../queue/queue-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ColdPull, ColdRead } from '../store/reader-actor.ts';
import type { FilteredPulls } from './filtered-pulls.ts';
import type { LookedAt, PullAnswers } from './pull-answers.ts';
import { MESSAGES_MAX } from './pull-terms.ts';
import { FILTERED_BYTES_MAX, isForAll, isPlain, lookAtMax, type Pending, type PullsUnderWay } from './pulls-under-way.ts';
import { AHEAD_BYTES, AHEAD_IDLE_MS, type Cut, ReadAhead } from './read-ahead.ts';
import type { ReadSlots } from './read-slots.ts';

/** The reader's thread has died: what it was asked is answered busy, its slots are free. */
export type ReaderGone = { readonly kind: 'reader-gone' };

const READER_GONE: ReaderGone = { kind: 'reader-gone' };

export class ColdPulls {
  readonly #thread: ThreadContext;
  readonly #self: ActorRef<ColdRead>;
  readonly #table: QueueTable;
  readonly #syncFlush: boolean;
  readonly #reader: ActorRef<ColdPull>;
  readonly #slots: ReadSlots;
  readonly #underWay: PullsUnderWay;
  readonly #answers: PullAnswers;
  readonly #filtered: FilteredPulls;
  readonly #ahead = new ReadAhead();
  /** Tickets that the reader works on, by slot; −1: free. */
  readonly #reading: Int32Array = new Int32Array(READ_SLOTS).fill(-1);
  /** Those that wait for a slot. */
  readonly #waiting: ColdPull[] = [];
  #isReaderWatched = false;
  /** Of `answerAhead`, from call to call. */
  readonly #at = { offset: 0, nextOffset: 0, min: 0, max: 0 };
  #isAheadWatched = false;

  /** @param parts.self who the reader answers to, and gives the answers to `onRead` */
  constructor(parts: {
    thread: ThreadContext;
    self: ActorRef<ColdRead>;
    table: QueueTable;
    slots: ReadSlots;
    underWay: PullsUnderWay;
    answers: PullAnswers;
    filtered: FilteredPulls;
    syncFlush: boolean;
  }) {
    this.#thread = parts.thread;
    this.#self = parts.self;
    this.#table = parts.table;
    this.#slots = parts.slots;
    this.#underWay = parts.underWay;
    this.#answers = parts.answers;
    this.#filtered = parts.filtered;
    this.#syncFlush = parts.syncFlush;
    this.#reader = parts.thread.ref<ColdPull>('reader');
    parts.slots.whenFree(() => {
      this.#start();
      parts.thread.requestTurn();
    });
  }

  /** Watches the reader for `context`'s actor, not before the first cold pull: its thread starts when it is first spoken to. */
  watch(context: ActorContext): void {
    if (this.#isReaderWatched || this.#waiting.length + this.#answers.counters.coldPulls === 0) return;
    this.#isReaderWatched = true;
    context.watch(this.#reader as ActorRef<never>, READER_GONE);
  }

  /**
   * Answers from what was read ahead, without the queue's actor: what it would look at, the queue's range, is looked at here.
   * With synchronous flush, what is filed is on disk. False: nothing is there for this offset, or the client does not read and goes the long
   * way to its refusal.
   */
  answerAhead(pending: Pending, now: number): boolean {
    if (this.#ahead.size === 0 || pending.connection.isOverfull || !isForAll(pending.wanted)) return false;
    const { offset } = pending;
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const min = this.#table.min(handle);
    const max = this.#syncFlush ? this.#table.filed(handle) : this.#table.next(handle);
    if (offset < min || offset >= max) return false;
    const cut = this.#ahead.take(handle, offset, pending.max, pending.bytesMax, now);
    if (cut === null) return false;
    const at = this.#at;
    at.offset = offset;
    at.min = min;
    at.max = max;
    this.#answerCut(pending, cut, at);
    return true;
  }

  /** Has the messages of `reply` read. */
  read(pending: Pending, reply: PullReply): void {
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const now = this.#thread.monotonicMs();
    const { codes } = pending.wanted;
    const isFiltered = !isPlain(pending.wanted);
    const wantsAll = isForAll(pending.wanted);
    const cut = wantsAll ? this.#ahead.take(handle, reply.offset, pending.max, pending.bytesMax, now) : null;
    if (cut !== null) {
      this.#underWay.settle(reply.ticket, pending);
      this.#answerCut(pending, cut, reply);
      return;
    }
    this.#answers.counters.coldPulls++;
    const ahead = wantsAll ? this.#ahead.wanted(handle, reply.offset, pending.max) : 0;
    this.#underWay.awaitReader(pending, now);
    this.#waiting.push({
      kind: 'cold-pull',
      ticket: reply.ticket,
      slot: -1,
      shard: pending.connection.shard,
      topic: pending.topic.name,
      queueId: pending.queueId,
      handle,
      offset: reply.offset,
      max: ahead > 0 ? Math.min(ahead, MESSAGES_MAX) : lookAtMax(pending),
      bytesMax: ahead > 0 ? AHEAD_BYTES : isFiltered ? FILTERED_BYTES_MAX : pending.bytesMax,
      codes,
      min: reply.min,
      visibleMax: reply.max,
      replyTo: this.#self,
    });
    this.#start();
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#slots.free > 0) {
      const waiting = this.#waiting.shift()!;
      const { ticket } = waiting;
      const pending = this.#underWay.get(ticket);
      // Its connection was closed, or it was answered meanwhile.
      if (pending === undefined || !pending.connection.isOpen) {
        if (pending !== undefined) this.#underWay.settle(ticket, pending);
        continue;
      }
      if (pending.connection.isOverfull) {
        this.#underWay.settle(ticket, pending);
        this.#answers.sayTooFar(pending);
        continue;
      }
      const slot = this.#slots.take();
      if (this.#reader.tell({ ...waiting, slot })) {
        this.#reading[slot] = ticket;
        continue;
      }
      this.#slots.give(slot);
      this.#underWay.settle(ticket, pending);
      this.#answers.say(pending, code.SYSTEM_BUSY, 'the reader has too many requests waiting; pull again later');
    }
  }

  onRead(read: ColdRead): void {
    // An answer from before the reader's death: its slot has been given away.
    if (this.#reading[read.slot] !== read.ticket) return;
    this.#reading[read.slot] = -1;
    this.#slots.beginAnswer();
    const pending = this.#underWay.get(read.ticket);
    if (pending !== undefined) {
      this.#underWay.settle(read.ticket, pending);
      if (pending.connection.isOpen) this.#answerRead(pending, read);
    }
    this.#slots.endAnswer(read.slot);
    this.#start();
  }

  onReaderGone(context: ActorContext): void {
    for (let slot = 0; slot < READ_SLOTS; slot++) {
      const ticket = this.#reading[slot]!;
      if (ticket < 0) continue;
      this.#reading[slot] = -1;
      this.#slots.give(slot);
      const pending = this.#underWay.get(ticket);
      if (pending === undefined) continue;
      this.#underWay.settle(ticket, pending);
      if (pending.connection.isOpen) this.#answers.say(pending, code.SYSTEM_BUSY, 'the reader is being restarted; pull again');
    }
    context.watch(this.#reader as ActorRef<never>, READER_GONE);
    this.#start();
  }

  #answerRead(pending: Pending, read: ColdRead): void {
    const { nextOffset, count, length } = read;
    if (read.status !== 'FOUND' || length === 0) {
      this.#answers.missed(pending, read.status, read);
      return;
    }
    const { bytes } = this.#slots;
    const start = read.slot * READ_SLOT_BYTES;
    const end = start + length;
    const { codes, tags } = pending.wanted;
    if (!isPlain(pending.wanted) || (tags !== null && !tags.all(bytes, start, end))) {
      this.#filtered.fromBuffer(pending, read, bytes, start, end);
      return;
    }
    if (codes.length > 0) {
      this.#answers.found(pending, count, read, read.nextOffset, bytes, start, end);
      return;
    }
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const now = this.#thread.monotonicMs();
    const cut = this.#ahead.split(handle, bytes, start, end, nextOffset, count, pending.max, pending.bytesMax, now);
    this.#answerCut(pending, cut, read);
    if (this.#ahead.size > 0 && !this.#isAheadWatched) this.#watchAhead();
  }

  #answerCut(pending: Pending, cut: Cut, at: LookedAt): void {
    this.#answers.found(pending, cut.count, at, cut.next, cut.bytes, cut.start, cut.end);
  }

  #watchAhead(): void {
    this.#isAheadWatched = true;
    this.#thread.schedule(AHEAD_IDLE_MS, () => {
      this.#ahead.expire(this.#thread.monotonicMs());
      this.#isAheadWatched = false;
      if (this.#ahead.size > 0) this.#watchAhead();
    });
  }
}

/**
 * Offset keeper: the part of a consumer-group actor that owns its committed offsets: reads them from the offset store when the
 * actor starts, takes commits, answers questions, and sends changes to the store until it confirms them: at once again when the store has
 * died with its thread. One an actor. Questions that come before the offsets have wait for them.
 * Source: RocketMQ `ConsumerOffsetManager`.
 */
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import { CommittedOffsets, type OffsetColumns } from './committed-offsets.ts';
import { decideCommit, decideQueryOffset, type QueueRanges } from './decide-offset.ts';
import type { GroupLimits, Refusal } from './group-limits.ts';
import {
  type DropOffsets,
  type LoadOffsets,
  OFFSET_STORE_PATH,
  OFFSETS_PER_MESSAGE,
  type OffsetsListed,
  type OffsetsLoaded,
  type OffsetsSaved,
  type SaveOffsets,
} from './offset-store-actor.ts';
import type { PendingResets } from './pending-resets.ts';

export type QueryOffset = {
  readonly kind: 'query-offset';
  readonly topic: string;
  readonly queueId: number;
  readonly zeroIfNotFound: boolean;
  readonly replyTo: ActorRef<OffsetFound>;
};
/** −1: never consumed. `isSetBack`: the last commit was lower than the one before. */
export type OffsetFound = { readonly kind: 'offset-found'; readonly offset: number; readonly isSetBack?: boolean };
/** Request 15: answered. */
export type UpdateOffset = {
  readonly kind: 'update-offset';
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly replyTo: ActorRef<OffsetUpdated>;
};
export type OffsetUpdated = { readonly kind: 'offset-updated'; readonly code: number; readonly remark: string };
/** A commit that came with a pull: not answered; out of range: ignored. */
export type CommitOffset = { readonly kind: 'commit-offset'; readonly topic: string; readonly queueId: number; readonly offset: number };
/** Offsets page by page, of one topic or, when that is empty, of all; `from` counts entries. */
export type ListOffsets = {
  readonly kind: 'list-offsets';
  readonly topic: string;
  readonly from: number;
  readonly replyTo: ActorRef<OffsetsListed>;
};

/** The broker stops: everything goes to the offset store now. Answered when it was sent. */
export type FlushOffsets = { readonly kind: 'flush-offsets'; readonly replyTo: ActorRef<OffsetsFlushed> };
export type OffsetsFlushed = { readonly kind: 'offsets-flushed' };

export type OffsetCommand = FlushOffsets | QueryOffset | UpdateOffset | CommitOffset | ListOffsets | OffsetsLoaded | OffsetsSaved;

/** What the keeper tells its actor, for itself. */
export type OffsetTimer =
  | { readonly kind: 'flush-due' }
  | { readonly kind: 'load-due' }
  | { readonly kind: 'offset-store-gone' }
  | { readonly kind: 'flight-due'; readonly flight: number };

const SYSTEM_BUSY = 2;
/** Of the time that a commit may take to the disk, the part that it waits here for others. */
const FLUSH_SHARE = 0.2;
/** On top of that time: a flight not confirmed by then was lost. */
const FLIGHT_SLACK_MS = 500;
const LOAD_AGAIN_MS = 500;
const QUESTIONS_MAX = 4_096;
const PAGE_OFFSETS = 256;

export class OffsetKeeper {
  readonly #group: string;
  readonly #ranges: QueueRanges;
  readonly #limits: Pick<GroupLimits, 'offsetSaveMs'>;
  readonly #resets: PendingResets;
  readonly #offsets: CommittedOffsets = new CommittedOffsets();
  #isLoaded = false;
  #loadRequest = 0;
  #flushIsDue = false;
  #isFlying = false;
  #flight = 0;
  #questions: QueryOffset[] = [];
  #lists: ListOffsets[] = [];

  /**
   * @param resets queues whose commits are passed over: a tool has set their offsets, which no client has heard yet. Read only.
   */
  constructor(group: string, ranges: QueueRanges, limits: Pick<GroupLimits, 'offsetSaveMs'>, resets: PendingResets) {
    this.#group = group;
    this.#ranges = ranges;
    this.#limits = limits;
    this.#resets = resets;
  }

  started(context: ActorContext): void {
    // Answers to a former life of the actor may still come: their numbers lie below.
    this.#loadRequest = context.now();
    this.#flight = context.now();
    this.#watch(context);
    this.#load(context);
  }

  #watch(context: ActorContext): void {
    context.watch(context.ref(OFFSET_STORE_PATH), { kind: 'offset-store-gone' } satisfies OffsetTimer);
  }

  /** What the store has not confirmed goes to it once more, if there is room: in a failure of the actor nothing else would know it. */
  stopped(context: ActorContext): void {
    this.#offsets.retry();
    this.#send(context, this.#offsets.takeDirty(OFFSETS_PER_MESSAGE));
  }

  receive(message: OffsetCommand | OffsetTimer, context: ActorContext): void {
    switch (message.kind) {
      case 'query-offset':
        this.#onQuery(message);
        return;
      case 'update-offset': {
        if (this.#resets.has(message.topic, message.queueId)) {
          message.replyTo.tell({ kind: 'offset-updated', code: 0, remark: 'Offset has been previously reset' });
          return;
        }
        const refusal = this.#commit(message.topic, message.queueId, message.offset, context);
        message.replyTo.tell({ kind: 'offset-updated', code: refusal?.code ?? 0, remark: refusal?.remark ?? '' });
        return;
      }
      case 'commit-offset':
        if (this.#resets.has(message.topic, message.queueId)) return;
        this.#commit(message.topic, message.queueId, message.offset, context);
        return;
      case 'list-offsets':
        this.#onList(message);
        return;
      case 'offsets-loaded':
        this.#onLoaded(message, context);
        return;
      case 'offsets-saved':
        this.#onSaved(message.flight, context);
        return;
      case 'flush-offsets':
        this.stopped(context);
        message.replyTo.tell({ kind: 'offsets-flushed' });
        return;
      case 'flush-due':
        this.#flushIsDue = false;
        this.#flush(context);
        return;
      case 'load-due':
        if (!this.#isLoaded) this.#load(context);
        return;
      case 'flight-due':
        if (this.#isFlying && message.flight === this.#flight) this.#onLostFlight(context);
        return;
      case 'offset-store-gone':
        this.#watch(context);
        if (this.#isFlying) this.#onLostFlight(context);
        return;
    }
  }

  /** The topic was deleted. */
  forgetTopic(topic: string, context: ActorContext): void {
    this.#offsets.forgetTopic(topic);
    this.#drop(topic, context);
  }

  forgetAll(context: ActorContext): void {
    this.#offsets.forgetAll();
    this.#isLoaded = true;
    this.#drop('', context);
    this.#answerQuestions();
  }

  /** A tool's word: all of it or, refused, nothing. */
  reset(columns: OffsetColumns, context: ActorContext): Refusal | null {
    const { topics, queueIds, offsets } = columns;
    for (const [index, topic] of topics.entries()) {
      const decision = decideCommit(topic, queueIds[index]!, offsets[index]!, this.#ranges.maxOffset(topic, queueIds[index]!));
      if (typeof decision === 'object') return decision;
    }
    for (const [index, topic] of topics.entries()) {
      if (!this.#offsets.commit(topic, queueIds[index]!, offsets[index]!)) return this.#tooMany();
    }
    if (this.#offsets.isDirty) this.#scheduleFlush(context);
    return null;
  }

  #tooMany(): Refusal {
    const remark = `group ${this.#group} has committed offsets of ${this.#offsets.count} queues, the most it may; delete unused topics`;
    return { code: SYSTEM_BUSY, remark };
  }

  #onQuery(message: QueryOffset): void {
    const { topic, queueId, zeroIfNotFound, replyTo } = message;
    const stored = this.#offsets.get(topic, queueId);
    if (!this.#isLoaded && stored < 0) {
      // Beyond the limit the question is left to its sender's deadline: a wrong "never consumed" would make a client skip or repeat.
      if (this.#questions.length < QUESTIONS_MAX) this.#questions.push(message);
      return;
    }
    const offset = decideQueryOffset(stored, this.#ranges.minOffset(topic, queueId), zeroIfNotFound);
    replyTo.tell({ kind: 'offset-found', offset, isSetBack: this.#offsets.isSetBack(topic, queueId) });
  }

  #commit(topic: string, queueId: number, offset: number, context: ActorContext): Refusal | null {
    const decision = decideCommit(topic, queueId, offset, this.#ranges.maxOffset(topic, queueId));
    if (decision === 'ignore') return null;
    if (decision !== 'store') return decision;
    if (!this.#offsets.commit(topic, queueId, offset)) return this.#tooMany();
    if (this.#offsets.isDirty) this.#scheduleFlush(context);
    return null;
  }

  #onList(message: ListOffsets): void {
    if (!this.#isLoaded) {
      // As with a question: without the store's word the list would look as if the group had never consumed.
      if (this.#lists.length < QUESTIONS_MAX) this.#lists.push(message);
      return;
    }
    const columns: OffsetColumns = { topics: [], queueIds: [], offsets: [] };
    let index = 0;
    const topics = message.topic === '' ? this.#offsets.topics() : [message.topic];
    for (const topic of topics) {
      for (const [queueId, offset] of this.#offsets.of(topic) ?? []) {
        if (index >= message.from && columns.topics.length < PAGE_OFFSETS) {
          columns.topics.push(topic);
          columns.queueIds.push(queueId);
          columns.offsets.push(offset);
        }
        index++;
      }
    }
    const end = message.from + columns.topics.length;
    message.replyTo.tell({ kind: 'offsets-listed', columns, next: end < index ? end : -1 });
  }

  /** Asked again until the last page has come: an answer may get lost. */
  #load(context: ActorContext): void {
    const store: ActorRef<LoadOffsets> = context.ref(OFFSET_STORE_PATH);
    store.tell({ kind: 'load-offsets', group: this.#group, request: ++this.#loadRequest });
    context.schedule(LOAD_AGAIN_MS, { kind: 'load-due' } satisfies OffsetTimer);
  }

  #onLoaded(message: OffsetsLoaded, context: ActorContext): void {
    if (this.#isLoaded || message.request !== this.#loadRequest) return;
    this.#offsets.load(message.columns, message.isSaved);
    if (this.#offsets.isDirty) this.#scheduleFlush(context);
    if (!message.isLast) return;
    this.#isLoaded = true;
    this.#answerQuestions();
  }

  #answerQuestions(): void {
    const questions = this.#questions;
    const lists = this.#lists;
    this.#questions = [];
    this.#lists = [];
    for (const question of questions) this.#onQuery(question);
    for (const list of lists) this.#onList(list);
  }

  #scheduleFlush(context: ActorContext): void {
    if (this.#flushIsDue || this.#isFlying) return;
    this.#flushIsDue = true;
    context.schedule(this.#limits.offsetSaveMs * FLUSH_SHARE, { kind: 'flush-due' } satisfies OffsetTimer);
  }

  #flush(context: ActorContext, isAgain = false): void {
    if (this.#isFlying || !this.#offsets.isDirty) return;
    this.#isFlying = true;
    this.#flight++;
    const due: OffsetTimer = { kind: 'flight-due', flight: this.#flight };
    context.schedule(this.#limits.offsetSaveMs + FLIGHT_SLACK_MS, due);
    this.#send(context, this.#offsets.takeDirty(OFFSETS_PER_MESSAGE), isAgain);
  }

  /** Without room the flight is not confirmed, and flies again. */
  #send(context: ActorContext, pages: readonly OffsetColumns[], isAgain = false): void {
    const store: ActorRef<SaveOffsets> = context.ref(OFFSET_STORE_PATH);
    for (const [index, columns] of pages.entries()) {
      const isLast = index === pages.length - 1;
      if (!store.tell({ kind: 'save-offsets', group: this.#group, flight: this.#flight, columns, isLast, isAgain })) return;
    }
  }

  #onSaved(flight: number, context: ActorContext): void {
    if (!this.#isFlying || flight !== this.#flight) return;
    this.#isFlying = false;
    this.#offsets.confirm();
    // The flight was time enough for others to come.
    this.#flush(context);
  }

  #onLostFlight(context: ActorContext): void {
    this.#isFlying = false;
    this.#offsets.retry();
    this.#flush(context, true);
  }

  #drop(topic: string, context: ActorContext): void {
    const store: ActorRef<DropOffsets> = context.ref(OFFSET_STORE_PATH);
    store.tell({ kind: 'drop-offsets', group: this.#group, topic });
  }
}

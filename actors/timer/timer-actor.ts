/**
 * Timer actor: delivers the messages of the delay levels when their time has come. One a broker, at `timer`, on the first shard. Owns
 * how far each level is delivered (config/delayOffset.json, saved a while after a change and at the stop). Each level has one timer,
 * for its next message; a level without one is told when something comes, so an idle timer does nothing.
 *
 * Delivered is what the log has stored at its destination, in synchronous flush what is on the disk. After a crash what was delivered
 * since the last save comes again; nothing is left out. A message whose topic was deleted meanwhile is dropped, and told.
 * A record that the log refuses is tried again. A table that cannot be read is a fault that its supervisor escalates.
 * Source: RocketMQ 5.4 `ScheduleMessageService`.
 */

import { parseProperties } from '../../model/message-property.ts';
import {
  decodeMessageRecord,
  type MessageRecord,
  PHYSICAL_OFFSET_AT,
  readInt32,
  readInt64,
  TOTAL_SIZE_AT,
} from '../../model/message-record.ts';
import { SCHEDULE_TOPIC } from '../../model/topic.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitEnd, unitPhysicalOffset } from '../../storage/consume-queue/queue-unit.ts';
import type { Appended, InnerAppend } from '../commit-log/inner-append.ts';
import { OUTCOME_NO_QUEUE } from '../commit-log/log-lane.ts';
import type { Place } from '../message/record-source.ts';
import type { Arrived } from '../queue/queue-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ReadUnits, UnitsRead } from '../store/reader-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { dueUnits, isMessage } from './decide-delivery.ts';
import { Level, type Taken } from './delay-level.ts';
import { DELAY_OFFSETS_FILE, delayOffsetsText, parseDelayOffsets } from './delay-offsets-json.ts';
import { dueMessage } from './delayed-message.ts';
import { DueRun } from './due-run.ts';
import { settleDestination } from './settle-destination.ts';
import { type SaverMessage, TableSaver } from './table-saver.ts';

/** Everything that is delivered goes to the disk now; answered when it is there, or cannot be. */
export type SaveDelayOffsets = { readonly kind: 'save-delay-offsets'; readonly replyTo: ActorRef<DelayOffsetsSaved> };
export type DelayOffsetsSaved = { readonly kind: 'delay-offsets-saved' };
/** How far the levels are delivered, of those that have a queue: columns of equal length. `ends`: what is parked ends before them. */
export type QueryDelays = { readonly kind: 'query-delays'; readonly replyTo: ActorRef<DelaysTold> };
export type DelaysTold = {
  readonly kind: 'delays-told';
  readonly levels: readonly number[];
  readonly offsets: readonly number[];
  readonly ends: readonly number[];
  /** Version of the file. */
  readonly counter: number;
};
export type TimerCommand = SaveDelayOffsets | QueryDelays | Arrived;

type Private =
  | { readonly kind: 'look' }
  | { readonly kind: 'level-due'; readonly queueId: number }
  | { readonly kind: 'units'; readonly queueId: number; readonly offset: number; readonly units: Uint8Array | null }
  | { readonly kind: 'records'; readonly life: number; readonly queueId: number; readonly records: Uint8Array | null }
  | {
      readonly kind: 'appended';
      readonly life: number;
      readonly queueId: number;
      readonly offsets: readonly number[];
      /** Null: all are stored. */
      readonly appended: readonly Appended[] | null;
    }
  | SaverMessage;

export type TimerParts = {
  /** Delay by level − 1. Queues of levels that are no more are delivered all the same. */
  readonly delayLevelsMs: readonly number[];
  readonly topics: TopicTable;
  readonly table: QueueTable;
  readonly append: InnerAppend;
  /** End of what readers see of the log. */
  readonly visibleEnd: () => number;
  /** The records at these places, in their order, those that are no more left out; null: ask again. Calls back at once or later. */
  readonly view: (places: readonly Place[], onRecords: (records: Uint8Array | null) => void) => void;
  /** From now on `arrived` is told when something comes to the queue. */
  readonly watch: (handle: number) => void;
  /** The parsed table as it was saved last; null: there is none. Throws when it cannot be read. */
  readonly load: () => unknown;
  readonly sync: boolean;
  readonly saveEveryMs: number;
  readonly reader: string;
  readonly store?: string;
};

/** Units looked at in one go. */
const UNITS_MAX = 256;
/** Messages of one level that wait for the log, and bytes that are read for it at once. */
const FLYING_MAX = 1024;
const READ_BYTES_MAX = 1024 * 1024;
/** The wall clock may be set: a longer wait is looked at in between. */
const WAIT_MS_MAX = 10_000;
/** For what a notice was lost of, and for topics that come with the start. */
const LOOK_MS = 5_000;
const START_LOOK_MS = 20;
const AGAIN_MS = 20;
/** After so many messages at once a level rests: a turn for each millisecond would cost more than the messages in it. */
const BURST_LEAST = 8;
const REST_MS = 10;
const REFUSED_AGAIN_MS = 1_000;
const READ_MAX_MS = 2_500;

export class TimerActor implements Actor<TimerCommand | Private> {
  readonly #parts: TimerParts;
  readonly #due: DueRun;
  readonly #levels: Map<number, Level> = new Map();
  /** As they stand in the file, or are about to; levels that have no queue any more are kept. */
  readonly #offsets: Map<number, number> = new Map();
  #counter = 0;
  /** What was begun by a former life of the actor may still be answered. */
  #life = 0;
  #saver: TableSaver<ActorRef<DelayOffsetsSaved>> | null = null;
  readonly #units = new Uint8Array(UNITS_MAX * QUEUE_UNIT_BYTES);

  constructor(parts: TimerParts) {
    this.#parts = parts;
    this.#due = new DueRun(parts.topics, parts.append);
  }

  started(context: ActorContext): void {
    this.#life = context.monotonicMs();
    const { sync, saveEveryMs, store } = this.#parts;
    const text = (now: ActorContext): string => this.#text(now);
    const cost = 'what was delivered since the last save would come again after a crash';
    // What was delivered must be on the disk before the table says so: else a power cut loses both, the delayed message and its delivery.
    const after = this.#parts.visibleEnd;
    this.#saver = new TableSaver({ name: DELAY_OFFSETS_FILE, text, after, sync, saveEveryMs, store, cost }, context, (replyTo) =>
      replyTo.tell({ kind: 'delay-offsets-saved' }),
    );
    const parsed = this.#parts.load();
    if (parsed !== null) {
      const { counter, offsets } = parseDelayOffsets(parsed);
      this.#counter = counter;
      for (const [level, offset] of offsets) this.#offsets.set(level, offset);
    }
    this.#look(context);
  }

  receive(message: TimerCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'arrived':
        for (const level of this.#levels.values()) this.#run(level, context);
        return;
      case 'look':
        this.#look(context);
        return;
      case 'level-due': {
        const level = this.#levels.get(message.queueId)!;
        level.timer = null;
        this.#run(level, context);
        return;
      }
      case 'units':
        this.#onUnits(message, context);
        return;
      case 'records':
        if (message.life === this.#life) this.#onRecords(this.#levels.get(message.queueId)!, message.records, context);
        return;
      case 'appended':
        if (message.life === this.#life) this.#onAppended(message, context);
        return;
      case 'save-delay-offsets':
        this.#saver!.hurry(message.replyTo, context);
        return;
      case 'query-delays':
        message.replyTo.tell(this.#delays());
        return;
      case 'save-due':
      case 'saved':
        this.#saver!.receive(message, context);
        return;
    }
  }

  #delays(): DelaysTold {
    const levels = [...this.#levels.values()];
    return {
      kind: 'delays-told',
      levels: levels.map(({ queueId }) => queueId + 1),
      offsets: levels.map(({ progress }) => progress.done),
      ends: levels.map(({ handle }) => this.#parts.table.next(handle)),
      counter: this.#counter,
    };
  }

  /** Queues of the schedule topic that are not known yet, and levels that have something nobody told of. */
  #look(context: ActorContext): void {
    const { topics, table, watch } = this.#parts;
    const schedule = topics.get(SCHEDULE_TOPIC);
    for (let queueId = 0; queueId < (schedule?.queueHandles.length ?? 0); queueId++) {
      const handle = schedule!.queueHandles[queueId]!;
      if (handle < 0 || this.#levels.has(queueId)) continue;
      const saved = this.#offsets.get(queueId + 1) ?? 0;
      const level = new Level(queueId, handle, saved);
      this.#levels.set(queueId, level);
      if (level.progress.clamp(table.min(handle), table.next(handle)) && saved !== 0) {
        const detail = { level: queueId + 1, saved, from: level.progress.done };
        context.log('warn', 'a delay level goes on at another offset: its queue does not hold the one that was saved', detail);
      }
      watch(handle);
    }
    for (const level of this.#levels.values()) this.#run(level, context);
    context.schedule(topics.complete && schedule !== undefined ? LOOK_MS : START_LOOK_MS, { kind: 'look' } satisfies Private);
  }

  /** Goes on with a level, unless its timer, a reading or the log will. */
  #run(level: Level, context: ActorContext): void {
    const { table, reader } = this.#parts;
    const { handle, queueId, progress } = level;
    if (level.timer !== null || level.isReading || progress.flying >= FLYING_MAX || progress.isFull) return;
    progress.clamp(table.min(handle), Number.MAX_SAFE_INTEGER);
    if (progress.next >= table.next(handle)) {
      table.setWaiting(handle);
      // Looked at once more: what came between the look and the flag rang no bell.
      if (progress.next >= table.next(handle)) return;
    }
    const offset = progress.next;
    const count = Math.min(UNITS_MAX, table.next(handle) - offset);
    const read = table.readUnits(handle, offset, count, this.#units);
    if (read > 0) {
      this.#deliver(level, this.#units, read, context);
      return;
    }
    level.isReading = true;
    context.ask<UnitsRead, ReadUnits>(
      context.ref(reader),
      (replyTo) => ({ kind: 'read-units', topic: SCHEDULE_TOPIC, queueId, handle, offset, count, replyTo }),
      READ_MAX_MS,
      (reply): Private => ({ kind: 'units', queueId, offset, units: reply?.units ?? null }),
    );
  }

  #onUnits({ queueId, offset, units }: Extract<Private, { kind: 'units' }>, context: ActorContext): void {
    const level = this.#levels.get(queueId)!;
    level.isReading = false;
    // A record that failed meanwhile has moved the place where reading goes on.
    if (units === null || units.length === 0 || offset !== level.progress.next) this.#again(level, AGAIN_MS, context);
    else this.#deliver(level, units, units.length / QUEUE_UNIT_BYTES, context);
  }

  /** Takes what is due of the units at the level's next offset, and has its records fetched. */
  #deliver(level: Level, units: Uint8Array, count: number, context: ActorContext): void {
    const { delayLevelsMs, view, visibleEnd } = this.#parts;
    const { progress, queueId } = level;
    const delayMs = delayLevelsMs[queueId] ?? Number.MAX_SAFE_INTEGER;
    const { due, waitMs } = dueUnits(units, count, context.now(), delayMs, READ_BYTES_MAX);
    if (due === 0) {
      const restMs = level.burst < BURST_LEAST ? 0 : REST_MS;
      level.burst = 0;
      this.#again(level, Math.min(Math.max(waitMs ?? 0, restMs), WAIT_MS_MAX), context);
      return;
    }
    const end = visibleEnd();
    const places: Taken[] = [];
    for (let unit = 0; unit < due && progress.flying < FLYING_MAX && !progress.isFull; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      const offset = progress.next;
      const physical = unitPhysicalOffset(units, at);
      const isThere = isMessage(units, at);
      // Written a moment ago and not on the disk yet: readers do not see it.
      if (isThere && unitEnd(units, at) > end) break;
      if (!progress.take()) continue;
      if (!isThere) {
        progress.settle(offset);
        continue;
      }
      places.push({ physical, size: unitEnd(units, at) - physical, offset });
    }
    if (places.length === 0) {
      this.#again(level, AGAIN_MS, context);
      return;
    }
    level.isReading = true;
    level.burst += places.length;
    level.taken = places;
    const self = context.self as ActorRef<Private>;
    view(places, (records) => self.tell({ kind: 'records', life: this.#life, queueId, records }));
  }

  #onRecords(level: Level, records: Uint8Array | null, context: ActorContext): void {
    level.isReading = false;
    const { taken, progress } = level;
    level.taken = [];
    let failed = records === null;
    let at = 0;
    for (const { physical, offset } of taken) {
      while (!failed && at < records!.length && readInt64(records!, at + PHYSICAL_OFFSET_AT) < physical)
        at += readInt32(records!, at + TOTAL_SIZE_AT);
      if (failed) progress.fail(offset);
      else if (at >= records!.length || readInt64(records!, at + PHYSICAL_OFFSET_AT) !== physical) {
        const detail = { level: level.queueId + 1, offset, physical };
        context.log('error', 'a delayed message is lost: its record is damaged or was removed', detail);
        this.#settle(level, offset, context);
      } else if (!this.#give(level, offset, records!, at, context)) {
        progress.fail(offset);
        failed = true;
      }
    }
    if (!this.#storeDue(level, context)) failed = true;
    if (failed) this.#again(level, AGAIN_MS, context);
    else this.#run(level, context);
  }

  /** False: not now. */
  #give(level: Level, offset: number, records: Uint8Array, at: number, context: ActorContext): boolean {
    const due = this.#due;
    if (due.add(offset, records, at)) return true;
    // One that does not go with those before goes behind them: the order in which they were parked is kept.
    if (!this.#storeDue(level, context)) return false;
    return due.add(offset, records, at) || this.#append(level, offset, decodeMessageRecord(records, at), context);
  }

  /** True: what is due is on its way. False: not now, it is read again. */
  #storeDue(level: Level, context: ActorContext): boolean {
    const { append } = this.#parts;
    const { queueId } = level;
    const { offsets, records } = this.#due.take();
    if (offsets.length === 0) return true;
    const self = context.self as ActorRef<Private>;
    const notTaken = append.appendRun(records, (appended) => self.tell({ kind: 'appended', life: this.#life, queueId, offsets, appended }));
    if (notTaken !== null) for (const offset of offsets) level.progress.fail(offset);
    return notTaken === null;
  }

  /** True: the message is on its way, or nowhere to be delivered. False: not now. */
  #append(level: Level, offset: number, record: MessageRecord, context: ActorContext): boolean {
    const { topics, append } = this.#parts;
    const { queueId } = level;
    const properties = parseProperties(record.properties);
    const destination = settleDestination(properties, topics);
    if (destination.kind === 'wait') return false;
    if (destination.kind === 'gone') {
      const detail = { level: queueId + 1, offset, topic: destination.topic };
      context.log('warn', 'a delayed message is dropped: the topic that it is for does not exist any more', detail);
      this.#settle(level, offset, context);
      return true;
    }
    const message = dueMessage(record, properties, destination.topic, destination.queueId);
    const self = context.self as ActorRef<Private>;
    const done = (appended: Appended): void =>
      void self.tell({ kind: 'appended', life: this.#life, queueId, offsets: [offset], appended: [appended] });
    return append.append(message, done, true) === null;
  }

  #onAppended({ queueId, offsets, appended }: Extract<Private, { kind: 'appended' }>, context: ActorContext): void {
    const level = this.#levels.get(queueId)!;
    let isRefused = false;
    for (let i = 0; i < offsets.length; i++) {
      if (appended === null) {
        this.#settle(level, offsets[i]!, context);
        continue;
      }
      const { kind, outcome } = appended[i]!;
      const offset = offsets[i]!;
      if (kind !== 'refused') this.#settle(level, offset, context);
      else if (outcome === OUTCOME_NO_QUEUE) {
        context.log('warn', 'a delayed message is dropped: the queue that it is for was deleted', { level: queueId + 1, offset });
        this.#settle(level, offset, context);
      } else {
        level.progress.fail(offset);
        isRefused = true;
      }
    }
    if (isRefused) this.#again(level, REFUSED_AGAIN_MS, context);
    else if (level.progress.flying < FLYING_MAX / 2) this.#run(level, context);
  }

  #settle(level: Level, offset: number, context: ActorContext): void {
    level.progress.settle(offset);
    this.#saver!.changed(context);
  }

  #again(level: Level, afterMs: number, context: ActorContext): void {
    // While the broker stops, or has no room, nothing is taken.
    const waitMs = this.#parts.append.refusal !== null ? Math.max(afterMs, REFUSED_AGAIN_MS) : afterMs;
    const at = context.monotonicMs() + waitMs;
    if (level.timer !== null) {
      if (level.timerAt <= at) return;
      context.cancel(level.timer);
    }
    level.timerAt = at;
    const due: Private = { kind: 'level-due', queueId: level.queueId };
    level.timer = context.schedule(waitMs, due);
  }

  #text(context: ActorContext): string {
    for (const { queueId, progress } of this.#levels.values()) this.#offsets.set(queueId + 1, progress.done);
    this.#counter++;
    return delayOffsetsText({ counter: this.#counter, offsets: this.#offsets }, context.now());
  }
}

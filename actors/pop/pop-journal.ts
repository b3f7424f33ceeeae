/**
 * Pop journal of one shard: what the log remembers of the messages in flight. Its records lie in the queues of `rmq_sys_REVIVE_LOG_<cluster>`, all of
 * one group and topic in one queue, and are read once: when the shard starts, from where the last whole states begin. Then it wakes the pop actors that
 * have something in flight, and gives each its state. An actor that was restarted is read again by itself.
 *
 * Owns where each actor's last whole state lies; has it told anew when the journal has gone on too far, so that a start reads a bounded part and no
 * record that matters is removed with old segments. Records of others in these queues (a Java broker's) are passed over.
 * Fails by trying again: what cannot be read yet is asked for again, and pops wait for it.
 */

import { javaHash } from '../../model/java-hash.ts';
import { decodeMessageRecords } from '../../model/message-record.ts';
import { tagCode } from '../../model/tag-hash.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, unitTagLow } from '../../storage/consume-queue/queue-unit.ts';
import type { Place, RecordSource } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { isMessage } from '../timer/decide-delivery.ts';
import type { TopicState, TopicTable } from '../topic/topic-table.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import { PopDepartures } from './pop-departures.ts';
import { type Checkpoint, ledgerKey, PopLedger } from './pop-ledger.ts';
import { type PopCommand, popPath } from './pop-messages.ts';
import { decodePopRecord, POP_RECORD_TAG, type PopRecord } from './pop-record.ts';

/** Units of a queue that are in files only; null: ask again. Calls back later. */
export type ReadUnitsLater = (
  topic: string,
  queueId: number,
  handle: number,
  offset: number,
  count: number,
  onUnits: (units: Uint8Array | null) => void,
) => void;

/** Told to the keeper: before these offsets, by queue of the journal, no actor of this shard needs a record. */
export type JournalStarts = { readonly kind: 'journal-starts'; readonly shard: string; readonly starts: readonly number[] };

export type PopJournalParts = {
  /** Name of this shard. */
  readonly shard: string;
  /** Name of the journal's topic. */
  readonly topicName: string;
  readonly topics: TopicTable;
  readonly table: QueueTable;
  readonly records: Pick<RecordSource, 'view'>;
  readonly readUnits: ReadUnitsLater;
  /** Where the journal's queues are to be read from, as it was saved last; a queue that is missing: from its beginning. */
  readonly loadStarts: () => readonly number[];
  /** Whether the actor at this path lives on this shard. */
  readonly isMine: (path: string) => boolean;
  readonly keeper: string;
};

/** State of one pop actor: the events that make it, and where in the log it was said last where pops of a queue go on, by `ledgerKey`. */
export type PopState = Pick<PopRecord, 'number' | 'events'> & { readonly toldAt: ReadonlyMap<string, number> };
export type OnState = (state: PopState | null) => void;
type Key = string;

/** What was read of one group and topic. */
class Replayed {
  readonly group: string;
  readonly topic: string;
  number = 0;
  #ledgers: Map<string, PopLedger> = new Map();
  #toldAt: Map<string, number> = new Map();
  readonly #deadlines: DeadlineHeap<Checkpoint> = new DeadlineHeap();

  constructor(group: string, topic: string) {
    this.group = group;
    this.topic = topic;
  }

  /** @param physical the record's place in the log */
  apply({ number, isWhole, events }: PopRecord, physical: number): boolean {
    if (number <= this.number) return false;
    this.number = number;
    if (isWhole) {
      this.#ledgers = new Map();
      this.#toldAt = new Map();
    }
    for (const { retry, queueId, event } of events) {
      const key = ledgerKey(retry, queueId);
      let ledger = this.#ledgers.get(key);
      if (ledger === undefined) {
        ledger = new PopLedger(retry, queueId, this.#deadlines);
        this.#ledgers.set(key, ledger);
      }
      ledger.apply(event);
      if ('next' in event) this.#toldAt.set(key, physical);
    }
    return true;
  }

  get isClean(): boolean {
    return [...this.#ledgers.values()].every((ledger) => ledger.isClean);
  }

  get state(): PopState {
    const events = [...this.#ledgers.values()].flatMap((ledger) =>
      ledger.events().map((event) => ({ retry: ledger.retry, queueId: ledger.queueId, event })),
    );
    return { number: this.number, events, toldAt: this.#toldAt };
  }
}

/** Where one actor's last whole state lies. */
type Start = { readonly group: string; readonly topic: string; readonly queue: number; from: number; toldAt: number };

/** A reading of one queue; `only` of one key, or of all that are this shard's. */
type Reading = { readonly queue: number; at: number; readonly end: number; readonly only: Key | null; readonly states: Map<Key, Replayed> };
type Word =
  | { readonly kind: 'look' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'units'; readonly offset: number; readonly units: Uint8Array | null }
  | { readonly kind: 'records'; readonly next: number; readonly records: Uint8Array | null };

const UNITS_MAX = 1024;
const READ_BYTES_MAX = 1024 * 1024;
const LOOK_MS = 20;
const AGAIN_MS = 100;
const TICK_MS = 10_000;
/** Records of its queue after which an actor is to tell its whole state anew. */
const LAG_MAX = 32_768;
/** And the time: segments are removed by age. */
const AGE_MAX_MS = 3_600_000;

export class PopJournal implements Actor<Word> {
  readonly #parts: PopJournalParts;
  readonly #states: Map<Key, Replayed> = new Map();
  readonly #given: Set<Key> = new Set();
  readonly #starts: Map<Key, Start> = new Map();
  /** By actor; they outlive it. */
  readonly #departures: Map<Key, PopDepartures> = new Map();
  readonly #units = new Uint8Array(UNITS_MAX * QUEUE_UNIT_BYTES);
  #waiting: { readonly group: string; readonly topic: string; readonly onState: OnState }[] = [];
  readonly #readings: Reading[] = [];
  /** For the reading at hand, when it has ended. */
  readonly #onRead: (() => void)[] = [];
  #isReady = false;
  #self: ActorRef<Word> | null = null;

  constructor(parts: PopJournalParts) {
    this.#parts = parts;
  }

  /** The journal's topic; undefined while the broker starts. */
  topic(): TopicState | undefined {
    const topic = this.#parts.topics.get(this.#parts.topicName);
    return topic !== undefined && topic.queueHandles.length > 0 && topic.queueHandles.every((handle) => handle >= 0) ? topic : undefined;
  }

  /** The journal's queue for a group and topic. */
  queueOf(group: string, topic: string): number {
    return (javaHash(popPath(group, topic)) >>> 1) % Math.max(1, this.topic()?.queueHandles.length ?? 1);
  }

  /** What the journal has of a group and topic; null: nothing. Calls back at once or when it has read it. */
  load(group: string, topic: string, onState: OnState): void {
    if (!this.#isReady) {
      this.#waiting.push({ group, topic, onState });
      return;
    }
    const key = popPath(group, topic);
    const state = this.#states.get(key);
    this.#states.delete(key);
    if (state !== undefined || !this.#given.has(key)) {
      this.#given.add(key);
      onState(state?.state ?? null);
      return;
    }
    // Its actor was restarted: the state that it had is in the journal.
    const queue = this.queueOf(group, topic);
    const states = new Map<Key, Replayed>();
    const at = this.#starts.get(key)?.from ?? 0;
    this.#read({ queue, at, end: this.#end(queue), only: key, states }, () => onState(states.get(key)?.state ?? null));
  }

  /** What the actor of a group and topic is storing once more, over all its lives. */
  departures(group: string, topic: string): PopDepartures {
    const key = popPath(group, topic);
    let departures = this.#departures.get(key);
    if (departures === undefined) {
      departures = new PopDepartures();
      this.#departures.set(key, departures);
    }
    return departures;
  }

  /** A whole state is about to be told (null), or was stored at this offset of the journal's queue. */
  onWhole(group: string, topic: string, queueOffset: number | null): void {
    const key = popPath(group, topic);
    const start = this.#starts.get(key);
    const queue = this.queueOf(group, topic);
    if (start === undefined) {
      this.#starts.set(key, { group, topic, queue, from: queueOffset ?? this.#end(queue), toldAt: 0 });
    } else if (queueOffset !== null) {
      start.from = queueOffset;
      start.toldAt = 0;
    }
  }

  /** The group or topic is no more. */
  forget(group: string, topic: string): void {
    this.#starts.delete(popPath(group, topic));
    // With something on its way the actor asks for them again.
    if (this.#departures.get(popPath(group, topic))?.size === 0) this.#departures.delete(popPath(group, topic));
  }

  started(context: ActorContext): void {
    this.#self = context.self as ActorRef<Word>;
    context.schedule(0, { kind: 'look' } satisfies Word);
    context.schedule(TICK_MS, { kind: 'tick' } satisfies Word);
  }

  receive(word: Word, context: ActorContext): void {
    switch (word.kind) {
      case 'look':
        this.#look(context);
        return;
      case 'tick':
        if (this.#isReady) this.#tick(context);
        context.schedule(TICK_MS, { kind: 'tick' } satisfies Word);
        return;
      case 'units':
        if (word.units === null || word.units.length === 0) this.#again(context);
        else this.#onUnits(word.units, word.units.length / QUEUE_UNIT_BYTES);
        return;
      case 'records':
        if (word.records === null) this.#again(context);
        else this.#onRecords(word.next, word.records, context);
        return;
    }
  }

  #end(queue: number): number {
    const handle = this.topic()?.queueHandles[queue];
    return handle === undefined ? 0 : this.#parts.table.next(handle);
  }

  /** Begins to read when the topic is there; goes on with what could not be read. */
  #look(context: ActorContext): void {
    if (this.#readings.length > 0) {
      this.#go();
      return;
    }
    if (this.#isReady) return;
    const topic = this.topic();
    // A topic that the shard has not heard of yet would seem to be deleted.
    if (topic === undefined || !this.#parts.topics.complete) {
      context.schedule(LOOK_MS, { kind: 'look' } satisfies Word);
      return;
    }
    const starts = this.#parts.loadStarts();
    let left = topic.queueHandles.length;
    for (let queue = 0; queue < topic.queueHandles.length; queue++) {
      this.#read({ queue, at: starts[queue] ?? 0, end: this.#end(queue), only: null, states: this.#states }, () => {
        if (--left === 0) this.#onReady(context);
      });
    }
  }

  #onReady(context: ActorContext): void {
    this.#isReady = true;
    const wake: PopCommand = { kind: 'pop-restricted' };
    let inFlight = 0;
    for (const [key, state] of this.#states) {
      if (state.isClean) continue;
      inFlight++;
      context.ref<PopCommand>(key).tell(wake);
    }
    if (inFlight > 0) context.log('info', 'pops go on where they were', { groupsAndTopics: inFlight });
    for (const { group, topic, onState } of this.#waiting.splice(0)) this.load(group, topic, onState);
  }

  #read(reading: Reading, onRead: () => void): void {
    this.#readings.push(reading);
    this.#onRead.push(onRead);
    if (this.#readings.length === 1) this.#go();
  }

  #again(context: ActorContext): void {
    context.schedule(AGAIN_MS, { kind: 'look' } satisfies Word);
  }

  /** The next step of the reading at hand. */
  #go(): void {
    for (let reading = this.#readings[0]; reading !== undefined; reading = this.#readings[0]) {
      const { table, topicName, readUnits } = this.#parts;
      const handle = this.topic()!.queueHandles[reading.queue]!;
      reading.at = Math.max(reading.at, table.min(handle));
      const count = Math.min(UNITS_MAX, reading.end - reading.at);
      if (count <= 0) {
        this.#readings.shift();
        this.#onRead.shift()!();
        continue;
      }
      const read = table.readUnits(handle, reading.at, count, this.#units);
      if (read > 0) this.#onUnits(this.#units, read);
      else {
        const { queue, at: offset } = reading;
        readUnits(topicName, queue, handle, offset, count, (units) => this.#self!.tell({ kind: 'units', offset, units }));
      }
      return;
    }
  }

  #onUnits(units: Uint8Array, count: number): void {
    const reading = this.#readings[0]!;
    const tag = tagCode(POP_RECORD_TAG);
    const places: Place[] = [];
    let bytes = 0;
    let unit = 0;
    for (; unit < count; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      if (!isMessage(units, at) || unitTagLow(units, at) !== tag) continue;
      bytes += unitSize(units, at);
      if (bytes > READ_BYTES_MAX && places.length > 0) break;
      places.push({ physical: unitPhysicalOffset(units, at), size: unitSize(units, at) });
    }
    const next = reading.at + unit;
    const told = (records: Uint8Array | null): void => void this.#self!.tell({ kind: 'records', next, records });
    if (places.length === 0) told(new Uint8Array(0));
    else this.#parts.records.view(places, told);
  }

  #onRecords(next: number, records: Uint8Array, context: ActorContext): void {
    const reading = this.#readings[0]!;
    for (const { body, queueOffset, physicalOffset } of decodeMessageRecords(records)) {
      const record = decodePopRecord(body);
      if (record === null) {
        context.log('warn', 'a record of the pop journal cannot be read and is passed over', { queue: reading.queue, offset: queueOffset });
        continue;
      }
      const key = popPath(record.group, record.topic);
      if (reading.only === null ? !this.#parts.isMine(key) : key !== reading.only) continue;
      let state = reading.states.get(key);
      if (state === undefined) {
        // What begins in the middle has no whole state before it: it was clean when the record that told so was left behind.
        state = new Replayed(record.group, record.topic);
        reading.states.set(key, state);
      }
      if (!state.apply(record, physicalOffset) || reading.only !== null) continue;
      const { group, topic } = record;
      const start = this.#starts.get(key);
      if (start === undefined) this.#starts.set(key, { group, topic, queue: reading.queue, from: queueOffset, toldAt: 0 });
      else if (record.isWhole) start.from = queueOffset;
    }
    reading.at = next;
    this.#go();
  }

  /** Tells the keeper where a start has to begin, and those that hold it back to tell their state anew. */
  #tick(context: ActorContext): void {
    const topic = this.topic();
    if (topic === undefined) return;
    const now = context.monotonicMs();
    const starts = topic.queueHandles.map((_, queue) => this.#end(queue));
    const ends = [...starts];
    for (const [key, start] of this.#starts) {
      const end = ends[start.queue] ?? 0;
      starts[start.queue] = Math.min(starts[start.queue] ?? 0, start.from);
      if (start.toldAt === 0) start.toldAt = now;
      const isFar = end - start.from > LAG_MAX || (end > start.from && now - start.toldAt > AGE_MAX_MS);
      // Without room it is asked again with the next tick.
      if (isFar) context.ref<PopCommand>(key).tell({ kind: 'tell-whole' });
    }
    const keeper = context.ref<JournalStarts>(this.#parts.keeper);
    keeper.tell({ kind: 'journal-starts', shard: this.#parts.shard, starts: [...starts] });
  }
}

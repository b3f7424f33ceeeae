/**
 * Pop reviver: stores messages whose invisible time is over once more: in the group's retry topic, or after its last attempt among the group's dead
 * letters. One a pop actor; owns the checkpoints that it works on. A message that is acknowledged meanwhile is not stored, unless it is on its way.
 * What is on its way is kept with the journal: an actor that is restarted stores nothing twice.
 * What the log refuses is tried again; a message that retention has removed is told and forgotten.
 * Source: RocketMQ 5.3 `PopReviveService.reviveRetry`; dead letters as `CONSUMER_SEND_MSG_BACK` makes them.
 */
import { formatMessageId } from '../../model/message-id.ts';
import { FIRST_POP_TIME, parseProperties } from '../../model/message-property.ts';
import { decodeMessageRecords, type MessageRecord } from '../../model/message-record.ts';
import { type PopRetry, popTopicName } from '../../model/pop-topic.ts';
import { dlqTopic } from '../../model/topic.ts';
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitEnd, unitPhysicalOffset } from '../../storage/consume-queue/queue-unit.ts';
import type { InnerMessage } from '../commit-log/inner-append.ts';
import { sentBackProperties } from '../consumer-group/decide-send-back.ts';
import type { Place } from '../message/record-source.ts';
import { UNITS_READ_MAX } from '../store/reader-actor.ts';
import { isMessage } from '../timer/decide-delivery.ts';
import type { TopicState } from '../topic/topic-table.ts';
import type { Departure, PopDepartures } from './pop-departures.ts';
import type { Checkpoint } from './pop-ledger.ts';
import type { PopQueue } from './pop-queue.ts';
import type { PopQueues } from './pop-queues.ts';
import type { PopSurroundings } from './pop-surroundings.ts';

/** What became of a checkpoint's messages: `offsets` are stored anew or lost for good; the others are tried again. */
export type Revived = {
  readonly kind: 'revived';
  readonly job: number;
  readonly retry: PopRetry;
  readonly queueId: number;
  readonly popTime: number;
  readonly offsets: readonly number[];
  /** Nothing is tried for so long; 0: nothing has failed. */
  readonly againMs: number;
};

/** Checkpoints worked on at once, and bytes read for one of them. */
const JOBS_MAX = 64;
const READ_BYTES_MAX = 4 * 1024 * 1024;
const AGAIN_MS = 1_000;
/** The log's word about what a former life of the actor has begun comes soon. */
const FORMER_MS = 20;

/** One checkpoint on its way. */
type Job = { readonly id: number; readonly checkpoint: Checkpoint; readonly queue: PopQueue; readonly self: ActorRef<Revived> };

export class PopReviver {
  readonly #group: string;
  readonly #topic: string;
  readonly #around: PopSurroundings;
  readonly #jobs: Map<number, Checkpoint> = new Map();
  /** Monotonic ms before which nothing is tried, after a failure. */
  #notBefore = 0;
  #isOver = false;

  constructor(group: string, topic: string, around: PopSurroundings) {
    this.#group = group;
    this.#topic = topic;
    this.#around = around;
  }

  /** Wall-clock ms at which `start` has something to do. */
  nextAt({ deadlines }: PopQueues, now: number, nowMs: number): number {
    const first = deadlines.first;
    if (first === undefined || this.#jobs.size >= JOBS_MAX) return Number.POSITIVE_INFINITY;
    return Math.max(first.dueAt, now + Math.max(0, this.#notBefore - nowMs));
  }

  /** Begins with what is due. */
  start(queues: PopQueues, context: ActorContext): void {
    const { deadlines } = queues;
    if (context.monotonicMs() < this.#notBefore) return;
    const now = context.now();
    for (let first = deadlines.first; first !== undefined && first.dueAt <= now && this.#jobs.size < JOBS_MAX; first = deadlines.first) {
      deadlines.remove(first);
      const id = this.#departures.nextJob();
      this.#jobs.set(id, first);
      const { popTime } = first;
      const { retry, queueId } = first.ledger;
      const queue = queues.find(retry, queueId);
      const self = context.self as ActorRef<Revived>;
      // The topic was deleted: its messages are nobody's any more.
      if (queue === null) self.tell({ kind: 'revived', job: id, retry, queueId, popTime, offsets: first.offsets, againMs: 0 });
      else this.#begin({ id, checkpoint: first, queue, self }, context);
    }
  }

  /** Gives the offsets that are settled by it. */
  ended({ job, offsets, againMs }: Revived, nowMs: number, { deadlines }: PopQueues): number[] {
    const checkpoint = this.#jobs.get(job);
    // Of a former life of the actor.
    if (checkpoint === undefined) return [];
    this.#jobs.delete(job);
    const flying = checkpoint.ledger.flyingOf(checkpoint);
    const settled = flying.filter((offset) => offsets.includes(offset));
    if (flying.length > settled.length) deadlines.add(checkpoint);
    if (againMs > 0) this.#notBefore = nowMs + againMs;
    return settled;
  }

  /** The actor ends: what is being read for it is not stored, its next life reads it again. */
  end(): void {
    this.#isOver = true;
  }

  /** The journal knows that they are settled. */
  told({ retry, queueId, popTime }: Revived, offsets: readonly number[]): void {
    for (const offset of offsets) this.#departures.set(retry, queueId, offset, popTime, 'staying');
  }

  get #departures(): PopDepartures {
    return this.#around.journal.departures(this.#group, this.#topic);
  }

  #begin(job: Job, context: ActorContext): void {
    const { checkpoint, queue } = job;
    const { groups, table } = this.#around;
    const offsets = checkpoint.ledger.flyingOf(checkpoint);
    const { retry, queueId } = checkpoint.ledger;
    const departureOf = (offset: number): Departure => this.#departures.of(retry, queueId, offset, checkpoint.popTime);
    if (offsets.some((offset) => departureOf(offset) !== 'staying')) {
      // Begun by a former life of the actor. The others have their turn with the next round.
      const left = offsets.filter((offset) => departureOf(offset) === 'left');
      const isLeaving = offsets.some((offset) => departureOf(offset) === 'leaving');
      this.#end(job, left, isLeaving ? FORMER_MS : 0);
      return;
    }
    if (groups.get(this.#group) === undefined) {
      this.#end(job, groups.complete ? offsets : [], groups.complete ? 0 : AGAIN_MS);
      return;
    }
    const min = table.min(queue.handle);
    const lost = offsets.filter((offset) => offset < min);
    this.#warnOfLost(lost, queue, context);
    const there = offsets.filter((offset) => offset >= min);
    if (there.length === 0) {
      this.#end(job, lost, 0);
      return;
    }
    // Offsets far apart, which a filter has chosen, take several rounds.
    const first = there[0]!;
    const near = there.filter((offset) => offset - first < UNITS_READ_MAX);
    const count = near.at(-1)! - first + 1;
    const units = new Uint8Array(count * QUEUE_UNIT_BYTES);
    if (table.readUnits(queue.handle, first, count, units) === count) {
      this.#readRecords(job, near, first, units, lost, context);
      return;
    }
    const { topic, handle } = queue;
    this.#around.readUnits(topic, checkpoint.ledger.queueId, handle, first, count, (read) => {
      if (read === null || read.length === 0) this.#end(job, lost, AGAIN_MS);
      else this.#readRecords(job, near, first, read, lost, context);
    });
  }

  #readRecords(
    job: Job,
    offsets: readonly number[],
    first: number,
    units: Uint8Array,
    lost: readonly number[],
    context: ActorContext,
  ): void {
    const places: Place[] = [];
    const asked: number[] = [];
    const gone = [...lost];
    let bytes = 0;
    for (const offset of offsets) {
      const at = (offset - first) * QUEUE_UNIT_BYTES;
      if (at >= units.length) break;
      if (!isMessage(units, at)) {
        gone.push(offset);
        continue;
      }
      const physical = unitPhysicalOffset(units, at);
      const size = unitEnd(units, at) - physical;
      if (bytes + size > READ_BYTES_MAX && asked.length > 0) break;
      bytes += size;
      places.push({ physical, size });
      asked.push(offset);
    }
    if (places.length === 0) {
      this.#end(job, gone, gone.length === 0 ? AGAIN_MS : 0);
      return;
    }
    this.#around.records.view(places, (records) => {
      if (records === null) {
        this.#end(job, gone, AGAIN_MS);
        return;
      }
      const found = new Map(decodeMessageRecords(records).map((record) => [record.queueOffset, record]));
      const missing = asked.filter((offset) => !found.has(offset));
      this.#warnOfLost(missing, job.queue, context);
      this.#storeAll(job, [...found.values()], [...gone, ...missing]);
    });
  }

  /** All at once, so that the log's word about all comes before its word about what is put into the lane later. */
  #storeAll(job: Job, records: readonly MessageRecord[], gone: readonly number[]): void {
    if (records.length === 0) {
      this.#end(job, gone, 0);
      return;
    }
    const { ensureTopic } = this.#around;
    const names = new Set(records.map((record) => this.#destinationOf(job, record)));
    const topics = new Map<string, TopicState | null>();
    for (const name of names) {
      ensureTopic(name, (topic) => {
        topics.set(name, topic);
        if (topics.size === names.size) this.#storeIn(topics, job, records, gone);
      });
    }
  }

  #storeIn(topics: ReadonlyMap<string, TopicState | null>, job: Job, records: readonly MessageRecord[], gone: readonly number[]): void {
    const done = [...gone];
    let left = records.length;
    let isFailed = false;
    for (const record of records) {
      this.#store(job, record, topics.get(this.#destinationOf(job, record)) ?? null, (isStored) => {
        if (isStored) done.push(record.queueOffset);
        else isFailed = true;
        if (--left === 0) this.#end(job, done, isFailed ? AGAIN_MS : 0);
      });
    }
  }

  #isDead({ reconsumeTimes }: MessageRecord): boolean {
    const config = this.#around.groups.get(this.#group)?.config;
    return config !== undefined && reconsumeTimes >= config.retryMaxTimes;
  }

  /** Name of the topic where a message comes again from. */
  #destinationOf({ queue }: Job, record: MessageRecord): string {
    if (this.#isDead(record)) return dlqTopic(this.#group);
    return queue.ledger.retry === 0 ? popTopicName(this.#group, this.#topic, this.#around.limits.retryV2 ? 2 : 1) : queue.topic;
  }

  #store(job: Job, record: MessageRecord, topic: TopicState | null, onStored: (isStored: boolean) => void): void {
    const { popTime, ledger } = job.checkpoint;
    const { queueOffset } = record;
    // Acknowledged meanwhile, or its time was changed.
    if (!ledger.flyingOf(job.checkpoint).includes(queueOffset)) {
      onStored(true);
      return;
    }
    if (topic === null || this.#isOver) {
      onStored(false);
      return;
    }
    const message = this.#isDead(record) ? this.#deadLetter(record, topic) : nextAttempt(record, topic, popTime);
    const departures = this.#departures;
    const ended = (isStored: boolean): void => {
      if (!isStored) ledger.stay(queueOffset);
      departures.set(ledger.retry, ledger.queueId, queueOffset, popTime, isStored ? 'left' : 'staying');
      onStored(isStored);
    };
    ledger.leave(queueOffset);
    departures.set(ledger.retry, ledger.queueId, queueOffset, popTime, 'leaving');
    const notTaken = this.#around.append.append(message, ({ kind }) => ended(kind !== 'refused'), true);
    if (notTaken !== null) ended(false);
  }

  #deadLetter(record: MessageRecord, topic: TopicState): InnerMessage {
    const origin = { topic: this.#topic, messageId: formatMessageId(record.storeHost, record.physicalOffset) };
    return storedAgain(record, topic, sentBackProperties(parseProperties(record.properties), origin, 0));
  }

  #warnOfLost(offsets: readonly number[], queue: PopQueue, context: ActorContext): void {
    if (offsets.length === 0) return;
    const detail = { group: this.#group, topic: queue.topic, queueId: queue.ledger.queueId, offsets: offsets.slice(0, 8) };
    context.log('warn', 'messages in flight do not come again: they are damaged or were removed', detail);
  }

  #end(job: Job, offsets: readonly number[], againMs: number): void {
    const { popTime } = job.checkpoint;
    const { retry, queueId } = job.checkpoint.ledger;
    job.self.tell({ kind: 'revived', job: job.id, retry, queueId, popTime, offsets, againMs });
  }
}

function nextAttempt(record: MessageRecord, topic: TopicState, popTime: number): InnerMessage {
  const properties = parseProperties(record.properties);
  if (!properties.has(FIRST_POP_TIME)) properties.set(FIRST_POP_TIME, String(popTime));
  return storedAgain(record, topic, properties);
}

function storedAgain(record: MessageRecord, topic: TopicState, properties: ReadonlyMap<string, string>): InnerMessage {
  const { flag, sysFlag, bornTimestamp, bornHost, reconsumeTimes, body } = record;
  const fixed = { topic, queueId: 0, flag, sysFlag, bornTimestamp, bornHost, body };
  return { ...fixed, reconsumeTimes: reconsumeTimes + 1, preparedTransactionOffset: 0, properties, delayLevel: 0 };
}

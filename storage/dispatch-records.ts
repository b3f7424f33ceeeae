/**
 * Dispatch of recovered records: a unit to the record's consume queue, entries to the index. Owns the units that wait to be
 * written, bounded; everything is on its way to the files after `finish`. Telling a record again changes nothing.
 * Source: RocketMQ 5.3 `CommitLogDispatcherBuildConsumeQueue`, `CommitLogDispatcherBuildIndex`, `IndexService.buildIndex`.
 */
import { javaHashBytes } from '../model/java-hash.ts';
import { TRANSACTION_MASK, TRANSACTION_ROLLBACK } from '../model/system-flag.ts';
import type { Damage } from './commit-log/recover.ts';
import type { ScannedRecord } from './commit-log/scan-record.ts';
import type { ConsumeQueue } from './consume-queue/consume-queue.ts';
import type { ConsumeQueueSet } from './consume-queue/consume-queue-set.ts';
import { GAP_MARK, QUEUE_UNIT_BYTES, writeNoMessageUnits, writeQueueUnit, writeUnitTime } from './consume-queue/queue-unit.ts';
import type { IndexSet } from './index/index-set.ts';
import { eachKeyHash, indexKeyHashBytes } from './index/key-hash.ts';

const DELAY_TOPIC = 'SCHEDULE_TOPIC_XXXX';
/** Units of one queue that wait, and of all together. */
const QUEUE_PENDING_MAX = 1024;
const PENDING_MAX = 256 * 1024;
const FIRST_UNITS = 8;

class PendingQueue {
  readonly queue: ConsumeQueue;
  units = new Uint8Array(FIRST_UNITS * QUEUE_UNIT_BYTES);
  count = 0;
  /** Queue offset of the first unit that waits. */
  first = 0;

  constructor(queue: ConsumeQueue) {
    this.queue = queue;
  }
}

type KnownTopic = {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly isDelayTopic: boolean;
  readonly queues: Map<number, PendingQueue>;
};

export class RecordDispatcher {
  readonly #queues: ConsumeQueueSet;
  readonly #index: IndexSet | null;
  /** Records at or before it are in the index already. */
  readonly #indexedPosition: number;
  readonly #delayMsOf: (level: number) => number;
  /** By Java's hash of the name: names are compared as bytes, so that no record needs a string. */
  readonly #topics: Map<number, KnownTopic[]> = new Map();
  #pending = 0;

  /** @param delayMsOf how long messages of a delay level wait: their unit carries the time of delivery. */
  constructor(queues: ConsumeQueueSet, index: IndexSet | null, delayMsOf: (level: number) => number) {
    this.#queues = queues;
    this.#index = index;
    this.#indexedPosition = index?.endPosition ?? 0;
    this.#delayMsOf = delayMsOf;
  }

  onRecord(record: ScannedRecord): void {
    const topicHash = javaHashBytes(record.bytes, record.topicAt, record.topicAt + record.topicLength);
    if (record.hasQueueUnit) {
      const topic = this.#topicOf(topicHash, record);
      const pending = this.#pendingOf(topic, record.queueId);
      const at = this.#nextUnit(pending, record.queueOffset);
      writeQueueUnit(pending.units, at, record.position, record.size, record.tagHash);
      if (topic.isDelayTopic && record.delayLevel > 0)
        writeUnitTime(pending.units, at, record.storeTimestamp + this.#delayMsOf(record.delayLevel));
    }
    if (this.#index !== null && record.position > this.#indexedPosition) this.#putKeys(this.#index, record, topicHash);
  }

  /** A damaged message whose place is known keeps its queue offset: a unit that stands for no message. */
  onDamage(damage: Damage): void {
    const lost = damage.record;
    if (lost === null || !lost.hasQueueUnit) return;
    const queue = this.#queues.queue(lost.topic, lost.queueId);
    const name = Buffer.from(lost.topic);
    const pending = this.#pendingOf(this.#topicNamed(javaHashBytes(name, 0, name.length), lost.topic, name), queue.queueId);
    writeNoMessageUnits(pending.units, this.#nextUnit(pending, lost.queueOffset), 1, GAP_MARK);
  }

  /** Hands over all units that wait. */
  finish(): void {
    for (const topics of this.#topics.values())
      for (const topic of topics) for (const pending of topic.queues.values()) this.#handOver(pending);
  }

  #putKeys(index: IndexSet, record: ScannedRecord, topicHash: number): void {
    if ((record.sysFlag & TRANSACTION_MASK) === TRANSACTION_ROLLBACK) return;
    const { bytes, uniqueKeyAt, uniqueKeyLength, keysAt, keysLength, position, storeTimestamp } = record;
    if (uniqueKeyLength > 0)
      index.put(indexKeyHashBytes(topicHash, bytes, uniqueKeyAt, uniqueKeyAt + uniqueKeyLength), position, storeTimestamp);
    if (keysLength > 0) eachKeyHash(topicHash, bytes, keysAt, keysAt + keysLength, (hash) => index.put(hash, position, storeTimestamp));
  }

  #topicOf(hash: number, record: ScannedRecord): KnownTopic {
    const known = this.#topics.get(hash);
    if (known !== undefined) for (const topic of known) if (isName(topic.nameBytes, record)) return topic;
    return this.#addTopic(hash, record.topic(), record.bytes.slice(record.topicAt, record.topicAt + record.topicLength));
  }

  #topicNamed(hash: number, name: string, nameBytes: Uint8Array): KnownTopic {
    return this.#topics.get(hash)?.find((topic) => topic.name === name) ?? this.#addTopic(hash, name, nameBytes);
  }

  #addTopic(hash: number, name: string, nameBytes: Uint8Array): KnownTopic {
    const topic: KnownTopic = { name, nameBytes, isDelayTopic: name === DELAY_TOPIC, queues: new Map() };
    const known = this.#topics.get(hash);
    if (known === undefined) this.#topics.set(hash, [topic]);
    else known.push(topic);
    return topic;
  }

  #pendingOf(topic: KnownTopic, queueId: number): PendingQueue {
    const known = topic.queues.get(queueId);
    if (known !== undefined) return known;
    const pending = new PendingQueue(this.#queues.queue(topic.name, queueId));
    topic.queues.set(queueId, pending);
    return pending;
  }

  /** Place in `pending.units` for the unit at `queueOffset`. */
  #nextUnit(pending: PendingQueue, queueOffset: number): number {
    if (pending.count === QUEUE_PENDING_MAX || (pending.count > 0 && pending.first + pending.count !== queueOffset))
      this.#handOver(pending);
    if (this.#pending >= PENDING_MAX) this.finish();
    if (pending.count === 0) pending.first = queueOffset;
    const at = pending.count * QUEUE_UNIT_BYTES;
    if (at === pending.units.length) {
      const grown = new Uint8Array(Math.min(at * 2, QUEUE_PENDING_MAX * QUEUE_UNIT_BYTES));
      grown.set(pending.units);
      pending.units = grown;
    }
    pending.count++;
    this.#pending++;
    return at;
  }

  #handOver(pending: PendingQueue): void {
    if (pending.count === 0) return;
    this.#queues.append(pending.queue, pending.units, 0, pending.count * QUEUE_UNIT_BYTES, pending.first);
    this.#pending -= pending.count;
    pending.count = 0;
  }
}

function isName(nameBytes: Uint8Array, record: ScannedRecord): boolean {
  if (nameBytes.length !== record.topicLength) return false;
  for (let index = 0; index < nameBytes.length; index++) if (nameBytes[index] !== record.bytes[record.topicAt + index]) return false;
  return true;
}

/**
 * Dispatch of recovered records: a unit to the record's consume queue, entries to the index. Owns the units that wait to be
 * written, bounded; everything is on its way to the files after `finish`. Telling a record again changes nothing. A record's
 * own CRC does not cover its header, so a queue offset that does not follow is believed only when the queue's next record
 * goes on from there; else it was damaged, and the record is told as lost. An op record ends half messages only together with the
 * records that were stored in one piece with it: a power cut that tore one of them before it was synced has torn the op record, too.
 * Source: RocketMQ 5.3 `CommitLogDispatcherBuildConsumeQueue`, `CommitLogDispatcherBuildIndex`, `IndexService.buildIndex`.
 */
import { javaHashBytes } from '../model/java-hash.ts';
import { parseProperties, TRANSACTION_RECORDS_BEFORE } from '../model/message-property.ts';
import { RECORD_FIXED_BYTES } from '../model/message-record.ts';
import { TRANSACTION_MASK, TRANSACTION_ROLLBACK } from '../model/system-flag.ts';
import { TRANS_OP_HALF_TOPIC } from '../model/topic.ts';
import type { Damage } from './commit-log/recover.ts';
import type { ScannedRecord } from './commit-log/scan-record.ts';
import { type ConsumeQueue, GAP_UNITS_MAX } from './consume-queue/consume-queue.ts';
import type { ConsumeQueueSet } from './consume-queue/consume-queue-set.ts';
import { GAP_MARK, QUEUE_UNIT_BYTES, writeNoMessageUnits, writeQueueUnit, writeUnitTime } from './consume-queue/queue-unit.ts';
import type { DeletedTopics } from './deleted-topics.ts';
import type { IndexSet } from './index/index-set.ts';
import { eachKeyHash, indexKeyHashBytes } from './index/key-hash.ts';
import { unitTimeOf } from './timer/timer-unit.ts';

const DELAY_TOPIC = 'SCHEDULE_TOPIC_XXXX';
const TIMER_TOPIC = 'rmq_sys_wheel_timer';
/** Units of one queue that wait, and of all together. */
const QUEUE_PENDING_MAX = 1024;
const PENDING_MAX = 256 * 1024;
const FIRST_UNITS = 8;
/** Index entries that are put together: enough that the loads of their slots overlap. */
const ENTRIES_TOGETHER = 256;
/** Names of one hash that are compared one by one. */
const SAME_HASH_MAX = 8;
/** A gap before a queue's last record that is believed without any proof; larger ones look more like a flipped bit. */
const UNPROVEN_GAP_MAX = 16;

/** A record whose queue offset does not follow the one before it. */
type Doubtful = { readonly queueOffset: number; readonly position: number; readonly size: number; readonly unit: Uint8Array };

class PendingQueue {
  readonly queue: ConsumeQueue;
  /** The queue offset that should come next; −1 when any may. */
  expected: number;
  doubtful: Doubtful | null = null;
  /** Queue offset of the last damaged message that named itself; −1: none. Its place is kept unless another message has it. */
  lostUpTo = -1;
  units = new Uint8Array(FIRST_UNITS * QUEUE_UNIT_BYTES);
  count = 0;
  /** Queue offset of the first unit that waits. */
  first = 0;

  constructor(queue: ConsumeQueue) {
    this.queue = queue;
    this.expected = queue.maxOffset > 0 ? queue.maxOffset : -1;
  }
}

type KnownTopic = {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly isDelayTopic: boolean;
  readonly isTimerTopic: boolean;
  readonly isOpTopic: boolean;
  /** Records before it are of a topic of this name that was deleted. */
  readonly from: number;
  readonly queues: Map<number, PendingQueue>;
};

/** Writes the unit of a record of `topic`. */
export type UnitWriter = (units: Uint8Array, at: number, record: ScannedRecord, topic: string) => void;

/** @param delayMsOf how long messages of a delay level wait: their unit carries the time of delivery. */
export function unitWriter(delayMsOf: (level: number) => number): UnitWriter {
  return (units, at, record, topic) => writeUnit(units, at, record, hasUnitTimes(topic), topic === TIMER_TOPIC, delayMsOf);
}

/** Whether units of the topic carry a time where those of others have their tag. */
export function hasUnitTimes(topic: string): boolean {
  return topic === DELAY_TOPIC || topic === TIMER_TOPIC;
}

function writeUnit(
  units: Uint8Array,
  at: number,
  record: ScannedRecord,
  hasTime: boolean,
  isTimerTopic: boolean,
  delayMsOf: (level: number) => number,
): void {
  writeQueueUnit(units, at, record.position, record.size, record.tagHash);
  if (!hasTime) return;
  if (isTimerTopic) writeUnitTime(units, at, unitTimeOf(parseProperties(record.properties())));
  else if (record.delayLevel > 0) writeUnitTime(units, at, record.storeTimestamp + delayMsOf(record.delayLevel));
}

export class RecordDispatcher {
  readonly #queues: ConsumeQueueSet;
  readonly #index: IndexSet | null;
  /** Records at or before it are in the index already. */
  readonly #indexedPosition: number;
  readonly #delayMsOf: (level: number) => number;
  readonly #deleted: DeletedTopics;
  /** By Java's hash of the name: names are compared as bytes, so that no record needs a string. */
  readonly #topics: Map<number, KnownTopic[]> = new Map();
  /** All of them by name, for those whose names were chosen to share a hash. */
  readonly #byName: Map<string, KnownTopic> = new Map();
  readonly #onLost: (damage: Damage) => void;
  readonly #onHandedOver: () => void;
  /** Records before it have their units already. */
  readonly #unitsFrom: number;
  #pending = 0;
  /** Entries that wait for the index, in the log's order. */
  readonly #entryHashes = new Int32Array(ENTRIES_TOGETHER);
  readonly #entryPositions = new Float64Array(ENTRIES_TOGETHER);
  readonly #entryTimes = new Float64Array(ENTRIES_TOGETHER);
  #entries = 0;
  /** Keeps the loads of slots from being left out. */
  #touched = 0;
  /** At most so many messages were in the damaged bytes: gaps up to it need no proof. */
  #lostMessages = 0;
  /** Records told since the last damage; what lies before the first one was synced. */
  #wholeRecords = Number.POSITIVE_INFINITY;

  /**
   * @param delayMsOf how long messages of a delay level wait: their unit carries the time of delivery.
   * @param unitsFrom records before this position are put into the index only.
   * @param onLost is told of a record that no queue takes.
   * @param deleted records of topics that were deleted get no unit.
   * @param onHandedOver units have gone to a queue's file: with very many queues that alone takes long.
   */
  constructor(
    queues: ConsumeQueueSet,
    index: IndexSet | null,
    delayMsOf: (level: number) => number,
    unitsFrom: number,
    onLost: (damage: Damage) => void,
    deleted: DeletedTopics = new Map(),
    onHandedOver: () => void = () => {},
  ) {
    this.#onHandedOver = onHandedOver;
    this.#deleted = deleted;
    this.#unitsFrom = unitsFrom;
    this.#onLost = onLost;
    this.#queues = queues;
    this.#index = index;
    this.#indexedPosition = index?.endPosition ?? 0;
    this.#delayMsOf = delayMsOf;
  }

  onRecord(record: ScannedRecord): void {
    const topicHash = javaHashBytes(record.bytes, record.topicAt, record.topicAt + record.topicLength);
    if (record.hasQueueUnit && record.position >= this.#unitsFrom) this.#giveUnit(record, topicHash);
    if (this.#index !== null && record.position > this.#indexedPosition) this.#putKeys(record, topicHash);
    this.#wholeRecords++;
  }

  /** A damaged message whose place is known keeps its queue offset, unless a sound message has it. */
  onDamage(damage: Damage): void {
    this.#lostMessages += Math.ceil((damage.end - damage.position) / RECORD_FIXED_BYTES);
    this.#wholeRecords = 0;
    const lost = damage.record;
    if (lost === null || !lost.hasQueueUnit || damage.position < this.#unitsFrom) return;
    const name = Buffer.from(lost.topic);
    const topic = this.#topicNamed(javaHashBytes(name, 0, name.length), lost.topic, name);
    if (damage.position < topic.from) return;
    const pending = this.#pendingOf(topic, lost.queueId);
    const gap = pending.expected < 0 ? 0 : lost.queueOffset - pending.expected;
    if (gap >= 0 && gap <= this.#lostMessages) pending.lostUpTo = lost.queueOffset;
  }

  /** Decides what is still doubtful and hands over all units that wait. */
  finish(): void {
    this.#putEntries();
    for (const topics of this.#topics.values()) {
      for (const topic of topics) {
        for (const pending of topic.queues.values()) {
          const doubtful = pending.doubtful;
          // Nothing follows that could speak for it: a queue that begins anew, or a few messages lost before it, may be.
          const gap = doubtful === null ? 0 : doubtful.queueOffset - pending.expected;
          if (doubtful !== null && (doubtful.queueOffset === 0 || (gap > 0 && gap <= UNPROVEN_GAP_MAX))) this.#believe(pending, doubtful);
          else if (doubtful !== null) this.#disbelieve(topic, pending, doubtful);
          this.#keepLostPlaces(pending);
          this.#handOver(pending);
        }
      }
    }
  }

  /** Damaged messages at the queue's end keep their queue offsets: units that stand for no message. */
  #keepLostPlaces(pending: PendingQueue): void {
    if (pending.lostUpTo < pending.expected) return;
    for (let offset = pending.expected < 0 ? pending.lostUpTo : pending.expected; offset <= pending.lostUpTo; offset++) {
      const at = this.#nextUnit(pending, offset);
      writeNoMessageUnits(pending.units, at, 1, GAP_MARK);
    }
  }

  #giveUnit(record: ScannedRecord, topicHash: number): void {
    const topic = this.#topicOf(topicHash, record);
    if (record.position < topic.from) return;
    if (topic.isOpTopic && (recordsBefore(record) ?? 0) > this.#wholeRecords) {
      this.#loseOp(topic, record);
      return;
    }
    const pending = this.#pendingOf(topic, record.queueId);
    const { queueOffset, position, size } = record;
    const doubtful = pending.doubtful;
    if (pending.expected >= 0 && queueOffset !== pending.expected) {
      const gap = queueOffset - pending.expected;
      if (doubtful !== null && queueOffset === doubtful.queueOffset + 1) {
        this.#believe(pending, doubtful);
      } else if (gap < 0 || gap > Math.min(this.#lostMessages, GAP_UNITS_MAX)) {
        if (doubtful !== null) this.#disbelieve(topic, pending, doubtful);
        const unit = new Uint8Array(QUEUE_UNIT_BYTES);
        this.#writeUnit(unit, 0, record, topic);
        pending.doubtful = { queueOffset, position, size, unit };
        return;
      }
    } else if (doubtful !== null) {
      this.#disbelieve(topic, pending, doubtful);
    }
    const at = this.#nextUnit(pending, queueOffset);
    this.#writeUnit(pending.units, at, record, topic);
  }

  /** It is not what was acknowledged: nothing of its piece was synced. Its half messages are open, but for those whose messages are there. */
  #loseOp({ name }: KnownTopic, { queueId, queueOffset, position, size }: ScannedRecord): void {
    const record = { topic: name, queueId, queueOffset, size, hasQueueUnit: true };
    const reason = 'it ends half messages, and records that it was stored with are damaged';
    const damage: Damage = { kind: 'piece', position, end: position + size, reason, record };
    this.onDamage(damage);
    this.#onLost(damage);
  }

  #writeUnit(units: Uint8Array, at: number, record: ScannedRecord, topic: KnownTopic): void {
    writeUnit(units, at, record, topic.isDelayTopic || topic.isTimerTopic, topic.isTimerTopic, this.#delayMsOf);
  }

  /** The doubtful record was right: messages before it are missing, or the topic was deleted and made again. */
  #believe(pending: PendingQueue, doubtful: Doubtful): void {
    pending.doubtful = null;
    this.#handOver(pending);
    const { queueOffset } = doubtful;
    if (queueOffset === 0 || queueOffset - pending.expected > GAP_UNITS_MAX) pending.queue.restartAt(queueOffset);
    else if (queueOffset < pending.queue.maxOffset) pending.queue.truncateTo(queueOffset);
    const at = this.#nextUnit(pending, doubtful.queueOffset);
    pending.units.set(doubtful.unit, at);
  }

  #disbelieve(topic: KnownTopic, pending: PendingQueue, doubtful: Doubtful): void {
    pending.doubtful = null;
    const { queueOffset, position, size } = doubtful;
    const queueId = pending.queue.queueId;
    const record = { topic: topic.name, queueId, queueOffset, size, hasQueueUnit: true };
    const reason = `its queue offset ${queueOffset} follows neither ${pending.expected - 1} before it nor what comes after`;
    this.#onLost({ kind: 'queue-offset', position, end: position + size, reason, record });
  }

  #putKeys(record: ScannedRecord, topicHash: number): void {
    if ((record.sysFlag & TRANSACTION_MASK) === TRANSACTION_ROLLBACK) return;
    const { bytes, uniqueKeyAt, uniqueKeyLength, keysAt, keysLength, position, storeTimestamp } = record;
    if (uniqueKeyLength > 0)
      this.#putEntry(indexKeyHashBytes(topicHash, bytes, uniqueKeyAt, uniqueKeyAt + uniqueKeyLength), position, storeTimestamp);
    if (keysLength > 0)
      eachKeyHash(topicHash, bytes, keysAt, keysAt + keysLength, (hash) => this.#putEntry(hash, position, storeTimestamp));
  }

  #putEntry(keyHash: number, position: number, storeTimestamp: number): void {
    if (this.#entries === ENTRIES_TOGETHER) this.#putEntries();
    const at = this.#entries++;
    this.#entryHashes[at] = keyHash;
    this.#entryPositions[at] = position;
    this.#entryTimes[at] = storeTimestamp;
  }

  #putEntries(): void {
    const index = this.#index;
    const count = this.#entries;
    this.#entries = 0;
    if (index === null) return;
    for (let at = 0; at < count; at++) this.#touched ^= index.touch(this.#entryHashes[at]!);
    for (let at = 0; at < count; at++) index.put(this.#entryHashes[at]!, this.#entryPositions[at]!, this.#entryTimes[at]!);
  }

  #topicOf(hash: number, record: ScannedRecord): KnownTopic {
    const known = this.#topics.get(hash);
    if (known !== undefined) {
      if (known.length > SAME_HASH_MAX) return this.#byName.get(record.topic()) ?? this.#addRecordsTopic(hash, record);
      for (const topic of known) if (isName(topic.nameBytes, record)) return topic;
    }
    return this.#addRecordsTopic(hash, record);
  }

  #addRecordsTopic(hash: number, record: ScannedRecord): KnownTopic {
    return this.#addTopic(hash, record.topic(), record.bytes.slice(record.topicAt, record.topicAt + record.topicLength));
  }

  #topicNamed(hash: number, name: string, nameBytes: Uint8Array): KnownTopic {
    return this.#byName.get(name) ?? this.#addTopic(hash, name, nameBytes);
  }

  #addTopic(hash: number, name: string, nameBytes: Uint8Array): KnownTopic {
    const topic: KnownTopic = {
      name,
      nameBytes,
      isDelayTopic: name === DELAY_TOPIC,
      isTimerTopic: name === TIMER_TOPIC,
      isOpTopic: name === TRANS_OP_HALF_TOPIC,
      from: this.#deleted.get(name) ?? 0,
      queues: new Map(),
    };
    this.#byName.set(name, topic);
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
    if (this.#pending >= PENDING_MAX) this.#handOverAll();
    if (pending.count === 0) pending.first = queueOffset;
    const at = pending.count * QUEUE_UNIT_BYTES;
    if (at === pending.units.length) {
      const grown = new Uint8Array(Math.min(at * 2, QUEUE_PENDING_MAX * QUEUE_UNIT_BYTES));
      grown.set(pending.units);
      pending.units = grown;
    }
    pending.count++;
    this.#pending++;
    pending.expected = queueOffset + 1;
    return at;
  }

  #handOverAll(): void {
    for (const topics of this.#topics.values())
      for (const topic of topics) for (const pending of topic.queues.values()) this.#handOver(pending);
  }

  #handOver(pending: PendingQueue): void {
    if (pending.count === 0) return;
    this.#queues.append(pending.queue, pending.units, 0, pending.count * QUEUE_UNIT_BYTES, pending.first);
    this.#pending -= pending.count;
    pending.count = 0;
    this.#onHandedOver();
  }
}

function isName(nameBytes: Uint8Array, record: ScannedRecord): boolean {
  if (nameBytes.length !== record.topicLength) return false;
  for (let index = 0; index < nameBytes.length; index++) if (nameBytes[index] !== record.bytes[record.topicAt + index]) return false;
  return true;
}

/** How many records an op record was stored with, behind them; null: it does not say. */
export function recordsBefore(record: ScannedRecord): number | null {
  const text = parseProperties(record.properties()).get(TRANSACTION_RECORDS_BEFORE) ?? '';
  return COUNT.test(text) ? Number(text) : null;
}

const COUNT = /^\d{1,6}$/;

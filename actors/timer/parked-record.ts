/**
 * Parked record: a message that waits for its time, of a delay level or of one of its own, as most are: with a plain destination, parked once,
 * by this broker. Read, and made to what consumers get, by its bytes. Pure. What is not so plain goes the general way (timed-message.ts,
 * delayed-message.ts), which gives the same.
 */
import {
  KEYS,
  REAL_QUEUE_ID,
  REAL_TOPIC,
  RINGMQ_DELIVER_MS,
  RINGMQ_WAKE_MS,
  TAGS,
  TIMER_DEL_UNIQKEY,
  TIMER_DEQUEUE_MS,
  TIMER_ENQUEUE_MS,
  TIMER_ROLL_TIMES,
  UNIQ_KEY,
} from '../../model/message-property.ts';
import {
  PHYSICAL_OFFSET_AT,
  PREPARED_OFFSET_AT,
  PROPERTIES_BYTES_MAX,
  readInt64,
  STORE_HOST_AT,
  STORE_TIMESTAMP_AT,
  writeInt32,
  writeInt64,
} from '../../model/message-record.ts';
import { OTHER_WAY, PropertyNames } from '../../model/property-ranges.ts';
import { TRANSACTION_COMMIT, TRANSACTION_NONE, transactionType } from '../../model/system-flag.ts';
import { TOPICS_FORBIDDEN_FOR_SEND } from '../../model/topic.ts';
import { TIMER_PRECISION_MS } from '../../storage/timer/timer-unit.ts';
import type { InnerRecord } from '../commit-log/inner-append.ts';
import type { RecordMemory } from '../commit-log/record-memory.ts';
import { MovedRecord } from '../message/moved-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';

const TOPIC = 0;
const QUEUE = 1;
const UNIQUE = 2;
const KEY = 3;
const TAG = 4;
const DELIVER_MS = 5;
const NOTHING = -1;
const NAMES = new PropertyNames([
  [REAL_TOPIC, TOPIC],
  [REAL_QUEUE_ID, QUEUE],
  [UNIQ_KEY, UNIQUE],
  [KEYS, KEY],
  [TAGS, TAG],
  [RINGMQ_DELIVER_MS, DELIVER_MS],
  [RINGMQ_WAKE_MS, OTHER_WAY],
  [TIMER_ENQUEUE_MS, OTHER_WAY],
  [TIMER_DEQUEUE_MS, OTHER_WAY],
  [TIMER_ROLL_TIMES, OTHER_WAY],
  [TIMER_DEL_UNIQKEY, OTHER_WAY],
]);
const NO_TAIL = new Uint8Array(0);
/** More queues than a topic may have. */
const QUEUE_ID_MAX = 1_000_000;

export class ParkedRecord {
  readonly #record = new MovedRecord(NAMES);
  /** The times of the way of timed messages that were parked in one second and are delivered in one ms. */
  #tail: Uint8Array = NO_TAIL;
  #tailEnqueued = -1;
  #tailNow = -1;

  /** Reads the record at `at`, whose lengths were checked. False: it is for the general way. */
  read(bytes: Uint8Array, at: number): boolean {
    const record = this.#record;
    if (!record.read(bytes, at)) return false;
    const type = transactionType(record.sysFlag);
    return (type === TRANSACTION_NONE || type === TRANSACTION_COMMIT) && record.ranges.has(TOPIC) && record.ranges.has(QUEUE);
  }

  get physical(): number {
    return readInt64(this.#record.bytes, this.#record.at + PHYSICAL_OFFSET_AT);
  }

  get size(): number {
    return this.#record.size;
  }

  /** The time that a timed message's sender wants; 0 or less: it does not say so plainly. */
  get deliverMs(): number {
    const { ranges, bytes } = this.#record;
    return ranges.has(DELIVER_MS) ? ranges.number(bytes, DELIVER_MS) : 0;
  }

  /**
   * The record that was read last, as it goes to its topic; null: the general way knows what to do with it. `now` is when a timed message is
   * delivered; −1: it is one of a delay level. @param host store host, 8 bytes
   */
  delivered(topics: Pick<TopicTable, 'find'>, now: number, host: Uint8Array, memory: RecordMemory): InnerRecord | null {
    const record = this.#record;
    const { ranges, bytes } = record;
    const topic = topics.find(bytes, ranges.start(TOPIC), ranges.end(TOPIC));
    if (topic === undefined || topic.queueHandles.length === 0 || !MovedRecord.fits(topic.nameBytes)) return null;
    const asked = ranges.number(bytes, QUEUE);
    if (asked < 0 || asked > QUEUE_ID_MAX || TOPICS_FORBIDDEN_FOR_SEND.has(topic.name)) return null;
    // The topic may have fewer queues now.
    const queueId = asked % topic.queueHandles.length;
    const tail = now < 0 ? NO_TAIL : this.#times(now);
    if (record.propertiesBytes(DELIVER_MS, NOTHING, tail.length) > PROPERTIES_BYTES_MAX) return null;
    const size = record.movedSize(topic.nameBytes, DELIVER_MS, NOTHING, tail.length);
    const target = memory.room(size);
    const { at } = memory;
    record.writeMoved(topic.nameBytes, queueId, DELIVER_MS, NOTHING, tail, target, at);
    writeInt64(target, at + PREPARED_OFFSET_AT, 0);
    target.set(host, at + STORE_HOST_AT);
    const uniqueHash = record.indexHashOf(UNIQUE, topic.nameHash);
    return { topic, queueId, record: target, at, size, tag: record.hashOf(TAG), uniqueHash, hasKeys: ranges.has(KEY) };
  }

  #times(now: number): Uint8Array {
    const { bytes, at } = this.#record;
    const enqueued = Math.floor(readInt64(bytes, at + STORE_TIMESTAMP_AT) / TIMER_PRECISION_MS) * TIMER_PRECISION_MS;
    if (enqueued !== this.#tailEnqueued || now !== this.#tailNow) {
      this.#tailEnqueued = enqueued;
      this.#tailNow = now;
      this.#tail = Buffer.from(`${TIMER_ENQUEUE_MS}\u0001${enqueued}\u0002${TIMER_DEQUEUE_MS}\u0001${now}\u0002`);
    }
    return this.#tail;
  }
}

/** A store host as it stands in records; null: it has an IPv6 address, for which the general way is. */
export function hostBytes(host: { readonly address: Uint8Array; readonly port: number }): Uint8Array | null {
  if (host.address.length !== 4) return null;
  const bytes = new Uint8Array(8);
  bytes.set(host.address);
  writeInt32(bytes, 4, host.port);
  return bytes;
}

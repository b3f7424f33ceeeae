/**
 * Plain half messages, as most are: ended before anybody was asked about them, without a delay or a time of their own. Read and made to
 * what consumers get by their bytes, without an object a property. Pure. What is not plain goes the general way (half-message.ts).
 *
 * The committed record is the half message's: queue id, flag bits, half message's place and topic replaced, REAL_TOPIC and REAL_QID left out.
 */

import {
  CHECK_IMMUNITY_TIME_IN_SECONDS,
  DELAY_TIME_LEVEL,
  KEYS,
  PRODUCER_GROUP,
  REAL_QUEUE_ID,
  REAL_TOPIC,
  TAGS,
  TRANSACTION_CHECK_TIMES,
  TRANSACTION_ORIGIN_QUEUE_OFFSET,
  TRANSACTION_PREPARED_QUEUE_OFFSET,
  UNIQ_KEY,
} from '../../model/message-property.ts';
import { PHYSICAL_OFFSET_AT, PREPARED_OFFSET_AT, readInt64, SYS_FLAG_AT, writeInt32, writeInt64 } from '../../model/message-record.ts';
import { OTHER_WAY, PropertyNames } from '../../model/property-ranges.ts';
import { TRANSACTION_COMMIT, TRANSACTION_MASK } from '../../model/system-flag.ts';
import { TRANS_HALF_TOPIC } from '../../model/topic.ts';
import type { InnerRecord } from '../commit-log/inner-append.ts';
import type { RecordMemory } from '../commit-log/record-memory.ts';
import { MovedRecord } from '../message/moved-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';

const HALF_TOPIC: Uint8Array = Buffer.from(TRANS_HALF_TOPIC);
/** What a name means here. */
const GROUP = 0;
const TOPIC = 1;
const QUEUE = 2;
const UNIQUE = 3;
const KEY = 4;
const TAG = 5;
const NAMES = new PropertyNames([
  [PRODUCER_GROUP, GROUP],
  [REAL_TOPIC, TOPIC],
  [REAL_QUEUE_ID, QUEUE],
  [UNIQ_KEY, UNIQUE],
  [KEYS, KEY],
  [TAGS, TAG],
  [DELAY_TIME_LEVEL, OTHER_WAY],
  [CHECK_IMMUNITY_TIME_IN_SECONDS, OTHER_WAY],
  [TRANSACTION_CHECK_TIMES, OTHER_WAY],
  [TRANSACTION_ORIGIN_QUEUE_OFFSET, OTHER_WAY],
  [TRANSACTION_PREPARED_QUEUE_OFFSET, OTHER_WAY],
]);
const QUEUE_DIGITS_MAX = 9;
const NO_TAIL = new Uint8Array(0);

/** One object is filled again and again. */
export class PlainHalf {
  readonly #record = new MovedRecord(NAMES);
  queueOffset = 0;

  /** Reads the record that `bytes` begins with, whose lengths were checked. False: it is no plain half message. */
  read(bytes: Uint8Array): boolean {
    const record = this.#record;
    if (!record.read(bytes, 0) || !record.isOfTopic(HALF_TOPIC)) return false;
    this.queueOffset = record.queueOffset;
    return record.ranges.has(TOPIC) && this.realQueueId >= 0;
  }

  /** −1: it is none. */
  get realQueueId(): number {
    const { ranges, bytes } = this.#record;
    return ranges.end(QUEUE) - ranges.start(QUEUE) > QUEUE_DIGITS_MAX ? -1 : ranges.number(bytes, QUEUE);
  }

  isOfGroup(group: string): boolean {
    const { ranges, bytes } = this.#record;
    const start = ranges.start(GROUP);
    if (!ranges.has(GROUP) || ranges.end(GROUP) - start !== group.length) return false;
    for (let i = 0; i < group.length; i++) if (bytes[start + i] !== group.charCodeAt(i)) return false;
    return true;
  }

  /** Java's hash of its unique key; 0: it has none. */
  get uniqueHash(): number {
    return this.#record.hashOf(UNIQUE);
  }

  /** The half message that was read last as it goes to its topic, its offsets left open; null: the general way knows what to do with it. */
  committed(topics: Pick<TopicTable, 'find'>, memory: RecordMemory): InnerRecord | null {
    const record = this.#record;
    const { ranges, bytes } = record;
    const topic = topics.find(bytes, ranges.start(TOPIC), ranges.end(TOPIC));
    const queueId = this.realQueueId;
    if (topic === undefined || queueId >= topic.queueHandles.length || !MovedRecord.fits(topic.nameBytes)) return null;
    const size = record.movedSize(topic.nameBytes, TOPIC, QUEUE, 0);
    const target = memory.room(size);
    const { at } = memory;
    record.writeMoved(topic.nameBytes, queueId, TOPIC, QUEUE, NO_TAIL, target, at);
    writeInt32(target, at + SYS_FLAG_AT, (record.sysFlag & ~TRANSACTION_MASK) | TRANSACTION_COMMIT);
    writeInt64(target, at + PREPARED_OFFSET_AT, readInt64(bytes, PHYSICAL_OFFSET_AT));
    const uniqueHash = record.indexHashOf(UNIQUE, topic.nameHash);
    return { topic, queueId, record: target, at, size, tag: record.hashOf(TAG), uniqueHash, hasKeys: ranges.has(KEY) };
  }
}

/**
 * Inner append: how a part of the broker appends a message, by the log lane of the shard on which it runs: a delayed message that
 * is parked, one whose time has come, one that a consumer gave back. One a shard; owns what waits for its answer. Off the hot path:
 * a message is an object here.
 * Taken is not stored: `done` is called once, when the log says what became of the record, in synchronous flush when it is on the
 * disk. Refused at once: the lane is full, the properties are too long, the broker stops or its disk is nearly full (`refusal` says which).
 * Source: RocketMQ 5.3 `MessageStore.asyncPutMessage`, `EscapeBridge.putMessage`.
 */

import { copyBytes } from '../../model/copy-bytes.ts';
import { formatProperties, KEYS, TAGS, UNIQ_KEY } from '../../model/message-property.ts';
import {
  encodedBytes,
  type Host,
  type MessageRecordFields,
  PROPERTIES_BYTES_MAX,
  writeMessageRecord,
  writeRecordHead,
} from '../../model/message-record.ts';
import { TRANSACTION_COMMIT, TRANSACTION_NONE, TRANSACTION_ROLLBACK, transactionType } from '../../model/system-flag.ts';
import { tagCode } from '../../model/tag-hash.ts';
import { indexKeyHash } from '../../storage/index/key-hash.ts';
import type { TopicState } from '../topic/topic-table.ts';
import {
  D_CONNECTION,
  D_FLAGS,
  D_KEY_HASH,
  D_OPAQUE,
  D_QUEUE,
  D_SLOT,
  D_TAG,
  D_UNIQUE_AT,
  D_UNIQUE_HASH,
  FLAG_ANSWER,
  FLAG_BATCH,
  FLAG_BORN_V6,
  FLAG_CONTINUED,
  FLAG_DELAYED,
  FLAG_ELSEWHERE,
  FLAG_MANY_KEYS,
  FLAG_MIXED,
  FLAG_NO_DISPATCH,
  FLAG_TIMED,
  FLAG_UNIQUE,
  FLAG_WAIT_SYNC,
  INNER_SLOT,
  type LaneProducer,
  type Outcome,
} from './log-lane.ts';

/** A message as the broker appends it: what it has is stored, nothing is added. */
export type InnerMessage = {
  readonly topic: TopicState;
  readonly queueId: number;
  readonly flag: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly bornHost: Host;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  /** Copied before `append` returns. */
  readonly body: Uint8Array;
  readonly properties: ReadonlyMap<string, string>;
  /** Of a message that is parked in the schedule topic; 0: its unit carries the tag. */
  readonly delayLevel: number;
  /** Of one that is parked in the timer topic: what its unit carries instead of the tag (`unitTimeOf`). */
  readonly unitTime?: number;
};

/**
 * A client's message that is stored elsewhere than it was sent to, its properties as bytes, and what is to be found out about them. Its last two
 * properties are REAL_TOPIC and REAL_QID.
 */
export type SentElsewhere = Omit<InnerMessage, 'properties' | 'unitTime'> & {
  /** 0: its unit carries the tag. */
  readonly unitTime: number;
  /** The first `propertiesBytes` of it; copied before `appendSent` returns. */
  readonly properties: Uint8Array;
  readonly propertiesBytes: number;
  /** Java's hash of its tag; 0 without one. */
  readonly tag: number;
  /** As the index wants it. */
  readonly uniqueHash: number;
  /** Where its unique key lies in `properties`. */
  readonly uniqueStart: number;
  readonly uniqueEnd: number;
  readonly hasKeys: boolean;
  /** Who sent it, and is answered as for a plain send. `answerFlags` of the lane: FLAG_ANSWER, FLAG_BINARY, FLAG_RECALLED. */
  readonly slot: number;
  readonly connection: number;
  readonly opaque: number;
  readonly answerFlags: number;
};

/** A message of the broker's own as a whole record, with its store host, whose offsets are open. */
export type InnerRecord = {
  readonly topic: TopicState;
  readonly queueId: number;
  /** It lies in [`at`, `at` + `size`); copied before `appendAll` returns. */
  readonly record: Uint8Array;
  readonly at: number;
  readonly size: number;
  /** Java's hash of its tag; 0 without one. */
  readonly tag: number;
  /** As the index wants it; −1: none. */
  readonly uniqueHash: number;
  readonly hasKeys: boolean;
};

/** What became of a record: `stored` with its place, maybe `flush-late`; `refused` with the log's reason; `late`: nobody knows yet. */
export type Appended = {
  readonly kind: 'stored' | 'flush-late' | 'refused' | 'late';
  readonly outcome: Outcome;
  /** Why it was refused, with what to do; else empty. */
  readonly remark: string;
  readonly physicalOffset: number;
  readonly queueOffset: number;
};
export type OnAppended = (appended: Appended) => void;

/** Why a message was not taken. */
export type NotTaken = 'lane-full' | 'properties-too-long' | 'refused';

const TWO_32 = 0x1_0000_0000;

/** What became of each of several records; null: all are stored, and nobody wants to know where. */
export type OnRun = (appended: readonly Appended[] | null) => void;

/** Of records that belong together the first has it for all. */
type Pending =
  | { readonly done: OnAppended; readonly isPatient: boolean }
  | { readonly allDone: (appended: readonly Appended[]) => void; readonly isPatient: true }
  | { readonly runDone: OnRun; readonly isPatient: true };

export class InnerAppend {
  readonly #lane: LaneProducer;
  readonly #storeHost: Host;
  /** The lane's memory, into which records are written at once. */
  readonly #laneBytes: Buffer;
  readonly #requestTurn: () => void;
  readonly #pending: Map<number, Pending> = new Map();
  #nextTicket = 0;
  #isStopping = false;
  #refusal: string | null = null;
  /** Messages and bytes taken into the lane. */
  messages = 0;
  bytes = 0;

  /** @param storeHost address and port that message ids carry */
  constructor(lane: LaneProducer, storeHost: Host, requestTurn: () => void) {
    this.#lane = lane;
    this.#storeHost = storeHost;
    const { buffer, byteOffset, byteLength } = lane.lane.bytes;
    this.#laneBytes = Buffer.from(buffer, byteOffset, byteLength);
    this.#requestTurn = requestTurn;
  }

  /** The broker's own address, as born host of what it makes itself. */
  get host(): Host {
    return this.#storeHost;
  }

  /** From now on nothing is taken, for this reason. */
  refuseAll(reason: string): void {
    this.#isStopping = true;
    this.#refusal = reason;
  }

  /** The same, until it is called with an empty reason. */
  refuseFor(reason: string): void {
    if (!this.#isStopping) this.#refusal = reason === '' ? null : reason;
  }

  /** Nothing will be taken any more in this life. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Why nothing is taken at the moment, with what to do; null: it is. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /**
   * Puts a message into the lane. Null: it is taken, and `done` will be called. A patient caller is not told `late`: it is called
   * when the log has said so, however long that takes.
   */
  append(message: InnerMessage, done: OnAppended, isPatient = false): NotTaken | null {
    if (this.#refusal !== null) return 'refused';
    const notTaken = this.#put(message, 0, { done, isPatient });
    if (notTaken === null) this.#requestTurn();
    return notTaken;
  }

  /** The same of a client's message, which the send's answers answer. */
  appendSent(message: SentElsewhere): NotTaken | null {
    if (this.#refusal !== null) return 'refused';
    const { topic, propertiesBytes } = message;
    if (propertiesBytes > PROPERTIES_BYTES_MAX) return 'properties-too-long';
    const fields = this.#fields(message, '');
    const size = encodedBytes(fields, topic.nameBytes.length, propertiesBytes);
    const at = this.#lane.reserve(size);
    if (at < 0) return 'lane-full';
    const to = writeRecordHead(this.#laneBytes, at, fields, topic.nameBytes, propertiesBytes);
    copyBytes(message.properties, 0, propertiesBytes, this.#laneBytes, to);
    const isIndexed = transactionType(message.sysFlag) !== TRANSACTION_ROLLBACK;
    const flags = isIndexed ? FLAG_UNIQUE | (message.hasKeys ? FLAG_MANY_KEYS : 0) : 0;
    const word = this.#commitMessage(message, size, flags, message.tag, message.uniqueHash, message.unitTime, null);
    const words = this.#lane.lane.descriptors;
    words[word + D_FLAGS] = (words[word + D_FLAGS]! & ~FLAG_ANSWER) | message.answerFlags | FLAG_ELSEWHERE;
    words[word + D_SLOT] = message.slot;
    words[word + D_CONNECTION] = message.connection;
    words[word + D_OPAQUE] = message.opaque;
    words[word + D_UNIQUE_AT] = ((to - at + message.uniqueStart) << 9) | (message.uniqueEnd - message.uniqueStart);
    this.#requestTurn();
    return null;
  }

  /**
   * Puts messages into the lane that belong together: they lie in the log one behind the other in this order, nothing between them, and
   * after a crash all of them or the first ones. Null: they are taken, and the patient `done` will be called with what became of each; the
   * log refuses all of them or none, but for those whose queue was deleted.
   */
  appendAll(messages: readonly (InnerMessage | InnerRecord)[], done: (appended: readonly Appended[]) => void): NotTaken | null {
    return this.#putAll(messages, { allDone: done, isPatient: true });
  }

  /** The same for whoever has no need of their places. */
  appendRun(records: readonly InnerRecord[], done: OnRun): NotTaken | null {
    return this.#putAll(records, { runDone: done, isPatient: true });
  }

  #putAll(messages: readonly (InnerMessage | InnerRecord)[], whose: Pending): NotTaken | null {
    if (this.#refusal !== null) return 'refused';
    const { messages: messagesBefore, bytes: bytesBefore } = this;
    const begin = this.#lane.head;
    const ticket = this.#nextTicket;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      const flags = i === 0 ? FLAG_BATCH | FLAG_MIXED : FLAG_CONTINUED;
      const pending = i === 0 ? whose : null;
      const notTaken = 'record' in message ? this.#putRecord(message, flags, pending) : this.#put(message, flags, pending);
      if (notTaken === null) continue;
      this.#lane.rollBack(begin);
      this.#pending.delete(ticket);
      this.messages = messagesBefore;
      this.bytes = bytesBefore;
      return notTaken;
    }
    this.#requestTurn();
    return null;
  }

  #put(message: InnerMessage, batchFlags: number, pending: Pending | null): NotTaken | null {
    const properties = formatProperties(message.properties);
    const propertiesBytes = Buffer.byteLength(properties);
    if (propertiesBytes > PROPERTIES_BYTES_MAX) return 'properties-too-long';
    const { topic, sysFlag } = message;
    const fields = this.#fields(message, properties);
    const size = encodedBytes(fields, topic.nameBytes.length, propertiesBytes);
    const at = this.#lane.reserve(size);
    if (at < 0) return 'lane-full';
    writeMessageRecord(this.#laneBytes, at, fields, topic.nameBytes, propertiesBytes);
    const isIndexed = transactionType(sysFlag) !== TRANSACTION_ROLLBACK;
    const uniqueKey = isIndexed ? message.properties.get(UNIQ_KEY) : undefined;
    let flags = batchFlags;
    if (uniqueKey !== undefined) flags |= FLAG_UNIQUE;
    if (isIndexed && message.properties.has(KEYS)) flags |= FLAG_MANY_KEYS;
    const tags = message.properties.get(TAGS);
    const uniqueHash = uniqueKey === undefined ? 0 : indexKeyHash(topic.name, uniqueKey);
    this.#commitMessage(message, size, flags, tags === undefined ? 0 : tagCode(tags), uniqueHash, message.unitTime ?? 0, pending);
    return null;
  }

  // Written out: a spread costs more than all else here.
  #fields(message: Omit<InnerMessage, 'properties' | 'unitTime'>, properties: string): MessageRecordFields {
    return {
      topic: message.topic.name,
      queueId: message.queueId,
      flag: message.flag,
      queueOffset: -1,
      physicalOffset: -1,
      sysFlag: message.sysFlag,
      bornTimestamp: message.bornTimestamp,
      bornHost: message.bornHost,
      storeHost: this.#storeHost,
      reconsumeTimes: message.reconsumeTimes,
      preparedTransactionOffset: message.preparedTransactionOffset,
      body: message.body,
      properties,
    };
  }

  /** Takes a message's record, with what its descriptor says of its kind; gives the word index of its descriptor. */
  #commitMessage(
    { topic, queueId, sysFlag, bornHost, delayLevel }: Omit<InnerMessage, 'properties' | 'unitTime'>,
    size: number,
    found: number,
    tag: number,
    uniqueHash: number,
    unitTime: number,
    pending: Pending | null,
  ): number {
    const type = transactionType(sysFlag);
    let flags = found;
    if (bornHost.address.length === 16) flags |= FLAG_BORN_V6;
    if (delayLevel > 0) flags |= FLAG_DELAYED;
    if (type !== TRANSACTION_NONE && type !== TRANSACTION_COMMIT) flags |= FLAG_NO_DISPATCH;
    const handle = topic.queueHandles[queueId] ?? -1;
    const word = this.#commit(size, handle, flags, delayLevel > 0 ? delayLevel : tag, uniqueHash, pending);
    if (unitTime === 0) return word;
    const words = this.#lane.lane.descriptors;
    words[word + D_FLAGS] = words[word + D_FLAGS]! | FLAG_TIMED;
    words[word + D_TAG] = unitTime;
    words[word + D_KEY_HASH] = Math.floor(unitTime / TWO_32);
    return word;
  }

  #putRecord(message: InnerRecord, batchFlags: number, pending: Pending | null): NotTaken | null {
    const { topic, record, size, uniqueHash } = message;
    const flags = batchFlags | (uniqueHash < 0 ? 0 : FLAG_UNIQUE) | (message.hasKeys ? FLAG_MANY_KEYS : 0);
    const at = this.#lane.reserve(size);
    if (at < 0) return 'lane-full';
    copyBytes(record, message.at, message.at + size, this.#lane.lane.bytes, at);
    const handle = topic.queueHandles[message.queueId] ?? -1;
    this.#commit(size, handle, flags, message.tag, Math.max(0, uniqueHash), pending);
    return null;
  }

  /** Takes the record that was written where it was reserved; gives the word index of its descriptor. */
  #commit(size: number, handle: number, flags: number, tag: number, uniqueHash: number, pending: Pending | null): number {
    const lane = this.#lane;
    const ticket = this.#nextTicket;
    this.#nextTicket = (ticket + 1) & 0x7fffffff;
    if (pending !== null) this.#pending.set(ticket, pending);
    const words = lane.lane.descriptors;
    const word = lane.commit(size);
    words[word + D_QUEUE] = handle;
    // A batch is answered once, for all its records.
    words[word + D_FLAGS] = (flags & FLAG_CONTINUED) === 0 ? flags | FLAG_ANSWER | FLAG_WAIT_SYNC : flags;
    words[word + D_TAG] = tag;
    words[word + D_UNIQUE_HASH] = uniqueHash;
    words[word + D_KEY_HASH] = 0;
    words[word + D_SLOT] = INNER_SLOT;
    words[word + D_CONNECTION] = ticket;
    words[word + D_OPAQUE] = 0;
    words[word + D_UNIQUE_AT] = 0;
    this.messages++;
    this.bytes += size;
    return word;
  }

  /** Whether the append waits for the log's word and nothing else. */
  isPatient(ticket: number): boolean {
    return this.#pending.get(ticket)?.isPatient === true;
  }

  /** The shard's answers tell what became of a record; once. */
  settle(ticket: number, appended: Appended): void {
    const pending = this.#pending.get(ticket);
    if (pending === undefined || !('done' in pending)) return;
    this.#pending.delete(ticket);
    pending.done(appended);
  }

  /** The same of records that belong together. @param ticket of the first */
  settleAll(ticket: number, appended: readonly Appended[]): void {
    const pending = this.#pending.get(ticket);
    if (pending === undefined || 'done' in pending) return;
    this.#pending.delete(ticket);
    if ('runDone' in pending) pending.runDone(appended);
    else pending.allDone(appended);
  }

  /** All of them are stored. False: it is to be told where. */
  settleRun(ticket: number): boolean {
    const pending = this.#pending.get(ticket);
    if (pending === undefined || !('runDone' in pending)) return false;
    this.#pending.delete(ticket);
    pending.runDone(null);
    return true;
  }
}

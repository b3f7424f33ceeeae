/**
 * Send answers of one shard: follows the log worker's marks and answers the shard's pending sends in the order of its lane, each
 * as its own mode allows: written, or in sync-flush mode flushed. What is answered is released for the lane to overwrite.
 *
 * Answers: 0 stored; 10 stored, but not on disk within the time; 2 not written within the time, and may still be; 14 the disk is
 * full or failed, or the broker stops. Source: RocketMQ 5.3 `SendMessageProcessor.handlePutMessageResult`, `CommitLog.handleDiskFlush`.
 */
import { REAL_QUEUE_ID } from '../../model/message-property.ts';
import { QUEUE_ID_AT } from '../../model/message-record.ts';
import { NAME_END } from '../../model/property-ranges.ts';
import { encodeCommand, RESPONSE_FLAG } from '../../protocol/remoting/command.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../protocol/remoting/frame-reader.ts';
import { FLUSH_DISK_TIMEOUT, SERVICE_NOT_AVAILABLE, SUCCESS, SYSTEM_BUSY } from '../../protocol/remoting/response-code.ts';
import { batchResponseMaxBytes, SEND_RESPONSE_MAX_BYTES, type SendResponseWriter } from '../../protocol/remoting/response-writer.ts';
import type { PollSource } from '../../runtime/thread/thread-context.ts';
import type { Appended, InnerAppend } from '../commit-log/inner-append.ts';
import {
  D_CONNECTION,
  D_FLAGS,
  D_KEY_HASH,
  D_OPAQUE,
  D_OUTCOME,
  D_POSITION,
  D_SIZE,
  D_SLOT,
  D_TAG,
  D_UNIQUE_AT,
  FLAG_ANSWER,
  FLAG_BATCH,
  FLAG_BINARY,
  FLAG_CONTINUED,
  FLAG_ELSEWHERE,
  FLAG_RECALLED,
  FLAG_WAIT_SYNC,
  INNER_SLOT,
  isUnsynced,
  type LaneProducer,
  OUTCOME_DISK_FULL,
  OUTCOME_FENCED,
  OUTCOME_NO_QUEUE,
  OUTCOME_STOPPED,
  OUTCOME_STORED,
  type Outcome,
  physicalOffsetOf,
  queueOffsetOf,
} from '../commit-log/log-lane.ts';
import { FLUSHED_END, type Watermarks } from '../commit-log/watermarks.ts';
import { RecallHandleWriter } from '../timer/recall-handle.ts';
import type { ClientConnection } from './client-connection.ts';

/** How often pending sends are looked at for their deadline. */
export const EXPIRE_EVERY_MS = 500;

export class SendAnswers implements PollSource {
  readonly #lane: LaneProducer;
  readonly #marks: Watermarks;
  readonly #writer: SendResponseWriter;
  readonly #connections: readonly (ClientConnection | null)[];
  readonly #syncFlush: boolean;
  readonly #released: () => void;
  readonly #inner: InnerAppend;
  readonly #recall: RecallHandleWriter;
  #batchPhysical = new Float64Array(64);
  /** What had been published when the deadlines were last looked at, and the time before. */
  #markedHead: number;
  #markedAt = 0;
  #isMarked = false;

  constructor(parts: {
    lane: LaneProducer;
    marks: Watermarks;
    writer: SendResponseWriter;
    /** By slot. */
    connections: readonly (ClientConnection | null)[];
    syncFlush: boolean;
    /** The lane has room again. */
    released: () => void;
    /** The broker's own appends by this lane. */
    inner: InnerAppend;
    /** In the handles that take timed messages back. */
    brokerName: string;
  }) {
    this.#lane = parts.lane;
    this.#marks = parts.marks;
    this.#writer = parts.writer;
    this.#connections = parts.connections;
    this.#syncFlush = parts.syncFlush;
    this.#released = parts.released;
    this.#inner = parts.inner;
    this.#recall = new RecallHandleWriter(parts.brokerName);
    this.#markedHead = parts.lane.head;
  }

  poll(): boolean {
    const lane = this.#lane;
    const written = lane.lane.written();
    let count = lane.tail;
    if (count === written) return false;
    const words = lane.lane.descriptors;
    const flushed = this.#syncFlush ? this.#marks.read(FLUSHED_END) : Number.POSITIVE_INFINITY;
    const isFenced = this.#marks.fenced;
    const first = count;
    while (count !== written) {
      const at = lane.lane.descriptorAt(count);
      const flags = words[at + D_FLAGS]!;
      const end = (flags & FLAG_BATCH) === 0 ? (count + 1) | 0 : this.#batchEnd(count, written);
      let outcome = words[at + D_OUTCOME] as Outcome;
      if (isFenced) outcome = OUTCOME_FENCED;
      else if ((flags & FLAG_WAIT_SYNC) !== 0 && isUnsynced(words, lane.lane.descriptorAt((end - 1) | 0), flushed)) break;
      if ((flags & FLAG_ANSWER) !== 0) this.#answer(count, end, at, flags, outcome, SUCCESS);
      count = end;
    }
    if (count === first) return false;
    lane.release(count);
    this.#released();
    return true;
  }

  #batchEnd(first: number, written: number): number {
    const lane = this.#lane.lane;
    let count = (first + 1) | 0;
    while (count !== written && (lane.descriptors[lane.descriptorAt(count) + D_FLAGS]! & FLAG_CONTINUED) !== 0) count = (count + 1) | 0;
    return count;
  }

  #answer(first: number, end: number, at: number, flags: number, outcome: Outcome, code: number): void {
    const words = this.#lane.lane.descriptors;
    const connection = this.#connections[words[at + D_SLOT]!];
    // The slot may have a new owner: then the sender has gone, and nobody waits.
    if (connection === null || connection === undefined || connection.id !== words[at + D_CONNECTION] || !connection.isOpen) {
      if (words[at + D_SLOT] === INNER_SLOT) this.#settleInner(first, end, outcome, code);
      return;
    }
    const isBinary = (flags & FLAG_BINARY) !== 0;
    const opaque = words[at + D_OPAQUE]!;
    if (outcome !== 0) {
      this.#refuse(connection, isBinary, opaque, outcome);
      return;
    }
    const bytes = this.#lane.lane.bytes;
    const record = words[at + D_POSITION]! & this.#lane.lane.byteMask;
    const isElsewhere = (flags & FLAG_ELSEWHERE) !== 0;
    const queueId = isElsewhere ? lastNumber(bytes, record + words[at + D_SIZE]!) : this.#lane.lane.view.getInt32(record + QUEUE_ID_AT);
    const offset = queueOffsetOf(words, at);
    if ((flags & FLAG_BATCH) === 0) {
      const unique = words[at + D_UNIQUE_AT]!;
      const idStart = record + (unique >>> 9);
      const handle = (flags & FLAG_RECALLED) === 0 ? undefined : this.#recallHandle(record, at);
      const output = connection.output(SEND_RESPONSE_MAX_BYTES + (handle === undefined ? 0 : handle.length));
      output.length = this.#writer.write(
        output.bytes,
        output.length,
        isBinary,
        opaque,
        code,
        physicalOffsetOf(words, at),
        queueId,
        offset,
        bytes,
        idStart,
        idStart + (unique & 511),
        handle,
      );
      return;
    }
    const records = (end - first) >>> 0;
    if (records > this.#batchPhysical.length) this.#batchPhysical = new Float64Array(records * 2);
    for (let i = 0; i < records; i++) this.#batchPhysical[i] = physicalOffsetOf(words, this.#lane.lane.descriptorAt((first + i) | 0));
    const output = connection.output(batchResponseMaxBytes(records));
    output.length = this.#writer.writeBatch(
      output.bytes,
      output.length,
      isBinary,
      opaque,
      code,
      this.#batchPhysical,
      records,
      queueId,
      offset,
    );
  }

  /** Of the record at `record`, whose descriptor is at `at`. */
  #recallHandle(record: number, at: number): Uint8Array {
    const { bytes, descriptors: words } = this.#lane.lane;
    let nameEnd = record + words[at + D_SIZE]! - 2;
    while (bytes[nameEnd]! >= ZERO) nameEnd--;
    const topicEnd = nameEnd - REAL_QUEUE_ID.length - 1;
    let topicStart = topicEnd;
    while (bytes[topicStart - 1] !== NAME_END) topicStart--;
    const deliverMs = words[at + D_KEY_HASH]! * TWO_32 + (words[at + D_TAG]! >>> 0);
    const unique = words[at + D_UNIQUE_AT]!;
    const keyStart = record + (unique >>> 9);
    return this.#recall.write(bytes, topicStart, topicEnd, deliverMs, keyStart, keyStart + (unique & 511));
  }

  /** Records of the broker's own, each with its ticket, those that belong together with that of the first: `code` 0 or 10 when they are stored. One of several may be refused alone. */
  #settleInner(first: number, end: number, outcome: Outcome, code: number): void {
    const { lane } = this.#lane;
    const words = lane.descriptors;
    const at = lane.descriptorAt(first);
    const ticket = words[at + D_CONNECTION]!;
    if ((words[at + D_FLAGS]! & FLAG_BATCH) === 0) {
      this.#inner.settle(ticket, this.#appended(at, outcome, code));
      return;
    }
    let isStored = outcome !== OUTCOME_FENCED && code === SUCCESS;
    for (let count = first; isStored && count !== end; count = (count + 1) | 0)
      isStored = words[lane.descriptorAt(count) + D_OUTCOME] === OUTCOME_STORED;
    if (isStored && this.#inner.settleRun(ticket)) return;
    const all: Appended[] = [];
    for (let count = first; count !== end; count = (count + 1) | 0) all.push(this.#appended(lane.descriptorAt(count), outcome, code));
    this.#inner.settleAll(ticket, all);
  }

  #appended(at: number, outcome: Outcome, code: number): Appended {
    const words = this.#lane.lane.descriptors;
    const own = outcome === OUTCOME_FENCED ? outcome : (words[at + D_OUTCOME] as Outcome);
    const isStored = own === 0;
    return {
      kind: !isStored ? 'refused' : code === SUCCESS ? 'stored' : 'flush-late',
      outcome: own,
      remark: isStored ? '' : outcomeRemark(own, this.#marks),
      physicalOffset: isStored ? physicalOffsetOf(words, at) : -1,
      queueOffset: isStored ? queueOffsetOf(words, at) : -1,
    };
  }

  #refuse(connection: ClientConnection, isBinary: boolean, opaque: number, outcome: Outcome): void {
    this.#say(connection, isBinary, opaque, SERVICE_NOT_AVAILABLE, outcomeRemark(outcome, this.#marks));
  }

  #say(connection: ClientConnection, isBinary: boolean, opaque: number, code: number, remark: string): void {
    const serializeType = isBinary ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON;
    connection.write(encodeCommand({ code, opaque, flag: RESPONSE_FLAG, remark, serializeType }));
  }

  /**
   * Called every EXPIRE_EVERY_MS: sends older than `limitMs` are answered now. What is written gets 10 with its offset; what is not
   * gets 2, since the log worker may still write it. Their lane room is kept until the marks have passed.
   */
  expire(now: number, limitMs: number): void {
    // After a fence not even "stored, not flushed" is said: `poll` refuses all that waits.
    if (this.#marks.fenced) return;
    const lane = this.#lane;
    if (!this.#isMarked || ((this.#markedHead - lane.tail) | 0) <= 0) {
      this.#isMarked = true;
      this.#markedHead = lane.head;
      this.#markedAt = now;
      return;
    }
    if (now - this.#markedAt < limitMs) return;
    const written = lane.lane.written();
    const words = lane.lane.descriptors;
    for (let count = lane.tail; count !== this.#markedHead; ) {
      const at = lane.lane.descriptorAt(count);
      const flags = words[at + D_FLAGS]!;
      const end = (flags & FLAG_BATCH) === 0 ? (count + 1) | 0 : this.#batchEnd(count, this.#markedHead);
      if ((flags & FLAG_ANSWER) !== 0 && !(words[at + D_SLOT] === INNER_SLOT && this.#inner.isPatient(words[at + D_CONNECTION]!))) {
        if (((written - count) | 0) > 0) this.#answer(count, end, at, flags, words[at + D_OUTCOME] as Outcome, FLUSH_DISK_TIMEOUT);
        else this.#sayLate(at, flags, limitMs);
        // The log worker reads other bits only; nobody waits for this record any more.
        words[at + D_FLAGS] = flags & ~FLAG_ANSWER;
      }
      count = end;
    }
    this.#isMarked = false;
  }

  #sayLate(at: number, flags: number, limitMs: number): void {
    const words = this.#lane.lane.descriptors;
    const connection = this.#connections[words[at + D_SLOT]!];
    if (connection === null || connection === undefined || connection.id !== words[at + D_CONNECTION] || !connection.isOpen) {
      const late = { kind: 'late', outcome: OUTCOME_STORED, remark: '', physicalOffset: -1, queueOffset: -1 } as const;
      if (words[at + D_SLOT] === INNER_SLOT) this.#inner.settle(words[at + D_CONNECTION]!, late);
      return;
    }
    this.#say(connection, (flags & FLAG_BINARY) !== 0, words[at + D_OPAQUE]!, SYSTEM_BUSY, lateRemark(limitMs));
  }
}

/** The number that is the value of the last property, of a record that ends at `end`. */
function lastNumber(bytes: Uint8Array, end: number): number {
  let value = 0;
  let unit = 1;
  for (let at = end - 2; bytes[at]! >= ZERO; at--) {
    value += (bytes[at]! - ZERO) * unit;
    unit *= 10;
  }
  return value;
}

const ZERO = 0x30;
const TWO_32 = 0x1_0000_0000;

/** For a record whose fate is not known in time. */
export function lateRemark(limitMs: number): string {
  return `[TIMEOUT_CLEAN_QUEUE]broker busy: not written within ${limitMs} ms, the message may still be stored; sending it again may store it twice`;
}

/** Why the log refused a record, with what to do. */
export function outcomeRemark(outcome: Outcome, marks: Watermarks): string {
  if (outcome === OUTCOME_DISK_FULL) {
    const reason = marks.fullReason;
    return `the disk of the commit log is full${reason === '' ? '' : ` (${reason})`}: nothing is stored until there is room; free space or send to another broker`;
  }
  return OUTCOME_REMARK[outcome] ?? 'the message was not stored; send it again';
}

const OUTCOME_REMARK: { readonly [outcome: number]: string } = {
  [OUTCOME_STOPPED]: 'the broker is stopping; send to another broker',
  [OUTCOME_FENCED]: 'the disk of the commit log has failed: this broker acknowledges nothing any more; send to another broker',
  [OUTCOME_NO_QUEUE]: 'the queue has been deleted; refresh the route',
};

/**
 * Send path of one shard: from a frame with a send to records in the shard's log lane. Nothing is allocated for a plain message:
 * the header is read where it lies, and the record is written once, where the commit log takes it from.
 *
 * Refusals: 1 a field is missing or malformed; 2 the lane stayed full; 13 body, properties, batch or kind not allowed; 14 the
 * broker stops or its disk failed; 16 a topic that only the broker writes; 17 no such topic; 29 a bad name or queue id.
 * Source: RocketMQ 5.3 `SendMessageProcessor`, `AbstractSendMessageProcessor.msgCheck`.
 */

import { readInt32 } from '../../model/message-record.ts';
import { TRANSACTION_MASK, TRANSACTION_PREPARED } from '../../model/system-flag.ts';
import { TRANS_HALF_TOPIC, topicNameFault } from '../../model/topic.ts';
import { utf8Text } from '../../model/utf8.ts';
import { decodeCommand, encodeCommand, ONEWAY_FLAG, RESPONSE_FLAG } from '../../protocol/remoting/command.ts';
import { FieldError } from '../../protocol/remoting/errors.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../protocol/remoting/frame-reader.ts';
import * as responseCode from '../../protocol/remoting/response-code.ts';
import { FOUND_REQUIRED, missingField, SendHeader } from '../../protocol/remoting/send-header.ts';
import { fillFromCommand, scanSendHeader } from '../../protocol/remoting/send-scanner.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { TOPIC_REGISTRY_PATH } from '../broker/actor-paths.ts';
import { FLAG_ANSWER, FLAG_BATCH, FLAG_BINARY, FLAG_CONTINUED, type LaneProducer } from '../commit-log/log-lane.ts';
import type { CreateOnSend } from '../topic/topic-registry-actor.ts';
import { RETRY_SEND, type TopicState, type TopicTable } from '../topic/topic-table.ts';
import { batchDelayFault, batchFault } from './batch-fault.ts';
import { type ClientConnection, HOLD_LANE } from './client-connection.ts';
import { FirstSends, type SendAddress } from './first-sends.ts';
import { illegalSend, PROPERTIES_REMARK } from './illegal-send.ts';
import {
  RECORD_BAD_PROPERTIES,
  RECORD_LANE_FULL,
  RECORD_OTHER_KIND,
  RECORD_PROPERTIES_TOO_LONG,
  RecordFields,
  type RecordWriter,
} from './record-writer.ts';
import { SEND_NOT_PLAIN, type UnusualSends } from './unusual-sends.ts';

/** The unrolled records of a batch, so that a lane holds several. */
const BATCH_RECORD_BYTES_MAX = 4 * 1024 * 1024 + 64 * 1024;

/** Changed in place when the settings change. */
export interface SendLimits {
  bodyBytesMax: number;
  autoCreate: boolean;
  /** How long a frame that was read waits for room in the lane. */
  laneWaitMs: number;
  /** Half messages of transactions. */
  areHalvesRefused: boolean;
}

type Stalled = { readonly connection: ClientConnection; readonly frame: Uint8Array; readonly since: number };

export class SendPath {
  readonly #thread: ThreadContext;
  readonly #lane: LaneProducer;
  readonly #writer: RecordWriter;
  readonly #topics: TopicTable;
  readonly #limits: SendLimits;
  readonly #first: FirstSends;
  readonly #unusual: UnusualSends;
  readonly #header = new SendHeader();
  readonly #fields = new RecordFields();
  readonly #stalled: Stalled[] = [];
  #isStopping = false;
  #stopReason: string | null = null;
  #nextQueue = 0;
  /** Frames refused because the lane stayed full. */
  laneFullRefusals = 0;
  /** Messages and bytes taken into the lane. */
  messages = 0;
  bytes = 0;

  constructor(parts: {
    thread: ThreadContext;
    lane: LaneProducer;
    writer: RecordWriter;
    topics: TopicTable;
    limits: SendLimits;
    unusual: UnusualSends;
  }) {
    this.#thread = parts.thread;
    this.#lane = parts.lane;
    this.#writer = parts.writer;
    this.#topics = parts.topics;
    this.#limits = parts.limits;
    this.#unusual = parts.unusual;
    this.#first = new FirstSends({
      thread: parts.thread,
      topics: parts.topics,
      registry: parts.thread.ref<CreateOnSend>(TOPIC_REGISTRY_PATH),
      take: (connection, frame) => void this.frame(connection, frame, 0, frame.length),
      refuse: (connection, address, code, remark) => this.#refuse(connection, address, code, remark),
    });
  }

  /** Why every send is refused; null: they are taken. */
  get refusal(): string | null {
    return this.#stopReason;
  }

  /** From now on every send is refused with 14 and this reason. */
  refuseAll(reason: string): void {
    this.#isStopping = true;
    this.#stopReason = reason;
  }

  /** The same, until it is called with an empty reason. */
  refuseFor(reason: string): void {
    if (!this.#isStopping) this.#stopReason = reason === '' ? null : reason;
  }

  /**
   * Takes a frame with a send. False: the connection is to be read no further for now.
   * @param isAgain it was taken before and found the lane full: nothing is before it
   */
  frame(connection: ClientConnection, bytes: Uint8Array, start: number, end: number, isAgain = false): boolean {
    const header = this.#header;
    if (!scanSendHeader(bytes, start, end, header)) {
      try {
        fillFromCommand(decodeCommand(bytes, start, end), bytes, header);
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
        this.#refuse(connection, header, responseCode.SYSTEM_ERROR, error.message);
        return true;
      }
    }
    if ((header.found & FOUND_REQUIRED) !== FOUND_REQUIRED) {
      this.#refuse(
        connection,
        header,
        responseCode.SYSTEM_ERROR,
        `the custom field <${missingField(header)}> is null: a send must have it`,
      );
      return true;
    }
    if (this.#stopReason !== null) {
      this.#refuse(connection, header, responseCode.SERVICE_NOT_AVAILABLE, this.#stopReason);
      return true;
    }
    const topic = this.#topics.find(header.text, header.topicStart, header.topicEnd);
    if (topic === undefined) return this.#create(connection, header, bytes, start, end);
    if (this.#first.isBusy && !isAgain && this.#first.mustWait(connection, topic.name))
      return this.#first.follow(connection, header, topic.name, bytes, start, end);
    if (topic.refusal !== 0) return this.#specialTopic(connection, header, topic, bytes);
    if (this.#isIllegal(connection, header, topic)) return true;
    const result = header.isBatch ? this.#appendBatch(connection, header, topic, bytes) : this.#appendOne(connection, header, topic, bytes);
    if (result === RECORD_LANE_FULL) return this.#stall(connection, bytes, start, end);
    return true;
  }

  /** True: the message was refused, for what it says of itself is out of its limits. */
  #isIllegal(connection: ClientConnection, header: SendHeader, topic: TopicState): boolean {
    const bodyBytes = header.bodyEnd - header.bodyStart;
    const propertiesBytes = header.propertiesEnd - header.propertiesStart;
    const fault = illegalSend(topic, header.queueId, bodyBytes, propertiesBytes, this.#limits.bodyBytesMax);
    if (fault !== null) this.#refuse(connection, header, fault.code, fault.remark);
    return fault !== null;
  }

  /** A retry topic, or one that only the broker writes. */
  #specialTopic(connection: ClientConnection, header: SendHeader, topic: TopicState, bytes: Uint8Array): boolean {
    if (topic.refusal !== RETRY_SEND) {
      const why = topic.config.order
        ? 'sending message is forbidden: it is an order topic, and brokerPermission lets nobody write; send to another broker'
        : 'is written by the broker only; send to another topic';
      this.#refuse(connection, header, topic.refusal, `the topic[${topic.name}] ${why}`);
    } else if (this.#isIllegal(connection, header, topic)) return true;
    else if (header.isBatch) {
      const remark = 'batch request does not support retry group; send the messages singly';
      this.#refuse(connection, header, responseCode.MESSAGE_ILLEGAL, remark);
    } else this.#unusual.sendRetry(connection, header, topic, this.#queueId(header, topic), bytes);
    return !connection.isHeld;
  }

  #queueId(header: SendHeader, topic: TopicState): number {
    if (header.queueId >= 0) return header.queueId;
    this.#nextQueue = (this.#nextQueue + 1) & 0x3fffffff;
    return this.#nextQueue % Math.max(1, topic.writeQueues);
  }

  #flags(header: SendHeader): number {
    return ((header.flag & ONEWAY_FLAG) === 0 ? FLAG_ANSWER : 0) | (header.isBinary ? FLAG_BINARY : 0);
  }

  #appendOne(connection: ClientConnection, header: SendHeader, topic: TopicState, bytes: Uint8Array): number {
    const fields = this.#fields;
    fields.topic = topic;
    fields.queueId = this.#queueId(header, topic);
    fields.messageFlag = header.messageFlag;
    fields.sysFlag = header.sysFlag;
    fields.bornTimestamp = header.bornTimestamp;
    fields.bornHost = connection.hostBytes;
    fields.reconsumeTimes = header.reconsumeTimes;
    fields.body = bytes;
    fields.bodyStart = header.bodyStart;
    fields.bodyEnd = header.bodyEnd;
    fields.text = header.text;
    fields.propertiesStart = header.propertiesStart;
    fields.propertiesEnd = header.propertiesEnd;
    fields.arePropertiesEscaped = header.arePropertiesEscaped;
    const { queueId } = fields;
    if (connection.isParking) {
      // Whose last message was parked has more of them as a rule.
      const parked = this.#unusual.park(connection, header, topic, queueId, bytes);
      if (parked !== SEND_NOT_PLAIN) return parked;
    }
    const isHalf = (header.sysFlag & TRANSACTION_MASK) === TRANSACTION_PREPARED && this.#takeHalf(header, topic);
    const size = this.#writer.write(fields, this.#flags(header), connection.slot, connection.id, header.opaque);
    if (isHalf) fields.realTopic = null;
    if (size > 0) {
      this.messages++;
      this.bytes += size;
      this.#thread.requestTurn();
    } else if (size === RECORD_OTHER_KIND) return this.#unusual.send(connection, header, topic, queueId, bytes);
    else if (size !== RECORD_LANE_FULL) this.#refuseRecord(connection, header, size);
    return size;
  }

  /** What clients say is prepared is a half message as a rule, which is written as plain ones are. False: it is for the unusual sends. */
  #takeHalf(header: SendHeader, topic: TopicState): boolean {
    const half = this.#topics.get(TRANS_HALF_TOPIC);
    if (half === undefined || this.#limits.areHalvesRefused || header.reconsumeTimes > 0) return false;
    const fields = this.#fields;
    fields.realTopic = topic;
    fields.realQueueId = fields.queueId;
    fields.topic = half;
    fields.queueId = 0;
    return true;
  }

  #refuseRecord(connection: ClientConnection, header: SendHeader, why: number): void {
    if (why === RECORD_PROPERTIES_TOO_LONG) this.#refuse(connection, header, responseCode.MESSAGE_ILLEGAL, PROPERTIES_REMARK);
    else if (why === RECORD_BAD_PROPERTIES)
      this.#refuse(connection, header, responseCode.SYSTEM_ERROR, 'the field properties holds an escape that JSON does not have');
    else if (why === RECORD_OTHER_KIND) this.#refuse(connection, header, responseCode.MESSAGE_ILLEGAL, BATCH_KIND_REMARK);
  }

  /** A batch is unrolled into records with consecutive offsets, published by one store, and answered once. */
  #appendBatch(connection: ClientConnection, header: SendHeader, topic: TopicState, bytes: Uint8Array): number {
    const fault = batchFault(bytes, header.bodyStart, header.bodyEnd) ?? batchDelayFault(header);
    if (fault !== null) {
      this.#refuse(connection, header, responseCode.MESSAGE_ILLEGAL, fault);
      return 0;
    }
    const fields = this.#fields;
    fields.topic = topic;
    fields.queueId = this.#queueId(header, topic);
    fields.sysFlag = header.sysFlag;
    fields.bornTimestamp = header.bornTimestamp;
    fields.bornHost = connection.hostBytes;
    fields.reconsumeTimes = header.reconsumeTimes;
    fields.body = bytes;
    fields.text = bytes;
    fields.arePropertiesEscaped = false;
    const begin = this.#lane.head;
    let flags = this.#flags(header) | FLAG_BATCH;
    let total = 0;
    let records = 0;
    for (let at = header.bodyStart; at < header.bodyEnd; ) {
      const itemBytes = readInt32(bytes, at);
      const bodyBytes = readInt32(bytes, at + 16);
      fields.messageFlag = readInt32(bytes, at + 12);
      fields.bodyStart = at + 20;
      fields.bodyEnd = at + 20 + bodyBytes;
      fields.propertiesStart = fields.bodyEnd + 2;
      fields.propertiesEnd = at + itemBytes;
      const size = this.#writer.write(fields, flags, connection.slot, connection.id, header.opaque);
      if (size < 0) {
        this.#lane.rollBack(begin);
        if (size === RECORD_LANE_FULL && this.#lane.pending === 0) {
          this.#refuse(connection, header, responseCode.MESSAGE_ILLEGAL, 'the batch does not fit a log lane; send fewer messages in one');
          return 0;
        }
        if (size !== RECORD_LANE_FULL) this.#refuseRecord(connection, header, size);
        return size;
      }
      total += size;
      records++;
      if (total > BATCH_RECORD_BYTES_MAX) {
        this.#lane.rollBack(begin);
        const remark = `the batch is over ${BATCH_RECORD_BYTES_MAX} bytes when stored; send fewer messages in one`;
        this.#refuse(connection, header, responseCode.MESSAGE_ILLEGAL, remark);
        return 0;
      }
      flags = (flags & ~(FLAG_BATCH | FLAG_ANSWER)) | FLAG_CONTINUED;
      at += itemBytes;
    }
    this.messages += records;
    this.bytes += total;
    this.#thread.requestTurn();
    return total;
  }

  /** A topic nobody knows: made if that is allowed, while this frame waits; the connection's other frames go on. */
  #create(connection: ClientConnection, header: SendHeader, bytes: Uint8Array, start: number, end: number): boolean {
    const topic = utf8Text(header.text, header.topicStart, header.topicEnd);
    const badName = topicNameFault(topic);
    if (badName !== null) {
      this.#refuse(connection, header, responseCode.INVALID_PARAMETER, badName);
      return true;
    }
    if (this.#topics.complete && !this.#limits.autoCreate) {
      this.#refuse(connection, header, responseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please! Auto-creation is off`);
      return true;
    }
    return this.#first.create(connection, header, topic, bytes, start, end);
  }

  /** No room in the lane: the frame waits for a while, and its connection is read no further. */
  #stall(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): boolean {
    this.#stalled.push({ connection, frame: Buffer.from(bytes.subarray(start, end)), since: this.#thread.monotonicMs() });
    connection.hold(HOLD_LANE);
    if (this.#stalled.length === 1) this.#thread.schedule(this.#limits.laneWaitMs, () => this.retryStalled());
    return false;
  }

  /** After records were released, and when a frame has waited long enough. */
  retryStalled(): void {
    const waiting = this.#stalled.length;
    if (waiting === 0) return;
    const stalled = this.#stalled.splice(0, waiting);
    for (let i = 0; i < stalled.length; i++) {
      const { connection, frame, since } = stalled[i]!;
      if (!connection.isOpen) continue;
      const isLate = this.#thread.monotonicMs() - since >= this.#limits.laneWaitMs;
      const before = this.#stalled.length;
      this.frame(connection, frame, 0, frame.length, true);
      if (this.#stalled.length === before) {
        connection.resume(HOLD_LANE);
        continue;
      }
      const again = this.#stalled.pop()!;
      if (isLate) {
        this.laneFullRefusals++;
        const remark = `[REJECTREQUEST]the log lane stayed full for ${this.#limits.laneWaitMs} ms: the disk is slower than the senders; send again later`;
        this.#refuse(connection, this.#header, responseCode.SYSTEM_BUSY, remark);
        connection.resume(HOLD_LANE);
        continue;
      }
      this.#stalled.push({ connection, frame: again.frame, since });
      for (const later of stalled.slice(i + 1)) this.#stalled.push(later);
      break;
    }
    if (this.#stalled.length > 0) this.#thread.schedule(this.#limits.laneWaitMs, () => this.retryStalled());
  }

  #refuse(connection: ClientConnection, header: SendAddress, code: number, remark: string): void {
    if ((header.flag & ONEWAY_FLAG) !== 0) return;
    connection.write(
      encodeCommand({
        code,
        opaque: header.opaque,
        flag: RESPONSE_FLAG,
        remark,
        serializeType: header.isBinary ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON,
      }),
    );
    this.#thread.requestTurn();
  }
}

const BATCH_KIND_REMARK = 'a batch cannot hold delayed, timed or transactional messages; send them singly';

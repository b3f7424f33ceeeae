/**
 * Sends that are no plain ones, taken from the send path: messages of a delay level and timed ones, which are parked, half messages of
 * transactions, and what a consumer sends to its group's retry topic, which goes to the dead letters when it was tried too often. One a
 * shard; off the hot path, so a message is an object here. What needs another actor's word (the group, its locks, a topic to be made) waits as a copy.
 *
 * Refusals: 1 a DELAY that is no integer, timed messages are switched off, no retry topic could be made; 2 the lane stayed full or nobody
 * answered in time; 13 a kind that is not supported, a time that is none or too far away, properties too long; 14 the broker stops, its
 * disk is full or failed; 16 half messages are not wanted; 26 no such group.
 * Source: RocketMQ 5.3 `SendMessageProcessor.sendMessage`, `handleRetryAndDLQ`.
 */
import { javaHashBytes, keyHashSeed } from '../../model/java-hash.ts';
import { parseProperties, UNIQ_KEY } from '../../model/message-property.ts';
import { PERM_READ_WRITE } from '../../model/permission.ts';
import { TRANSACTION_MASK } from '../../model/system-flag.ts';
import { dlqTopic, groupOfDerivedTopic, SCHEDULE_TOPIC, TIMER_TOPIC, TRANS_HALF_TOPIC } from '../../model/topic.ts';
import { encodeCommand, ONEWAY_FLAG, RESPONSE_FLAG } from '../../protocol/remoting/command.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../protocol/remoting/frame-reader.ts';
import * as responseCode from '../../protocol/remoting/response-code.ts';
import { SEND_RESPONSE_MAX_BYTES } from '../../protocol/remoting/response-writer.ts';
import type { SendHeader } from '../../protocol/remoting/send-header.ts';
import { indexHash } from '../../storage/index/key-hash.ts';
import { TOPIC_REGISTRY_PATH } from '../broker/actor-paths.ts';
import type { Appended, InnerMessage, SentElsewhere } from '../commit-log/inner-append.ts';
import { FLAG_ANSWER, FLAG_BINARY, FLAG_RECALLED } from '../commit-log/log-lane.ts';
import type { LocksTold, QueryLocks } from '../consumer-group/consumer-group-messages.ts';
import type { EnsureGroup, GroupReply } from '../consumer-group/group-registry-messages.ts';
import { consumerGroupPath, GROUP_REGISTRY_PATH } from '../consumer-group/group-table-actor.ts';
import { parkMessage } from '../timer/delayed-message.ts';
import { isNameable, RecallHandleWriter } from '../timer/recall-handle.ts';
import { parkTimed } from '../timer/timed-message.ts';
import type { EnsureTopic, TopicReply } from '../topic/topic-registry-actor.ts';
import type { TopicState } from '../topic/topic-table.ts';
import { halfMessage } from '../transaction/half-message.ts';
import { type ClientConnection, HOLD_PARKED, hostOfBytes } from './client-connection.ts';
import { decideUnusualSend } from './decide-unusual-send.ts';
import { PROPERTIES_REMARK } from './illegal-send.ts';
import { PlainParking } from './plain-parking.ts';
import { propertiesText } from './properties-text.ts';
import { RECORD_LANE_FULL } from './record-writer.ts';
import { lateRemark } from './send-answers.ts';
import { type Group, type Head, type Sent, storedProperties, type UnusualSendParts } from './unusual-send-parts.ts';

const ASK_MAX_MS = 2_500;
/** A topic is made within this time; longer than a registration at the name servers may take. */
const TOPIC_MAX_MS = 10_000;
/** Retries of one connection that may wait for an actor's word. */
const WAITING_MAX = 256;
const LANE_AGAIN_MS = 10;
const DLQ_QUEUES = 1;
/** Of a message that is parked by its bytes: a descriptor says no more. */
const UNIQUE_KEY_BYTES_MAX = 511;
/** It is for the other ways. */
export const SEND_NOT_PLAIN = 1;

export class UnusualSends {
  readonly #parts: UnusualSendParts;
  readonly #plain: PlainParking;
  readonly #handles: RecallHandleWriter;

  constructor(parts: UnusualSendParts) {
    this.#parts = parts;
    this.#handles = new RecallHandleWriter(parts.brokerName);
    this.#plain = new PlainParking(parts.region, parts.cluster);
  }

  /** Takes a send that the record writer left. RECORD_LANE_FULL: try again later; else it is dealt with. */
  send(connection: ClientConnection, header: SendHeader, topic: TopicState, queueId: number, bytes: Uint8Array): number {
    const parked = this.park(connection, header, topic, queueId, bytes);
    if (parked !== SEND_NOT_PLAIN) return parked;
    const sent = this.#read(connection, header, topic, queueId, bytes);
    return sent === null ? 0 : this.#store(sent, null);
  }

  /** Parks a plain message that asks for it by its bytes. SEND_NOT_PLAIN: nothing was done; RECORD_LANE_FULL: try again later. */
  park(connection: ClientConnection, header: SendHeader, topic: TopicState, queueId: number, bytes: Uint8Array): number {
    const { topics, timers, delayLevels, thread, append } = this.#parts;
    const plain = this.#plain;
    connection.isParking = false;
    if ((header.sysFlag & TRANSACTION_MASK) !== 0) return SEND_NOT_PLAIN;
    const schedule = topics.get(SCHEDULE_TOPIC);
    const timer = timers.isEnabled ? topics.get(TIMER_TOPIC) : undefined;
    const limits = {
      levels: schedule !== undefined && schedule.queueHandles.length >= delayLevels ? delayLevels : 0,
      longestMs: timer === undefined ? 0 : Math.min(timers.maxDelaySec * 1000, timers.rollAfterMs),
    };
    if (!plain.read(header, topic.nameBytes, queueId, thread.now(), limits)) return SEND_NOT_PLAIN;
    const { level, deliverMs, uniqueStart, uniqueEnd } = plain;
    const parkedTo = (level > 0 ? schedule : timer)!;
    const uniqueHash = indexHash(javaHashBytes(plain.bytes, uniqueStart, uniqueEnd, keyHashSeed(parkedTo.nameHash)));
    const isTimed = level === 0;
    if (uniqueEnd - uniqueStart > UNIQUE_KEY_BYTES_MAX) return SEND_NOT_PLAIN;
    const isRecalled = isTimed && timers.isRecallEnabled && isNameable(plain.bytes, uniqueStart, uniqueEnd);
    const message: SentElsewhere = {
      topic: parkedTo,
      queueId: level > 0 ? level - 1 : 0,
      flag: header.messageFlag,
      sysFlag: header.sysFlag,
      bornTimestamp: header.bornTimestamp,
      bornHost: connection.host,
      reconsumeTimes: header.reconsumeTimes,
      preparedTransactionOffset: 0,
      body: bytes.subarray(header.bodyStart, header.bodyEnd),
      properties: plain.bytes,
      propertiesBytes: plain.length,
      delayLevel: level,
      tag: 0,
      uniqueHash,
      hasKeys: plain.hasKeys,
      uniqueStart,
      uniqueEnd,
      unitTime: isTimed ? deliverMs : 0,
      slot: connection.slot,
      connection: connection.id,
      opaque: header.opaque,
      answerFlags:
        ((header.flag & ONEWAY_FLAG) === 0 ? FLAG_ANSWER : 0) | (header.isBinary ? FLAG_BINARY : 0) | (isRecalled ? FLAG_RECALLED : 0),
    };
    const notTaken = append.appendSent(message);
    if (notTaken === 'lane-full') return RECORD_LANE_FULL;
    connection.isParking = notTaken === null;
    return notTaken === null ? 0 : SEND_NOT_PLAIN;
  }

  /** Takes a send to a retry topic. It waits for what its group says. */
  sendRetry(connection: ClientConnection, header: SendHeader, topic: TopicState, queueId: number, bytes: Uint8Array): void {
    const read = this.#read(connection, header, topic, queueId, bytes);
    if (read === null) return;
    const sent = { ...read, message: { ...read.message, body: Uint8Array.from(read.message.body) } };
    connection.parked++;
    if (connection.parked >= WAITING_MAX) connection.hold(HOLD_PARKED);
    this.#askGroup(sent, groupOfDerivedTopic(topic.name)!);
  }

  #read(connection: ClientConnection, header: SendHeader, topic: TopicState, queueId: number, bytes: Uint8Array): Sent | null {
    const { opaque, isBinary, version, maxReconsumeTimes, messageFlag, sysFlag, bornTimestamp, reconsumeTimes } = header;
    const isOneway = (header.flag & ONEWAY_FLAG) !== 0;
    const head = { connection, opaque, isOneway, isBinary };
    const text = propertiesText(header);
    if (text === null) {
      this.#refuse(head, responseCode.SYSTEM_ERROR, 'the field properties holds an escape that JSON does not have');
      return null;
    }
    const clientProperties = parseProperties(text);
    const message: InnerMessage = {
      topic,
      queueId,
      flag: messageFlag,
      sysFlag,
      bornTimestamp,
      bornHost: hostOfBytes(connection.hostBytes),
      reconsumeTimes,
      preparedTransactionOffset: 0,
      body: bytes.subarray(header.bodyStart, header.bodyEnd),
      properties: clientProperties,
      delayLevel: 0,
    };
    return { ...head, version, maxReconsumeTimes, clientProperties, message };
  }

  /** Decides and appends; RECORD_LANE_FULL: nothing was done. */
  #store(sent: Sent, group: Group | null): number {
    const { topics, delayLevels, timers, thread } = this.#parts;
    const { clientProperties: properties, version, maxReconsumeTimes } = sent;
    const { sysFlag, reconsumeTimes } = sent.message;
    const now = thread.now();
    const decision = decideUnusualSend({ properties, sysFlag, reconsumeTimes, maxReconsumeTimes, version, group, now, timers });
    if (decision.kind === 'refuse') {
      this.#refuse(sent, decision.code, decision.remark);
      return 0;
    }
    if (decision.kind === 'half') return this.#storeHalf(sent);
    let message: InnerMessage = { ...sent.message, properties: storedProperties(this.#parts, decision.properties) };
    if (decision.isDead) {
      const name = dlqTopic(groupOfDerivedTopic(message.topic.name)!);
      const topic = topics.get(name);
      if (topic === undefined) {
        this.#makeTopic(sent, name, group);
        return 0;
      }
      message = { ...message, topic, queueId: 0 };
    }
    if (decision.delayLevel > 0) {
      const schedule = topics.get(SCHEDULE_TOPIC);
      if (schedule === undefined || schedule.queueHandles.length < delayLevels) {
        this.#refuse(sent, responseCode.SYSTEM_BUSY, `the topic[${SCHEDULE_TOPIC}] is not ready: the broker is starting; send again later`);
        return 0;
      }
      message = parkMessage(message, decision.delayLevel, delayLevels, schedule);
    }
    let handle: Uint8Array = NO_HANDLE;
    if (decision.deliverMs > 0) {
      const timer = topics.get(TIMER_TOPIC);
      if (timer === undefined) {
        this.#refuse(sent, responseCode.SYSTEM_BUSY, `the topic[${TIMER_TOPIC}] is not ready: the broker is starting; send again later`);
        return 0;
      }
      const { topic, properties } = message;
      if (!topic.isRetry) handle = this.#recallHandle(topic, properties.get(UNIQ_KEY)!, decision.deliverMs);
      message = parkTimed(message, decision.deliverMs, now, timers.rollAfterMs, timer);
    }
    return this.#append(sent, message, handle);
  }

  #storeHalf(sent: Sent): number {
    const { topics, rejectTransactionMessage } = this.#parts;
    const half = topics.get(TRANS_HALF_TOPIC);
    if (rejectTransactionMessage)
      this.#refuse(sent, responseCode.NO_PERMISSION, 'sending transaction message is forbidden here (rejectTransactionMessage=true)');
    else if (half === undefined)
      this.#refuse(sent, responseCode.SYSTEM_BUSY, `the topic[${TRANS_HALF_TOPIC}] is not ready: the broker is starting; send again later`);
    else
      return this.#append(
        sent,
        halfMessage({ ...sent.message, properties: storedProperties(this.#parts, sent.clientProperties) }, half),
        NO_HANDLE,
      );
    return 0;
  }

  #append(sent: Sent, message: InnerMessage, handle: Uint8Array): number {
    const { append } = this.#parts;
    const { queueId } = sent.message;
    const uniqueKey = Buffer.from(message.properties.get(UNIQ_KEY)!);
    const notTaken = append.append(message, (appended) => this.#answer(sent, appended, queueId, uniqueKey, handle));
    if (notTaken === 'lane-full') return RECORD_LANE_FULL;
    if (notTaken === 'properties-too-long') this.#refuse(sent, responseCode.MESSAGE_ILLEGAL, PROPERTIES_REMARK);
    else if (notTaken === 'refused') this.#refuse(sent, responseCode.SERVICE_NOT_AVAILABLE, append.refusal!);
    return 0;
  }

  #recallHandle(topic: TopicState, uniqueKey: string, deliverMs: number): Uint8Array {
    const handle = this.#parts.timers.isRecallEnabled ? this.#handles.handleOf(topic.name, deliverMs, uniqueKey) : null;
    return handle ?? NO_HANDLE;
  }

  #askGroup(sent: Sent, name: string): void {
    const { thread, groups } = this.#parts;
    const known = groups.get(name);
    if (known === undefined) {
      thread.ask<GroupReply, EnsureGroup>(
        thread.ref(GROUP_REGISTRY_PATH),
        (replyTo) => ({ kind: 'ensure-group', group: name, replyTo }),
        ASK_MAX_MS,
        (reply) => {
          if (reply?.kind === 'group-ready' && groups.get(name) !== undefined) this.#askGroup(sent, name);
          else if (reply?.kind === 'group-refused') this.#refuseWaiting(sent, reply.code, reply.remark);
          else this.#refuseWaiting(sent, responseCode.SYSTEM_BUSY, `the group ${name} gave no answer in time; send again later`);
        },
      );
      return;
    }
    const { retryMaxTimes } = known.config;
    thread.ask<LocksTold, QueryLocks>(
      thread.ref(consumerGroupPath(name)),
      (replyTo) => ({ kind: 'query-locks', replyTo }),
      ASK_MAX_MS,
      (reply) => {
        if (reply === undefined)
          this.#refuseWaiting(sent, responseCode.SYSTEM_BUSY, `the group ${name} gave no answer in time; send again later`);
        else this.#storeWaiting(sent, { retryMaxTimes, hasLocks: reply.hasLocks }, thread.monotonicMs());
      },
    );
  }

  #makeTopic(sent: Sent, topic: string, group: Group | null): void {
    const { thread } = this.#parts;
    sent.connection.parked++;
    thread.ask<TopicReply, EnsureTopic>(
      thread.ref(TOPIC_REGISTRY_PATH),
      (replyTo) => ({
        kind: 'ensure-topic',
        topic,
        readQueues: DLQ_QUEUES,
        writeQueues: DLQ_QUEUES,
        perm: PERM_READ_WRITE,
        replyTo,
      }),
      TOPIC_MAX_MS,
      (reply) => {
        if (reply?.kind === 'topic-ready' && this.#parts.topics.get(topic) !== undefined)
          this.#storeWaiting(sent, group, thread.monotonicMs());
        else if (reply?.kind === 'topic-refused') this.#refuseWaiting(sent, reply.code, reply.remark);
        else this.#refuseWaiting(sent, responseCode.SYSTEM_BUSY, `the topic[${topic}] could not be made in time; send again later`);
      },
    );
  }

  /** Stores a send that has waited; for room in the lane it waits once more, for a while. */
  #storeWaiting(sent: Sent, group: Group | null, since: number): void {
    const { thread, laneWaitMs } = this.#parts;
    if (this.#store(sent, group) !== RECORD_LANE_FULL) {
      this.#ready(sent);
      return;
    }
    if (thread.monotonicMs() - since < laneWaitMs) {
      thread.schedule(LANE_AGAIN_MS, () => this.#storeWaiting(sent, group, since));
      return;
    }
    const remark = `[REJECTREQUEST]the log lane stayed full for ${laneWaitMs} ms: the disk is slower than the senders; send again later`;
    this.#refuseWaiting(sent, responseCode.SYSTEM_BUSY, remark);
  }

  #refuseWaiting(sent: Sent, code: number, remark: string): void {
    this.#refuse(sent, code, remark);
    this.#ready(sent);
  }

  #ready({ connection }: Sent): void {
    connection.parked--;
    if (connection.parked < WAITING_MAX) connection.resume(HOLD_PARKED);
    this.#parts.thread.requestTurn();
  }

  #answer(sent: Head, appended: Appended, queueId: number, uniqueKey: Uint8Array, handle: Uint8Array): void {
    const { connection, isBinary, opaque } = sent;
    if (sent.isOneway || !connection.isOpen) return;
    if (appended.kind === 'refused') {
      this.#refuse(sent, responseCode.SERVICE_NOT_AVAILABLE, appended.remark);
      return;
    }
    if (appended.kind === 'late') {
      this.#refuse(sent, responseCode.SYSTEM_BUSY, lateRemark(this.#parts.answerMs));
      return;
    }
    const code = appended.kind === 'stored' ? responseCode.SUCCESS : responseCode.FLUSH_DISK_TIMEOUT;
    const output = connection.output(SEND_RESPONSE_MAX_BYTES + handle.length);
    output.length = this.#parts.writer.write(
      output.bytes,
      output.length,
      isBinary,
      opaque,
      code,
      appended.physicalOffset,
      queueId,
      appended.queueOffset,
      uniqueKey,
      0,
      uniqueKey.length,
      handle,
    );
  }

  #refuse(sent: Head, code: number, remark: string): void {
    if (sent.isOneway) return;
    const serializeType = sent.isBinary ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON;
    sent.connection.write(encodeCommand({ code, opaque: sent.opaque, flag: RESPONSE_FLAG, remark, serializeType }));
    this.#parts.thread.requestTurn();
  }
}

const NO_HANDLE = new Uint8Array(0);

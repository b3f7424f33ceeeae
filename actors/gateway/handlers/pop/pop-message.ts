/**
 * POP_MESSAGE (200050): messages that nobody else of the group gets until they are acknowledged or their invisible time is over. A pop that finds nothing
 * waits as long as it may, for messages of the topic and for those that come again.
 * Answers 0; 209 too many pops wait; 210 nothing came in time, or the request is older than that; 2 the pop's actor gave no answer; 29 more than 32
 * messages, an invisible time below 0, or an attempt's name that is too long; those of pop-rules.ts. Source: RocketMQ 5.3 `PopMessageProcessor`.
 */

import { formatProperties, POP_CK, parseProperties } from '../../../../model/message-property.ts';
import { decodeMessageRecord, encodeMessageRecord, PHYSICAL_OFFSET_AT, readInt32, readInt64 } from '../../../../model/message-record.ts';
import type { PopRetry } from '../../../../model/pop-topic.ts';
import { formatReceipt, msgOffsetInfo, orderCountInfo, type PoppedQueue, startOffsetInfo } from '../../../../protocol/remoting/receipt.ts';
import { decodePopMessageRequest, type PopMessageRequest } from '../../../../protocol/remoting/requests/pop-message.ts';
import { INVALID_PARAMETER, POLLING_FULL, POLLING_TIMEOUT, SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset } from '../../../../storage/consume-queue/queue-unit.ts';
import { judgePopped } from '../../../pop/judge-popped.ts';
import type { PopDoor } from '../../../pop/pop-door.ts';
import type { Pop, PopReply } from '../../../pop/pop-messages.ts';
import type { PopRules, PopWanted } from '../../../pop/pop-rules.ts';
import type { PullCounts } from '../../pull-counts.ts';
import type { Handler, Request } from '../../request.ts';

const MESSAGES_MAX = 32;
/** It stays with the messages, and in the journal. */
const ATTEMPT_ID_MAX = 256;
/** A request that is later than this after its own end has no asker any more. */
const LATE_MS = 500;
/** Answered so long before the client's own end. */
const EARLY_MS = 50;
const HOLD_MS_MAX = 60_000;
/** What has been taken from the group is judged, though the pop may not wait for any. */
const JUDGE_MS_MAX = 1_000;
/** Pops whose filter lets nothing through go on so often. */
const FILTER_ROUNDS_MAX = 64;

export type PopCounters = { messagesOut: number; bytesOut: number };

export type PopMessageParts = {
  readonly door: PopDoor;
  readonly rules: PopRules;
  readonly counts: PullCounts;
  readonly counters: PopCounters;
  /** Bytes of one answer, but one message is always given; read at each use. */
  readonly limits: { readonly bytesMax: number };
};

export function popMessage(parts: PopMessageParts): Handler {
  return (request) => {
    const asked = decodePopMessageRequest(request.command.ext);
    const now = parts.door.thread.now();
    const { maxMsgNums, invisibleTime, pollTime } = asked;
    const bornTime = asked.bornTime === 0 ? now : asked.bornTime;
    if (now - bornTime - pollTime > LATE_MS) {
      request.answer(
        POLLING_TIMEOUT,
        `the pop message is timeout too much: born at ${bornTime}, to be answered within ${pollTime} ms, now ${now}`,
      );
      return;
    }
    if (maxMsgNums > MESSAGES_MAX) {
      request.answer(INVALID_PARAMETER, `the pop message's num is greater than ${MESSAGES_MAX}: maxMsgNums is ${maxMsgNums}`);
      return;
    }
    if ((asked.attemptId ?? '').length > ATTEMPT_ID_MAX) {
      request.answer(INVALID_PARAMETER, `the attemptId has ${asked.attemptId?.length} characters; ${ATTEMPT_ID_MAX} are allowed`);
      return;
    }
    if (invisibleTime < 0) {
      request.answer(INVALID_PARAMETER, `the invisibleTime of a pop is ${invisibleTime} ms; 0 or more are needed`);
      return;
    }
    parts.rules.check(request, asked, (topic) => {
      const wanted = parts.rules.wanted(request, topic, asked.consumerGroup, asked.expType, asked.exp);
      if (wanted === null) return;
      const holdMs = Math.min(pollTime, bornTime + pollTime - EARLY_MS - now, HOLD_MS_MAX);
      new PopRequest(parts, request, asked, wanted).begin(pollTime > 0 ? Math.max(0, holdMs) : 0);
    });
  };
}

/** Messages of an answer, and where they belong. */
type Found = { readonly body: Uint8Array; readonly count: number; readonly queues: PoppedQueue[] };

/** One pop on its way. */
class PopRequest {
  readonly #parts: PopMessageParts;
  readonly #request: Request;
  readonly #asked: PopMessageRequest;
  readonly #wanted: PopWanted;
  #rounds = 0;

  constructor(parts: PopMessageParts, request: Request, asked: PopMessageRequest, wanted: PopWanted) {
    this.#parts = parts;
    this.#request = request;
    this.#asked = asked;
    this.#wanted = wanted;
  }

  begin(holdMs: number): void {
    const { plugins } = this.#wanted;
    const { door, rules } = this.#parts;
    if (plugins.length === 0 || rules.plugins.isReady(plugins)) {
      this.#pop(holdMs);
      return;
    }
    // Nothing is taken from the group while its plugin cannot judge it.
    const until = door.thread.monotonicMs() + holdMs;
    rules.plugins.whenReady(plugins, until, (isReady) => {
      if (!this.#request.connection.isOpen) return;
      if (isReady) this.#pop(Math.max(0, until - door.thread.monotonicMs()));
      else this.#request.answer(POLLING_TIMEOUT, 'the filter plugin of the topic or the group cannot judge messages now');
      door.thread.requestTurn();
    });
  }

  #pop(holdMs: number): void {
    const { consumerGroup, topic, queueId, maxMsgNums, invisibleTime, initMode, order, attemptId } = this.#asked;
    const { door, limits } = this.#parts;
    const until = door.thread.monotonicMs() + holdMs;
    door.ask<PopReply>(
      consumerGroup,
      topic,
      holdMs,
      (ticket, replyTo): Pop => ({
        kind: 'pop',
        ticket,
        queueId: Math.max(-1, queueId),
        max: Math.max(1, maxMsgNums),
        bytesMax: limits.bytesMax,
        invisibleMs: invisibleTime,
        holdMs,
        isFromEnd: initMode === 1,
        codes: this.#wanted.codes,
        isOrdered: order,
        attemptId: order ? (attemptId ?? '') : '',
        replyTo,
      }),
      (reply) => this.#onReply(reply, until),
    );
  }

  #onReply(reply: PopReply | null, until: number): void {
    if (reply === null) {
      this.#request.answer(SYSTEM_BUSY, `the pops of group ${this.#asked.consumerGroup} gave no answer in time; try again`);
    } else if (reply.status !== 'found') {
      this.#answer(reply.status === 'full' ? POLLING_FULL : POLLING_TIMEOUT, 'NO_MESSAGE_IN_QUEUE', reply, [], null);
    } else if (this.#request.connection.isOpen) {
      this.#parts.door.read(reply.units, (records) => this.#onRecords(reply, records, until));
    }
  }

  #onRecords(reply: PopReply, records: Uint8Array | null, until: number): void {
    const { plugins } = this.#wanted;
    if (records === null) {
      // They come again when their time is over.
      this.#request.answer(SYSTEM_BUSY, 'the popped messages could not be read in time; pop again');
    } else if (plugins.length === 0) this.#onJudged(reply, records, null, until);
    else {
      const deadlineMs = Math.max(until, this.#parts.door.thread.monotonicMs() + JUDGE_MS_MAX);
      judgePopped(this.#parts.rules.plugins, plugins, this.#asked.consumerGroup, records, deadlineMs, (passed) => {
        if (passed !== null) this.#onJudged(reply, records, passed, until);
        else this.#request.answer(SYSTEM_BUSY, 'the popped messages could not be judged by their filter plugin in time; pop again');
        this.#parts.door.thread.requestTurn();
      });
    }
  }

  /** @param passed physical offsets of what plugins let through; null: there are none */
  #onJudged(reply: PopReply, records: Uint8Array, passed: ReadonlySet<number> | null, until: number): void {
    const { door, counts, counters } = this.#parts;
    const found = this.#gather(reply, records, passed);
    if (found.count > 0) {
      counts.add(this.#asked.topic, this.#asked.consumerGroup, found.count);
      counters.messagesOut += found.count;
      counters.bytesOut += found.body.length;
      this.#answer(SUCCESS, 'FOUND', reply, found.queues, found.body);
    } else if (this.#rounds++ < FILTER_ROUNDS_MAX) this.begin(Math.max(0, until - door.thread.monotonicMs()));
    else this.#answer(POLLING_TIMEOUT, 'NO_MESSAGE_IN_QUEUE', reply, [], null);
    door.thread.requestTurn();
  }

  /** Sorts the records by queue. Those that the filter does not let through, and those that are no more, are done for the group. */
  #gather(reply: PopReply, records: Uint8Array, passed: ReadonlySet<number> | null): Found {
    const { filter } = this.#wanted;
    const at = new Map<number, number>();
    for (let from = 0; from < records.length; from += readInt32(records, from)) at.set(readInt64(records, from + PHYSICAL_OFFSET_AT), from);
    const queues: PoppedQueue[] = [];
    const bodies: Uint8Array[] = [];
    let count = 0;
    let message = 0;
    reply.counts.forEach((messages, index) => {
      const [retry, queueId, startOffset] = [reply.retries[index] as PopRetry, reply.queueIds[index]!, reply.starts[index]!];
      const offsets: number[] = [];
      const attempts: number[] = [];
      const unwanted: number[] = [];
      for (const end = message + messages; message < end; message++) {
        const offset = reply.offsets[message]!;
        const physical = unitPhysicalOffset(reply.units, message * QUEUE_UNIT_BYTES);
        const from = at.get(physical);
        // What comes for another try has passed the plugins once.
        const isOut = retry === 0 && passed !== null && !passed.has(physical);
        if (from === undefined || isOut || (filter !== null && !filter.matches(records, from, message))) {
          unwanted.push(offset);
          continue;
        }
        const record = records.subarray(from, from + readInt32(records, from));
        bodies.push(retry === 0 ? record : this.#comeAgain(record, reply, retry, queueId, startOffset, offset));
        offsets.push(offset);
        if (reply.attempts.length > 0) attempts.push(reply.attempts[message]!);
      }
      if (unwanted.length > 0) this.#settle(reply, retry, queueId, unwanted);
      if (offsets.length === 0) return;
      count += offsets.length;
      queues.push({ retry, queueId, startOffset, offsets, attempts: attempts.length > 0 ? attempts : null });
    });
    // Mostly nothing was left out or changed, and the order is the same.
    const isWhole = count === reply.offsets.length && bodies.every((body) => body.buffer === records.buffer);
    return { body: isWhole ? records : Buffer.concat(bodies), count, queues };
  }

  /** A message of a retry topic is told as one of the topic, with its receipt: clients know no retry topics of pops. */
  #comeAgain(bytes: Uint8Array, reply: PopReply, retry: PopRetry, queueId: number, startOffset: number, offset: number): Uint8Array {
    const record = decodeMessageRecord(bytes, 0);
    const { popTime, invisibleMs, reviveQueueId } = reply;
    const properties = parseProperties(record.properties);
    const { brokerName } = this.#parts.door;
    properties.set(POP_CK, formatReceipt({ startOffset, popTime, invisibleMs, reviveQueueId, retry, brokerName, queueId, offset }));
    return encodeMessageRecord({ ...record, topic: this.#asked.topic, properties: formatProperties(properties) });
  }

  #settle({ popTime, invisibleMs }: PopReply, retry: PopRetry, queueId: number, offsets: readonly number[]): void {
    const { consumerGroup, topic } = this.#asked;
    this.#parts.door.ask(
      consumerGroup,
      topic,
      0,
      (ticket, replyTo) => ({ kind: 'ack-popped', ticket, retry, queueId, popTime, invisibleMs, offsets, replyTo }),
      () => {},
    );
  }

  #answer(responseCode: number, remark: string, reply: PopReply, queues: readonly PoppedQueue[], body: Uint8Array | null): void {
    const order = orderCountInfo(queues);
    const ext: Record<string, string> = {
      popTime: String(reply.popTime),
      invisibleTime: String(reply.invisibleMs),
      reviveQid: String(reply.reviveQueueId),
      restNum: String(reply.rest),
      startOffsetInfo: startOffsetInfo(queues),
      msgOffsetInfo: msgOffsetInfo(queues),
    };
    if (order !== '') ext['orderCountInfo'] = order;
    this.#request.answer(responseCode, remark, ext, body);
  }
}

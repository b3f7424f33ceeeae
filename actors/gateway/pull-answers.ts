/**
 * Pull answers of one shard: writes what a pull gets, its header and its messages, or why it gets none, into its connection's output, and counts
 * what was given. Messages are copied from the log lanes, from a buffer, or go to the socket from a read slot; no view of a lane ever does.
 * Source: RocketMQ 5.3 `PullMessageProcessor`.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { encodeCommand, ONEWAY_FLAG, RESPONSE_FLAG } from '../../protocol/remoting/command.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../protocol/remoting/frame-reader.ts';
import type { PullHeader } from '../../protocol/remoting/pull-scanner.ts';
import * as code from '../../protocol/remoting/response-code.ts';
import { PULL_RESPONSE_HEAD_MAX_BYTES, writePullResponseHeader } from '../../protocol/remoting/response-writer.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { LaneReader } from '../commit-log/lane-reader.ts';
import { type PullStatus, pullCode } from '../queue/decide-pull.ts';
import type { PullReply } from '../queue/queue-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { TopicState } from '../topic/topic-table.ts';
import type { ClientConnection } from './client-connection.ts';
import { PullCounts } from './pull-counts.ts';
import type { Pending } from './pulls-under-way.ts';
import type { ReadSlots } from './read-slots.ts';
import { overfullRemark } from './unsent-allowance.ts';

export type PullCounters = {
  messagesOut: number;
  bytesOut: number;
  coldPulls: number;
  /** Pulls answered with messages, and without. */
  pullsFound: number;
  pullsMissed: number;
};

/** `lapped`: the messages have left the lanes meanwhile. `unfiltered`: others than the wanted ones are among them. Of both nothing was sent. */
export type LaneAnswer = 'answered' | 'lapped' | 'unfiltered';

/** Where a pull has looked: from `offset` on, to go on at `nextOffset`; its queue had [min, max). */
export type LookedAt = { readonly offset: number; readonly nextOffset: number; readonly min: number; readonly max: number };

export class PullAnswers {
  readonly counters: PullCounters = { messagesOut: 0, bytesOut: 0, coldPulls: 0, pullsFound: 0, pullsMissed: 0 };
  readonly #thread: ThreadContext;
  readonly #table: QueueTable;
  readonly #lanes: LaneReader;
  readonly #slots: ReadSlots;
  readonly #counts: PullCounts;
  readonly #fields = {
    code: 0,
    remark: '',
    suggestWhichBrokerId: 0,
    nextBeginOffset: 0,
    minOffset: 0,
    maxOffset: 0,
    topicSysFlag: 0,
    groupSysFlag: 0,
  };
  /** Of `missedNow`, from call to call. */
  readonly #now = { offset: 0, nextOffset: 0, min: 0, max: 0 };

  constructor(parts: { thread: ThreadContext; table: QueueTable; lanes: LaneReader; slots: ReadSlots }) {
    this.#thread = parts.thread;
    this.#table = parts.table;
    this.#lanes = parts.lanes;
    this.#slots = parts.slots;
    this.#counts = new PullCounts(parts.thread);
  }

  /** Answers with the `count` messages of together `bytes` that `reply` names, from the lanes. */
  fromLanes(pending: Pending, reply: PullReply, count: number, bytes: number): LaneAnswer {
    const output = pending.connection.output(PULL_RESPONSE_HEAD_MAX_BYTES + bytes);
    const fields = this.#fields;
    fields.code = 0;
    fields.remark = 'FOUND';
    fields.nextBeginOffset = reply.nextOffset;
    fields.minOffset = reply.min;
    fields.maxOffset = reply.max;
    fields.topicSysFlag = pending.topic.topicSysFlag;
    const at = writePullResponseHeader(output.bytes, output.length, pending.isBinary, pending.opaque, fields, bytes);
    // Where nothing of the answer counts, `output.length` is not moved.
    if (!this.#lanes.copyUnits(reply.units, count, output.bytes, at)) return 'lapped';
    const { tags } = pending.wanted;
    // Another tag may have the same code.
    if (tags !== null && !tags.all(output.bytes, at, at + bytes)) return 'unfiltered';
    output.length = at + bytes;
    this.#gave(pending, count, bytes);
    return 'answered';
  }

  /** Answers with `count` messages, `body[start, end)`; the pull's client goes on at `next`. */
  found(pending: Pending, count: number, at: LookedAt, next: number, body: Uint8Array, start: number, end: number): void {
    this.#gave(pending, count, end - start);
    this.#answer(pending, 'FOUND', at, next, body, start, end);
  }

  /** Answers without a message. */
  missed(pending: Pending, status: PullStatus, at: LookedAt, next: number = at.nextOffset): void {
    this.#answer(pending, status, at, next, null, 0, 0);
  }

  /** Answers without a message, the pull's client going on at `next`; its queue's range is what it is now. */
  missedNow(pending: Pending, status: PullStatus, next: number): void {
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const at = this.#now;
    at.offset = pending.offset;
    at.nextOffset = next;
    at.min = this.#table.min(handle);
    at.max = this.#table.next(handle);
    this.#answer(pending, status, at, next, null, 0, 0);
  }

  /** Answers a pull that is not under way yet: its group's offset was set to `offset`. */
  reset(connection: ClientConnection, header: PullHeader, topic: TopicState, offset: number): void {
    const handle = topic.queueHandles[header.queueId]!;
    const fields = this.#fields;
    fields.code = code.PULL_OFFSET_MOVED;
    fields.remark = 'OFFSET_RESET';
    fields.nextBeginOffset = offset;
    fields.minOffset = this.#table.min(handle);
    fields.maxOffset = this.#table.next(handle);
    fields.topicSysFlag = topic.topicSysFlag;
    const output = connection.output(PULL_RESPONSE_HEAD_MAX_BYTES + 6 * fields.remark.length);
    output.length = writePullResponseHeader(output.bytes, output.length, header.isBinary, header.opaque, fields, 0);
    this.#thread.requestTurn();
  }

  /** Refuses a pull that was under way. */
  say(pending: Pending, responseCode: number, remark: string, ext: Record<string, string> | null = null): void {
    const serializeType = pending.isBinary ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON;
    pending.connection.write(
      encodeCommand({ code: responseCode, opaque: pending.opaque, flag: RESPONSE_FLAG, remark, ext, serializeType }),
    );
  }

  /** Its connection was found to be slow: messages would only pile up. */
  sayTooFar(pending: Pending): void {
    this.say(pending, code.FLOW_CONTROL, `${overfullRemark(pending.connection)}; read its answers, then pull again`);
  }

  /** Refuses a pull as it comes. */
  refuse(
    connection: ClientConnection,
    header: PullHeader,
    responseCode: number,
    remark: string,
    ext: Record<string, string> | null = null,
  ): void {
    if ((header.flag & ONEWAY_FLAG) !== 0) return;
    const serializeType = header.isBinary ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON;
    connection.write(encodeCommand({ code: responseCode, opaque: header.opaque, flag: RESPONSE_FLAG, remark, ext, serializeType }));
    this.#thread.requestTurn();
  }

  #answer(
    pending: Pending,
    status: PullStatus,
    range: LookedAt,
    next: number,
    body: Uint8Array | null,
    bodyStart: number,
    bodyEnd: number,
  ): void {
    const fields = this.#fields;
    fields.code = pullCode(status, range.offset);
    fields.remark = status;
    fields.nextBeginOffset = next;
    fields.minOffset = range.min;
    fields.maxOffset = range.max;
    fields.topicSysFlag = pending.topic.topicSysFlag;
    if (body === null) this.counters.pullsMissed++;
    const { connection } = pending;
    const bytes = bodyEnd - bodyStart;
    const isLent = body === this.#slots.bytes && this.#slots.mayLend(connection, bytes);
    const output = connection.output(PULL_RESPONSE_HEAD_MAX_BYTES + 6 * status.length + (isLent ? 0 : bytes));
    const at = writePullResponseHeader(output.bytes, output.length, pending.isBinary, pending.opaque, fields, bytes);
    if (isLent) {
      output.length = at;
      this.#slots.lend(connection, bodyStart, bodyEnd);
      return;
    }
    if (body !== null) copyBytes(body, bodyStart, bodyEnd, output.bytes, at);
    output.length = at + bytes;
  }

  /** Counts what a pull got. */
  #gave(pending: Pending, messages: number, bytes: number): void {
    this.counters.pullsFound++;
    this.counters.messagesOut += messages;
    this.counters.bytesOut += bytes;
    this.#counts.add(pending.topic.name, pending.group, messages);
  }
}

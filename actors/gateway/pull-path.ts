/**
 * Pull path of one shard: from a frame with a pull to the answer with its messages. The queue's actor says which messages; their
 * bytes are copied from the log lanes while they lie there, else a reader fetches them. One a shard; also the actor that the
 * queue actors and the reader answer to.
 *
 * Refusals: 1 a field is missing; 17 no such topic; 215 too many pulls under way; those of `pull-rules.ts`. Source: RocketMQ 5.3 `PullMessageProcessor`.
 */

import { copyBytes } from '../../model/copy-bytes.ts';
import { PULL_COMMIT_OFFSET_FLAG } from '../../model/system-flag.ts';
import { utf8Text } from '../../model/utf8.ts';
import { decodeCommand, encodeCommand, ONEWAY_FLAG, RESPONSE_FLAG } from '../../protocol/remoting/command.ts';
import { FieldError } from '../../protocol/remoting/errors.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../protocol/remoting/frame-reader.ts';
import {
  fillPullFromCommand,
  missingPullField,
  PULL_FOUND_REQUIRED,
  PullHeader,
  scanPullHeader,
} from '../../protocol/remoting/pull-scanner.ts';
import * as code from '../../protocol/remoting/response-code.ts';
import { PULL_RESPONSE_HEAD_MAX_BYTES, writePullResponseHeader } from '../../protocol/remoting/response-writer.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { QUEUE_UNIT_BYTES, sizeOfUnits } from '../../storage/consume-queue/queue-unit.ts';
import { READ_SLOT_BYTES, READ_SLOTS } from '../broker/broker-memory.ts';
import type { LaneReader } from '../commit-log/lane-reader.ts';
import type { ResetTaken } from '../consumer-group/consumer-group-messages.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import { consumerGroupPath } from '../consumer-group/group-table-actor.ts';
import type { CommitOffset } from '../consumer-group/offset-keeper.ts';
import { copyRecords, type PluginDoor } from '../filter/plugin-door.ts';
import { PLUGIN_BATCH_MAX } from '../filter/plugin-exchange.ts';
import { type Kept, keepRecords } from '../filter/record-filter.ts';
import { type PullStatus, pullCode } from '../queue/decide-pull.ts';
import type { Pull, PullReply } from '../queue/queue-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ColdPull, ColdRead } from '../store/reader-actor.ts';
import type { TopicState, TopicTable } from '../topic/topic-table.ts';
import type { ClientConnection } from './client-connection.ts';
import { PullCounts } from './pull-counts.ts';
import { GROUP_FORBIDDEN, PullRules, pausedRemark, type Wanted } from './pull-rules.ts';
import { bytesAllowed, holdAllowedMs, MESSAGES_MAX, messagesAllowed, type PullLimits } from './pull-terms.ts';
import { AHEAD_BYTES, AHEAD_IDLE_MS, type Cut, ReadAhead } from './read-ahead.ts';
import { overfullRemark } from './unsent-allowance.ts';

/** Pulls of one connection that wait for their answer. */
const IN_FLIGHT_MAX = 16_384;
/** And of all connections of the shard: some hundred MB, were they all held. */
const PENDING_MAX = 262_144;
/** A queue's actor that does not answer in this time after the hold has died with its shard: the client is told to pull again. */
const ANSWER_MS_MAX = 1_000;
const EXPIRE_EVERY_MS = 500;
const CROWDED_AGAIN_MS = 1;
/** A reader's own limit is its death. */
const READING_MS_MAX = 600_000;
/** Below it a copy is cheaper than a slot that waits for its socket. */
const LEND_BYTES_MIN = 64 * 1024;
/** A connection that has more to send than some answers to its other pulls is slow: it would keep its slots. */
const LEND_UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** Messages and bytes that a filter looks at in one go. */
const FILTERED_MAX = 1024;
const FILTERED_BYTES_MAX = 256 * 1024;
/** A pull whose filter lets nothing through is answered after so many of these, so that its client's offset moves on. */
const FILTER_ROUNDS_MAX = 64;
/** What has found messages is judged, though it may not wait for any. */
const JUDGE_MS_MAX = 1_000;
const READER_GONE: ReaderGone = { kind: 'reader-gone' };

type Pending = {
  readonly connection: ClientConnection;
  readonly offset: number;
  /** Monotonic ms at which the queue's actor should long have answered; far off while a reader is at work. */
  expiresAt: number;
  readonly opaque: number;
  readonly isBinary: boolean;
  readonly topic: TopicState;
  readonly group: string;
  readonly queueId: number;
  readonly max: number;
  readonly bytesMax: number;
  readonly wanted: Wanted;
  /** Monotonic ms until which the pull may wait for a message. */
  readonly holdUntilMs: number;
  /** Times that its filter has let nothing through. */
  readonly rounds: number;
};

export type PullCounters = {
  messagesOut: number;
  bytesOut: number;
  coldPulls: number;
  /** Pulls answered with messages, and without. */
  pullsFound: number;
  pullsMissed: number;
};

/** The reader's thread has died: what it was asked is answered busy, its slots are free. */
type ReaderGone = { readonly kind: 'reader-gone' };

export class PullPath implements Actor<PullReply | ColdRead | ReaderGone> {
  readonly #thread: ThreadContext;
  readonly #syncFlush: boolean;
  readonly #limits: PullLimits;
  readonly #topics: TopicTable;
  readonly #groups: GroupTable;
  readonly #lanes: LaneReader;
  readonly #slots: Uint8Array;
  #freeSlots: number[] = [];
  /** Tickets that the reader works on, by slot; −1: free. */
  readonly #reading: Int32Array = new Int32Array(READ_SLOTS).fill(-1);
  /** Cold pulls that wait for a slot. */
  readonly #coldWaiting: ColdPull[] = [];
  /** Answers that wait for room in output buffers. */
  readonly #postponed: PullReply[] = [];
  readonly #ahead = new ReadAhead();
  /** The slot of the answer at hand went to a socket, which gives it back. */
  #isLent = false;
  #isReaderWatched = false;
  #isAheadWatched = false;
  readonly #reader: ActorRef<ColdPull>;
  readonly #self: ActorRef<PullReply | ColdRead>;
  readonly #table: QueueTable;
  readonly #header = new PullHeader();
  readonly #pending: Map<number, Pending> = new Map();
  #nextTicket = 0;
  /** By handle, with the topic that the handle stood for then: a handle may come to stand for another one's queue. */
  readonly #queueRefs: (ActorRef<Pull> | undefined)[] = [];
  readonly #queueRefTopics: string[] = [];
  readonly #rules: PullRules;
  readonly #plugins: PluginDoor;
  readonly #brokerIdWhenSlow: number;
  /** Where records are looked at by filters. */
  #aside = new Uint8Array(0);
  readonly #counts: PullCounts;
  readonly counters: PullCounters = { messagesOut: 0, bytesOut: 0, coldPulls: 0, pullsFound: 0, pullsMissed: 0 };
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

  constructor(parts: {
    thread: ThreadContext;
    selfPath: string;
    topics: TopicTable;
    groups: GroupTable;
    table: QueueTable;
    lanes: LaneReader;
    slots: SharedArrayBuffer;
    limits: PullLimits;
    plugins: PluginDoor;
    syncFlush: boolean;
  }) {
    this.#thread = parts.thread;
    this.#syncFlush = parts.syncFlush;
    this.#limits = parts.limits;
    this.#topics = parts.topics;
    this.#groups = parts.groups;
    this.#counts = new PullCounts(parts.thread);
    this.#plugins = parts.plugins;
    this.#rules = new PullRules({
      thread: parts.thread,
      topics: parts.topics,
      groups: parts.groups,
      limits: parts.limits,
      plugins: parts.plugins,
      refuse: (connection, header, code, remark, ext) => this.#refuse(connection, header, code, remark, ext),
      onReset: (connection, header, topic, group, reset) => this.#answerReset(connection, header, topic, group, reset),
    });
    this.#lanes = parts.lanes;
    this.#table = parts.table;
    const expire = (): void => {
      this.#expire();
      parts.thread.schedule(EXPIRE_EVERY_MS, expire);
    };
    // With one shard the queues' actors die with their pullers' connections only.
    if (parts.thread.threadsOf('shard').length > 1) parts.thread.schedule(EXPIRE_EVERY_MS, expire);
    this.#slots = new Uint8Array(parts.slots);
    for (let slot = READ_SLOTS - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
    this.#reader = parts.thread.ref<ColdPull>('reader');
    this.#self = parts.thread.ref<PullReply | ColdRead>(parts.selfPath);
    this.#brokerIdWhenSlow = 0;
  }

  get held(): number {
    return this.#pending.size;
  }

  /** Takes a frame with a pull. */
  frame(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): void {
    const header = this.#header;
    if (!scanPullHeader(bytes, start, end, header)) {
      try {
        fillPullFromCommand(decodeCommand(bytes, start, end), header);
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
        this.#refuse(connection, header, code.SYSTEM_ERROR, error.message);
        return;
      }
    }
    if ((header.found & PULL_FOUND_REQUIRED) !== PULL_FOUND_REQUIRED) {
      this.#refuse(connection, header, code.SYSTEM_ERROR, `the custom field <${missingPullField(header)}> is null: a pull must have it`);
      return;
    }
    if ((header.flag & ONEWAY_FLAG) !== 0) return;
    const topic = this.#topics.find(header.text, header.topicStart, header.topicEnd);
    const group = utf8Text(header.text, header.consumerGroupStart, header.consumerGroupEnd);
    if (topic === undefined) {
      const name = utf8Text(header.text, header.topicStart, header.topicEnd);
      const isEarly = !this.#topics.complete;
      const remark = `the topic[${name}] not exist, apply first please!`;
      this.#refuse(connection, header, isEarly ? code.SYSTEM_BUSY : code.TOPIC_NOT_EXIST, isEarly ? 'the broker is starting' : remark);
      return;
    }
    const wanted = this.#rules.check(connection, header, topic, group);
    if (wanted === null) return;
    if (connection.inFlight >= IN_FLIGHT_MAX || this.#pending.size >= PENDING_MAX) {
      const isOwn = connection.inFlight >= IN_FLIGHT_MAX;
      const whose = isOwn ? `the connection has ${IN_FLIGHT_MAX}` : `the connections of its shard have ${PENDING_MAX}`;
      const remark = `${whose} pulls under way, which is the most; wait for answers`;
      this.#refuse(connection, header, code.FLOW_CONTROL, remark);
      return;
    }
    if ((header.sysFlag & PULL_COMMIT_OFFSET_FLAG) !== 0 && header.commitOffset >= 0) {
      const commit: CommitOffset = { kind: 'commit-offset', topic: topic.name, queueId: header.queueId, offset: header.commitOffset };
      this.#thread.ref<CommitOffset>(`consumer-group/${group}`).tell(commit);
    }
    const holdMs = holdAllowedMs(this.#limits, header.sysFlag, header.suspendTimeoutMillis);
    const nowMs = this.#thread.monotonicMs();
    const pending: Pending = {
      connection,
      offset: header.queueOffset,
      expiresAt: nowMs + holdMs + ANSWER_MS_MAX,
      opaque: header.opaque,
      isBinary: header.isBinary,
      topic,
      group,
      queueId: header.queueId,
      max: messagesAllowed(header.maxMsgNums),
      bytesMax: bytesAllowed(this.#limits, header.maxMsgBytes),
      wanted,
      holdUntilMs: nowMs + holdMs,
      rounds: 0,
    };
    this.#thread.requestTurn();
    if (this.#answerAhead(pending, nowMs)) return;
    connection.inFlight++;
    if (this.#ask(pending, holdMs)) return;
    connection.inFlight--;
    this.#refuse(
      connection,
      header,
      code.SYSTEM_BUSY,
      '[OVERLOAD]system busy, start flow control for a while: the queue has too many requests waiting',
    );
  }

  /**
   * Answers from what was read ahead, without the queue's actor: what it would look at, the queue's range, is looked at here.
   * With synchronous flush, what is filed is on disk. False: nothing is there for this offset, or the client does not read and goes the long
   * way to its refusal.
   */
  #answerAhead(pending: Pending, now: number): boolean {
    if (this.#ahead.size === 0 || pending.connection.isOverfull || !isForAll(pending.wanted)) return false;
    const { offset } = pending;
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const min = this.#table.min(handle);
    const max = this.#syncFlush ? this.#table.filed(handle) : this.#table.next(handle);
    if (offset < min || offset >= max) return false;
    const cut = this.#ahead.take(handle, offset, pending.max, pending.bytesMax, now);
    if (cut === null) return false;
    this.#answerCut(pending, cut, offset, min, max);
    return true;
  }

  /** False: the queue has too many requests waiting. */
  #ask(pending: Pending, holdMs: number): boolean {
    const ticket = this.#nextTicket;
    this.#nextTicket = (ticket + 1) & 0x7fffffff;
    const { topic, queueId, wanted } = pending;
    const pull: Pull = {
      kind: 'pull',
      ticket,
      handle: topic.queueHandles[queueId]!,
      offset: pending.offset,
      max: lookAtMax(pending),
      bytesMax: isPlain(wanted) ? pending.bytesMax : FILTERED_BYTES_MAX,
      codes: wanted.codes,
      holdMs,
      replyTo: this.#self,
    };
    if (!this.#queueRef(topic, queueId).tell(pull)) return false;
    this.#pending.set(ticket, pending);
    return true;
  }

  #queueRef(topic: TopicState, queueId: number): ActorRef<Pull> {
    const handle = topic.queueHandles[queueId]!;
    let ref = this.#queueRefs[handle];
    if (ref === undefined || this.#queueRefTopics[handle] !== topic.name) {
      ref = this.#thread.ref<Pull>(`queue/${topic.name}/${queueId}`);
      this.#queueRefs[handle] = ref;
      this.#queueRefTopics[handle] = topic.name;
    }
    return ref;
  }

  #answerReset(connection: ClientConnection, header: PullHeader, topic: TopicState, group: string, reset: number): void {
    const handle = topic.queueHandles[header.queueId]!;
    this.#tellTaken(group, topic.name, header.queueId);
    const fields = this.#fields;
    fields.code = code.PULL_OFFSET_MOVED;
    fields.remark = 'OFFSET_RESET';
    fields.nextBeginOffset = reset;
    fields.minOffset = this.#table.min(handle);
    fields.maxOffset = this.#table.next(handle);
    fields.topicSysFlag = topic.topicSysFlag;
    fields.suggestWhichBrokerId = this.#brokerIdWhenSlow;
    const output = connection.output(PULL_RESPONSE_HEAD_MAX_BYTES + 6 * fields.remark.length);
    output.length = writePullResponseHeader(output.bytes, output.length, header.isBinary, header.opaque, fields, 0);
    this.#thread.requestTurn();
  }

  /** A group was paused, or its offsets were set: pulls of it that are held do not wait for a message first. */
  restrict(group: string): void {
    const state = this.#groups.get(group);
    if (state === undefined) return;
    const isPaused = !state.config.consumeEnable;
    const taken: Pending[] = [];
    for (const [ticket, pending] of this.#pending) {
      if (pending.group !== group) continue;
      const reset = state.resets.get(pending.topic.name, pending.queueId);
      if (!isPaused && reset < 0) continue;
      this.#settle(ticket, pending);
      if (!isPaused) taken.push(pending);
      if (!pending.connection.isOpen) continue;
      if (isPaused) {
        this.#say(pending, code.NO_PERMISSION, pausedRemark(group), GROUP_FORBIDDEN);
        continue;
      }
      const handle = pending.topic.queueHandles[pending.queueId]!;
      this.#answer(pending, 'OFFSET_RESET', pending.offset, reset, this.#table.min(handle), this.#table.next(handle), null, 0, 0);
    }
    // Not before all have been told: a member that has just lost the queue may hold a pull of it, too.
    for (const { topic, queueId } of taken) this.#tellTaken(group, topic.name, queueId);
    this.#thread.requestTurn();
  }

  #tellTaken(group: string, topic: string, queueId: number): void {
    if (this.#groups.takeReset(group, topic, queueId) < 0) return;
    this.#thread.ref<ResetTaken>(consumerGroupPath(group)).tell({ kind: 'reset-taken', topic, queueId });
  }

  receive(message: PullReply | ColdRead | ReaderGone, context: ActorContext): void {
    if (!this.#isReaderWatched && this.#coldWaiting.length + this.counters.coldPulls > 0) {
      // Not before the first cold pull: the reader's thread starts when it is first spoken to.
      this.#isReaderWatched = true;
      context.watch(this.#reader as ActorRef<never>, READER_GONE);
    }
    if (message.kind === 'pull-reply') this.#onReply(message);
    else if (message.kind === 'cold-read') this.#onColdRead(message);
    else this.#onReaderGone(context);
  }

  #onReaderGone(context: ActorContext): void {
    for (let slot = 0; slot < READ_SLOTS; slot++) {
      const ticket = this.#reading[slot]!;
      if (ticket < 0) continue;
      this.#reading[slot] = -1;
      this.#freeSlots.push(slot);
      const pending = this.#pending.get(ticket);
      if (pending === undefined) continue;
      this.#settle(ticket, pending);
      if (pending.connection.isOpen) this.#say(pending, code.SYSTEM_BUSY, 'the reader is being restarted; pull again');
    }
    context.watch(this.#reader as ActorRef<never>, READER_GONE);
    this.#startCold();
  }

  #onReply(reply: PullReply): void {
    const pending = this.#pending.get(reply.ticket);
    if (pending === undefined) return;
    if (!pending.connection.isOpen) {
      this.#settle(reply.ticket, pending);
      return;
    }
    if ((reply.isCold || reply.units.length > 0) && this.#isTooFar(reply.ticket, pending)) return;
    if (reply.isCold) {
      this.#readCold(pending, reply);
      return;
    }
    const count = reply.units.length / QUEUE_UNIT_BYTES;
    if (count > 0 && pending.connection.isCrowded) {
      this.#postpone(reply);
      return;
    }
    if (count === 0) {
      this.#settle(reply.ticket, pending);
      this.#answer(pending, reply.status, reply.offset, reply.nextOffset, reply.min, reply.max, null, 0, 0);
      return;
    }
    const bytes = sizeOfUnits(reply.units, count);
    if (!isPlain(pending.wanted)) {
      this.#filterLanes(pending, reply, count, bytes);
      return;
    }
    const output = pending.connection.output(PULL_RESPONSE_HEAD_MAX_BYTES + bytes);
    const fields = this.#fields;
    fields.code = 0;
    fields.remark = 'FOUND';
    fields.nextBeginOffset = reply.nextOffset;
    fields.minOffset = reply.min;
    fields.maxOffset = reply.max;
    fields.topicSysFlag = pending.topic.topicSysFlag;
    fields.suggestWhichBrokerId = this.#brokerIdWhenSlow;
    const at = writePullResponseHeader(output.bytes, output.length, pending.isBinary, pending.opaque, fields, bytes);
    if (!this.#lanes.copyUnits(reply.units, count, output.bytes, at)) {
      // Lapped: nothing of this answer counts, for `output.length` was not moved.
      this.#readCold(pending, reply);
      return;
    }
    const { tags } = pending.wanted;
    if (tags !== null && !tags.all(output.bytes, at, at + bytes)) {
      // Another tag of the same code is among them; nothing of this answer counts.
      this.#filterLanes(pending, reply, count, bytes);
      return;
    }
    output.length = at + bytes;
    this.#gave(pending, count, bytes);
    this.#settle(reply.ticket, pending);
  }

  /** Buffers that the kernel has taken come back between turns, and those of connections that were closed. */
  #postpone(reply: PullReply): void {
    this.#postponed.push(reply);
    if (this.#postponed.length > 1) return;
    this.#thread.schedule(CROWDED_AGAIN_MS, () => {
      for (const one of this.#postponed.splice(0)) this.#onReply(one);
      this.#thread.requestTurn();
    });
  }

  /** A filter looks at the records before the answer's header can say how many there are: they are copied aside first. */
  #filterLanes(pending: Pending, reply: PullReply, count: number, bytes: number): void {
    const { plugins } = pending.wanted;
    if (plugins.length > 0 && !this.#plugins.isReady(plugins)) {
      this.#settle(reply.ticket, pending);
      this.#awaitPlugins(pending);
      return;
    }
    if (plugins.length === 0 && this.#aside.length < bytes) this.#aside = new Uint8Array(bytes);
    const aside = plugins.length === 0 ? this.#aside : this.#plugins.buffer(bytes);
    // A message beyond the usual is not kept room for.
    if (bytes > FILTERED_BYTES_MAX) this.#aside = new Uint8Array(0);
    if (!this.#lanes.copyUnits(reply.units, count, aside, 0)) {
      if (plugins.length > 0) this.#plugins.giveBack(aside);
      this.#readCold(pending, reply);
      return;
    }
    this.#settle(reply.ticket, pending);
    if (plugins.length === 0) this.#answerFiltered(pending, aside, 0, bytes, reply.offset, reply.nextOffset, reply.min, reply.max);
    else this.#judge(pending, aside, bytes, reply.offset, reply.nextOffset, reply.min, reply.max);
  }

  /** Answers with the records of `bytes[start, end)` that pass. When none does, the pull goes on behind them. */
  #answerFiltered(
    pending: Pending,
    bytes: Uint8Array,
    start: number,
    end: number,
    offset: number,
    nextOffset: number,
    min: number,
    max: number,
  ): void {
    const { filter, tags } = pending.wanted;
    const kept = keepRecords(filter ?? tags!, bytes, start, end, pending.max, pending.bytesMax);
    this.#answerKept(pending, kept, bytes, start, offset, nextOffset, min, max);
  }

  #answerKept(
    pending: Pending,
    kept: Kept,
    bytes: Uint8Array,
    start: number,
    offset: number,
    nextOffset: number,
    min: number,
    max: number,
  ): void {
    const next = kept.next < 0 ? nextOffset : kept.next;
    if (kept.count > 0) {
      this.#gave(pending, kept.count, kept.length);
      this.#answer(pending, 'FOUND', offset, next, min, max, bytes, start, start + kept.length);
      return;
    }
    if (pending.rounds < FILTER_ROUNDS_MAX && this.#askAgain(pending, next, pending.rounds + 1, max)) return;
    this.#answer(pending, 'NO_MATCHED_MESSAGE', offset, next, min, max, null, 0, 0);
  }

  /** The pull goes on at `offset`, where there is something (before `max`) or it may still wait. */
  #askAgain(pending: Pending, offset: number, rounds: number, max: number): boolean {
    const nowMs = this.#thread.monotonicMs();
    const leftMs = Math.max(0, pending.holdUntilMs - nowMs);
    if (leftMs === 0 && offset >= max) return false;
    const later: Pending = { ...pending, offset, expiresAt: nowMs + leftMs + ANSWER_MS_MAX, rounds };
    if (!this.#ask(later, leftMs)) return false;
    pending.connection.inFlight++;
    return true;
  }

  /** Plugins look at the records, which are the door's buffer, on threads of their own; the answer comes later. */
  #judge(pending: Pending, bytes: Uint8Array, length: number, offset: number, nextOffset: number, min: number, max: number): void {
    const { filter, plugins } = pending.wanted;
    const left = filter === null ? length : keepRecords(filter, bytes, 0, length, FILTERED_MAX, Number.MAX_SAFE_INTEGER).length;
    const deadlineMs = this.#judgedUntilMs(pending);
    const ticket = this.#park(pending, deadlineMs);
    this.#plugins.judge(plugins, pending.group, bytes, left, pending.max, pending.bytesMax, deadlineMs, (kept) => {
      // Answered meanwhile: the group was paused, or bound to another plugin.
      if (!this.#unpark(ticket, pending)) return;
      if (kept.count >= 0) this.#answerKept(pending, kept, bytes, 0, offset, nextOffset, min, max);
      else if (deadlineMs <= this.#thread.monotonicMs()) this.#answerHeld(pending);
      else this.#awaitPlugins(pending);
    });
  }

  /** The plugins have no room now, or hold everything back: the pull waits without its records, and looks again. */
  #awaitPlugins(pending: Pending): void {
    const { plugins } = pending.wanted;
    const deadlineMs = this.#plugins.isHeld(plugins) ? pending.holdUntilMs : this.#judgedUntilMs(pending);
    const ticket = this.#park(pending, deadlineMs);
    this.#plugins.whenReady(plugins, deadlineMs, (isReady) => {
      if (!this.#unpark(ticket, pending)) return;
      if (!isReady || !this.#askAgain(pending, pending.offset, pending.rounds, Number.MAX_SAFE_INTEGER)) this.#answerHeld(pending);
    });
  }

  /** What has found messages is not sent away because its time to wait for them is over. */
  #judgedUntilMs(pending: Pending): number {
    return Math.max(pending.holdUntilMs, this.#thread.monotonicMs() + JUDGE_MS_MAX);
  }

  #park(pending: Pending, deadlineMs: number): number {
    const ticket = this.#nextTicket;
    this.#nextTicket = (ticket + 1) & 0x7fffffff;
    // The door ends the wait; it is not the queue's actor that does not answer.
    pending.expiresAt = deadlineMs + READING_MS_MAX;
    this.#pending.set(ticket, pending);
    pending.connection.inFlight++;
    return ticket;
  }

  /** False: nobody waits for the answer any more. */
  #unpark(ticket: number, pending: Pending): boolean {
    if (this.#pending.get(ticket) !== pending) return false;
    this.#settle(ticket, pending);
    this.#thread.requestTurn();
    return pending.connection.isOpen;
  }

  /** As if there were nothing yet: the client pulls again from where it is. */
  #answerHeld(pending: Pending): void {
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const { offset } = pending;
    this.#answer(pending, 'OFFSET_OVERFLOW_ONE', offset, offset, this.#table.min(handle), this.#table.next(handle), null, 0, 0);
  }

  /** A topic or a group was bound to another plugin, or to none: what waits begins again by the new rule. */
  rebind(topic: string | null, group: string | null): void {
    for (const [ticket, pending] of this.#pending) {
      if (pending.topic.name !== topic && pending.group !== group) continue;
      this.#settle(ticket, pending);
      const handle = pending.topic.queueHandles[pending.queueId]!;
      const { offset } = pending;
      if (pending.connection.isOpen)
        this.#answer(pending, 'NO_MATCHED_MESSAGE', offset, offset, this.#table.min(handle), this.#table.next(handle), null, 0, 0);
    }
    this.#thread.requestTurn();
  }

  #answerRead(pending: Pending, read: ColdRead): void {
    if (read.status !== 'FOUND' || read.length === 0) {
      this.#answer(pending, read.status, read.offset, read.nextOffset, read.min, read.max, null, 0, 0);
      return;
    }
    const at = read.slot * READ_SLOT_BYTES;
    if (!isPlain(pending.wanted)) {
      const { offset, nextOffset, min, max } = read;
      if (pending.wanted.plugins.length > 0) {
        const bytes = copyRecords(this.#plugins, this.#slots, at, at + read.length);
        this.#judge(pending, bytes, read.length, offset, nextOffset, min, max);
      } else this.#answerFiltered(pending, this.#slots, at, at + read.length, offset, nextOffset, min, max);
      return;
    }
    const { codes, tags } = pending.wanted;
    if (tags !== null && !tags.all(this.#slots, at, at + read.length)) {
      this.#answerFiltered(pending, this.#slots, at, at + read.length, read.offset, read.nextOffset, read.min, read.max);
      return;
    }
    if (codes.length > 0) {
      this.#gave(pending, read.count, read.length);
      this.#answer(pending, read.status, read.offset, read.nextOffset, read.min, read.max, this.#slots, at, at + read.length);
      return;
    }
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const now = this.#thread.monotonicMs();
    const cut = this.#ahead.split(
      handle,
      this.#slots,
      at,
      at + read.length,
      read.nextOffset,
      read.count,
      pending.max,
      pending.bytesMax,
      now,
    );
    this.#answerCut(pending, cut, read.offset, read.min, read.max);
    if (this.#ahead.size > 0 && !this.#isAheadWatched) this.#watchAhead();
  }

  #watchAhead(): void {
    this.#isAheadWatched = true;
    this.#thread.schedule(AHEAD_IDLE_MS, () => {
      this.#ahead.expire(this.#thread.monotonicMs());
      this.#isAheadWatched = false;
      if (this.#ahead.size > 0) this.#watchAhead();
    });
  }

  #answerCut(pending: Pending, cut: Cut, offset: number, min: number, max: number): void {
    this.#gave(pending, cut.count, cut.end - cut.start);
    this.#answer(pending, 'FOUND', offset, cut.next, min, max, cut.bytes, cut.start, cut.end);
  }

  /** Counts what a pull got. */
  #gave(pending: Pending, messages: number, bytes: number): void {
    this.counters.pullsFound++;
    this.counters.messagesOut += messages;
    this.counters.bytesOut += bytes;
    this.#counts.add(pending.topic.name, pending.group, messages);
  }

  /** Pulls that were read before the connection was found to be slow: their messages would only pile up. */
  #isTooFar(ticket: number, pending: Pending): boolean {
    const { connection } = pending;
    if (!connection.isOpen || !connection.isOverfull) return false;
    this.#settle(ticket, pending);
    this.#say(pending, code.FLOW_CONTROL, `${overfullRemark(connection)}; read its answers, then pull again`);
    return true;
  }

  #expire(): void {
    const now = this.#thread.monotonicMs();
    for (const [ticket, pending] of this.#pending) {
      if (now < pending.expiresAt) continue;
      this.#settle(ticket, pending);
      if (!pending.connection.isOpen) continue;
      const handle = pending.topic.queueHandles[pending.queueId]!;
      const max = this.#table.next(handle);
      const status = pending.offset < max ? 'NO_MATCHED_MESSAGE' : 'OFFSET_OVERFLOW_ONE';
      this.#answer(pending, status, pending.offset, pending.offset, this.#table.min(handle), max, null, 0, 0);
    }
  }

  #settle(ticket: number, pending: Pending): void {
    this.#pending.delete(ticket);
    pending.connection.inFlight--;
  }

  #readCold(pending: Pending, reply: PullReply): void {
    const handle = pending.topic.queueHandles[pending.queueId]!;
    const now = this.#thread.monotonicMs();
    const { codes } = pending.wanted;
    const isFiltered = !isPlain(pending.wanted);
    const wantsAll = isForAll(pending.wanted);
    const cut = wantsAll ? this.#ahead.take(handle, reply.offset, pending.max, pending.bytesMax, now) : null;
    if (cut !== null) {
      this.#settle(reply.ticket, pending);
      this.#answerCut(pending, cut, reply.offset, reply.min, reply.max);
      return;
    }
    this.counters.coldPulls++;
    const readsAhead = wantsAll && this.#ahead.isWorthwhile(handle, reply.offset, pending.max);
    pending.expiresAt = now + READING_MS_MAX;
    const cold: ColdPull = {
      kind: 'cold-pull',
      ticket: reply.ticket,
      slot: -1,
      shard: pending.connection.shard,
      topic: pending.topic.name,
      queueId: pending.queueId,
      handle,
      offset: reply.offset,
      max: readsAhead ? MESSAGES_MAX : lookAtMax(pending),
      bytesMax: readsAhead ? AHEAD_BYTES : isFiltered ? FILTERED_BYTES_MAX : pending.bytesMax,
      codes,
      min: reply.min,
      visibleMax: reply.max,
      replyTo: this.#self as ActorRef<ColdRead>,
    };
    this.#coldWaiting.push(cold);
    this.#startCold();
  }

  #startCold(): void {
    while (this.#coldWaiting.length > 0 && this.#freeSlots.length > 0) {
      const waiting = this.#coldWaiting.shift()!;
      const pending = this.#pending.get(waiting.ticket);
      if (pending !== undefined && this.#isTooFar(waiting.ticket, pending)) continue;
      const cold = { ...waiting, slot: this.#freeSlots.pop()! };
      if (pending?.connection.isOpen && this.#reader.tell(cold)) {
        this.#reading[cold.slot] = cold.ticket;
        continue;
      }
      this.#freeSlots.push(cold.slot);
      if (pending === undefined) continue;
      this.#settle(cold.ticket, pending);
      if (pending.connection.isOpen) this.#say(pending, code.SYSTEM_BUSY, 'the reader has too many requests waiting; pull again later');
    }
  }

  #onColdRead(read: ColdRead): void {
    // An answer from before the reader's death: its slot has been given away.
    if (this.#reading[read.slot] !== read.ticket) return;
    this.#reading[read.slot] = -1;
    this.#isLent = false;
    const pending = this.#pending.get(read.ticket);
    if (pending !== undefined) {
      this.#settle(read.ticket, pending);
      if (pending.connection.isOpen) {
        this.#answerRead(pending, read);
      }
    }
    if (!this.#isLent) this.#freeSlots.push(read.slot);
    this.#startCold();
  }

  #answer(
    pending: Pending,
    status: PullStatus,
    offset: number,
    nextOffset: number,
    min: number,
    max: number,
    body: Uint8Array | null,
    bodyStart: number,
    bodyEnd: number,
  ): void {
    const fields = this.#fields;
    fields.code = pullCode(status, offset);
    fields.remark = status;
    fields.nextBeginOffset = nextOffset;
    fields.minOffset = min;
    fields.maxOffset = max;
    fields.topicSysFlag = pending.topic.topicSysFlag;
    fields.suggestWhichBrokerId = this.#brokerIdWhenSlow;
    if (body === null) this.counters.pullsMissed++;
    const bytes = bodyEnd - bodyStart;
    if (body === this.#slots && this.#mayLend(pending.connection, bytes)) {
      this.#lend(pending, body, bodyStart, bodyEnd);
      return;
    }
    const output = pending.connection.output(PULL_RESPONSE_HEAD_MAX_BYTES + 6 * status.length + bytes);
    const at = writePullResponseHeader(output.bytes, output.length, pending.isBinary, pending.opaque, fields, bytes);
    if (body !== null) copyBytes(body, bodyStart, bodyEnd, output.bytes, at);
    output.length = at + bytes;
  }

  /** A large answer goes to the socket from its slot, unless the socket is slow or the slots are needed. */
  #mayLend(connection: ClientConnection, bytes: number): boolean {
    return bytes >= LEND_BYTES_MIN && connection.unsentBytes < LEND_UNSENT_BYTES_MAX && this.#freeSlots.length >= READ_SLOTS / 2;
  }

  #lend(pending: Pending, body: Uint8Array, start: number, end: number): void {
    const slot = Math.floor(start / READ_SLOT_BYTES);
    this.#isLent = true;
    const output = pending.connection.output(PULL_RESPONSE_HEAD_MAX_BYTES + 6 * this.#fields.remark.length);
    output.length = writePullResponseHeader(output.bytes, output.length, pending.isBinary, pending.opaque, this.#fields, end - start);
    pending.connection.writeLent(body.subarray(start, end), () => {
      this.#freeSlots.push(slot);
      this.#startCold();
      this.#thread.requestTurn();
    });
  }

  #say(pending: Pending, responseCode: number, remark: string, ext: Record<string, string> | null = null): void {
    const serializeType = pending.isBinary ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON;
    pending.connection.write(
      encodeCommand({ code: responseCode, opaque: pending.opaque, flag: RESPONSE_FLAG, remark, ext, serializeType }),
    );
  }

  #refuse(
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
}

/** Nothing looks at the records themselves. */
function isPlain(wanted: Wanted): boolean {
  return wanted.filter === null && wanted.plugins.length === 0;
}

/** Every message is wanted. */
function isForAll(wanted: Wanted): boolean {
  return wanted.codes.length === 0 && isPlain(wanted);
}

/** Messages that are looked at in one go: a plugin that lets most through is not asked about more than are wanted. */
function lookAtMax({ wanted, rounds, max }: Pending): number {
  if (wanted.plugins.length > 0) return rounds === 0 ? Math.min(max, PLUGIN_BATCH_MAX) : PLUGIN_BATCH_MAX;
  return wanted.filter === null ? max : FILTERED_MAX;
}

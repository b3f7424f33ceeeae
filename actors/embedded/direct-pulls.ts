/**
 * Direct pulls: an application's pulls, answered on its own thread: by queue actors of its own, which read the shared tails, and by copies
 * out of the lanes. One a guest; also the actor that those queue actors answer to. What no lease allows, and what is no longer in
 * memory, is left to a shard. Source: RocketMQ 5.3 `PullMessageProcessor`, without the processor.
 */

import { MessageTextError } from '../../model/errors.ts';
import { javaHash } from '../../model/java-hash.ts';
import { isReadable } from '../../model/permission.ts';
import { isTagType, parseTags } from '../../model/subscription.ts';
import { PULL_COMMIT_OFFSET_FLAG, PULL_SUBSCRIPTION_FLAG } from '../../model/system-flag.ts';
import type { DirectPullAnswer } from '../../protocol/remoting/link.ts';
import type { PullMessageRequest, PullMessageResponse } from '../../protocol/remoting/requests/pull-message.ts';
import type { Actor, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { QUEUE_UNIT_BYTES, sizeOfUnits } from '../../storage/consume-queue/queue-unit.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { LaneReader } from '../commit-log/lane-reader.ts';
import { Watermarks } from '../commit-log/watermarks.ts';
import type { CommitOffset } from '../consumer-group/offset-keeper.ts';
import { keepRecords } from '../filter/record-filter.ts';
import { type TagTest, tagTestOf } from '../filter/tag-test.ts';
import { bytesAllowed, holdAllowedMs, messagesAllowed } from '../gateway/pull-terms.ts';
import { pullCode } from '../queue/decide-pull.ts';
import { type Pull, type PullReply, QueueActor } from '../queue/queue-actor.ts';
import { TagExpressions } from '../queue/tag-expressions.ts';
import { FlushWatch } from '../shard/flush-watch.ts';
import { GuestQueues } from './guest-queues.ts';
import type { HeldLease, Leases } from './leases.ts';

const QUEUE_MAILBOX_MAX = 131_072;
const MAILBOX_MAX = 1 << 20;
const NO_BYTES = new Uint8Array(0);
/** Tag codes wanted (empty: all), and the tags themselves, for others may have the same codes. */
type Wanted = { readonly codes: readonly number[]; readonly tags: TagTest | null };
const ALL: Wanted = { codes: [], tags: null };

/** Has the shard pull instead. */
export type PullElsewhere = () => void;

type Pending = {
  readonly request: PullMessageRequest;
  readonly elsewhere: PullElsewhere;
  readonly done: (answer: DirectPullAnswer) => void;
  topicSysFlag: number;
  tags: TagTest | null;
  isDropped: boolean;
};

export class DirectPulls implements Actor<PullReply> {
  readonly #thread: ThreadContext;
  readonly #leases: Leases;
  readonly #lanes: LaneReader;
  readonly #self: ActorRef<PullReply>;
  readonly #pending: Map<number, Pending> = new Map();
  readonly #tags = new TagExpressions();
  /** By the codes that it was made of. */
  readonly #wanted: WeakMap<readonly number[], Wanted> = new WeakMap();
  #nextTicket = 0;
  messages = 0;
  bytes = 0;

  constructor(thread: ThreadContext, config: BrokerConfig, memory: BrokerMemory, leases: Leases) {
    this.#thread = thread;
    this.#leases = leases;
    const marks = new Watermarks(memory.marks);
    const table = new GuestQueues(memory.queues);
    this.#lanes = new LaneReader(memory.lanes, memory.runs, marks);
    const watch = new FlushWatch(marks);
    thread.addSource(table);
    thread.addSource(watch);
    const surroundings = {
      table,
      marks,
      syncFlush: config.flushDiskType === 'SYNC_FLUSH',
      own: table.own.bind(table),
      tellAfterFlush: watch.add.bind(watch),
    };
    thread.register(`${thread.name}/queue/`, { create: () => new QueueActor(surroundings), mailboxMax: QUEUE_MAILBOX_MAX });
    const path = `${thread.name}/pulls`;
    thread.spawn(path, () => this, { mailboxMax: MAILBOX_MAX });
    this.#self = thread.ref<PullReply>(path);
  }

  /** Pulls that wait for an answer. */
  get held(): number {
    return this.#pending.size;
  }

  /** Answers `done` once, or calls `elsewhere` once; returns what drops the pull. */
  pull(request: PullMessageRequest, elsewhere: PullElsewhere, done: (answer: DirectPullAnswer) => void): () => void {
    const pending: Pending = { request, elsewhere, done, topicSysFlag: 0, tags: null, isDropped: false };
    const { topic, consumerGroup } = request;
    if (this.#leases.find(topic, consumerGroup) !== undefined) this.#start(pending);
    else this.#leases.ask(topic, consumerGroup, () => this.#start(pending));
    return () => {
      pending.isDropped = true;
    };
  }

  #start(pending: Pending): void {
    if (pending.isDropped) return;
    const { request } = pending;
    const lease = this.#leases.find(request.topic, request.consumerGroup);
    const wanted = lease === undefined ? null : this.#wish(lease, request);
    const topic = lease?.topic ?? null;
    if (lease === undefined || topic === null || wanted === null) {
      pending.elsewhere();
      return;
    }
    pending.topicSysFlag = topic.topicSysFlag;
    pending.tags = wanted.tags;
    const { queueId, sysFlag, commitOffset } = request;
    if ((sysFlag & PULL_COMMIT_OFFSET_FLAG) !== 0 && commitOffset >= 0) {
      const group = this.#thread.ref<CommitOffset>(`consumer-group/${request.consumerGroup}`);
      group.tell({ kind: 'commit-offset', topic: topic.name, queueId, offset: commitOffset });
    }
    const ticket = this.#nextTicket;
    this.#nextTicket = (ticket + 1) & 0x7fffffff;
    const { pullLimits } = lease;
    this.#pending.set(ticket, pending);
    const isTaken = this.#thread.ref<Pull>(`${this.#thread.name}/queue/${topic.name}/${queueId}`).tell({
      kind: 'pull',
      ticket,
      handle: topic.queueHandles[queueId]!,
      offset: request.queueOffset,
      max: messagesAllowed(request.maxMsgNums),
      bytesMax: bytesAllowed(pullLimits, request.maxMsgBytes ?? 0),
      codes: wanted.codes,
      holdMs: holdAllowedMs(pullLimits, sysFlag, request.suspendTimeoutMillis),
      replyTo: this.#self,
    });
    this.#thread.requestTurn();
    if (isTaken) return;
    this.#pending.delete(ticket);
    pending.elsewhere();
  }

  /** What the pull wants; null: a shard is to decide. */
  #wish(lease: HeldLease, request: PullMessageRequest): Wanted | null {
    const { topic, subscription } = lease;
    const { queueId, sysFlag } = request;
    // Behind a plugin: a shard has them.
    if (topic === null || topic.plugin !== null || !lease.mayConsume || !isReadable(topic.perm)) return null;
    if (queueId < 0 || queueId >= topic.readQueues) return null;
    if ((sysFlag & PULL_SUBSCRIPTION_FLAG) !== 0) {
      const expression = request.subscription ?? '';
      const codes = isTagType(request.expressionType) ? this.#tags.of(expression) : null;
      if (codes === null || codes instanceof MessageTextError) return null;
      return this.#wanted.get(codes) ?? this.#byTags(codes, parseTags(expression));
    }
    if (subscription === null || !subscription.isTag || subscription.subVersion < request.subVersion) return null;
    if (subscription.isAll) return ALL;
    return this.#wanted.get(subscription.codes) ?? this.#byTags(subscription.codes, subscription.tags);
  }

  #byTags(codes: readonly number[], tags: readonly string[]): Wanted {
    const wanted = { codes, tags: tagTestOf(tags, codes, javaHash) };
    this.#wanted.set(codes, wanted);
    return wanted;
  }

  receive(reply: PullReply): void {
    const pending = this.#pending.get(reply.ticket);
    if (pending === undefined) return;
    this.#pending.delete(reply.ticket);
    if (pending.isDropped) return;
    let count = reply.units.length / QUEUE_UNIT_BYTES;
    let body = reply.isCold ? null : count === 0 ? NO_BYTES : this.#copy(reply.units, count);
    const { tags } = pending;
    if (body !== null && tags !== null && !tags.all(body, 0, body.length)) {
      const kept = keepRecords(tags, body, 0, body.length, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      count = kept.count;
      // Nothing of what was found is wanted: a shard looks further, and waits where there is no more.
      body = count === 0 ? null : body.subarray(0, kept.length);
    }
    if (body === null) {
      pending.elsewhere();
      return;
    }
    this.messages += count;
    this.bytes += body.length;
    const response: PullMessageResponse = {
      suggestWhichBrokerId: 0,
      nextBeginOffset: reply.nextOffset,
      minOffset: reply.min,
      maxOffset: reply.max,
      offsetDelta: null,
      topicSysFlag: pending.topicSysFlag,
      groupSysFlag: 0,
      forbiddenType: null,
    };
    pending.done({ code: pullCode(reply.status, reply.offset), remark: reply.status, response, body });
  }

  /** Null: one of them is no longer in a lane. */
  #copy(units: Uint8Array, count: number): Uint8Array | null {
    const body = new Uint8Array(sizeOfUnits(units, count));
    return this.#lanes.copyUnits(units, count, body, 0) ? body : null;
  }
}

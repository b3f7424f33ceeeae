/**
 * Consumer-group actor: owns one consumer group, that is its members and what they subscribe to, its committed offsets and its
 * queue locks. One a group, at `consumer-group/<group>`, made by the first message to it.
 *
 * Every shard has a copy of members and subscriptions (group-table.ts), which pulls and member lists are answered from; a
 * heartbeat is answered when all living shards have what it changed and the group's retry topic exists. Notices of change (request
 * 40) go to all members, in rounds that a large group holds at most every 90 ms.
 *
 * Fails by assertion only. Restarted, it reads members and subscriptions back from a shard's copy (those whose connections went
 * with its own thread are gone) and its offsets from the offset store, which confirms every change when it is on disk: what is
 * not confirmed is sent again. Questions for an offset wait until the offsets have come.
 * Source: RocketMQ `ConsumerManager`, `ConsumerGroupInfo`, `ConsumerOffsetManager`, `RebalanceLockManager`,
 * `DefaultConsumerIdsChangeListener`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { PushToClient } from '../gateway/request.ts';
import type { EnsureTopic, TopicReply } from '../topic/topic-registry-actor.ts';
import { CommittedOffsets, type OffsetColumns } from './committed-offsets.ts';
import { decideCommit, decideQueryOffset, type QueueRanges } from './decide-offset.ts';
import type { GroupTable } from './group-table.ts';
import {
  type Copied,
  type GroupTableCommand,
  groupTablePath,
  MEMBERS_PER_MESSAGE,
  type MembersRecalled,
  type RecallMembers,
} from './group-table-actor.ts';
import {
  applyMemberEvent,
  emptyMembership,
  type GroupHabits,
  type Member,
  type MemberEffects,
  type Membership,
  memberKey,
  nextExpiryMs,
  type Subscription,
} from './members.ts';
import { NoticeRound } from './notice-round.ts';
import {
  type DropOffsets,
  type ForgetTopic,
  type LoadOffsets,
  OFFSET_STORE_PATH,
  OFFSETS_PER_MESSAGE,
  type OffsetsLoaded,
  type OffsetsSaved,
  type SaveOffsets,
} from './offset-store-actor.ts';
import { QueueLocks } from './queue-locks.ts';
import { ShardCopies } from './shard-copies.ts';

/** A client's heartbeat, as far as it is about this group. */
export type HeartbeatCommand = {
  readonly kind: 'heartbeat';
  readonly member: Member;
  readonly habits: GroupHabits;
  readonly subscriptions: readonly Subscription[];
  readonly fingerprint: number;
  readonly withoutSub: boolean;
  readonly replyTo: ActorRef<HeartbeatTaken>;
};
/** `code` not 0: a refusal. `mustNotify`: tell the sender itself (request 40) before its answer; the others are told already. */
export type HeartbeatTaken = {
  readonly kind: 'heartbeat-taken';
  readonly code: number;
  readonly remark: string;
  readonly mustNotify: boolean;
  readonly wantsFull: boolean;
};
/** A client leaves the group in order, or its socket has gone. */
export type UnregisterMember = {
  readonly kind: 'unregister';
  readonly shard: number;
  readonly connection: number;
  readonly replyTo: ActorRef<Unregistered>;
};
export type Unregistered = { readonly kind: 'unregistered' };
export type QueryOffset = {
  readonly kind: 'query-offset';
  readonly topic: string;
  readonly queueId: number;
  readonly zeroIfNotFound: boolean;
  readonly replyTo: ActorRef<OffsetFound>;
};
/** −1: never consumed. */
export type OffsetFound = { readonly kind: 'offset-found'; readonly offset: number };
/** Request 15: answered. */
export type UpdateOffset = {
  readonly kind: 'update-offset';
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly replyTo: ActorRef<OffsetUpdated>;
};
export type OffsetUpdated = { readonly kind: 'offset-updated'; readonly code: number; readonly remark: string };
/** A commit that came with a pull: not answered; out of range: ignored. */
export type CommitOffset = { readonly kind: 'commit-offset'; readonly topic: string; readonly queueId: number; readonly offset: number };
/** Offsets page by page, of one topic or, when that is empty, of all; `from` counts entries. */
export type ListOffsets = {
  readonly kind: 'list-offsets';
  readonly topic: string;
  readonly from: number;
  readonly replyTo: ActorRef<OffsetsListed>;
};
/** `next`: where the next page begins; −1: this was the last. */
export type OffsetsListed = { readonly kind: 'offsets-listed'; readonly columns: OffsetColumns; readonly next: number };
/** Two columns of equal length name the queues. */
export type LockQueues = {
  readonly kind: 'lock-queues';
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly queueIds: readonly number[];
  readonly replyTo: ActorRef<QueuesLocked>;
};
/** For each queue asked for: whether the client holds it now. */
export type QueuesLocked = { readonly kind: 'queues-locked'; readonly held: readonly boolean[] };
export type UnlockQueues = {
  readonly kind: 'unlock-queues';
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly queueIds: readonly number[];
  readonly replyTo: ActorRef<QueuesUnlocked>;
};
export type QueuesUnlocked = { readonly kind: 'queues-unlocked' };
/** From the registry: the group's configuration was deleted, and with `cleanOffset` its offsets are to go. */
export type GroupDeleted = { readonly kind: 'group-deleted'; readonly cleanOffset: boolean };

export type ConsumerGroupCommand =
  | HeartbeatCommand
  | UnregisterMember
  | QueryOffset
  | UpdateOffset
  | CommitOffset
  | ListOffsets
  | LockQueues
  | UnlockQueues
  | GroupDeleted
  | ForgetTopic
  | OffsetsLoaded
  | OffsetsSaved
  | Copied;

type Private =
  | { readonly kind: 'scan' }
  | { readonly kind: 'notice-due' }
  | { readonly kind: 'copy-due' }
  | { readonly kind: 'answer-due' }
  | { readonly kind: 'flush-due' }
  | { readonly kind: 'load-due' }
  | { readonly kind: 'flight-due'; readonly flight: number }
  | { readonly kind: 'shard-gone'; readonly shard: string }
  | { readonly kind: 'recalled'; readonly page: MembersRecalled | null }
  | { readonly kind: 'retry-topic'; readonly code: number; readonly remark: string };

/** A shard as its connections and its actors are named. */
export type GroupShard = {
  /** Name of the thread, as in the paths of its actors. */
  readonly name: string;
  /** What `Connection.shard` of its connections says. */
  readonly id: number;
};

export type ConsumerGroupOptions = {
  readonly group: string;
  /** The hosting shard's own copy: read only. */
  readonly table: GroupTable;
  readonly ranges: QueueRanges;
  /** Whether the hosting shard knows the topic. */
  readonly hasTopic: (topic: string) => boolean;
  readonly shards: readonly GroupShard[];
  /** Name of the hosting shard. */
  readonly shard: string;
};

const NOTIFY_CONSUMER_IDS_CHANGED = 40;
const SYSTEM_BUSY = 2;
const PERM_READ_WRITE = 6;

/** More than one actor makes. */
const REVISIONS_PER_MS = 64;
const SCAN_MS = 10_000;
const COPY_AGAIN_MS = 20;
/** How long an answer waits for shards that say nothing: one that died is replaced sooner. */
const COPIED_MAX_MS = 500;
const RETRY_TOPIC_MAX_MS = 6_000;
const FLUSH_AFTER_MS = 200;
/** The offset store saves every 400 ms; a flight not confirmed by then was lost. */
const FLIGHT_MAX_MS = 3_000;
const LOAD_AGAIN_MS = 500;
const RECALL_MAX_MS = 1_000;
/** Questions that wait for the offsets to come from the store. */
const QUESTIONS_MAX = 4_096;
const PAGE_OFFSETS = 256;

type Waiting = {
  readonly replyTo: ActorRef<HeartbeatTaken>;
  readonly effects: MemberEffects;
  readonly revision: number;
  readonly untilMs: number;
};

export class ConsumerGroupActor implements Actor<ConsumerGroupCommand | Private> {
  readonly #options: ConsumerGroupOptions;
  readonly #membership: Membership = emptyMembership();
  readonly #offsets: CommittedOffsets = new CommittedOffsets();
  readonly #locks: QueueLocks = new QueueLocks();
  readonly #round: NoticeRound = new NoticeRound();
  #copies: ShardCopies = new ShardCopies([], 0);
  /** Heartbeats that are answered when shards and retry topic are ready, oldest first. */
  #waiting: Waiting[] = [];
  #retryTopic: 'unknown' | 'asked' | 'ready' = 'unknown';
  #scanIsDue = false;
  #copyIsDue = false;
  #answerIsDue = false;
  #flushIsDue = false;
  #areOffsetsLoaded = false;
  #loadRequest = 0;
  #flight = 0;
  #isFlying = false;
  #questions: QueryOffset[] = [];

  constructor(options: ConsumerGroupOptions) {
    this.#options = options;
  }

  started(context: ActorContext): void {
    // Confirmations for a former life of this actor may still come: their revisions lie below.
    this.#copies = new ShardCopies(
      this.#options.shards.map((shard) => shard.name),
      context.now() * REVISIONS_PER_MS,
    );
    this.#load(context);
    this.#recall(context);
    for (const shard of this.#options.shards) if (shard.name !== this.#options.shard) this.#watch(shard.name, context);
  }

  /** The last offsets go to the store if there is room; it has all but those of the last 200 ms. */
  stopped(context: ActorContext): void {
    this.#offsets.retry();
    this.#send(context, this.#offsets.takeDirty(OFFSETS_PER_MESSAGE));
  }

  receive(message: ConsumerGroupCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'heartbeat':
        this.#onHeartbeat(message, context);
        return;
      case 'unregister':
        this.#onGone(message.shard, message.connection, context);
        message.replyTo.tell({ kind: 'unregistered' });
        return;
      case 'query-offset':
        this.#onQuery(message);
        return;
      case 'update-offset':
        this.#onUpdate(message, context);
        return;
      case 'commit-offset':
        this.#commit(message.topic, message.queueId, message.offset, context);
        return;
      case 'list-offsets':
        this.#onList(message);
        return;
      case 'lock-queues':
        this.#onLock(message, context);
        return;
      case 'unlock-queues':
        for (const [index, topic] of message.topics.entries()) this.#locks.unlock(topic, message.queueIds[index]!, message.clientId);
        message.replyTo.tell({ kind: 'queues-unlocked' });
        return;
      case 'group-deleted':
        this.#onDeleted(message, context);
        return;
      case 'forget-topic':
        this.#offsets.forgetTopic(message.topic);
        this.#drop(message.topic, context);
        return;
      case 'offsets-loaded':
        this.#onLoaded(message);
        return;
      case 'offsets-saved':
        this.#onSaved(message.flight, context);
        return;
      case 'copied':
        this.#onCopied(message, context);
        return;
      case 'scan':
        this.#onScan(context);
        return;
      case 'notice-due':
        this.#notify(context);
        return;
      case 'copy-due':
        this.#copyIsDue = false;
        this.#copyWhole(context);
        return;
      case 'answer-due':
        this.#answerIsDue = false;
        this.#answer(context);
        return;
      case 'flush-due':
        this.#flushIsDue = false;
        this.#flush(context);
        return;
      case 'load-due':
        if (!this.#areOffsetsLoaded) this.#load(context);
        return;
      case 'flight-due':
        if (this.#isFlying && message.flight === this.#flight) this.#onLostFlight(context);
        return;
      case 'shard-gone':
        this.#onShardGone(message.shard, context);
        return;
      case 'recalled':
        this.#onRecalled(message.page, context);
        return;
      case 'retry-topic':
        this.#onRetryTopic(message.code, message.remark, context);
        return;
    }
  }

  // Members

  #onHeartbeat(message: HeartbeatCommand, context: ActorContext): void {
    const { member, habits, subscriptions, fingerprint, withoutSub, replyTo } = message;
    const now = context.monotonicMs();
    const effects = applyMemberEvent(this.#membership, { kind: 'heartbeat', member, habits, subscriptions, fingerprint, withoutSub }, now);
    if (effects.refusal !== null) {
      replyTo.tell({ kind: 'heartbeat-taken', ...effects.refusal, mustNotify: false, wantsFull: false });
      return;
    }
    this.#ensureRetryTopic(context);
    const revision = this.#tellOthers(effects, member, context);
    this.#waiting.push({ replyTo, effects, revision, untilMs: now + COPIED_MAX_MS });
    this.#answer(context);
    if (!this.#scanIsDue) this.#scheduleScan(context);
  }

  #onGone(shard: number, connection: number, context: ActorContext): void {
    const effects = applyMemberEvent(this.#membership, { kind: 'connection-gone', shard, connection }, context.monotonicMs());
    this.#tellOthers(effects, null, context);
  }

  #onScan(context: ActorContext): void {
    this.#scanIsDue = false;
    const now = context.monotonicMs();
    const effects = applyMemberEvent(this.#membership, { kind: 'scan' }, now);
    if (effects.left.length > 0)
      context.log('warn', 'Members were silent too long', { group: this.#options.group, members: effects.left.length });
    this.#tellOthers(effects, null, context);
    this.#locks.expire(now);
    if (this.#membership.seen.size > 0) this.#scheduleScan(context);
  }

  #scheduleScan(context: ActorContext): void {
    this.#scanIsDue = true;
    const untilNext = nextExpiryMs(this.#membership) - context.monotonicMs();
    context.schedule(Math.max(SCAN_MS, untilNext), { kind: 'scan' } satisfies Private);
  }

  #onShardGone(shard: string, context: ActorContext): void {
    this.#copies.lost(shard);
    this.#scheduleCopy(context);
    const known = this.#options.shards.find((one) => one.name === shard);
    if (known === undefined) return;
    const effects = applyMemberEvent(this.#membership, { kind: 'shard-gone', shard: known.id }, context.monotonicMs());
    this.#tellOthers(effects, null, context);
    this.#answer(context);
  }

  /** What changed goes to every shard's copy, to the locks, and to the members. Gives the revision to wait for, 0 for none. */
  #tellOthers(effects: MemberEffects, sender: Member | null, context: ActorContext): number {
    const now = context.monotonicMs();
    for (const clientId of effects.gone) this.#locks.release(clientId);
    const revision = this.#copy(effects, context);
    const isWanted = this.#options.table.get(this.#options.group)?.config.notifyConsumerIdsChangedEnable !== false;
    if (effects.mustNotify && isWanted && this.#membership.seen.size > 0) {
      const except = sender === null ? -1 : memberKey(sender.shard, sender.connection);
      const waitMs = this.#round.request(this.#membership.seen.keys(), this.#membership.seen.size, except, now);
      if (waitMs === 0) this.#notify(context);
      else if (waitMs > 0) context.schedule(waitMs, { kind: 'notice-due' } satisfies Private);
    }
    return revision;
  }

  /** Tells as many members as there is room for, and goes on later with the rest. */
  #notify(context: ActorContext): void {
    const ext = { consumerGroup: this.#options.group };
    const waitMs = this.#round.run(this.#membership.seen.keys(), this.#membership.seen.size, context.monotonicMs(), (key) => {
      const member = this.#membership.seen.get(key)?.member;
      if (member === undefined) return true;
      const gateway: ActorRef<PushToClient> = context.ref(`gateway/${member.shard}`);
      return gateway.tell({ kind: 'push-to-client', connection: member.connection, code: NOTIFY_CONSUMER_IDS_CHANGED, ext, body: null });
    });
    if (waitMs >= 0) context.schedule(waitMs, { kind: 'notice-due' } satisfies Private);
  }

  /** Asked with the first heartbeat, and again should somebody have deleted the topic. */
  #ensureRetryTopic(context: ActorContext): void {
    const topic = `%RETRY%${this.#options.group}`;
    if (this.#retryTopic === 'asked' || (this.#retryTopic === 'ready' && this.#options.hasTopic(topic))) return;
    const queues = this.#options.table.get(this.#options.group)?.config.retryQueueNums ?? 1;
    if (queues <= 0) {
      // The group's configuration wants no retries.
      this.#retryTopic = 'ready';
      return;
    }
    this.#retryTopic = 'asked';
    context.ask<TopicReply, EnsureTopic>(
      context.ref('topic-registry'),
      (replyTo) => ({
        kind: 'ensure-topic',
        topic,
        readQueues: queues,
        writeQueues: queues,
        perm: PERM_READ_WRITE,
        replyTo,
      }),
      RETRY_TOPIC_MAX_MS,
      (reply): Private => {
        if (reply === undefined)
          return { kind: 'retry-topic', code: SYSTEM_BUSY, remark: `the topic ${topic} could not be made in time; try again` };
        return reply.kind === 'topic-ready'
          ? { kind: 'retry-topic', code: 0, remark: '' }
          : { kind: 'retry-topic', code: reply.code, remark: reply.remark };
      },
    );
  }

  /** Refused: the heartbeats that wait hear why, their members stay, and the next heartbeat asks again. */
  #onRetryTopic(code: number, remark: string, context: ActorContext): void {
    this.#retryTopic = code === 0 ? 'ready' : 'unknown';
    if (code === 0) {
      this.#answer(context);
      return;
    }
    context.log('warn', 'The retry topic of a group cannot be made', { group: this.#options.group, code, remark });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { replyTo, effects } of waiting) {
      replyTo.tell({ kind: 'heartbeat-taken', code, remark, mustNotify: effects.mustNotify, wantsFull: effects.wantsFull });
    }
  }

  /** Answers the heartbeats whose changes are everywhere. */
  #answer(context: ActorContext): void {
    if (this.#retryTopic !== 'ready' || this.#waiting.length === 0) return;
    const now = context.monotonicMs();
    let done = 0;
    for (const waiting of this.#waiting) {
      if (!this.#copies.isEverywhere(waiting.revision) && now < waiting.untilMs) break;
      const { mustNotify, wantsFull } = waiting.effects;
      const isWanted = this.#options.table.get(this.#options.group)?.config.notifyConsumerIdsChangedEnable !== false;
      waiting.replyTo.tell({ kind: 'heartbeat-taken', code: 0, remark: '', mustNotify: mustNotify && isWanted, wantsFull });
      done++;
    }
    if (done > 0) this.#waiting = this.#waiting.slice(done);
    const first = this.#waiting[0];
    if (first === undefined || this.#answerIsDue) return;
    this.#answerIsDue = true;
    context.schedule(Math.max(1, first.untilMs - now), { kind: 'answer-due' } satisfies Private);
  }

  // Copies on the shards

  #copy(effects: MemberEffects, context: ActorContext): number {
    const hasMembers = effects.joined.length > 0 || effects.left.length > 0;
    if (!hasMembers && !effects.changedSubscriptions) return this.#repair(context);
    const revision = this.#copies.next();
    for (const shard of this.#copies.current()) {
      const table: ActorRef<GroupTableCommand> = context.ref(groupTablePath(shard));
      let isTaken = true;
      if (hasMembers) {
        const last = effects.changedSubscriptions ? 0 : revision;
        isTaken = this.#sendMembers(table, effects.joined, effects.left, false, last);
      }
      if (isTaken && effects.changedSubscriptions) isTaken = table.tell(this.#subscriptions(revision));
      if (!isTaken) this.#copies.refused(shard);
    }
    if (!this.#copies.isAllGood) this.#scheduleCopy(context);
    return revision;
  }

  /** The hosting shard's copy must agree with what is copied; where it does not, everything is sent anew. */
  #repair(context: ActorContext): number {
    if (!this.#copies.isAllGood || !this.#copies.isEverywhere(this.#copies.revision)) return 0;
    const copied = this.#options.table.peek(this.#options.group)?.memberCount ?? 0;
    if (copied === this.#membership.seen.size) return 0;
    this.#copies.allRefused();
    this.#copyWhole(context);
    return this.#copies.revision;
  }

  #copyWhole(context: ActorContext): void {
    const now = context.monotonicMs();
    const due = [...this.#copies.due(now)];
    if (due.length > 0) {
      const revision = this.#copies.next();
      const members = [...this.#membership.seen.values()].map((seen) => seen.member);
      for (const shard of due) {
        const table: ActorRef<GroupTableCommand> = context.ref(groupTablePath(shard));
        if (this.#sendMembers(table, members, [], true, 0) && table.tell(this.#subscriptions(revision))) {
          this.#copies.sentWhole(shard, revision, now);
        }
      }
    }
    if (!this.#copies.isAllGood) this.#scheduleCopy(context);
  }

  #scheduleCopy(context: ActorContext): void {
    if (this.#copyIsDue) return;
    this.#copyIsDue = true;
    context.schedule(COPY_AGAIN_MS, { kind: 'copy-due' } satisfies Private);
  }

  #sendMembers(
    table: ActorRef<GroupTableCommand>,
    joined: readonly Member[],
    left: readonly Member[],
    isWhole: boolean,
    lastRevision: number,
  ): boolean {
    const count = Math.max(joined.length, left.length, 1);
    for (let from = 0; from < count; from += MEMBERS_PER_MESSAGE) {
      const end = from + MEMBERS_PER_MESSAGE;
      const isTaken = table.tell({
        kind: 'group-members-changed',
        group: this.#options.group,
        isWhole: isWhole && from === 0,
        joined: joined.slice(from, end),
        left: left.slice(from, end),
        revision: end >= count ? lastRevision : 0,
      });
      if (!isTaken) return false;
    }
    return true;
  }

  #subscriptions(revision: number): GroupTableCommand {
    const { habits, subscriptions } = this.#membership;
    return {
      kind: 'group-subscriptions-changed',
      group: this.#options.group,
      habits,
      subscriptions: [...subscriptions.values()],
      revision,
    };
  }

  #onCopied(message: Copied, context: ActorContext): void {
    if (this.#copies.acked(message.shard, message.revision)) this.#watch(message.shard, context);
    this.#answer(context);
  }

  #watch(shard: string, context: ActorContext): void {
    context.watch(context.ref(groupTablePath(shard)), { kind: 'shard-gone', shard } as Private);
  }

  // Members over a restart

  /**
   * The own shard's copy still has the members when only this actor was restarted. When the thread was, another shard has them,
   * with those whose connections went with the thread.
   */
  #recall(context: ActorContext): void {
    const { group, table, shards, shard } = this.#options;
    const own = table.peek(group);
    if (own !== undefined && own.memberCount > 0) {
      const subscriptions = [...own.subscriptions.values()].map((one) => ({ ...one, codes: [...one.codes] }));
      this.#takeBack([...own.members.values()], own.habits, subscriptions, context);
      return;
    }
    const other = shards.find((one) => one.name !== shard);
    if (other !== undefined) this.#recallPage(0, other.name, context);
  }

  #recallPage(from: number, shard: string, context: ActorContext): void {
    context.ask<MembersRecalled, RecallMembers>(
      context.ref(groupTablePath(shard)),
      (replyTo) => ({ kind: 'recall-members', group: this.#options.group, from, replyTo }),
      RECALL_MAX_MS,
      (page): Private => ({ kind: 'recalled', page: page ?? null }),
    );
  }

  #onRecalled(page: MembersRecalled | null, context: ActorContext): void {
    const { shards, shard } = this.#options;
    const own = shards.find((one) => one.name === shard)?.id;
    const other = shards.find((one) => one.name !== shard);
    // Without an answer that shard is new itself: the next heartbeats bring the members, and no copy may have older ones.
    if (page === null) {
      this.#copies.allRefused();
      this.#copyWhole(context);
      return;
    }
    if (page.members.length === 0 || page.habits === null || other === undefined) return;
    const living = page.members.filter((member) => member.shard !== own);
    this.#takeBack(living, page.habits, page.subscriptions, context);
    if (page.next >= 0) this.#recallPage(page.next, other.name, context);
  }

  #takeBack(members: readonly Member[], habits: GroupHabits, subscriptions: readonly Subscription[], context: ActorContext): void {
    const now = context.monotonicMs();
    for (const member of members) {
      if (this.#membership.seen.has(memberKey(member.shard, member.connection))) continue;
      applyMemberEvent(this.#membership, { kind: 'heartbeat', member, habits, subscriptions: [], fingerprint: 0, withoutSub: true }, now);
    }
    if (this.#membership.seen.size > 0) {
      for (const subscription of subscriptions) {
        if (!this.#membership.subscriptions.has(subscription.topic)) this.#membership.subscriptions.set(subscription.topic, subscription);
      }
      if (!this.#scanIsDue) this.#scheduleScan(context);
    }
    this.#copies.allRefused();
    this.#copyWhole(context);
  }

  // Offsets

  #onQuery(message: QueryOffset): void {
    if (!this.#areOffsetsLoaded && this.#offsets.get(message.topic, message.queueId) < 0) {
      // Beyond the limit the question is left to its sender's deadline: a wrong "never consumed" would make a client skip or repeat.
      if (this.#questions.length < QUESTIONS_MAX) this.#questions.push(message);
      return;
    }
    const { topic, queueId, zeroIfNotFound, replyTo } = message;
    const stored = this.#offsets.get(topic, queueId);
    const offset = decideQueryOffset(stored, this.#options.ranges.minOffset(topic, queueId), zeroIfNotFound);
    replyTo.tell({ kind: 'offset-found', offset });
  }

  #onUpdate(message: UpdateOffset, context: ActorContext): void {
    const refusal = this.#commit(message.topic, message.queueId, message.offset, context);
    message.replyTo.tell({ kind: 'offset-updated', code: refusal?.code ?? 0, remark: refusal?.remark ?? '' });
  }

  #commit(topic: string, queueId: number, offset: number, context: ActorContext): { code: number; remark: string } | null {
    const decision = decideCommit(topic, queueId, offset, this.#options.ranges.maxOffset(topic, queueId));
    if (decision === 'ignore') return null;
    if (decision !== 'store') return decision;
    if (!this.#offsets.commit(topic, queueId, offset)) {
      return {
        code: SYSTEM_BUSY,
        remark: `group ${this.#options.group} has committed offsets of ${this.#offsets.count} queues, the most it may; delete unused topics`,
      };
    }
    if (this.#offsets.isDirty) this.#scheduleFlush(context);
    return null;
  }

  #onList(message: ListOffsets): void {
    const columns: OffsetColumns = { topics: [], queueIds: [], offsets: [] };
    let index = 0;
    const topics = message.topic === '' ? this.#offsets.topics() : [message.topic];
    for (const topic of topics) {
      for (const [queueId, offset] of this.#offsets.of(topic) ?? []) {
        if (index >= message.from && columns.topics.length < PAGE_OFFSETS) {
          columns.topics.push(topic);
          columns.queueIds.push(queueId);
          columns.offsets.push(offset);
        }
        index++;
      }
    }
    const end = message.from + columns.topics.length;
    message.replyTo.tell({ kind: 'offsets-listed', columns, next: end < index ? end : -1 });
  }

  #load(context: ActorContext): void {
    const store: ActorRef<LoadOffsets> = context.ref(OFFSET_STORE_PATH);
    store.tell({ kind: 'load-offsets', group: this.#options.group, request: ++this.#loadRequest });
    context.schedule(LOAD_AGAIN_MS, { kind: 'load-due' } satisfies Private);
  }

  #onLoaded(message: OffsetsLoaded): void {
    if (this.#areOffsetsLoaded || message.request !== this.#loadRequest) return;
    this.#offsets.load(message.columns);
    if (!message.isLast) return;
    this.#areOffsetsLoaded = true;
    const questions = this.#questions;
    this.#questions = [];
    for (const question of questions) this.#onQuery(question);
  }

  #scheduleFlush(context: ActorContext): void {
    if (this.#flushIsDue || this.#isFlying) return;
    this.#flushIsDue = true;
    context.schedule(FLUSH_AFTER_MS, { kind: 'flush-due' } satisfies Private);
  }

  #flush(context: ActorContext): void {
    if (this.#isFlying || !this.#offsets.isDirty) return;
    this.#isFlying = true;
    this.#flight++;
    const due: Private = { kind: 'flight-due', flight: this.#flight };
    context.schedule(FLIGHT_MAX_MS, due);
    this.#send(context, this.#offsets.takeDirty(OFFSETS_PER_MESSAGE));
  }

  /** Without room the flight is not confirmed, and flies again. */
  #send(context: ActorContext, pages: readonly OffsetColumns[]): void {
    const store: ActorRef<SaveOffsets> = context.ref(OFFSET_STORE_PATH);
    for (const [index, columns] of pages.entries()) {
      const isLast = index === pages.length - 1;
      if (!store.tell({ kind: 'save-offsets', group: this.#options.group, flight: this.#flight, columns, isLast })) return;
    }
  }

  #onSaved(flight: number, context: ActorContext): void {
    if (!this.#isFlying || flight !== this.#flight) return;
    this.#isFlying = false;
    this.#offsets.confirm();
    if (this.#offsets.isDirty) this.#scheduleFlush(context);
  }

  #onLostFlight(context: ActorContext): void {
    this.#isFlying = false;
    this.#offsets.retry();
    if (this.#offsets.isDirty) this.#flush(context);
  }

  #onDeleted(message: GroupDeleted, context: ActorContext): void {
    // The retry topic may be deleted with the group; a group that is used again gets it again.
    this.#retryTopic = 'unknown';
    if (!message.cleanOffset) return;
    this.#offsets.forgetAll();
    this.#areOffsetsLoaded = true;
    this.#drop('', context);
  }

  #drop(topic: string, context: ActorContext): void {
    const store: ActorRef<DropOffsets> = context.ref(OFFSET_STORE_PATH);
    store.tell({ kind: 'drop-offsets', group: this.#options.group, topic });
  }

  // Locks

  #onLock(message: LockQueues, context: ActorContext): void {
    const now = context.monotonicMs();
    const held = message.topics.map((topic, index) => this.#locks.lock(topic, message.queueIds[index]!, message.clientId, now));
    message.replyTo.tell({ kind: 'queues-locked', held });
  }
}

/**
 * Consumer-group actor: owns one consumer group, that is its members and what they subscribe to, its committed offsets and its
 * queue locks. One a group, at `consumer-group/<group>`, made by the first message to it.
 *
 * Every shard has a copy of members and subscriptions (group-table.ts), which pulls and member lists are answered from; a
 * heartbeat is answered when all living shards have what it changed and the group's retry topic exists. Notices of change (request
 * 40) go to all members, in rounds that a large group holds at most every 60 ms.
 *
 * Fails by assertion only. Restarted, it reads members and subscriptions back from a shard's copy (those whose connections went
 * with its own thread are gone) and its offsets from the offset store (offset-keeper.ts).
 * Source: RocketMQ `ConsumerManager`, `ConsumerGroupInfo`, `DefaultConsumerIdsChangeListener`.
 */
import type { SubscriptionData } from '../../model/subscription.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { CloseClient, PushToClient } from '../gateway/request.ts';
import type { ConsumerGroupCommand, HeartbeatCommand, ResetOffsets } from './consumer-group-messages.ts';
import type { QueueRanges } from './decide-offset.ts';
import { type CopyTimer, GroupCopies, type ShardGone } from './group-copies.ts';
import type { GroupLimits } from './group-limits.ts';
import { type GroupTable, subscriptionData } from './group-table.ts';
import { groupTablePath, type MembersRecalled, type RecallMembers } from './group-table-actor.ts';
import { LockKeeper, type LockTimer } from './lock-keeper.ts';
import {
  applyMemberEvent,
  emptyMembership,
  type GroupHabits,
  type Member,
  type MemberEffects,
  type Membership,
  memberKey,
  nextExpiryMs,
} from './members.ts';
import { NoticeRound } from './notice-round.ts';
import { OffsetKeeper, type OffsetTimer } from './offset-keeper.ts';
import { PendingResets } from './pending-resets.ts';
import { RetryTopic, type RetryTopicAnswer } from './retry-topic.ts';
import { WaitingAnswers } from './waiting-answers.ts';

type Private =
  | OffsetTimer
  | LockTimer
  | CopyTimer
  | ShardGone
  | { readonly kind: 'scan' }
  | { readonly kind: 'notice-due' }
  | { readonly kind: 'answer-due' }
  | RetryTopicAnswer
  | { readonly kind: 'recalled'; readonly page: MembersRecalled | null };

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
  readonly limits: GroupLimits;
  readonly shards: readonly GroupShard[];
  /** Name of the hosting shard. */
  readonly shard: string;
};

const NOTIFY_CONSUMER_IDS_CHANGED = 40;

/** In a column of resets: this one is not pending any more. */
const TAKEN = -1;
const SCAN_MS = 10_000;
const RECALL_MAX_MS = 1_000;

export class ConsumerGroupActor implements Actor<ConsumerGroupCommand | Private> {
  readonly #options: ConsumerGroupOptions;
  readonly #membership: Membership;
  readonly #offsets: OffsetKeeper;
  readonly #resets: PendingResets = new PendingResets();
  readonly #copies: GroupCopies;
  readonly #locks: LockKeeper;
  readonly #round: NoticeRound = new NoticeRound();
  readonly #waiting: WaitingAnswers = new WaitingAnswers();
  readonly #retryTopic: RetryTopic;
  #scanIsDue = false;
  #answerIsDue = false;

  constructor(options: ConsumerGroupOptions) {
    this.#options = options;
    this.#membership = emptyMembership(options.limits);
    const { group, table, hasTopic } = options;
    this.#retryTopic = new RetryTopic(group, hasTopic, () => table.get(group)?.config.retryQueueNums ?? 1);
    this.#locks = new LockKeeper(options.group, () => this.#wantsNotices());
    this.#offsets = new OffsetKeeper(options.group, options.ranges, options.limits, this.#resets);
    const shards = options.shards.map((shard) => shard.name);
    this.#copies = new GroupCopies(options.group, options.table, this.#membership, this.#resets, shards);
  }

  started(context: ActorContext): void {
    this.#offsets.started(context);
    this.#copies.started(this.#options.shard, context);
    this.#recall(context);
  }

  stopped(context: ActorContext): void {
    this.#offsets.stopped(context);
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
      case 'lock-queues':
      case 'unlock-queues':
      case 'query-locks':
      case 'locks-read':
      case 'locks-kept':
      case 'freed-due':
      case 'restored-due':
        this.#locks.receive(message, context);
        return;
      case 'group-deleted':
        if (message.cleanOffset) this.#onForgetAll(context);
        return;
      case 'forget-topic': {
        const gone = this.#resets.forgetTopic(message.topic);
        if (gone.topics.length > 0) this.#copies.tellResets(gone, context);
        this.#offsets.forgetTopic(message.topic, context);
        return;
      }
      case 'reset-offsets':
        this.#onReset(message, context);
        return;
      case 'reset-taken': {
        const { topic, queueId } = message;
        if (this.#resets.take(topic, queueId) >= 0) {
          this.#copies.tellResets({ topics: [topic], queueIds: [queueId], offsets: [TAKEN] }, context);
        }
        return;
      }
      case 'copied':
        this.#copies.onCopied(message, context);
        this.#answer(context);
        return;
      case 'copy-due':
        this.#copies.onDue(context);
        return;
      case 'scan':
        this.#onScan(context);
        return;
      case 'notice-due':
        this.#notify(context);
        return;
      case 'answer-due':
        this.#answerIsDue = false;
        this.#answer(context);
        return;
      case 'shard-gone':
        this.#onShardGone(message.shard, context);
        return;
      case 'recalled':
        this.#onRecalled(message.page, context);
        return;
      case 'retry-topic':
        this.#onRetryTopic(message, context);
        return;
      case 'update-offset':
      case 'commit-offset':
        this.#locks.signOfQueue(message.topic, message.queueId, context);
        this.#offsets.receive(message, context);
        return;
      default:
        this.#offsets.receive(message, context);
    }
  }

  #onHeartbeat(message: HeartbeatCommand, context: ActorContext): void {
    const { member, habits, subscriptions, fingerprint, withoutSub, replyTo } = message;
    const now = context.monotonicMs();
    const event = { kind: 'heartbeat', member, habits, subscriptions, fingerprint, withoutSub } as const;
    const effects = applyMemberEvent(this.#membership, event, now);
    if (effects.refusal !== null) {
      replyTo.tell({ kind: 'heartbeat-taken', ...effects.refusal, mustNotify: false, wantsFull: false });
      return;
    }
    this.#retryTopic.ensure(context);
    const revision = this.#tellOthers(effects, member, context);
    this.#waiting.addClient(replyTo, effects, revision, now);
    this.#answer(context);
    if (!this.#scanIsDue) this.#scheduleScan(context);
  }

  #onGone(shard: number, connection: number, context: ActorContext): void {
    const effects = applyMemberEvent(this.#membership, { kind: 'connection-gone', shard, connection }, context.monotonicMs());
    this.#tellOthers(effects, null, context);
    this.#locks.releaseConnection(memberKey(shard, connection), context);
  }

  #onScan(context: ActorContext): void {
    this.#scanIsDue = false;
    const now = context.monotonicMs();
    const effects = applyMemberEvent(this.#membership, { kind: 'scan' }, now);
    if (effects.left.length > 0) {
      context.log('warn', 'Members were silent too long', { group: this.#options.group, members: effects.left.length });
    }
    for (const { shard, connection } of effects.left) {
      // Best effort: a gateway without room leaves the socket to its own idle limit.
      const gateway: ActorRef<CloseClient> = context.ref(`gateway/${shard}`);
      gateway.tell({ kind: 'close-client', connection, reason: `no heartbeat of group ${this.#options.group} in time` });
    }
    this.#tellOthers(effects, null, context);
    this.#locks.expire(context);
    if (this.#membership.seen.size > 0) this.#scheduleScan(context);
  }

  /** Not before anybody can have expired: ten thousand quiet groups would else wake up a thousand times a second. */
  #scheduleScan(context: ActorContext): void {
    this.#scanIsDue = true;
    const untilNext = nextExpiryMs(this.#membership) - context.monotonicMs();
    context.schedule(Math.max(Math.min(SCAN_MS, this.#options.limits.memberExpiryMs), untilNext), { kind: 'scan' } satisfies Private);
  }

  #onShardGone(shard: string, context: ActorContext): void {
    this.#copies.onShardGone(shard, context);
    const known = this.#options.shards.find((one) => one.name === shard);
    if (known !== undefined) {
      const effects = applyMemberEvent(this.#membership, { kind: 'shard-gone', shard: known.id }, context.monotonicMs());
      this.#tellOthers(effects, null, context);
    }
    this.#answer(context);
  }

  /** What changed goes to every shard's copy, to the locks, and to the members. Gives the revision to wait for, 0 for none. */
  #tellOthers(effects: MemberEffects, sender: Member | null, context: ActorContext): number {
    if (effects.changedDiffering) this.#logDiffering(context);
    if (effects.gone.length > 0) this.#locks.release(effects.gone, context);
    const revision = this.#copies.tell(effects, context);
    const { seen } = this.#membership;
    if (effects.mustNotify && this.#wantsNotices() && seen.size > 0) {
      const except = sender === null ? -1 : memberKey(sender.shard, sender.connection);
      const waitMs = this.#round.request(seen.keys(), seen.size, except, context.monotonicMs());
      if (waitMs === 0) this.#notify(context);
      else if (waitMs > 0) context.schedule(waitMs, { kind: 'notice-due' } satisfies Private);
    }
    return revision;
  }

  #logDiffering(context: ActorContext): void {
    const { group } = this.#options;
    const { differing } = this.#membership;
    if (differing.length === 0) {
      context.log('info', 'All members of a group subscribe alike again', { group });
      return;
    }
    context.log(
      'warn',
      'Members of a group subscribe to different things: messages will be missed; give each its own group or the same subscriptions',
      {
        group,
        members: differing.join(', '),
        subscriptions: this.#membership.parties.describe(),
      },
    );
  }

  #onReset(message: ResetOffsets, context: ActorContext): void {
    const { columns, isTold, replyTo } = message;
    const refusal = this.#offsets.reset(columns, context);
    if (refusal !== null || !isTold) {
      replyTo.tell({ kind: 'offsets-reset', code: refusal?.code ?? 0, remark: refusal?.remark ?? '' });
      return;
    }
    this.#resets.load(columns);
    const revision = this.#copies.tellResets(columns, context);
    this.#waiting.addTool(replyTo, revision, context.monotonicMs());
    this.#answer(context);
  }

  #onForgetAll(context: ActorContext): void {
    if (this.#resets.size > 0) {
      this.#resets.clear();
      this.#copies.tellAll(context);
    }
    this.#offsets.forgetAll(context);
  }

  #wantsNotices(): boolean {
    const { limits, table, group } = this.#options;
    return limits.notifyMembers && table.get(group)?.config.notifyConsumerIdsChangedEnable !== false;
  }

  /** Tells as many members as there is room for, and goes on later with the rest. */
  #notify(context: ActorContext): void {
    const { seen } = this.#membership;
    const ext = { consumerGroup: this.#options.group };
    const waitMs = this.#round.run(seen.keys(), seen.size, context.monotonicMs(), (key) => {
      const member = seen.get(key)?.member;
      if (member === undefined) return true;
      const gateway: ActorRef<PushToClient> = context.ref(`gateway/${member.shard}`);
      return gateway.tell({ kind: 'push-to-client', connection: member.connection, code: NOTIFY_CONSUMER_IDS_CHANGED, ext, body: null });
    });
    if (waitMs >= 0) context.schedule(waitMs, { kind: 'notice-due' } satisfies Private);
  }

  /** Refused: the heartbeats that wait hear why, their members stay, and the next heartbeat asks again. */
  #onRetryTopic(answer: RetryTopicAnswer, context: ActorContext): void {
    this.#retryTopic.answered(answer);
    const { code, remark } = answer;
    if (code === 0) {
      this.#answer(context);
      return;
    }
    context.log('warn', 'The retry topic of a group cannot be made', { group: this.#options.group, code, remark });
    this.#waiting.refuseClients(code, remark);
  }

  /** Answers the tools and the clients whose changes are everywhere. */
  #answer(context: ActorContext): void {
    const isEverywhere = (revision: number): boolean => this.#copies.isEverywhere(revision);
    const hasRetryTopic = this.#retryTopic.isReady;
    const waitMs = this.#waiting.answer(isEverywhere, hasRetryTopic, this.#wantsNotices(), context.monotonicMs());
    if (waitMs < 0 || this.#answerIsDue) return;
    this.#answerIsDue = true;
    context.schedule(waitMs, { kind: 'answer-due' } satisfies Private);
  }

  /**
   * The own shard's copy still has the members when only this actor was restarted. When the thread was, another shard has them,
   * with those whose connections went with the thread.
   */
  #recall(context: ActorContext): void {
    const own = this.#options.table.peek(this.#options.group);
    for (const columns of own?.resets.pages(Number.POSITIVE_INFINITY) ?? []) this.#resets.load(columns);
    if (own !== undefined && own.memberCount > 0) {
      this.#takeBack([...own.members.values()], own.habits, [...own.subscriptions.values()].map(subscriptionData), context);
      return;
    }
    this.#recallPage(0, context);
  }

  #recallPage(from: number, context: ActorContext): void {
    const { group, shards, shard } = this.#options;
    const other = shards.find((one) => one.name !== shard);
    if (other === undefined) return;
    context.ask<MembersRecalled, RecallMembers>(
      context.ref(groupTablePath(other.name)),
      (replyTo) => ({ kind: 'recall-members', group, from, replyTo }),
      RECALL_MAX_MS,
      (page): Private => ({ kind: 'recalled', page: page ?? null }),
    );
  }

  #onRecalled(page: MembersRecalled | null, context: ActorContext): void {
    if (page === null) {
      // That shard is new itself: the next heartbeats bring the members, and no copy may have older ones.
      this.#copies.tellAll(context);
      return;
    }
    if (page.members.length === 0 || page.habits === null) return;
    const own = this.#options.shards.find((one) => one.name === this.#options.shard)?.id;
    const living = page.members.filter((member) => member.shard !== own);
    this.#takeBack(living, page.habits, page.subscriptions, context);
    if (page.next >= 0) this.#recallPage(page.next, context);
  }

  #takeBack(members: readonly Member[], habits: GroupHabits, subscriptions: readonly SubscriptionData[], context: ActorContext): void {
    const now = context.monotonicMs();
    const { seen, subscriptions: known } = this.#membership;
    for (const member of members) {
      if (seen.has(memberKey(member.shard, member.connection))) continue;
      const event = { kind: 'heartbeat', member, habits, subscriptions: [], fingerprint: 0, withoutSub: true } as const;
      applyMemberEvent(this.#membership, event, now);
    }
    if (seen.size > 0) {
      for (const subscription of subscriptions) if (!known.has(subscription.topic)) known.set(subscription.topic, subscription);
      if (!this.#scanIsDue) this.#scheduleScan(context);
    }
    this.#copies.tellAll(context);
  }
}

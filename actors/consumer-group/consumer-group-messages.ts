/**
 * What a consumer-group actor hears and says. Types only; offsets are the offset keeper's.
 */
import type { SubscriptionData } from '../../model/subscription.ts';
import type { ActorRef } from '../../runtime/actor.ts';
import type { OffsetColumns } from './committed-offsets.ts';
import type { Copied } from './group-table-actor.ts';
import type { GroupHabits, Member } from './members.ts';
import type { OffsetCommand } from './offset-keeper.ts';
import type { ForgetTopic } from './offset-store-actor.ts';

/** A client's heartbeat, as far as it is about this group. */
export type HeartbeatCommand = {
  readonly kind: 'heartbeat';
  readonly member: Member;
  readonly habits: GroupHabits;
  readonly subscriptions: readonly SubscriptionData[];
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
/** Two columns of equal length name the queues; they are free when the connection has gone. */
export type LockQueues = {
  readonly kind: 'lock-queues';
  readonly clientId: string;
  readonly shard: number;
  readonly connection: number;
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
/** Whether anybody holds a lock: then the group consumes in order. */
export type QueryLocks = { readonly kind: 'query-locks'; readonly replyTo: ActorRef<LocksTold> };
export type LocksTold = { readonly kind: 'locks-told'; readonly hasLocks: boolean };
/** From the registry: the group's configuration was deleted, and with `cleanOffset` its offsets are to go. */
export type GroupDeleted = { readonly kind: 'group-deleted'; readonly cleanOffset: boolean };

/**
 * A tool sets offsets (three columns). `isTold`: the next pull of each queue is told to go on there, and until then commits are passed over;
 * answered when every shard's pulls know of it.
 */
export type ResetOffsets = {
  readonly kind: 'reset-offsets';
  readonly columns: OffsetColumns;
  readonly isTold: boolean;
  readonly replyTo: ActorRef<OffsetsReset>;
};
export type OffsetsReset = { readonly kind: 'offsets-reset'; readonly code: number; readonly remark: string };
/** From a shard: a pull of this queue was told the offset that a tool had set. Not answered. */
export type ResetTaken = { readonly kind: 'reset-taken'; readonly topic: string; readonly queueId: number };

export type ConsumerGroupCommand =
  | ResetOffsets
  | ResetTaken
  | HeartbeatCommand
  | UnregisterMember
  | LockQueues
  | UnlockQueues
  | QueryLocks
  | GroupDeleted
  | ForgetTopic
  | OffsetCommand
  | Copied;

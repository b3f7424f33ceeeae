/**
 * What a pop actor hears and says, whatever the protocol of the client. Types only. `ticket` is the asker's own number and comes back. Times in ms;
 * a queue id of −1 means any queue; `retry` says which of the topic and its retry topics a message lies in.
 */
import type { PopRetry } from '../../model/pop-topic.ts';
import type { ActorRef } from '../../runtime/actor.ts';

/** At most `max` messages with together about `bytesMax`, for `invisibleMs`; waits up to `holdMs` (0: not) for the first. */
export type Pop = {
  readonly kind: 'pop';
  readonly ticket: number;
  readonly queueId: number;
  readonly max: number;
  readonly bytesMax: number;
  readonly invisibleMs: number;
  readonly holdMs: number;
  /** Where a group begins that has never consumed: at the last message, not the first. */
  readonly isFromEnd: boolean;
  /** Tag codes wanted; empty: all. What is not wanted is passed over for the whole group. */
  readonly codes: readonly number[];
  /** In order: a queue whose messages are in flight gives no more. */
  readonly isOrdered: boolean;
  /** Of an ordered pop: the same one again gets the same messages at once. Empty: none. */
  readonly attemptId: string;
  readonly replyTo: ActorRef<PopReply>;
};
/**
 * `found`: messages, by queue: four columns of equal length, and three with one entry a message: its offset, its deliveries before (of an ordered pop,
 * else empty), its 20-byte unit. `none`: nothing came in time. `full`: too many pops wait.
 */
export type PopReply = {
  readonly kind: 'pop-reply';
  readonly ticket: number;
  readonly status: 'found' | 'none' | 'full';
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly reviveQueueId: number;
  /** Messages that are still to be popped. */
  readonly rest: number;
  readonly retries: readonly number[];
  readonly queueIds: readonly number[];
  readonly starts: readonly number[];
  readonly counts: readonly number[];
  readonly offsets: readonly number[];
  readonly attempts: readonly number[];
  readonly units: Uint8Array;
};

/** Messages of one pop are done. */
export type AckPopped = {
  readonly kind: 'ack-popped';
  readonly ticket: number;
  readonly retry: PopRetry;
  readonly queueId: number;
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly offsets: readonly number[];
  readonly replyTo: ActorRef<PoppedAcked>;
};
/**
 * `done`: it will not come again, also when it was done before. `expired`: its time was over and it was given on. `replaced`: another receipt is good for
 * it. `refused`: the log takes nothing at the moment, a crash might bring it again. `busy`: later.
 */
export type ReceiptOutcome = 'done' | 'expired' | 'replaced' | 'refused' | 'busy';
/** Of several messages: the worst outcome, and the message that had it. */
export type PoppedAcked = {
  readonly kind: 'popped-acked';
  readonly ticket: number;
  readonly outcome: ReceiptOutcome;
  readonly offset: number;
};

/** A message of a pop stays invisible for `nextMs` from now on; 0: it comes again at once. */
export type ChangeInvisible = {
  readonly kind: 'change-invisible';
  readonly ticket: number;
  readonly retry: PopRetry;
  readonly queueId: number;
  readonly offset: number;
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly nextMs: number;
  readonly replyTo: ActorRef<InvisibleChanged>;
};
/** The new receipt's words. */
export type InvisibleChanged = {
  readonly kind: 'invisible-changed';
  readonly ticket: number;
  readonly outcome: ReceiptOutcome;
  readonly popTime: number;
  readonly invisibleMs: number;
};

/** Answered when there is something to pop, or after `holdMs`. */
export type AwaitPoppable = {
  readonly kind: 'await-poppable';
  readonly ticket: number;
  readonly queueId: number;
  readonly holdMs: number;
  readonly isOrdered: boolean;
  readonly attemptId: string;
  readonly replyTo: ActorRef<Poppable>;
};
export type Poppable = { readonly kind: 'poppable'; readonly ticket: number; readonly hasMessage: boolean; readonly isFull: boolean };

/** The messages that a pop would give, which stay where they are. */
export type Peek = {
  readonly kind: 'peek';
  readonly ticket: number;
  readonly queueId: number;
  readonly max: number;
  readonly bytesMax: number;
  readonly replyTo: ActorRef<PopReply>;
};

/** How many pops of this queue id wait. */
export type CountHeld = {
  readonly kind: 'count-held';
  readonly ticket: number;
  readonly queueId: number;
  readonly replyTo: ActorRef<HeldCounted>;
};
export type HeldCounted = { readonly kind: 'held-counted'; readonly ticket: number; readonly count: number };

/** The group was paused, its offsets were set, or its topic has changed: what waits is looked at again. */
export type PopRestricted = { readonly kind: 'pop-restricted' };
/** The journal goes on: the whole state is to be told it anew. */
export type TellWhole = { readonly kind: 'tell-whole' };

export type PopCommand = Pop | AckPopped | ChangeInvisible | AwaitPoppable | Peek | CountHeld | PopRestricted | TellWhole;
/** What a pop actor answers. */
export type PopAnswer = PopReply | PoppedAcked | InvisibleChanged | Poppable | HeldCounted;

/** Where the pop actor of a group and topic lives. */
export function popPath(group: string, topic: string): string {
  return `pop/${group}/${topic}`;
}

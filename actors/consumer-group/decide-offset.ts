/**
 * What a group is told of its offset in a queue, and which commits it may make. Pure.
 * Source: RocketMQ 4.9 `ConsumerManageProcessor.queryConsumerOffset` (its rule for an empty queue: 5.x answers 22 there, which one
 * client takes for a failure and another for the same 0 one request later); 5.x `updateConsumerOffset`.
 */
import { OFFSET_MAX, type Refusal } from './group-limits.ts';

const INVALID_PARAMETER = 29;

/** -1: never consumed; the client decides by its own ConsumeFromWhere. */
export const NOT_FOUND = -1;

/** The range of a queue's offsets; an unknown queue begins and ends at 0. */
export interface QueueRanges {
  minOffset(topic: string, queueId: number): number;
  /** The offset that the next message gets. */
  maxOffset(topic: string, queueId: number): number;
  /** The queue's handle; −1: there is no such queue. */
  handle(topic: string, queueId: number): number;
}

/**
 * @param stored the committed offset, negative when there is none.
 * @param minOffset first offset that the queue still has; 0 for an empty or missing queue.
 * @param zeroIfNotFound false only when the client said so.
 */
export function decideQueryOffset(stored: number, minOffset: number, zeroIfNotFound: boolean): number {
  if (stored >= 0) return stored;
  if (!zeroIfNotFound) return NOT_FOUND;
  // All messages are still there: a new group reads them all, whatever it would do on a topic with a past.
  return minOffset <= 0 ? 0 : NOT_FOUND;
}

export type CommitDecision = 'store' | 'ignore' | Refusal;

/** A negative offset means nothing; one beyond the end would let the group jump over messages that are still to come. */
export function decideCommit(topic: string, queueId: number, offset: number, maxOffset: number): CommitDecision {
  if (offset < 0) return 'ignore';
  if (offset <= maxOffset && offset <= OFFSET_MAX) return 'store';
  return {
    code: INVALID_PARAMETER,
    remark: `the offset ${offset} to commit is beyond the end ${maxOffset} of queue ${queueId} of topic ${topic}; commit at most ${maxOffset}`,
  };
}

/**
 * Which queues a member of a group is to read, and whether by pulling or popping. Pure; null: the member changes nothing.
 * Source: RocketMQ 5.3 `QueryAssignmentProcessor.doLoadBalance`, `allocate4Pop`.
 */
import { allocateAveragely, allocateByCircle, compareQueues } from '../../model/allocate-queues.ts';
import type { MessageQueue } from '../../model/queue-id.ts';
import { compareText } from '../../model/queue-id.ts';
import type { RequestMode } from './request-modes-json.ts';

/** In an assignment to pop: any queue of that broker. */
export const ANY_QUEUE = -1;

export type Assignment = {
  /** Of the topic, as its route says. */
  readonly queues: readonly MessageQueue[];
  readonly members: readonly string[];
  readonly clientId: string;
  readonly isBroadcast: boolean;
  /** As the member names it. */
  readonly strategy: string;
  readonly mode: RequestMode;
  /** False: every member reads all queues (`serverLoadBalancerEnable`). */
  readonly isBalanced: boolean;
};

type Allocate = (queues: readonly MessageQueue[], members: readonly string[], clientId: string) => MessageQueue[];
const STRATEGIES: ReadonlyMap<string, Allocate> = new Map([
  ['AVG', allocateAveragely],
  ['AVG_BY_CIRCLE', allocateByCircle],
]);

export function assignQueues({ queues, members, clientId, isBroadcast, strategy, mode, isBalanced }: Assignment): MessageQueue[] | null {
  if (isBroadcast || !isBalanced) return [...queues];
  const allocate = STRATEGIES.get(strategy);
  if (allocate === undefined || members.length === 0) return null;
  return mode.mode === 'POP' ? sharesToPop(allocate, queues, members, clientId, mode.shareQueues) : allocate(queues, members, clientId);
}

/** Each queue is popped by its own member and by `shareQueues` others; without a number, or with as many as there are, by all. */
function sharesToPop(
  allocate: Allocate,
  queues: readonly MessageQueue[],
  members: readonly string[],
  clientId: string,
  shareQueues: number,
): MessageQueue[] {
  const sorted = [...new Set(members)].sort(compareText);
  if (shareQueues <= 0 || shareQueues >= sorted.length - 1) {
    const brokers = [...new Set(queues.map(({ brokerName }) => brokerName))].sort(compareText);
    return brokers.map((brokerName) => ({ brokerName, queueId: ANY_QUEUE, topic: queues[0]!.topic }));
  }
  const index = sorted.indexOf(clientId);
  if (index < 0) return [];
  // More members than queues: each gets one all the same.
  if (sorted.length > queues.length) return queues.length === 0 ? [] : [[...queues].sort(compareQueues)[index % queues.length]!];
  const shares: MessageQueue[] = [];
  for (let step = 0; step <= shareQueues; step++) shares.push(...allocate(queues, sorted, sorted[(index + step) % sorted.length]!));
  return [...new Map(shares.map((queue) => [`${queue.brokerName} ${queue.queueId}`, queue])).values()];
}

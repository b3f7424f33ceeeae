/**
 * Which of a topic's queues a member of a group gets. Pure, and the same sums as all other clients do: a group may be of Java, Go and our members,
 * and each works its share out alone, or asks a broker.
 * Source: RocketMQ 5.3 `AllocateMessageQueueAveragely`, `AllocateMessageQueueAveragelyByCircle`, `MessageQueue.compareTo`.
 */
import { compareText, type MessageQueue } from './queue-id.ts';

/** By topic, broker name and queue id, as Java sorts them. */
export function compareQueues(a: MessageQueue, b: MessageQueue): number {
  return compareText(a.topic, b.topic) || compareText(a.brokerName, b.brokerName) || a.queueId - b.queueId;
}

/** The share of `clientId`: none when it is not among the members. Queues and members in any order. */
export function allocateAveragely(queues: readonly MessageQueue[], members: readonly string[], clientId: string): MessageQueue[] {
  const sortedMembers = [...new Set(members)].sort(compareText);
  const index = sortedMembers.indexOf(clientId);
  if (index < 0) return [];
  const sorted = [...queues].sort(compareQueues);
  const count = sortedMembers.length;
  const rest = sorted.length % count;
  // The first members get one more each while there is a rest.
  const share = sorted.length <= count ? 1 : Math.floor(sorted.length / count) + (rest > 0 && index < rest ? 1 : 0);
  const start = rest > 0 && index < rest ? index * share : index * share + rest;
  return sorted.slice(start, Math.min(sorted.length, start + share));
}

/** The share of `clientId` when the queues are dealt out one by one: none when it is not among the members. */
export function allocateByCircle(queues: readonly MessageQueue[], members: readonly string[], clientId: string): MessageQueue[] {
  const sortedMembers = [...new Set(members)].sort(compareText);
  const index = sortedMembers.indexOf(clientId);
  if (index < 0) return [];
  return [...queues].sort(compareQueues).filter((_, at) => at % sortedMembers.length === index);
}

/**
 * A message queue's name: a topic's share on one broker. Source: RocketMQ `MessageQueue`.
 */

/** Queues of one topic on one broker. */
export const QUEUES_MAX = 65_536;

export type MessageQueue = { readonly brokerName: string; readonly queueId: number; readonly topic: string };

/** One text for a queue, for use as a map's key; unique since a topic's name has no `@`. */
export function queueKey(topic: string, queueId: number): string {
  return `${topic}@${queueId}`;
}

export function isSameQueue(a: MessageQueue, b: MessageQueue): boolean {
  return a.topic === b.topic && a.queueId === b.queueId && a.brokerName === b.brokerName;
}

/** As Java compares texts: by UTF-16 units. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Names of pop consumption: a group has a retry topic of its own for each topic that it pops, and its attempts there are marked by a number that
 * travels in receipts: 0 the topic itself, 1 the retry topic as `_` joins it, 2 as `+` joins it. Source: RocketMQ 5.3 `KeyBuilder`.
 */
import { RETRY_TOPIC_PREFIX } from './topic.ts';

/** Which of the three topics a popped message lies in. */
export type PopRetry = 0 | 1 | 2;

/** Revive queue that receipts of ordered pops name. */
export const POP_ORDER_REVIVE_QUEUE = 999;

const JOINTS: readonly string[] = ['', '_', '+'];

/** The topic in which a message lies that was popped of `topic`. */
export function popTopicName(group: string, topic: string, retry: PopRetry): string {
  return retry === 0 ? topic : `${RETRY_TOPIC_PREFIX}${group}${JOINTS[retry]}${topic}`;
}

/** The reverse of `popTopicName`: what the group pops when it names `stored`. A retry topic of another group is a topic of its own. */
export function poppedTopic(group: string, stored: string): { readonly topic: string; readonly retry: PopRetry } {
  for (const retry of [2, 1] as const) {
    const head = popTopicName(group, '', retry);
    if (stored.startsWith(head) && stored.length > head.length) return { topic: stored.slice(head.length), retry };
  }
  return { topic: stored, retry: 0 };
}

/** The number in a receipt or a batch of acknowledgements; null: none of the three. */
export function popRetryOf(text: string): PopRetry | null {
  return text === '0' ? 0 : text === '1' ? 1 : text === '2' ? 2 : null;
}

/**
 * Which queue a message goes to. Pure. Source: RocketMQ 5.3 `TopicPublishInfo.selectOneMessageQueue`, `SelectMessageQueueByHash`.
 */
import { javaHash } from '../model/java-hash.ts';
import type { MessageQueue } from '../model/queue-id.ts';

/** The first queue from `index` on whose broker is usable; the one at `index` when none is. The list is not empty. */
export function nextQueue(queues: readonly MessageQueue[], index: number, isUsable: (brokerName: string) => boolean): MessageQueue {
  const count = queues.length;
  for (let step = 0; step < count; step++) {
    const queue = queues[(index + step) % count] as MessageQueue;
    if (isUsable(queue.brokerName)) return queue;
  }
  return queues[index % count] as MessageQueue;
}

/** The queue of a sharding key: Java's hash, so that Java producers choose the same one. */
export function queueOfKey(queues: readonly MessageQueue[], key: string): MessageQueue {
  const remainder = javaHash(key) % queues.length;
  return queues[Math.abs(remainder)] as MessageQueue;
}

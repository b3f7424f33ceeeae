/**
 * Queue list actor: the root's copy of which handle stands for which queue, given to a first shard that starts or starts again.
 */
import type { Actor } from '../../runtime/actor.ts';
import type { QueueInterned } from '../store/store-messages.ts';

export const QUEUE_LIST_PATH = 'root/queue-list';

export type ListedQueue = { readonly topic: string; readonly queueId: number; readonly handle: number };

export class QueueListActor implements Actor<QueueInterned> {
  readonly queues: ListedQueue[];

  constructor(queues: ListedQueue[]) {
    this.queues = queues;
  }

  receive(message: QueueInterned): void {
    this.queues.push({ topic: message.topic, queueId: message.queueId, handle: message.handle });
  }
}

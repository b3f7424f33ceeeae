/**
 * Queue list actor: the root's copy of which handle stands for which queue, given to a first shard that starts or starts again.
 */
import type { Actor } from '../../runtime/actor.ts';
import type { QueueInterned, TopicRetired } from '../store/store-messages.ts';

export const QUEUE_LIST_PATH = 'root/queue-list';

export type ListedQueue = { readonly topic: string; readonly queueId: number; readonly handle: number };

export class QueueListActor implements Actor<QueueInterned | TopicRetired> {
  /** Changed in place: who gives the list reads it. */
  readonly queues: ListedQueue[];

  constructor(queues: ListedQueue[]) {
    this.queues = queues;
  }

  receive(message: QueueInterned | TopicRetired): void {
    if (message.kind === 'topic-retired') {
      const kept = this.queues.filter(({ topic }) => topic !== message.topic);
      this.queues.length = 0;
      for (const queue of kept) this.queues.push(queue);
      return;
    }
    this.queues.push({ topic: message.topic, queueId: message.queueId, handle: message.handle });
  }
}

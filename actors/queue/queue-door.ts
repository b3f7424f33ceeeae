/**
 * Queue door: what the handlers of requests about one queue share: its handle, and the way to ask its actor. Fails by answering
 * busy when the actor does not answer in time.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { Request } from '../gateway/request.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { QueryRange, QueueRange } from './queue-actor.ts';

const SYSTEM_BUSY = 2;
const ASK_MAX_MS = 2_500;

/** What the queue handlers of a shard share. */
export class QueueDoor {
  readonly thread: ThreadContext;
  readonly topics: TopicTable;

  constructor(thread: ThreadContext, topics: TopicTable) {
    this.thread = thread;
    this.topics = topics;
  }

  /** −1: no such queue. */
  handle(topic: string, queueId: number): number {
    return this.topics.get(topic)?.queueHandles[queueId] ?? -1;
  }

  /** Asks the queue's actor what consumers see; `onRange` is not called when it gives no answer: the request is answered busy. */
  askRange(request: Request, topic: string, queueId: number, handle: number, onRange: (range: QueueRange) => void): void {
    const queue: ActorRef<QueryRange> = this.thread.ref(`queue/${topic}/${queueId}`);
    this.thread.ask<QueueRange, QueryRange>(
      queue,
      (replyTo) => ({ kind: 'query-range', handle, replyTo }),
      ASK_MAX_MS,
      (range) => {
        if (range !== undefined) onRange(range);
        else request.answer(SYSTEM_BUSY, `queue ${queueId} of ${topic} gave no answer within ${ASK_MAX_MS} ms; try again`);
        this.thread.requestTurn();
      },
    );
  }
}

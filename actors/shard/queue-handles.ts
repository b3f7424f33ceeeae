/**
 * Queue handles: the number by which the broker's threads call a message queue. Given out on the first shard, by the topic registry;
 * the store worker is told, for it brings units to files by name, and the root keeps the list for when this shard is replaced.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { QueueInterned } from '../store/store-messages.ts';
import type { QueueHandles } from '../topic/topic-registry-actor.ts';

export class QueueHandleList implements QueueHandles {
  readonly #byTopic: Map<string, Map<number, number>> = new Map();
  readonly #table: QueueTable;
  readonly #listeners: readonly ActorRef<QueueInterned>[];
  #next = 0;

  /** @param listeners told of each new queue: the store worker and the root's list */
  constructor(table: QueueTable, listeners: readonly ActorRef<QueueInterned>[]) {
    this.#table = table;
    this.#listeners = listeners;
  }

  /** A queue that exists already. */
  add(topic: string, queueId: number, handle: number): void {
    let queues = this.#byTopic.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#byTopic.set(topic, queues);
    }
    queues.set(queueId, handle);
    this.#next = Math.max(this.#next, handle + 1);
  }

  /** The queue's handle; a new queue begins at offset 0. Throws when the table is full or the store worker takes no more. */
  intern(topic: string, queueId: number): number {
    const known = this.#byTopic.get(topic)?.get(queueId);
    if (known !== undefined) return known;
    const handle = this.#next;
    if (handle >= this.#table.queueMax)
      throw new Error(`The broker holds ${this.#table.queueMax} queues, which is the most; delete topics`);
    this.#table.create(handle, 0, 0, -1);
    for (const listener of this.#listeners) {
      if (!listener.tell({ kind: 'queue-interned', handle, topic, queueId }))
        throw new Error(`${listener.path} takes no more queues at the moment: queue ${queueId} of ${topic} was not made`);
    }
    this.add(topic, queueId, handle);
    return handle;
  }
}

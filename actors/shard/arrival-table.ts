/**
 * Arrival table of one shard: who there is told that a queue has got messages: the queue's actor, and for the queues of the delay
 * levels the timer too.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { Arrived } from '../queue/queue-actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';

const ARRIVED: Arrived = { kind: 'arrived' };

export class ArrivalTable {
  readonly #table: QueueTable;
  readonly #thread: number;
  /** By handle. */
  readonly #told: (Pick<ActorRef<Arrived>, 'tell'> | undefined)[] = [];
  readonly #watchers: Map<number, ActorRef<Arrived>> = new Map();

  /** @param thread index of this one, which the log worker tells */
  constructor(table: QueueTable, thread: number) {
    this.#table = table;
    this.#thread = thread;
  }

  /** `queue` is the queue's actor. */
  own(handle: number, queue: ActorRef<Arrived>): void {
    const watcher = this.#watchers.get(handle);
    this.#told[handle] = watcher === undefined ? queue : both(queue, watcher);
    this.#table.setOwner(handle, this.#thread);
  }

  /** `watcher` is told as well. The queue's actor must have its place on this thread. */
  watch(handle: number, watcher: ActorRef<Arrived>): void {
    const queue = this.#told[handle];
    this.#watchers.set(handle, watcher);
    this.#told[handle] = queue === undefined ? watcher : both(queue, watcher);
    this.#table.setOwner(handle, this.#thread);
  }

  tell(handle: number): void {
    this.#told[handle]?.tell(ARRIVED);
  }
}

function both(queue: Pick<ActorRef<Arrived>, 'tell'>, watcher: ActorRef<Arrived>): Pick<ActorRef<Arrived>, 'tell'> {
  return {
    tell: (arrived) => {
      const isTold = queue.tell(arrived);
      return watcher.tell(arrived) && isTold;
    },
  };
}

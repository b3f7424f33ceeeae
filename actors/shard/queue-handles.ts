/**
 * Queue handles: the number by which the broker's threads call a message queue. Given out on the first shard, by the topic registry;
 * the store worker is told, for it brings units to files by name, and the root keeps the list for when this shard is replaced.
 * The handles of a deleted topic rest until nothing of its queues can be under way any more, and are given out again when no others are left.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { QueueInterned, TopicRetired } from '../store/store-messages.ts';
import { STORE_PATH } from '../store/store-messages.ts';
import type { QueueHandles } from '../topic/topic-registry-actor.ts';

/** Listeners with full rings are tried again after so long. */
const AGAIN_MS = 1;
/** Longer than any pull is held: nobody asks a queue by a handle so old. */
const REST_MS = 300_000;

export class QueueHandleList implements QueueHandles {
  readonly #byTopic: Map<string, Map<number, number>> = new Map();
  readonly #table: QueueTable;
  readonly #listeners: readonly ActorRef<QueueInterned | TopicRetired>[];
  readonly #schedule: (delayMs: number, run: () => void) => void;
  readonly #monotonicMs: () => number;
  /** What listeners have yet to be told, by listener; not more than the table has queues. */
  readonly #untold: (QueueInterned | TopicRetired)[][];
  /** Handles of deleted topics, oldest first, and since when they rest. */
  #resting: { readonly handle: number; readonly sinceMs: number }[] = [];
  #next = 0;

  /**
   * @param listeners told of each new queue: the store worker and the root's list
   * @param schedule a timer of this thread
   */
  constructor(
    table: QueueTable,
    listeners: readonly ActorRef<QueueInterned | TopicRetired>[],
    schedule: (delayMs: number, run: () => void) => void,
    monotonicMs: () => number = () => 0,
  ) {
    this.#monotonicMs = monotonicMs;
    this.#table = table;
    this.#listeners = listeners;
    this.#schedule = schedule;
    this.#untold = listeners.map(() => []);
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

  /**
   * The queue's handle; a new queue begins at offset 0. Throws when the table is full or a listener takes no more. With `mayWait`,
   * for the topics of a start, such a listener is told later: they may be many more than its ring holds, and a shard that dies
   * before it has told the root ends the start, so that no handle is given out twice.
   */
  intern(topic: string, queueId: number, mayWait: boolean = false): number {
    const known = this.#byTopic.get(topic)?.get(queueId);
    if (known !== undefined) return known;
    // After this shard's own death its list is without the handles that rested.
    while (this.#next < this.#table.queueMax && !this.#table.isEmpty(this.#next)) this.#next++;
    const handle = this.#next < this.#table.queueMax ? this.#next : this.#rested();
    if (handle < 0)
      throw new Error(
        `The broker holds ${this.#table.queueMax} queues, which is the most; delete topics, whose queues are free after some minutes`,
      );
    this.#table.create(handle, 0, 0, -1);
    const message: QueueInterned = { kind: 'queue-interned', handle, topic, queueId };
    for (const [index, listener] of this.#listeners.entries()) {
      const untold = this.#untold[index]!;
      if (untold.length === 0 && listener.tell(message)) continue;
      if (mayWait) {
        untold.push(message);
        if (untold.length === 1) this.#schedule(AGAIN_MS, () => this.#tell(index));
      } else throw new Error(`${listener.path} takes no more queues at the moment: queue ${queueId} of ${topic} was not made`);
    }
    this.add(topic, queueId, handle);
    return handle;
  }

  /** Names of all topics that have handles. */
  topics(): Iterable<string> {
    return this.#byTopic.keys();
  }

  /** The topic was deleted: its handles stand for nothing any more; made again it gets others, and begins at offset 0. */
  retire(topic: string): void {
    const queues = this.#byTopic.get(topic);
    if (queues === undefined) return;
    this.#byTopic.delete(topic);
    const sinceMs = this.#monotonicMs();
    for (const handle of queues.values()) {
      this.#table.retire(handle);
      this.#resting.push({ handle, sinceMs });
    }
    // The store is told what to drop by who asked for this; the others keep lists.
    const message: TopicRetired = { kind: 'topic-retired', topic };
    for (const [index, listener] of this.#listeners.entries()) {
      if (listener.path === STORE_PATH) continue;
      const untold = this.#untold[index]!;
      if (untold.length === 0 && listener.tell(message)) continue;
      untold.push(message);
      if (untold.length === 1) this.#schedule(AGAIN_MS, () => this.#tell(index));
    }
  }

  /** A handle that has rested long enough; −1: there is none. */
  #rested(): number {
    const ripe = this.#monotonicMs() - REST_MS;
    const index = this.#resting.findIndex(({ handle, sinceMs }) => sinceMs <= ripe && this.#table.isEmpty(handle));
    return index < 0 ? -1 : this.#resting.splice(index, 1)[0]!.handle;
  }

  #tell(index: number): void {
    const untold = this.#untold[index]!;
    let told = 0;
    while (told < untold.length && this.#listeners[index]!.tell(untold[told]!)) told++;
    untold.splice(0, told);
    if (untold.length > 0) this.#schedule(AGAIN_MS, () => this.#tell(index));
  }
}

/**
 * Sync flush: queues with held pulls whose messages are written but not on disk; told again when the disk has more. One a shard,
 * polled in every turn.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { PollSource } from '../../runtime/thread/thread-context.ts';
import { FLUSHED_END, type Watermarks } from '../commit-log/watermarks.ts';
import type { Arrived } from '../queue/queue-actor.ts';

export class FlushWatch implements PollSource {
  readonly #marks: Watermarks;
  #queues: Set<ActorRef<Arrived>> = new Set();
  #flushed = -1;

  constructor(marks: Watermarks) {
    this.#marks = marks;
  }

  /** @param seen the flushed end at which the queue found nothing to show */
  add(queue: ActorRef<Arrived>, seen: number): void {
    this.#flushed = this.#queues.size === 0 ? seen : Math.min(this.#flushed, seen);
    this.#queues.add(queue);
  }

  poll(): boolean {
    if (this.#queues.size === 0) return false;
    const flushed = this.#marks.read(FLUSHED_END);
    if (flushed === this.#flushed) return false;
    this.#flushed = flushed;
    const queues = this.#queues;
    this.#queues = new Set();
    for (const queue of queues) queue.tell({ kind: 'arrived' });
    return true;
  }
}

/**
 * Guest queues: the queue table as a guest's own queue actors see it. They hold the pulls of the application alone; the log worker, which
 * knows one owner a queue, only wakes the guest, and what has come is found here.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { PollSource } from '../../runtime/thread/thread-context.ts';
import type { Arrived } from '../queue/queue-actor.ts';
import { QueueTable } from '../queue/queue-table.ts';

const ARRIVED: Arrived = { kind: 'arrived' };

export class GuestQueues extends QueueTable implements PollSource {
  readonly #actors: Map<number, ActorRef<Arrived>> = new Map();
  /** Queues with held pulls: the end at which they found nothing. */
  readonly #seen: Map<number, number> = new Map();

  own(handle: number, queue: ActorRef<Arrived>): void {
    this.#actors.set(handle, queue);
  }

  override setWaiting(handle: number): void {
    // Before the flag: what comes in between is seen by the caller, who looks once more behind it.
    this.#seen.set(handle, this.next(handle));
    this.setGuestWaiting(handle);
  }

  poll(): boolean {
    let did = false;
    for (const [handle, end] of this.#seen) {
      if (this.next(handle) === end) continue;
      this.#seen.delete(handle);
      this.#actors.get(handle)?.tell(ARRIVED);
      did = true;
    }
    return did;
  }
}

/**
 * Departures: which messages in flight of one group and topic are being stored once more, or are, while the journal does not know it yet. Pure. It
 * outlives the pop actor: one that is restarted in between is told by it what its former life has begun, and stores nothing twice. A process
 * that is killed in between does: the message may then come twice.
 */
import type { PopRetry } from '../../model/pop-topic.ts';

/** `leaving`: the log has not said yet what became of it. `left`: it is stored. */
export type Departure = 'staying' | 'leaving' | 'left';

export class PopDepartures {
  readonly #known: Map<string, 'leaving' | 'left'> = new Map();
  #jobs = 0;

  /** Of every life of the actor another number. */
  nextJob(): number {
    return this.#jobs++;
  }

  of(retry: PopRetry, queueId: number, offset: number, popTime: number): Departure {
    return this.#known.get(keyOf(retry, queueId, offset, popTime)) ?? 'staying';
  }

  set(retry: PopRetry, queueId: number, offset: number, popTime: number, departure: Departure): void {
    const key = keyOf(retry, queueId, offset, popTime);
    if (departure === 'staying') this.#known.delete(key);
    else this.#known.set(key, departure);
  }

  /** Messages on their way: as many as the reviver works on at once. */
  get size(): number {
    return this.#known.size;
  }
}

function keyOf(retry: PopRetry, queueId: number, offset: number, popTime: number): string {
  return `${retry}/${queueId}/${offset}/${popTime}`;
}

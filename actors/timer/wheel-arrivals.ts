/**
 * Wheel arrivals: sees what comes to the timer topic's queue, unit by unit, from memory, or through the reader where it is no longer there.
 * Part of the wheel actor; owns how far the queue was seen. A reader without an answer is asked again.
 */
import { TIMER_TOPIC } from '../../model/topic.ts';
import type { ActorContext } from '../../runtime/actor.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, unitTime } from '../../storage/consume-queue/queue-unit.ts';
import { timerKey } from '../../storage/timer/timer-unit.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ReadUnits, UnitsRead } from '../store/reader-actor.ts';
import { isMessage } from './decide-delivery.ts';

export type UnitsCame = { readonly kind: 'units'; readonly offset: number; readonly units: Uint8Array | null };

/** Told of each message, and behind each page of them. */
export type ArrivalsSeen = {
  readonly come: (key: number, physical: number, size: number) => void;
  readonly pageSeen: () => void;
};

/** Units seen in one turn. */
const SCAN_MAX = 4_096;
const SCAN_PAGE = 256;
const ASK_MAX_MS = 5_000;
/** After so many at once it rests, and nobody tells it meanwhile. */
const BURST_LEAST = 16;
const REST_MS = 4;

export class WheelArrivals {
  readonly #handle: number;
  readonly #table: QueueTable;
  readonly #reader: string;
  readonly #seen: ArrivalsSeen;
  readonly #units = new Uint8Array(SCAN_PAGE * QUEUE_UNIT_BYTES);
  #isReading = false;
  /** Monotonic ms before which nothing is seen. */
  #restUntil = 0;
  /** The queue's end at some moment of the clock: seen up to there, all is seen that was in it then. */
  #goal = -1;
  #goalMs = 0;
  /** All that was in the queue at this time of the clock, in ms, is seen: a message of a later time may still be taken back by what is not. */
  seenMs = 0;
  /** Offset of the first unit that was not seen. */
  next: number;
  /** End of the record of the last one that was. */
  end: number;

  /** Sees from the queue's end on. @param end records that lie before it were seen */
  constructor(handle: number, parts: { readonly table: QueueTable; readonly reader: string }, end: number, seen: ArrivalsSeen) {
    this.#handle = handle;
    this.#table = parts.table;
    this.#reader = parts.reader;
    this.#seen = seen;
    this.next = parts.table.next(handle);
    this.end = end;
  }

  /** Units that are still to be seen. */
  get behind(): number {
    return this.#table.next(this.#handle) - this.next;
  }

  /**
   * Sees what has come. Gives the ms after which it is to be called again: 0: there is more, for the next turn; +∞: the actor is told, of what is
   * read elsewhere as `units`. @param isUrgent messages are about to be delivered, which a word that has come may take back: no rest before it
   */
  see(isUrgent: boolean, context: ActorContext): number {
    const table = this.#table;
    const handle = this.#handle;
    const restMs = this.#restUntil - context.monotonicMs();
    if (restMs > 0 && !isUrgent) return restMs;
    if (this.#goal < 0) {
      this.#goalMs = context.now();
      this.#goal = table.next(handle);
      this.#look();
    }
    for (let seen = 0; !this.#isReading; ) {
      const next = table.next(handle);
      if (this.next >= next) {
        if (seen >= BURST_LEAST) {
          this.#restUntil = context.monotonicMs() + REST_MS;
          return REST_MS;
        }
        table.setWaiting(handle);
        // Looked at once more: what came between the look and the flag rang no bell.
        if (this.next >= table.next(handle)) return Number.POSITIVE_INFINITY;
        continue;
      }
      if (seen >= SCAN_MAX) return 0;
      const count = Math.min(SCAN_PAGE, next - this.next);
      const read = table.readUnits(handle, this.next, count, this.#units);
      if (read === 0) this.#read(count, context);
      else this.#take(this.#units, read);
      seen += read;
    }
    return Number.POSITIVE_INFINITY;
  }

  #look(): void {
    if (this.#goal < 0 || this.next < this.#goal) return;
    this.seenMs = this.#goalMs;
    this.#goal = -1;
  }

  #read(count: number, context: ActorContext): void {
    this.#isReading = true;
    const [handle, offset] = [this.#handle, this.next];
    context.ask<UnitsRead, ReadUnits>(
      context.ref(this.#reader),
      (replyTo) => ({ kind: 'read-units', topic: TIMER_TOPIC, queueId: 0, handle, offset, count, replyTo }),
      ASK_MAX_MS,
      (reply): UnitsCame => ({ kind: 'units', offset, units: reply?.units ?? null }),
    );
  }

  /** What the reader has read. False: nothing; ask again in a while. */
  onUnits({ offset, units }: UnitsCame): boolean {
    this.#isReading = false;
    if (units === null || units.length === 0) return false;
    if (offset === this.next) this.#take(units, units.length / QUEUE_UNIT_BYTES);
    return true;
  }

  #take(units: Uint8Array, count: number): void {
    for (let at = 0; at < count * QUEUE_UNIT_BYTES; at += QUEUE_UNIT_BYTES) {
      if (!isMessage(units, at)) continue;
      const [physical, size] = [unitPhysicalOffset(units, at), unitSize(units, at)];
      this.end = Math.max(this.end, physical + size);
      this.#seen.come(timerKey(unitTime(units, at)), physical, size);
    }
    this.next += count;
    this.#look();
    this.#seen.pageSeen();
  }
}

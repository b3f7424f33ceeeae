/**
 * Pop restoring: gives the queues of a pop actor the state that the journal has of them, and finds where they were cut below it. A power cut in asynchronous flush may take messages and leave the journal's
 * record that they were popped, and what is stored next has their offsets: it must not be passed over. A record of the journal speaks of what lies
 * before it in the log; a message below the offset that it names, but behind it in the log, is another one. That can be seen at any start, however
 * many there were since, so nothing has to be written down in time.
 * One search a life of a pop actor, before it serves; owns nothing. What cannot be read is read again a while later, and the actor waits.
 * Source: none; RocketMQ consumes its revive topic by offset, whatever the log has lost.
 */
import { QUEUE_UNIT_BYTES, unitPhysicalOffset } from '../../storage/consume-queue/queue-unit.ts';
import { isMessage } from '../timer/decide-delivery.ts';
import type { PopState } from './pop-journal.ts';
import { ledgerKey } from './pop-ledger.ts';
import type { PopQueue } from './pop-queue.ts';
import type { PopQueues } from './pop-queues.ts';
import type { PopSurroundings } from './pop-surroundings.ts';

/** A queue, and the place in the log of the record that said last where its pops go on. */
type ToldQueue = { readonly queue: PopQueue; readonly toldAt: number };

/** Looked at first, and at most at once. */
const UNITS_FIRST = 16;
const UNITS_MAX = 1024;

/**
 * How many of a queue's units, from the last one back, belong to messages behind `toldAt` in the log; `isAll`: so may those before them. Pure. A unit
 * that stands for no message counts with the one before it.
 */
export function countBehind(units: Uint8Array, toldAt: number): { readonly count: number; readonly isAll: boolean } {
  const all = units.length / QUEUE_UNIT_BYTES;
  let count = 0;
  for (let unit = all - 1; unit >= 0; unit--) {
    const at = unit * QUEUE_UNIT_BYTES;
    if (!isMessage(units, at)) continue;
    if (unitPhysicalOffset(units, at) <= toldAt) return { count, isAll: false };
    count = all - unit;
  }
  return { count, isAll: true };
}

export class PopRestoring {
  readonly #around: Pick<PopSurroundings, 'table' | 'readUnits'>;
  /** Queues of which nothing was said, or which are no more, cannot have been cut. */
  readonly #told: ToldQueue[] = [];
  readonly #again: () => void;
  readonly #onCuts: (cuts: ReadonlyMap<PopQueue, number>) => void;
  readonly #cuts: Map<PopQueue, number> = new Map();
  readonly #units = new Uint8Array(UNITS_MAX * QUEUE_UNIT_BYTES);
  /** The queue that is looked at; what is left to look at ends at `end`, what lies from `cut` on is gone. */
  #index = -1;
  #end = 0;
  #cut = 0;
  #size = UNITS_FIRST;

  /** @param again has `go` called a while later, @param onCuts called once: offsets at which queues were cut; those that were not are not named */
  constructor(
    queues: PopQueues,
    state: PopState | null,
    around: Pick<PopSurroundings, 'table' | 'readUnits'>,
    again: () => void,
    onCuts: (cuts: ReadonlyMap<PopQueue, number>) => void,
  ) {
    this.#around = around;
    this.#again = again;
    this.#onCuts = onCuts;
    for (const { retry, queueId, event } of state?.events ?? []) queues.ledger(retry, queueId).apply(event);
    for (const { retry, queueId } of queues.ledgers) {
      const toldAt = state?.toldAt.get(ledgerKey(retry, queueId));
      const queue = toldAt === undefined ? null : queues.find(retry, queueId);
      if (queue !== null) this.#told.push({ queue, toldAt: toldAt! });
    }
    this.#next();
  }

  /** Calls back at once, or when it has read what it needs. */
  go(): void {
    const { table, readUnits } = this.#around;
    for (let told = this.#told[this.#index]; told !== undefined; told = this.#told[this.#index]) {
      const { queue } = told;
      const from = Math.max(table.min(queue.handle), this.#end - this.#size);
      const count = this.#end - from;
      if (count <= 0) this.#next();
      else if (table.readUnits(queue.handle, from, count, this.#units) === count) {
        this.#judge(from, this.#units.subarray(0, count * QUEUE_UNIT_BYTES));
      } else {
        readUnits(queue.topic, queue.ledger.queueId, queue.handle, from, count, (units) => {
          if (units === null || units.length < count * QUEUE_UNIT_BYTES) {
            this.#again();
            return;
          }
          this.#judge(from, units);
          this.go();
        });
        return;
      }
    }
    this.#onCuts(this.#cuts);
  }

  #judge(from: number, units: Uint8Array): void {
    const { count, isAll } = countBehind(units, this.#told[this.#index]!.toldAt);
    if (count > 0) this.#cut = from + units.length / QUEUE_UNIT_BYTES - count;
    this.#end = from;
    this.#size = Math.min(UNITS_MAX, this.#size * 4);
    if (!isAll) this.#next();
  }

  /** Done with a queue: the next one. */
  #next(): void {
    const done = this.#told[this.#index]?.queue;
    if (done !== undefined && this.#cut < done.ledger.next) this.#cuts.set(done, this.#cut);
    const queue = this.#told[++this.#index]?.queue;
    if (queue === undefined) return;
    this.#cut = this.#end = Math.min(queue.ledger.next, this.#around.table.next(queue.handle));
    this.#size = UNITS_FIRST;
  }
}

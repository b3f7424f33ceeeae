/**
 * One queue as a pop actor sees it: the ledger of what the group has in flight there, and the units that pops choose from. Owns no file: units come
 * from shared memory, or from the reader, and then a page of them is kept for the pops that follow.
 * Source: RocketMQ 5.3 `PopMessageProcessor.popMsgFromQueue`.
 */
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { TopicState } from '../topic/topic-table.ts';
import { type ChosenUnits, chooseUnits } from './choose-units.ts';
import type { PopLedger } from './pop-ledger.ts';

/** Units looked at in one go when a filter wants few of them. */
const SCAN_UNITS_MAX = 1024;
/** Then others have their turn. */
const SCAN_ROUNDS_MAX = 16;
/** The group may have committed otherwise since the queue was used last: a pull, a tool. */
const IDLE_MS = 2_000;

/**
 * `taken`: see `chosen`. `empty`: wait until something comes. `blocked`: wait until something is settled. `reading`: the file has to tell. `more`: nothing wanted
 * in a long stretch, look again from `next`.
 */
export type Look = 'taken' | 'empty' | 'blocked' | 'reading' | 'more';

export type PopTerms = {
  readonly max: number;
  readonly bytesMax: number;
  readonly isFirst: boolean;
  readonly codes: readonly number[];
};

export class PopQueue {
  readonly ledger: PopLedger;
  /** Of the topic, or of its retry topic. */
  readonly topic: string;
  handle: number;
  /** The group's offset is being asked for. */
  isAsking = false;
  /** The reader is looking for units. */
  isReading = false;
  /** The queue's actor says when something comes. */
  isWatched = false;
  /** What the group has committed, as far as this actor knows; −1: nothing yet. */
  committed = -1;
  usedAt = 0;
  /** Monotonic ms since which it is watched. */
  watchedAt = 0;
  /** A group that has never consumed begins at the last message. */
  isFromEnd = false;
  /** What the last look found. */
  look: Look = 'empty';
  /** Found by the last look: offsets and units of the messages chosen. */
  chosen: number[] = [];
  chosenUnits: Uint8Array = new Uint8Array(0);
  chosenBytes = 0;
  /** Where the look ended. */
  next = 0;
  #cold: { readonly offset: number; readonly units: Uint8Array } | null = null;
  static readonly #scratch = new Uint8Array(SCAN_UNITS_MAX * QUEUE_UNIT_BYTES);

  constructor(ledger: PopLedger, topic: TopicState) {
    this.ledger = ledger;
    this.topic = topic.name;
    this.handle = topic.queueHandles[ledger.queueId] ?? -1;
  }

  /** The group's committed offset has to be asked for before the next pop. */
  mustAsk(nowMs: number): boolean {
    if (this.ledger.next < 0) return true;
    return this.ledger.isClean && this.committed === this.ledger.next && nowMs - this.usedAt > IDLE_MS;
  }

  /** Messages that are still to be popped. */
  rest(table: QueueTable): number {
    return Math.max(0, table.next(this.handle) - Math.max(this.ledger.next, table.min(this.handle)));
  }

  /** Looks for messages from `from` on. */
  lookFrom(table: QueueTable, from: number, terms: PopTerms, visibleEnd: number): Look {
    const offset = Math.max(from, table.min(this.handle));
    const end = table.next(this.handle);
    this.chosen = [];
    this.next = offset;
    if (offset >= end) return 'empty';
    for (let round = 0; round < SCAN_ROUNDS_MAX && this.next < end; round++) {
      const at = this.next;
      const units = this.#units(table, at, Math.min(end - at, terms.codes.length === 0 ? terms.max : SCAN_UNITS_MAX));
      if (units === null) return 'reading';
      this.#keep(
        at,
        units,
        chooseUnits(units, units.length / QUEUE_UNIT_BYTES, terms.max, terms.bytesMax, terms.isFirst, terms.codes, visibleEnd),
      );
      if (this.chosen.length > 0) return 'taken';
      // Nothing visible: the queue's actor says when.
      if (this.next === at) return 'empty';
    }
    return this.next < end ? 'more' : 'empty';
  }

  /** Units from `offset` on, valid until the next call; null: they are neither in memory nor read yet. */
  #units(table: QueueTable, offset: number, wanted: number): Uint8Array | null {
    const scratch = PopQueue.#scratch;
    const read = table.readUnits(this.handle, offset, Math.min(wanted, SCAN_UNITS_MAX), scratch);
    if (read > 0) {
      this.#cold = null;
      return scratch.subarray(0, read * QUEUE_UNIT_BYTES);
    }
    const cold = this.#cold;
    const skipped = cold === null ? -1 : offset - cold.offset;
    if (cold === null || skipped < 0 || skipped * QUEUE_UNIT_BYTES >= cold.units.length) return null;
    return cold.units.subarray(skipped * QUEUE_UNIT_BYTES, (skipped + wanted) * QUEUE_UNIT_BYTES);
  }

  #keep(offset: number, units: Uint8Array, { indices, bytes, scanned }: ChosenUnits): void {
    const chosen = new Uint8Array(indices.length * QUEUE_UNIT_BYTES);
    indices.forEach((index, to) => {
      const at = index * QUEUE_UNIT_BYTES;
      chosen.set(units.subarray(at, at + QUEUE_UNIT_BYTES), to * QUEUE_UNIT_BYTES);
    });
    this.chosen = indices.map((index) => offset + index);
    this.chosenUnits = chosen;
    this.chosenBytes = bytes;
    this.next = offset + scanned;
  }

  /** A page of units that the reader has found. */
  keepCold(offset: number, units: Uint8Array): void {
    this.#cold = units.length === 0 ? null : { offset, units };
  }
}

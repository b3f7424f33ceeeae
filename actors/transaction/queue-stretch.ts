/**
 * Queue stretch: reads a part of a queue of the broker's own: its units, from memory or through the reader, and the records that some of
 * them name. Bounded: as many as one go allows, the rest is read by the next one. Owns the memory for units; one reading at a time.
 * Fails by giving null: ask again later. A record that was removed or is damaged is told as null.
 */
import assert from 'node:assert/strict';
import { decodeMessageRecord, type MessageRecord } from '../../model/message-record.ts';
import { QUEUE_UNIT_BYTES, unitEnd, unitPhysicalOffset } from '../../storage/consume-queue/queue-unit.ts';
import type { Place } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { isMessage } from '../timer/decide-delivery.ts';

/** `next`: where the next reading goes on. `found`: the wanted offsets before it, in order. */
export type Stretch = { readonly next: number; readonly found: readonly Found[] };
export type Found = { readonly offset: number; readonly record: MessageRecord | null };

export type StretchParts = {
  readonly table: QueueTable;
  /** Units of a queue, at most `count` from `offset` on; null: no answer. Calls back later. */
  readonly units: (topic: string, handle: number, offset: number, count: number, onUnits: (units: Uint8Array | null) => void) => void;
  /** The records at these places, in their order, those that are no more left out; null: ask again. Calls back at once or later. */
  readonly view: (places: readonly Place[], onRecords: (records: Uint8Array | null) => void) => void;
  /** End of what readers see of the log. */
  readonly visibleEnd: () => number;
};

/** Whether the record at this offset is to be read, whose unit lies at `at`. */
export type IsWanted = (offset: number, units: Uint8Array, at: number) => boolean;

const UNITS_MAX = 256;
const RECORDS_MAX = 64;
const RECORD_BYTES_MAX = 512 * 1024;

export class QueueStretch {
  readonly #parts: StretchParts;
  readonly #units = new Uint8Array(UNITS_MAX * QUEUE_UNIT_BYTES);
  #isReading = false;

  constructor(parts: StretchParts) {
    this.#parts = parts;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** Reads [from, to) of the one queue of `topic`. Calls back at once or later. */
  read(topic: string, handle: number, from: number, to: number, isWanted: IsWanted, onRead: (stretch: Stretch | null) => void): void {
    assert(!this.#isReading && from < to, 'One stretch is read after the other');
    this.#isReading = true;
    const done = (stretch: Stretch | null): void => {
      this.#isReading = false;
      onRead(stretch);
    };
    const count = Math.min(UNITS_MAX, to - from);
    const read = this.#parts.table.readUnits(handle, from, count, this.#units);
    if (read > 0) this.#fetch(this.#units, read, from, isWanted, done);
    else {
      this.#parts.units(topic, handle, from, count, (units) => {
        if (units === null || units.length === 0) done(null);
        else this.#fetch(units, units.length / QUEUE_UNIT_BYTES, from, isWanted, done);
      });
    }
  }

  #fetch(units: Uint8Array, count: number, from: number, isWanted: IsWanted, done: (stretch: Stretch | null) => void): void {
    const end = this.#parts.visibleEnd();
    const places: Place[] = [];
    const offsets: number[] = [];
    const physicals: number[] = [];
    let bytes = 0;
    let unit = 0;
    for (; unit < count; unit++) {
      const offset = from + unit;
      const at = unit * QUEUE_UNIT_BYTES;
      if (!isWanted(offset, units, at)) continue;
      const isThere = isMessage(units, at);
      const physical = unitPhysicalOffset(units, at);
      if (isThere) {
        // Written a moment ago and not on the disk yet: readers do not see it.
        if (unitEnd(units, at) > end) break;
        const size = unitEnd(units, at) - physical;
        if (places.length === RECORDS_MAX || (bytes + size > RECORD_BYTES_MAX && places.length > 0)) break;
        bytes += size;
        places.push({ physical, size });
      }
      offsets.push(offset);
      physicals.push(isThere ? physical : -1);
    }
    const next = from + unit;
    if (unit === 0) done(null);
    else if (places.length === 0) done({ next, found: offsets.map((offset) => ({ offset, record: null })) });
    else {
      this.#parts.view(places, (records) => {
        if (records === null) done(null);
        else done({ next, found: matched(offsets, physicals, records) });
      });
    }
  }
}

/** Each offset with its record; what was removed is not among the records. */
function matched(offsets: readonly number[], physicals: readonly number[], records: Uint8Array): Found[] {
  const byPlace = new Map<number, MessageRecord>();
  for (let at = 0; at < records.length; ) {
    const record = decodeMessageRecord(records, at);
    byPlace.set(record.physicalOffset, record);
    at += record.totalSize;
  }
  return offsets.map((offset, index) => ({ offset, record: byPlace.get(physicals[index]!) ?? null }));
}

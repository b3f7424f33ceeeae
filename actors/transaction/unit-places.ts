/**
 * Unit places: where in the log the messages of one queue of the broker's own lie, as its units say. Owns a few pages of units, read as they
 * are asked for, from memory or through the reader; who asks here and there reads them again. Bounded by PAGES_MAX.
 */
import { QUEUE_UNIT_BYTES, unitPhysicalOffset } from '../../storage/consume-queue/queue-unit.ts';
import { isMessage } from '../timer/decide-delivery.ts';
import type { StretchParts } from './queue-stretch.ts';

const PAGE_UNITS = 256;
const PAGES_MAX = 64;
/** Of a unit that stands for no message. */
const NOWHERE = -1;

export class UnitPlaces {
  readonly #parts: Pick<StretchParts, 'table' | 'units'>;
  readonly #topic: string;
  readonly #handle: number;
  /** Places by number of their page; NaN: not read. */
  readonly #pages: Map<number, Float64Array> = new Map();

  constructor(parts: Pick<StretchParts, 'table' | 'units'>, topic: string, handle: number) {
    this.#parts = parts;
    this.#topic = topic;
    this.#handle = handle;
  }

  /** Physical offset of the message at `offset`; −1: there is none; +∞: none yet; null: it is to be read first. */
  of(offset: number): number | null {
    const { table } = this.#parts;
    if (offset >= table.next(this.#handle)) return Number.POSITIVE_INFINITY;
    if (offset < table.min(this.#handle)) return NOWHERE;
    const place = this.#pages.get(Math.floor(offset / PAGE_UNITS))?.[offset % PAGE_UNITS];
    return place === undefined || Number.isNaN(place) ? null : place;
  }

  /** Reads `offset`, which the queue has, and what lies about it. False: no answer; ask again. Calls back at once or later. */
  read(offset: number, onRead: (isRead: boolean) => void): void {
    const { table, units } = this.#parts;
    const handle = this.#handle;
    const page = offset - (offset % PAGE_UNITS);
    const end = Math.min(page + PAGE_UNITS, table.next(handle));
    const own = new Uint8Array((end - offset) * QUEUE_UNIT_BYTES);
    const inMemory = table.readUnits(handle, offset, end - offset, own);
    if (inMemory > 0) {
      this.#keep(offset, own.subarray(0, inMemory * QUEUE_UNIT_BYTES));
      onRead(true);
      return;
    }
    const from = Math.max(page, table.min(handle));
    units(this.#topic, handle, from, end - from, (found) => {
      if (found !== null) this.#keep(from, found);
      onRead(found !== null && found.length > (offset - from) * QUEUE_UNIT_BYTES);
    });
  }

  #keep(from: number, units: Uint8Array): void {
    const number = Math.floor(from / PAGE_UNITS);
    let page = this.#pages.get(number);
    if (page === undefined) {
      if (this.#pages.size >= PAGES_MAX) this.#pages.clear();
      page = new Float64Array(PAGE_UNITS).fill(Number.NaN);
      this.#pages.set(number, page);
    }
    for (let at = 0, unit = from % PAGE_UNITS; at < units.length && unit < PAGE_UNITS; at += QUEUE_UNIT_BYTES, unit++)
      page[unit] = isMessage(units, at) ? unitPhysicalOffset(units, at) : NOWHERE;
  }
}

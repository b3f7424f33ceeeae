/**
 * Wheel fetches: brings the records of timers that are due soon. Part of the wheel actor; owns the batches that are under way, bounded in
 * number, records and bytes. A batch is what comes next on the wheel, told in the log's order. One without an answer is asked for again.
 * Source: RocketMQ 5.4 `TimerMessageStore.TimerDequeueGetMessageService`.
 */
import { PHYSICAL_OFFSET_AT, readInt32, readInt64, TOTAL_SIZE_AT } from '../../model/message-record.ts';
import { comesBefore, isRecallKey, keyAfter, keyTime } from '../../storage/timer/timer-unit.ts';
import type { Place } from '../message/record-source.ts';
import type { FlightLedger } from './flight-ledger.ts';
import type { WheelDelivery } from './wheel-delivery.ts';
import type { WheelWindow } from './wheel-window.ts';

type Flown = Place & { readonly flight: number };
/** Its least keys: of all in it, and of words that take messages back. */
type Batch = { readonly flown: readonly Flown[]; readonly key: number; readonly wordKey: number };

/** So long before its time a record may be fetched, and so long it is at the latest: the more is fetched together, the less each costs. */
const FETCH_AHEAD_MS = 500;
const FETCH_LATEST_MS = 250;
const BATCHES_MAX = 4;
const BATCH_MAX = 256;
const BATCH_BYTES_MAX = 1024 * 1024;
/** Bodies that wait for their time or the log: what comes later is fetched when it is due. */
const HELD_BYTES_MAX = 32 * 1024 * 1024;
/** Bytes and flights beyond that for what stands before a word: without it messages that wait would miss the word that takes them back. */
const WORD_BYTES = 8 * 1024 * 1024;
const WORD_FLIGHTS = 1_024;

export class WheelFetches {
  readonly #delivery: WheelDelivery;
  readonly #ledger: FlightLedger;
  readonly #window: WheelWindow;
  readonly #view: (places: readonly Place[], onRecords: (records: Uint8Array | null) => void) => void;
  readonly #onRecords: (batch: number, records: Uint8Array | null) => void;
  readonly #visibleEnd: () => number;
  readonly #running: Map<number, Batch> = new Map();
  /** Without an answer. */
  #again: Batch[] = [];
  #nextBatch = 0;

  constructor(
    delivery: WheelDelivery,
    ledger: FlightLedger,
    window: WheelWindow,
    view: (places: readonly Place[], onRecords: (records: Uint8Array | null) => void) => void,
    onRecords: (batch: number, records: Uint8Array | null) => void,
    visibleEnd: () => number,
  ) {
    this.#delivery = delivery;
    this.#ledger = ledger;
    this.#window = window;
    this.#view = view;
    this.#onRecords = onRecords;
    this.#visibleEnd = visibleEnd;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Takes off the wheel what is due soon, up to the window's end, and has it fetched. */
  fetch(now: number): void {
    const { near } = this.#window;
    if (this.#again.length === 0 && (near.size === 0 || near.key >= keyAfter(now + FETCH_LATEST_MS))) return;
    const untilKey = keyAfter(now + FETCH_AHEAD_MS);
    while (this.#running.size < BATCHES_MAX && this.#hasRoom(untilKey)) {
      const batch = this.#again.pop() ?? this.#batch(untilKey);
      if (batch === null) return;
      const id = this.#nextBatch++;
      this.#running.set(id, batch);
      this.#view(batch.flown, (records) => this.#onRecords(id, records));
    }
  }

  #hasRoom(untilKey: number): boolean {
    const hasWord = this.#window.wordKey < untilKey;
    const { left } = this.#ledger;
    return this.#delivery.heldBytes < (hasWord ? HELD_BYTES_MAX + WORD_BYTES : HELD_BYTES_MAX) && left > (hasWord ? 0 : WORD_FLIGHTS);
  }

  #batch(untilKey: number): Batch | null {
    const { near, endKey, endPhysical } = this.#window;
    const visibleEnd = this.#visibleEnd();
    const flown: Flown[] = [];
    let wordKey = Number.POSITIVE_INFINITY;
    let bytes = 0;
    const firstKey = near.size > 0 ? near.key : untilKey;
    while (near.size > 0 && near.key < untilKey && this.#hasRoom(untilKey) && flown.length < BATCH_MAX && bytes < BATCH_BYTES_MAX) {
      const { key, physical, value: size } = near;
      // Written a moment ago and not on the disk yet: readers do not see it.
      if (comesBefore(endKey, endPhysical, key, physical) || physical + size > visibleEnd) break;
      this.#window.pop();
      flown.push({ physical, size, flight: this.#ledger.take(key, physical) });
      if (isRecallKey(key)) wordKey = Math.min(wordKey, key);
      bytes += size;
    }
    if (flown.length === 0) return null;
    flown.sort((a, b) => a.physical - b.physical);
    return { flown, key: firstKey, wordKey };
  }

  /** The records of a batch have come; null: they are asked for again. */
  answered(id: number, records: Uint8Array | null, now: number): void {
    const batch = this.#running.get(id)!;
    this.#running.delete(id);
    if (records === null) {
      this.#again.push(batch);
      return;
    }
    let index = 0;
    for (let at = 0; at < records.length; ) {
      const physical = readInt64(records, at + PHYSICAL_OFFSET_AT);
      while (index < batch.flown.length && batch.flown[index]!.physical < physical) this.#lose(batch.flown[index++]!);
      if (index === batch.flown.length) break;
      const { flight } = batch.flown[index++]!;
      this.#delivery.take(flight, this.#ledger.keyOf(flight), records, at, now);
      at += readInt32(records, at + TOTAL_SIZE_AT);
    }
    while (index < batch.flown.length) this.#lose(batch.flown[index++]!);
  }

  #lose({ flight, physical }: Flown): void {
    this.#delivery.lose(flight, 'a timed message is lost: its record is damaged or was removed', { physical });
  }

  /**
   * The least key of a word that is still to be read: messages from it on may be taken back. A word that cannot be read before something
   * else has gone holds nothing up.
   */
  wordKey(): number {
    const { wordKey: nearKey } = this.#window;
    let key = nearKey === Number.POSITIVE_INFINITY || this.#hasRoom(nearKey + 1) ? nearKey : Number.POSITIVE_INFINITY;
    for (const batch of this.#running.values()) key = Math.min(key, batch.wordKey);
    for (const batch of this.#again) key = Math.min(key, batch.wordKey);
    return key;
  }

  /** No timer whose record is still to be read comes before this key. */
  unreadKey(): number {
    let key = this.#window.firstKey;
    for (const batch of this.#running.values()) key = Math.min(key, batch.key);
    for (const batch of this.#again) key = Math.min(key, batch.key);
    return key;
  }

  /** When something is to be fetched; +∞: when something else has come to its end. */
  nextMs(): number {
    const { near, endKey, endPhysical } = this.#window;
    if (
      this.#running.size === BATCHES_MAX ||
      near.size === 0 ||
      !this.#hasRoom(near.key + 2 * FETCH_AHEAD_MS) ||
      comesBefore(endKey, endPhysical, near.key, near.physical)
    )
      return Number.POSITIVE_INFINITY;
    return keyTime(near.key) - FETCH_LATEST_MS;
  }
}

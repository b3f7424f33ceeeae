/**
 * Wheel window: what the timing wheel has in memory of the timers that come next. Pure; owns the heap and its end: whatever lies before the
 * end is in the heap, unless it is settled or flies; what lies behind it the files have (`wheel-files-actor.ts`). Bounded: with too many the
 * later half is forgotten, with few the files are asked for more, shortly before that is needed.
 */
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, unitTime } from '../../storage/consume-queue/queue-unit.ts';
import { comesBefore, isRecallKey, keyTime, timerKey } from '../../storage/timer/timer-unit.ts';
import type { FlightLedger } from './flight-ledger.ts';
import { NearTimers } from './near-timers.ts';

export type WindowLimits = {
  /** Timers in memory: beyond it the later half is forgotten, the files have them. */
  readonly nearMax: number;
  /** Fewer are filled up from the files. */
  readonly nearLeast: number;
};

/** As far ahead the files are asked. */
const AHEAD_MS = 15_000;
const TAKE_AHEAD_MS = 60_000;
const FILES_AGAIN_MS = 1_000;

export class WheelWindow {
  readonly near: NearTimers = new NearTimers();
  /** Of them, those that take messages back. */
  readonly #words: NearTimers = new NearTimers();
  readonly #limits: WindowLimits;
  readonly #ledger: FlightLedger;
  #endKey: number;
  #endPhysical = 0;
  /** Where the taking under way ends at most; null: none is. */
  #untilKey: number | null = null;
  /** Monotonic ms before which none begins: the files gave no answer. */
  #takeFrom = 0;

  /** @param isEmpty the queue has nothing: all that comes is in memory */
  constructor(limits: WindowLimits, ledger: FlightLedger, isEmpty: boolean) {
    this.#limits = limits;
    this.#ledger = ledger;
    this.#endKey = isEmpty ? Number.POSITIVE_INFINITY : 0;
  }

  get endKey(): number {
    return this.#endKey;
  }

  get endPhysical(): number {
    return this.#endPhysical;
  }

  /** A timer has come to the queue. */
  come(key: number, physical: number, size: number): void {
    const isNear = !comesBefore(this.#endKey, this.#endPhysical, key, physical);
    if (isNear || (this.#untilKey !== null && key <= this.#untilKey)) this.#put(key, physical, size);
  }

  #put(key: number, physical: number, size: number): void {
    this.#ledger.came(key, physical);
    this.near.push(key, physical, size);
    if (isRecallKey(key)) this.#words.push(key, physical, size);
  }

  /** Takes the first away. */
  pop(): void {
    if (isRecallKey(this.near.key)) this.#words.pop();
    this.near.pop();
  }

  /** Key of the first word that takes a message back; +∞ without one. What lies behind the end comes behind all that is here. */
  get wordKey(): number {
    return this.#words.size > 0 ? this.#words.key : Number.POSITIVE_INFINITY;
  }

  /** No timer comes before this key. */
  get firstKey(): number {
    return this.near.size > 0 ? Math.min(this.near.key, this.#endKey) : this.#endKey;
  }

  #dropAfter(key: number, physical: number): void {
    this.near.dropAfter(key, physical);
    this.#words.dropAfter(key, physical);
  }

  /** After some have come: forgets the later half when there are too many. */
  trim(): void {
    if (this.near.size <= this.#limits.nearMax || this.#untilKey !== null) return;
    const { key, physical } = this.near.median();
    // What came late is not found a second time.
    if (comesBefore(this.#ledger.takenKey, Number.MAX_SAFE_INTEGER, key, physical)) this.#end(key, physical);
  }

  #end(key: number, physical: number): void {
    this.#endKey = key;
    this.#endPhysical = physical;
    this.#dropAfter(key, physical);
  }

  /** Whether the files are to be asked now; `take` says for what. */
  isWanting(now: number, monotonicMs: number): boolean {
    return this.#isLow && keyTime(this.#endKey) - now <= AHEAD_MS && monotonicMs >= this.#takeFrom;
  }

  get #isLow(): boolean {
    return this.#untilKey === null && this.near.size < this.#limits.nearLeast;
  }

  /** When the files are to be asked; +∞: not before something else happens. */
  get wantsAtMs(): number {
    return this.#isLow ? keyTime(this.#endKey) - AHEAD_MS : Number.POSITIVE_INFINITY;
  }

  /** The files are asked for what lies behind the end. Gives the key up to which. */
  take(now: number): number {
    this.#untilKey = 2 * (now + TAKE_AHEAD_MS) + 1;
    return this.#untilKey;
  }

  /** The files' answer: units in the wheel's order, and the new end. */
  taken(units: Uint8Array, endKey: number, endPhysical: number): void {
    this.#untilKey = null;
    for (let at = 0; at < units.length; at += QUEUE_UNIT_BYTES)
      this.#put(timerKey(unitTime(units, at)), unitPhysicalOffset(units, at), unitSize(units, at));
    this.#end(endKey, endPhysical);
  }

  /** The files gave no answer: they are asked again in a while. */
  notTaken(monotonicMs: number): void {
    this.#untilKey = null;
    // What came meanwhile and lies behind is with the files.
    this.#dropAfter(this.#endKey, this.#endPhysical);
    this.#takeFrom = monotonicMs + FILES_AGAIN_MS;
  }
}

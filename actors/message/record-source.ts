/**
 * Record source: stored records by their places, for parts of the broker that store them anew: out of the log lanes while they lie
 * there, else by the message door. One a part; owns nothing but what describes the record at hand.
 * A record is given only when it is one, wherever its place was named: size, magic, its own place, and of one out of the files the body's CRC.
 */
import { RECORD_FIXED_BYTES, readInt32 } from '../../model/message-record.ts';
import { ScannedRecord, scanRecord, wrongRecord } from '../../storage/commit-log/scan-record.ts';
import type { LaneReader } from '../commit-log/lane-reader.ts';
import type { MessageDoor } from './message-door.ts';

/** A record's place in the log. */
export type Place = { readonly physical: number; readonly size: number };
/** The bytes are the receiver's; null: ask again later. */
export type OnRecords = (records: Uint8Array | null) => void;

const RECORD_BYTES_MAX = 16 * 1024 * 1024;
const PEEK_BYTES_MAX = 64 * 1024;

export class RecordSource {
  readonly #lanes: LaneReader;
  readonly #messages: Pick<MessageDoor, 'view' | 'viewOne'>;
  readonly #visibleEnd: () => number;
  readonly #segmentBytes: number;
  readonly #head = new Uint8Array(4);
  readonly #scanned = new ScannedRecord();
  #peeked: Uint8Array | null = null;

  /** @param visibleEnd end of what readers see of the log */
  constructor(lanes: LaneReader, messages: Pick<MessageDoor, 'view' | 'viewOne'>, visibleEnd: () => number, segmentBytes: number) {
    this.#lanes = lanes;
    this.#messages = messages;
    this.#visibleEnd = visibleEnd;
    this.#segmentBytes = segmentBytes;
  }

  /** The record at `physical`, a number from outside; empty: none begins there. Calls back at once or later. */
  viewOne(physical: number, onRecord: OnRecords): void {
    const inLane = this.#inLane(physical);
    if (inLane !== null) onRecord(inLane);
    else this.#messages.viewOne(physical, () => true, onRecord);
  }

  /** The records at these places, which are in the log's order, back to back; those that are no more are left out. Calls back at once or later. */
  view(places: readonly Place[], onRecords: OnRecords): void {
    this.#lanes.begin();
    const [first] = places;
    if (first !== undefined && !this.#lanes.copy(first.physical, this.#head.length, this.#head, 0)) {
      this.#viewStored(places, onRecords);
      return;
    }
    let bytes = 0;
    for (const { size } of places) bytes += size;
    const target = new Uint8Array(bytes);
    let at = 0;
    for (const { physical, size } of places) {
      if (!this.#lanes.copy(physical, size, target, at) || !isRecordAt(target, at, size, physical)) {
        this.#viewStored(places, onRecords);
        return;
      }
      at += size;
    }
    onRecords(target);
  }

  /**
   * The record at `physical`, a number from outside, where it lies in a lane and is not large; else null, which says nothing. The bytes are good
   * until the next call; the record is as long as it says itself.
   */
  peek(physical: number): Uint8Array | null {
    const size = this.#sizeInLane(physical);
    if (size < 0 || size > PEEK_BYTES_MAX) return null;
    this.#peeked ??= new Uint8Array(PEEK_BYTES_MAX);
    return this.#lanes.copy(physical, size, this.#peeked, 0) && this.#isRecord(this.#peeked, 0, size, physical) ? this.#peeked : null;
  }

  #inLane(physical: number): Uint8Array | null {
    const size = this.#sizeInLane(physical);
    if (size < 0) return null;
    const record = new Uint8Array(size);
    return this.#lanes.copy(physical, size, record, 0) && this.#isRecord(record, 0, size, physical) ? record : null;
  }

  /** What may be the size of a record there; −1: none is in a lane. */
  #sizeInLane(physical: number): number {
    if (!Number.isSafeInteger(physical) || physical < 0) return -1;
    const lanes = this.#lanes;
    lanes.begin();
    if (!lanes.copy(physical, this.#head.length, this.#head, 0)) return -1;
    const size = readInt32(this.#head, 0);
    return size < RECORD_FIXED_BYTES || size > RECORD_BYTES_MAX || physical + size > this.#visibleEnd() ? -1 : size;
  }

  #isRecord(bytes: Uint8Array, at: number, size: number, physical: number): boolean {
    const room = this.#segmentBytes - (physical % this.#segmentBytes);
    return scanRecord(bytes, at, at + size, physical, room, RECORD_BYTES_MAX, this.#scanned) === size;
  }

  #viewStored(places: readonly Place[], onRecords: OnRecords): void {
    const physical = places.map((place) => place.physical);
    const all = { topic: '', begin: 0, end: Number.MAX_SAFE_INTEGER, countMax: physical.length, bytesMax: Number.MAX_SAFE_INTEGER };
    this.#messages.view({ physical, ...all, areOwn: true, isAwaited: () => true }, onRecords);
  }
}

/** Whether a lane's bytes at `at` are the record of that size and place: no other bytes there tell so of themselves. */
function isRecordAt(bytes: Uint8Array, at: number, size: number, physical: number): boolean {
  return size >= RECORD_FIXED_BYTES && wrongRecord(bytes, at, size, physical) === '';
}

/**
 * Record views: records of the commit log by their places, for queries, deliveries and whoever has a place from outside. Owns the bytes of
 * the record viewed last and those of one span that is read ahead where places lie close together. One a reader.
 * Fails by `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.lookMessageByOffset`.
 */
import { copyBytes } from '../../model/copy-bytes.ts';
import { RECORD_FIXED_BYTES, readInt32 } from '../../model/message-record.ts';
import { ScannedRecord, scanRecord } from '../../storage/commit-log/scan-record.ts';
import type { ColdLog } from './cold-log.ts';
import { doLengthsAddUp, wrongStored } from './sound-record.ts';

const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Read at once for records that are viewed and lie so close together, with so many behind the first. */
const AHEAD_BYTES = 64 * 1024;
const AHEAD_GAP_BYTES = 4096;
const AHEAD_LEAST = 3;
/** Memory kept for records that are viewed; a larger one has its own. */
const VIEW_KEPT_BYTES = 64 * 1024;

export class RecordViews {
  readonly #log: ColdLog;
  readonly #openedEnd: () => number;
  /** Of a record, its size and magic. */
  readonly #head = new Uint8Array(8);
  readonly #record = new ScannedRecord();
  #viewBytes = new Uint8Array(0);
  #viewedAt = -1;
  #aheadBytes = new Uint8Array(0);
  #aheadAt = 0;
  #aheadLength = 0;

  /** @param openedEnd bodies of records before it are checked each time that they are read: a former run wrote them */
  constructor(log: ColdLog, openedEnd: () => number) {
    this.#log = log;
    this.#openedEnd = openedEnd;
  }

  /** Reads the record at `physical`, wherever a client has that number from: every part of it is checked. Gives its size, 0: there is none. */
  view(physical: number, end: number, target: Uint8Array): number {
    this.#viewedAt = -1;
    if (!Number.isSafeInteger(physical) || physical < 0 || physical + RECORD_FIXED_BYTES > end) return 0;
    if (this.#readAhead(this.#head, 8, physical) < 8) return 0;
    const size = readInt32(this.#head, 0);
    if (size < RECORD_FIXED_BYTES || size > target.length || physical + size > end) return 0;
    const read = this.#readAhead(target, size, physical);
    const room = this.#log.segmentBytes - (physical % this.#log.segmentBytes);
    return scanRecord(target, 0, read, physical, room, RECORD_BYTES_MAX, this.#record) === size ? size : 0;
  }

  /**
   * The same, in bytes of the reader's own, which hold until the next call; null: there is none. `viewed` describes it. The record
   * given last is not read again: who takes it in parts asks for each.
   */
  viewRecord(physical: number, end: number): Uint8Array | null {
    if (this.#viewedAt === physical) return this.#viewBytes.subarray(0, this.viewed.size);
    if (!Number.isSafeInteger(physical) || physical < 0 || physical + RECORD_FIXED_BYTES > end) return null;
    if (this.#readAhead(this.#head, 8, physical) < 8) return null;
    const wanted = readInt32(this.#head, 0);
    if (wanted > RECORD_BYTES_MAX) return null;
    const isLarge = wanted > VIEW_KEPT_BYTES;
    if (isLarge ? this.#viewBytes.length < wanted : this.#viewBytes.length !== VIEW_KEPT_BYTES)
      this.#viewBytes = new Uint8Array(isLarge ? wanted : VIEW_KEPT_BYTES);
    const size = this.view(physical, end, this.#viewBytes);
    if (size === 0) return null;
    this.#viewedAt = physical;
    return this.#viewBytes.subarray(0, size);
  }

  /**
   * Records that lie close together are about to be viewed, in the log's order or against it, from `physical[first]` on: one read for as many as
   * a span takes. What was read ahead is used until `endAhead`.
   */
  lookAhead(physical: readonly number[], first: number): void {
    const begin = physical[first]!;
    if (this.#isAhead(begin, 1)) return;
    const way = Math.sign((physical[first + 1] ?? begin) - begin);
    let last = first;
    while (
      last + 1 < physical.length &&
      (physical[last + 1]! - physical[last]!) * way > 0 &&
      (physical[last + 1]! - begin) * way < AHEAD_BYTES
    )
      last++;
    const from = Math.min(begin, physical[last]!);
    const span = Math.abs(physical[last]! - begin);
    if (last - first < AHEAD_LEAST || from < 0 || span > (last - first) * AHEAD_GAP_BYTES) return;
    if (this.#aheadBytes.length === 0) this.#aheadBytes = new Uint8Array(AHEAD_BYTES + AHEAD_GAP_BYTES);
    this.#aheadLength = this.#log.read(this.#aheadBytes, 0, span + AHEAD_GAP_BYTES, from);
    this.#aheadAt = from;
  }

  /**
   * Copies the record at `physical`, a place that the broker has from its own units, to `target[at]`, out of what was read ahead. Gives its size;
   * 0: look for it in another way.
   */
  copyAhead(physical: number, end: number, target: Uint8Array, at: number): number {
    const from = physical - this.#aheadAt;
    if (!this.#isAhead(physical, RECORD_FIXED_BYTES)) return 0;
    const ahead = this.#aheadBytes;
    const size = readInt32(ahead, from);
    if (size < RECORD_FIXED_BYTES || physical + size > end || at + size > target.length || !this.#isAhead(physical, size)) return 0;
    if (wrongStored(ahead, from, size, physical, this.#openedEnd()) !== '' || !doLengthsAddUp(ahead, from, size)) return 0;
    copyBytes(ahead, from, from + size, target, at);
    return size;
  }

  endAhead(): void {
    this.#aheadLength = 0;
  }

  #isAhead(physical: number, length: number): boolean {
    return physical >= this.#aheadAt && physical + length <= this.#aheadAt + this.#aheadLength;
  }

  /** As `#readLog`, from what was read ahead where that has it. */
  #readAhead(buffer: Uint8Array, length: number, physical: number): number {
    if (!this.#isAhead(physical, length)) return this.#log.read(buffer, 0, length, physical);
    const at = physical - this.#aheadAt;
    buffer.set(this.#aheadBytes.subarray(at, at + length));
    return length;
  }

  /** What `viewRecord` gave last. */
  get viewed(): ScannedRecord {
    return this.#record;
  }

  /** The record viewed last may be gone. */
  forget(): void {
    this.#viewedAt = -1;
  }

  /** Lets go what was read ahead, memory and all. */
  release(): void {
    this.#aheadBytes = new Uint8Array(0);
    this.#aheadLength = 0;
  }
}

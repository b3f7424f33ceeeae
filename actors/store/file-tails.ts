/**
 * Tails to files: takes the units that lie in shared memory to their consume queues. Owns the handles that were named dirty and
 * are not filed yet, and the queue of each handle. With synchronous flush a collected end is filed only when the log is
 * flushed up to what was written when it was collected: who finds a unit in a file may rely on its record being on disk.
 * Fails by `DiskError`; what was not filed stays where it is and is tried again in the next round.
 * Source: RocketMQ 5.3 `DefaultMessageStore.ReputMessageService`, `ConsumeQueue.putMessagePositionInfoWrapper`.
 */
import type { CommitLog } from '../../storage/commit-log/commit-log.ts';
import { ScannedRecord, scanRecord } from '../../storage/commit-log/scan-record.ts';
import type { ConsumeQueue } from '../../storage/consume-queue/consume-queue.ts';
import type { ConsumeQueueSet } from '../../storage/consume-queue/consume-queue-set.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import { DISPATCHED_END, FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import { CHUNK_UNITS } from '../queue/queue-layout.ts';
import type { TailFiler } from '../queue/tail-filer.ts';
import { StoreError } from './errors.ts';

/** A record larger than that is none. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;

export type TailParts = {
  readonly filer: TailFiler;
  readonly marks: Watermarks;
  readonly queues: ConsumeQueueSet;
  readonly log: CommitLog;
  readonly handles: Map<number, ConsumeQueue>;
  readonly syncFlush: boolean;
  /** A unit whose queue cannot be told: it stays in memory. */
  readonly onUnknown: (handle: number, reason: string) => void;
};

export class FileTails {
  readonly #parts: TailParts;
  /** Handles of the batch at hand and how far each is to be filed. */
  readonly #batch: Map<number, number> = new Map();
  /** Handles whose queue could not be told: they are asked for again with each batch. */
  readonly #unknown: Set<number> = new Set();
  readonly #told: Set<number> = new Set();
  /** All units of the batch end at or before it; with synchronous flush they may be filed when the log is flushed up to here. */
  #batchEnd = 0;
  #batchPosition = 0;
  #batchTimestamp = 0;
  /** Queues that may have units behind `#position`, and an end of the log that lies behind all of theirs. */
  readonly #recent: Map<ConsumeQueue, number> = new Map();
  #position: number;
  #storeTimestamp: number;
  #queue: ConsumeQueue | null = null;
  #isFlushed = false;
  #units = 0;
  #handles = 0;
  readonly #unit = new Uint8Array(QUEUE_UNIT_BYTES);
  readonly #record = new ScannedRecord();
  readonly #write = (first: number, bytes: Uint8Array): void => {
    this.#parts.queues.append(this.#queue!, bytes, 0, bytes.length, first);
    this.#units += bytes.length / QUEUE_UNIT_BYTES;
  };

  /** Units of a topic that was deleted: the memory comes back, no file takes them. */
  readonly #discard = (): void => {};

  /** @param position where recovery ended: everything before it is filed; `storeTimestamp` of the last record before it. */
  constructor(parts: TailParts, position: number, storeTimestamp: number) {
    this.#parts = parts;
    this.#position = position;
    this.#storeTimestamp = storeTimestamp;
  }

  /** Every record before it has its unit in its file and its index entries behind it in the feed; a record begins here. */
  get position(): number {
    return this.#position;
  }

  /** Queues that may have units of records behind `position` in their files. */
  get recent(): Iterable<ConsumeQueue> {
    return this.#recent.keys();
  }

  /** No record before `position` was stored later. */
  get storeTimestamp(): number {
    return this.#storeTimestamp;
  }

  /** Units wait for the log's flush. */
  get isWaiting(): boolean {
    return this.#batch.size > 0;
  }

  /** The last round has filed a good part of all chunks: the log worker may be short of them again soon. */
  get wasLarge(): boolean {
    const { filer } = this.#parts;
    return this.#handles > filer.chunkCount >> 2 || this.#units > (filer.chunkCount * CHUNK_UNITS) >> 2;
  }

  /** After a take-over: every queue with units that are not filed is looked at, for the former worker may have taken its name off the list. */
  adopt(): void {
    const { filer, marks } = this.#parts;
    for (let handle = 0; handle < filer.queueMax; handle++) {
      if (filer.filed(handle) < filer.next(handle)) this.#batch.set(handle, filer.next(handle));
    }
    this.#batchEnd = marks.read(WRITTEN_END);
    this.#batchPosition = this.#position;
    this.#batchTimestamp = this.#storeTimestamp;
  }

  /** A topic was deleted and its handles are retired: its queues are no longer there. */
  drop(topic: string): void {
    for (const queue of this.#recent.keys()) if (queue.topic === topic) this.#recent.delete(queue);
  }

  /** One round: files what may be filed. Gives the units filed; throws the disk's refusal after everything else was tried. */
  round(): number {
    this.#units = 0;
    this.#handles = 0;
    const error = this.#fileBatch();
    if (error !== null) throw error;
    // In sync mode one batch at a time waits for the disk: what comes meanwhile stays on the dirty list, which is bounded.
    if (this.#batch.size === 0) {
      this.#collect();
      const second = this.#fileBatch();
      if (second !== null) throw second;
    }
    return this.#units;
  }

  /**
   * The last round: the log worker has stopped and the log is on disk, so everything is filed. Throws when the queue of some
   * units cannot be told: then the next start has to walk the log.
   */
  finish(): void {
    this.#isFlushed = true;
    this.round();
    this.#collect();
    const failure = this.#fileBatch();
    if (failure !== null) throw failure;
    if (this.#unknown.size === 0) return;
    throw new StoreError('MQ_STORE_UNFILED', `${this.#unknown.size} queues have units that are not in their files`, {
      queues: this.#unknown.size,
    });
  }

  #collect(): void {
    const { filer, marks } = this.#parts;
    // Before every NEXT: what was dispatched by then is collected now at the latest. `written` would not do, for a log worker that dies
    // between moving it and showing its units leaves them to its successor, who may be long in coming.
    this.#batchPosition = marks.read(DISPATCHED_END);
    // After it, and not the clock, which may have been ahead for a moment.
    this.#batchTimestamp = Math.max(this.#storeTimestamp, marks.lastStoreTimestamp);
    for (const handle of this.#unknown) this.#batch.set(handle, filer.next(handle));
    this.#unknown.clear();
    for (let handle = filer.nextDirty(); handle >= 0; handle = filer.nextDirty()) this.#batch.set(handle, filer.next(handle));
    // Read after every NEXT.
    this.#batchEnd = marks.read(WRITTEN_END);
    this.#settle();
  }

  /** The batch is filed whole: its position holds. */
  #settle(): void {
    if (this.#batch.size > 0 || this.#unknown.size > 0 || this.#batchPosition <= this.#position) return;
    this.#position = this.#batchPosition;
    this.#storeTimestamp = this.#batchTimestamp;
    for (const [queue, end] of this.#recent) if (end <= this.#position) this.#recent.delete(queue);
  }

  #fileBatch(): unknown {
    if (this.#batch.size === 0) return null;
    if (!this.#isFlushed && this.#parts.syncFlush && this.#parts.marks.read(FLUSHED_END) < this.#batchEnd) return null;
    let failure: unknown = null;
    for (const [handle, upTo] of this.#batch) {
      if (!this.#parts.filer.isUsed(handle)) {
        this.#parts.filer.file(handle, upTo, this.#discard);
        this.#batch.delete(handle);
        continue;
      }
      this.#queue = this.#queueOf(handle);
      if (this.#queue === null) {
        this.#batch.delete(handle);
        this.#unknown.add(handle);
        continue;
      }
      try {
        this.#parts.filer.file(handle, upTo, this.#write);
        this.#batch.delete(handle);
        this.#recent.set(this.#queue, this.#batchEnd);
        this.#handles++;
      } catch (error) {
        failure ??= error;
      }
    }
    this.#settle();
    return failure;
  }

  #queueOf(handle: number): ConsumeQueue | null {
    return this.#parts.handles.get(handle) ?? this.#learn(handle);
  }

  /** The record of the newest unit, which is not filed and so in memory, says whose it is. */
  #learn(handle: number): ConsumeQueue | null {
    const { filer, log, queues, handles } = this.#parts;
    if (filer.readUnits(handle, filer.next(handle) - 1, 1, this.#unit) === 0) return this.#tell(handle, 'its newest unit is not in memory');
    const physical = unitPhysicalOffset(this.#unit, 0);
    const size = unitSize(this.#unit, 0);
    const bytes = new Uint8Array(Math.min(size, RECORD_BYTES_MAX));
    const read = log.read(bytes, 0, bytes.length, physical);
    const found = scanRecord(bytes, 0, read, physical, log.roomAt(physical), RECORD_BYTES_MAX, this.#record);
    if (found !== size) return this.#tell(handle, `the record at ${physical} cannot be read`);
    const queue = queues.queue(this.#record.topic(), this.#record.queueId);
    handles.set(handle, queue);
    return queue;
  }

  /** Says it once: the handle is tried again in each round. */
  #tell(handle: number, reason: string): null {
    if (!this.#told.has(handle)) this.#parts.onUnknown(handle, reason);
    this.#told.add(handle);
    return null;
  }
}

/**
 * A checkpoint in small steps, so that thousands of queues are synced without the store worker being away for long. Owns the
 * checkpoint under way: the queues' ranges at its position. Begun when everything before the position is filed; then queues and
 * index are synced; then it waits until the log is flushed up to the position; then it is written. So a store that lost power
 * never has a range that the log does not bear out.
 * Fails by `DiskError`: a failed sync is final, a full disk leaves the former checkpoint.
 * Source: RocketMQ 5.3 `DefaultMessageStore.FlushConsumeQueueService`, `StoreCheckpoint`.
 */
import type { ConsumeQueue } from '../../storage/consume-queue/consume-queue.ts';
import type { QueueRange } from '../../storage/consume-queue/queue-table.ts';
import { writeCheckpointFiles } from '../../storage/open-store.ts';
import { FLUSHED_END, type Watermarks } from '../commit-log/watermarks.ts';
import type { StoreFiles } from './open-store.ts';

/** Queues synced in one step. */
const QUEUES_A_STEP = 8;

/** What is left to do: sync more, wait for the log's flush, nothing. */
export type CheckpointState = 'none' | 'syncing' | 'awaiting-flush';

type Begun = {
  readonly position: number;
  readonly storeTimestamp: number;
  readonly topics: Map<string, QueueRange[]>;
  readonly logMin: number;
  /** Last message with an index entry; −1: that one lies behind `position`, so nothing can be said of what a power cut leaves. */
  readonly indexEnd: number;
  queuesLeft: number;
  isIndexSynced: boolean;
};

export class CheckpointSteps {
  readonly #files: StoreFiles;
  readonly #marks: Watermarks;
  #begun: Begun | null = null;
  #written: number;

  constructor(files: StoreFiles, marks: Watermarks) {
    this.#files = files;
    this.#marks = marks;
    this.#written = files.start.by === 'snapshot' ? files.start.from : -1;
  }

  /** Position of the last checkpoint; −1: none that holds. */
  get position(): number {
    return this.#written;
  }

  get state(): CheckpointState {
    const begun = this.#begun;
    if (begun === null) return 'none';
    return begun.queuesLeft > 0 || !begun.isIndexSynced ? 'syncing' : 'awaiting-flush';
  }

  /**
   * Begins a checkpoint at `position`: all records before it are filed and indexed; only the queues `recent` may have units
   * behind it. `storeTimestamp`: of the last record before it, or later.
   */
  begin(position: number, storeTimestamp: number, recent: Iterable<ConsumeQueue>): void {
    const { queues, log } = this.#files;
    const ends = new Map<ConsumeQueue, number>();
    for (const queue of recent) ends.set(queue, queue.offsetAt(position));
    const topics = new Map<string, QueueRange[]>();
    for (const queue of queues.queues()) {
      const range = { queueId: queue.queueId, min: queue.minOffset, max: Math.max(queue.minOffset, ends.get(queue) ?? queue.maxOffset) };
      const ranges = topics.get(queue.topic);
      if (ranges === undefined) topics.set(queue.topic, [range]);
      else ranges.push(range);
    }
    const indexEnd = this.#files.index?.endPosition ?? -1;
    this.#begun = {
      position,
      storeTimestamp,
      topics,
      logMin: log.minOffset,
      indexEnd: indexEnd < position ? indexEnd : -1,
      queuesLeft: queues.dirtyCount,
      isIndexSynced: this.#files.index === null,
    };
  }

  /** Does the next step. True: the checkpoint is written. */
  step(): boolean {
    const begun = this.#begun;
    if (begun === null) return false;
    const { queues, index } = this.#files;
    if (begun.queuesLeft > 0) {
      // The set is in order of becoming dirty: those of the beginning come first.
      const count = Math.min(begun.queuesLeft, QUEUES_A_STEP);
      begun.queuesLeft = queues.flush(count) ? 0 : begun.queuesLeft - count;
      return false;
    }
    if (!begun.isIndexSynced) {
      index?.flush();
      begun.isIndexSynced = true;
      return false;
    }
    if (this.#marks.read(FLUSHED_END) < begun.position) return false;
    writeCheckpointFiles(this.#files, begun);
    this.#written = begun.position;
    this.#begun = null;
    return true;
  }

  /** Gives the checkpoint under way up; the former one stays. */
  abandon(): void {
    this.#begun = null;
  }
}

/**
 * The log worker: a blocking thread that runs the sequencer over all lanes. Sleeps until a shard rings; tells the shards what is
 * written, the sync worker what is wanted on disk, and the queue owners what has come. Its death loses nothing: the marks in
 * shared memory say what is in the log, and its successor goes on from there.
 */

import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { CommitLog } from '../../storage/commit-log/commit-log.ts';
import { decideThrown } from '../../storage/disk-error-policy.ts';
import { NodeDisk } from '../../storage/node-disk.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { TailWriter } from '../queue/queue-table.ts';
import { IndexFeed } from './index-feed.ts';
import { LaneView } from './log-lane.ts';
import { RunTable } from './run-table.ts';
import { Sequencer } from './sequencer.ts';
import { Watermarks, WRITTEN_END } from './watermarks.ts';

export type LogThreadData = {
  readonly memory: BrokerMemory;
  readonly directory: string;
  readonly segmentBytes: number;
  readonly syncFlush: boolean;
};

/** Raw ring record to a shard: handles (int32 each) of queues with held pulls that have got messages. */
export const ARRIVED_RECORD = 1;
/** Handles in one record. */
const HANDLES_MAX = 1024;
/** A full ring is tried again after this long. */
const AGAIN_MS = 2;
/**
 * Held pulls of one queue are woken at most once in this time: a busy queue's consumers get a few messages an answer instead of
 * one, while a message to a quiet queue goes out at once. Who pulls meanwhile is answered at once all the same.
 */
const WAKE_QUEUE_MS = 0.5;

export function main(thread: ThreadContext, data: LogThreadData): void {
  const marks = new Watermarks(data.memory.marks);
  const shards = thread.threadsOf('shard');
  const syncThread = thread.threadIndex('sync');
  const storeThread = thread.threadIndex('store');
  const notices = new Notices(thread, data.memory.queues.queueMax);
  let sequencer: Sequencer | null = null;

  const open = (): Sequencer => {
    const log = CommitLog.open(new NodeDisk(), data.directory, data.segmentBytes);
    log.setMaxOffset(marks.read(WRITTEN_END));
    const opened = new Sequencer({
      lanes: data.memory.lanes.map((lane) => new LaneView(lane)),
      queues: new TailWriter(data.memory.queues, thread.generation > 0),
      runs: new RunTable(data.memory.runs),
      feed: new IndexFeed(data.memory.feed),
      marks,
      files: log,
      classify: (error) => (decideThrown(error) === 'cut-back' ? 'cut-back' : 'fence'),
      now: () => thread.now(),
      syncFlush: data.syncFlush,
      lastStoreTimestamp: marks.lastStoreTimestamp,
      hooks: {
        waiting: (queue, owner) => notices.add(queue, owner),
        written: (lane) => thread.wake(shards[lane]!),
        syncWanted: () => thread.wake(syncThread),
        storeHurry: () => thread.wake(storeThread),
        failed: (verdict, error) => {
          thread.log('error', 'An append to the commit log failed', { verdict, error: error.message });
          thread.report(verdict === 'fence' ? 'fence' : 'disk-full', { error: error.message });
          for (const shard of shards) thread.wake(shard);
        },
      },
    });
    if (thread.generation > 0) opened.takeOver();
    return opened;
  };

  thread.addSource({
    poll: () => {
      if (sequencer === null) {
        if (!marks.isOpen) return false;
        sequencer = open();
      }
      return sequencer.poll();
    },
  });
  thread.addTurnEnd(() => notices.send());
}

/** Collects, over a turn, which queues have got messages, and tells each owner with one record. */
class Notices {
  readonly #thread: ThreadContext;
  readonly #byOwner: Map<number, number[]> = new Map();
  /** By handle: when the owner was told last. */
  readonly #toldAt: Float64Array;
  /** Queues told so lately that they wait, with their owners. */
  readonly #waiting: number[] = [];
  #isRetrying = false;
  #isScheduled = false;

  constructor(thread: ThreadContext, queueMax: number) {
    this.#thread = thread;
    this.#toldAt = new Float64Array(queueMax);
  }

  add(queue: number, owner: number): void {
    const now = this.#thread.monotonicMs();
    if (now - this.#toldAt[queue]! < WAKE_QUEUE_MS) {
      this.#waiting.push(queue, owner);
      return;
    }
    this.#toldAt[queue] = now;
    this.#put(queue, owner);
  }

  /** Queues whose time has come. */
  #due(): void {
    const now = this.#thread.monotonicMs();
    let kept = 0;
    for (let i = 0; i < this.#waiting.length; i += 2) {
      const queue = this.#waiting[i]!;
      const owner = this.#waiting[i + 1]!;
      if (now - this.#toldAt[queue]! >= WAKE_QUEUE_MS) {
        this.#toldAt[queue] = now;
        this.#put(queue, owner);
      } else {
        this.#waiting[kept++] = queue;
        this.#waiting[kept++] = owner;
      }
    }
    this.#waiting.length = kept;
    if (kept === 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    this.#thread.schedule(1, () => {
      this.#isScheduled = false;
      this.send();
    });
  }

  #put(queue: number, owner: number): void {
    const queues = this.#byOwner.get(owner);
    if (queues === undefined) this.#byOwner.set(owner, [queue]);
    else queues.push(queue);
  }

  send(): void {
    if (this.#waiting.length > 0) this.#due();
    for (const [owner, queues] of this.#byOwner) {
      while (queues.length > 0) {
        const handles = queues.slice(0, HANDLES_MAX);
        const isSent = this.#thread.sendRecord(owner, ARRIVED_RECORD, handles.length * 4, (_bytes, view, offset) => {
          for (let i = 0; i < handles.length; i++) view.setInt32(offset + i * 4, handles[i]!);
        });
        if (!isSent) {
          this.#later();
          return;
        }
        queues.splice(0, handles.length);
      }
    }
  }

  /** The ring to an owner is full: the log worker does not wait for it. */
  #later(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#thread.schedule(AGAIN_MS, () => {
      this.#isRetrying = false;
      this.send();
    });
  }
}

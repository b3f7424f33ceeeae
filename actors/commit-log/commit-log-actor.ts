/**
 * Commit-log actor: the one that appends the commit log. Owns the sequencer and with it the log's files, its end, and the order of
 * everything in it. Records reach it through the shards' log lanes, not as messages; it polls them in every turn of its thread.
 * What it hears: to drain the lane of a shard that has died, to give no more offsets to queues whose topic was deleted. A disk error is told to the root; after a fence it appends nothing.
 * Its thread's death loses nothing: the marks in shared memory say what is in the log, and its successor goes on from there.
 * Source: RocketMQ `CommitLog.asyncPutMessage`, which appends under a lock on the caller's thread.
 */
import type { Actor, ActorRef } from '../../runtime/actor.ts';
import { LingerGovernor } from '../../runtime/thread/linger-governor.ts';
import { GUEST_GROUP } from '../../runtime/thread/placement.ts';
import type { PollSource, ThreadContext } from '../../runtime/thread/thread-context.ts';
import { CommitLog } from '../../storage/commit-log/commit-log.ts';
import { isNoRoom } from '../../storage/disk-error-policy.ts';
import { DiskError } from '../../storage/errors.ts';
import type { Disk } from '../../storage/file.ts';
import { noRoomText } from '../../storage/no-room.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { TailWriter } from '../queue/tail-writer.ts';
import { takeOverTails } from '../queue/take-over-tails.ts';
import { ArrivalNotices } from './arrival-notices.ts';
import { IndexFeed } from './index-feed.ts';
import { LaneView } from './log-lane.ts';
import { RunTable } from './run-table.ts';
import { Sequencer } from './sequencer.ts';
import type { DiskVerdict } from './sequencer-parts.ts';
import { SYNC_START_MS } from './sync-start.ts';
import { DISPATCHED_END, Watermarks, WRITTEN_END } from './watermarks.ts';

/** A lane's shard has died: answered when everything that it published is written or refused. */
export type DrainLane = { readonly kind: 'drain-lane'; readonly lane: number; readonly replyTo: ActorRef<LaneDrained> };
export type LaneDrained = { readonly kind: 'lane-drained'; readonly lane: number };

/** Queues were retired in the queue table: answered when no record gets into one of them any more. */
export type ForgetRetired = { readonly kind: 'forget-retired'; readonly replyTo: ActorRef<RetiredForgotten> };
/** Every record of theirs lies before `end`; −1: nothing is open. */
export type RetiredForgotten = { readonly kind: 'retired-forgotten'; readonly end: number };
export type CommitLogCommand = DrainLane | ForgetRetired;

export type CommitLogConfig = {
  readonly memory: BrokerMemory;
  readonly directory: string;
  readonly segmentBytes: number;
  readonly syncFlush: boolean;
  /** The sync worker starts when it is woken: it is, soon after the first append. */
  readonly wakesSync?: boolean;
  /** Delay by level − 1. */
  readonly delayLevelsMs: readonly number[];
};

/** While the disk stays full it is told again this often. */
const FULL_TOLD_MS = 10_000;

export class CommitLogActor implements Actor<CommitLogCommand>, PollSource {
  readonly #thread: ThreadContext;
  readonly #config: CommitLogConfig;
  readonly #disk: Disk;
  readonly #marks: Watermarks;
  readonly #lanes: readonly LaneView[];
  readonly #notices: ArrivalNotices;
  readonly #lingers = new LingerGovernor();
  #draining: DrainLane[] = [];
  #wakesSync: boolean;
  /** When a full disk was told last. */
  #fullTold = Number.NEGATIVE_INFINITY;
  /** Null until the store is open. */
  #sequencer: Sequencer | null = null;

  constructor(thread: ThreadContext, config: CommitLogConfig, disk: Disk) {
    this.#thread = thread;
    this.#config = config;
    this.#disk = disk;
    this.#marks = new Watermarks(config.memory.marks);
    this.#lanes = config.memory.lanes.map((lane) => new LaneView(lane));
    this.#wakesSync = config.wakesSync === true;
    this.#notices = new ArrivalNotices(thread, config.memory.queues.queueMax);
  }

  /** Appends what the lanes hold, each lane up to its share of a turn. */
  poll(): boolean {
    if (this.#sequencer === null) {
      if (!this.#marks.isOpen) return false;
      this.#sequencer = this.#open();
    }
    const did = this.#sequencer.poll();
    if (did && this.#wakesSync) this.#wakeSync();
    if (this.#draining.length > 0) this.#answerDrained();
    return did;
  }

  receive(message: CommitLogCommand): void {
    if (message.kind === 'forget-retired') {
      message.replyTo.tell({ kind: 'retired-forgotten', end: this.#sequencer?.forgetRetired() ?? -1 });
      return;
    }
    this.#draining.push(message);
    this.#answerDrained();
  }

  /** The turn's end: tells the queues' owners. */
  turnEnded(): void {
    this.#notices.send();
  }

  /** A full disk is tried ten times a second, and told less often. */
  #tellFailed(verdict: DiskVerdict, error: Error): void {
    const now = this.#thread.monotonicMs();
    if (verdict !== 'fence' && now < this.#fullTold + FULL_TOLD_MS) return;
    this.#fullTold = now;
    this.#thread.log('error', 'An append to the commit log failed', { verdict, error: error.message });
    this.#thread.report(verdict === 'fence' ? 'fence' : 'disk-full', { error: error.message });
  }

  #wakeSync(): void {
    this.#wakesSync = false;
    const thread = this.#thread;
    const sync = thread.threadIndex('sync');
    thread.schedule(SYNC_START_MS, () => thread.wake(sync));
  }

  /** An application that waits for each answer sends its next message within microseconds. */
  #lookForNext(): void {
    const now = this.#thread.monotonicMs();
    this.#lingers.came(now);
    this.#thread.linger(this.#lingers.begin(now));
  }

  #answerDrained(): void {
    const left: DrainLane[] = [];
    for (const message of this.#draining) {
      const lane = this.#lanes[message.lane]!;
      if (lane.written() === lane.published()) message.replyTo.tell({ kind: 'lane-drained', lane: message.lane });
      else left.push(message);
    }
    this.#draining = left;
  }

  #open(): Sequencer {
    const { memory, directory, segmentBytes, syncFlush, delayLevelsMs } = this.#config;
    const thread = this.#thread;
    const marks = this.#marks;
    // In the order of their lanes.
    const guests = thread.threadsOf(GUEST_GROUP);
    const producers = [...thread.threadsOf('shard'), ...guests];
    const firstGuest = producers.length - guests.length;
    const syncThread = thread.threadIndex('sync');
    const storeThread = thread.threadIndex('store');
    const disk = this.#disk;
    const takesOver = thread.generation > 0;
    if (takesOver) {
      marks.mend(DISPATCHED_END);
      marks.mend(WRITTEN_END, marks.read(DISPATCHED_END));
    }
    const log = CommitLog.open(disk, directory, segmentBytes);
    log.setMaxOffset(marks.read(WRITTEN_END));
    const sequencer = new Sequencer({
      lanes: this.#lanes,
      queues: takesOver ? takeOverTails(memory.queues) : new TailWriter(memory.queues),
      runs: new RunTable(memory.runs),
      feed: new IndexFeed(memory.feed),
      marks,
      files: log,
      classify: (error) => (isNoRoom(error) ? 'cut-back' : 'fence'),
      now: () => thread.now(),
      syncFlush,
      delayLevelsMs,
      lastStoreTimestamp: marks.lastStoreTimestamp,
      hooks: {
        waiting: (queue, owner, isSeveral) => this.#notices.add(queue, owner, isSeveral),
        guestWaits: () => {
          for (const guest of guests) thread.wake(guest);
        },
        written: (lane) => {
          thread.wake(producers[lane]!);
          if (lane >= firstGuest) this.#lookForNext();
        },
        syncWanted: () => thread.wake(syncThread),
        storeHurry: () => thread.wake(storeThread),
        refusing: (error) => marks.sayFull(error instanceof DiskError ? noRoomText(disk, error) : error.message),
        failed: (verdict, error) => {
          this.#tellFailed(verdict, error);
          for (const producer of producers) thread.wake(producer);
        },
      },
    });
    // Its predecessor may not have lived to say so; who has heard it hears nothing new.
    if (takesOver && marks.fenced) thread.report('fence', { error: 'The disk of the commit log had failed when the log worker ended' });
    if (takesOver) sequencer.takeOver();
    return sequencer;
  }
}

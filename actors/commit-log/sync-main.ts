/**
 * The sync worker: a blocking thread that brings the commit log to the disk and nothing else. Sync flush: as soon as somebody waits,
 * everything written so far in one `fdatasync`, while the log worker writes on. Async flush: every interval. A failed sync is
 * never tried again: the broker is fenced. Source: RocketMQ `CommitLog.GroupCommitService`, `FlushRealTimeService`.
 */
import { GUEST_GROUP } from '../../runtime/thread/placement.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { CommitLog } from '../../storage/commit-log/commit-log.ts';
import { noteSyncFailure, SyncMark } from '../../storage/sync-failure.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { type ThreadWorld, thisWorld } from '../broker/broker-world.ts';
import { startSettings } from '../settings/settings-actor.ts';
import { FLUSHED_END, Watermarks, WRITTEN_END } from './watermarks.ts';

export type SyncThreadData = {
  readonly memory: BrokerMemory;
  readonly directory: string;
  /** What says that a sync has failed (storage/sync-failure.ts). */
  readonly syncFailed: string;
  /** What says that a sync is under way. */
  readonly syncBegun: string;
  readonly segmentBytes: number;
  readonly syncFlush: boolean;
  readonly config: BrokerConfig;
};

/** An idle worker looks this often whether anything was written. */
const IDLE_MS = 1000;

export function main(thread: ThreadContext, data: SyncThreadData, world: Pick<ThreadWorld, 'disk'> = thisWorld()): void {
  const marks = new Watermarks(data.memory.marks);
  const answering = [...thread.threadsOf('shard'), ...thread.threadsOf(GUEST_GROUP)];
  const begun = new SyncMark(world.disk, data.syncBegun);
  let isUnmarkedTold = false;
  let log: CommitLog | null = null;
  // It may have been started because something was written.
  let isDue = true;
  /** The predecessor of this worker failed, and may not have lived to say so. */
  let isFirstLook = thread.generation > 0;
  if (isFirstLook) marks.mend(FLUSHED_END);

  const fence = (error: Error): void => {
    marks.fence();
    const unnoted = noteSyncFailure(world.disk, data.syncFailed);
    if (unnoted !== null) thread.log('error', 'That a sync failed could not be noted for the next start', { error: unnoted.message });
    thread.log('error', 'A sync of the commit log failed: nothing is acknowledged any more', { error: error.message });
    thread.report('fence', { error: error.message });
    for (const index of answering) thread.wake(index);
  };

  /** A disk that fails is told by the sync itself; a full one keeps the next start from knowing what a kill within a sync has left. */
  const tellUnmarked = (error: Error): void => {
    if (isUnmarkedTold) return;
    isUnmarkedTold = true;
    thread.log('warn', 'That a sync of the commit log is under way could not be noted', { error: error.message });
  };

  /** True: something was synced. */
  const sync = (): boolean => {
    if (!marks.isOpen) return false;
    // Linux tells a write-back error once: what the former worker did not live to hear of, nobody will.
    if (isFirstLook && marks.syncWasCutShort()) {
      isFirstLook = false;
      fence(new Error('The sync worker ended within a sync: whether its bytes are on the disk is not known'));
    }
    isFirstLook = false;
    if (marks.fenced) return false;
    log ??= CommitLog.open(world.disk, data.directory, data.segmentBytes);
    const isWanted = marks.takeSyncWanted();
    if (!isWanted && !isDue) return false;
    const from = marks.read(FLUSHED_END);
    const to = marks.read(WRITTEN_END);
    isDue = false;
    if (to <= from) return false;
    marks.beginSync();
    thread.enterCall();
    try {
      const unmarked = begun.begin();
      if (unmarked !== null) tellUnmarked(unmarked);
      log.sync(from, to);
    } catch (error) {
      fence(error instanceof Error ? error : new Error(String(error)));
      return false;
    } finally {
      thread.leaveCall();
    }
    marks.endSync();
    marks.move(FLUSHED_END, to);
    if (data.syncFlush) for (const index of answering) thread.wake(index);
    // Sync flush: the next sync follows at once while somebody writes, and its mark is there already.
    if (!data.syncFlush || marks.read(WRITTEN_END) === to) begun.end();
    return true;
  };

  const live = startSettings(thread, data.config);
  const tick = (): void => {
    isDue = true;
    const did = sync();
    // Async flush: the longest time that written bytes wait for the disk.
    const everyMs = live.config.flushEveryMs;
    timer = thread.schedule(did ? everyMs : Math.max(everyMs, IDLE_MS), tick);
  };
  let timer = thread.schedule(live.config.flushEveryMs, tick);
  live.onChange((next) => {
    thread.cancel(timer);
    timer = thread.schedule(next.flushEveryMs, tick);
  });
  thread.addSource({ poll: sync });
  thread.onStop(() => {
    isDue = true;
    sync();
  });
}

/**
 * The store's end in order: when the log worker and the sync worker have stopped, what is written goes to the disk, what is in memory to its files,
 * and a checkpoint says so, so that the next start has nothing to recover. Fails by `DiskError`: then the next start recovers.
 * Source: RocketMQ 5.3 `DefaultMessageStore.shutdown`.
 */
import { closeStore } from '../../storage/open-store.ts';
import { SyncMark } from '../../storage/sync-failure.ts';
import { DISPATCHED_END, FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { StoreFiles } from './open-store.ts';
import type { OpenParts, StoreLog } from './store-parts.ts';

/** Why the store cannot be closed in order; empty: it can. */
export function whyNotClosed(marks: Watermarks): string {
  if (marks.fenced) return 'the disk failed before: the next start recovers';
  // Who would have said that the sync failed, or shown the last units, has no successor any more.
  if (marks.syncWasCutShort() || marks.read(DISPATCHED_END) < marks.read(WRITTEN_END))
    return 'a thread of the commit log ended amid its work: the next start recovers';
  return '';
}

/**
 * The log worker is done: what is written is all. On disk first, then everything may be filed. Gives why the store could not be closed after
 * all; empty: it is closed.
 */
export function closeInOrder({ files, tails, index }: OpenParts, marks: Watermarks, say: StoreLog): string {
  const written = marks.read(WRITTEN_END);
  const flushed = marks.read(FLUSHED_END);
  if (flushed < written) syncLog(files, marks, flushed, written, say);
  tails.finish();
  index.takeFeed();
  // A supervisor that gives up on the store worker stops it beside a log worker that goes on: what that one has shown meanwhile stands in the
  // queues' files, and a snapshot of them at `written` would count messages that lie behind it.
  if (marks.read(WRITTEN_END) !== written) return 'the log worker went on writing: the next start recovers';
  files.log.setMaxOffset(written);
  const storeTimestamp = Math.max(tails.storeTimestamp, marks.lastStoreTimestamp);
  closeStore(files, { position: written, storeTimestamp, syncedPosition: written });
  files.unlock();
  return '';
}

/** As the sync worker does it, for whoever comes after this thread or this process. */
function syncLog({ disk, layout, log }: StoreFiles, marks: Watermarks, from: number, to: number, say: StoreLog): void {
  const begun = new SyncMark(disk, layout.syncBegun);
  marks.beginSync();
  const unmarked = begun.begin();
  if (unmarked !== null) say('warn', 'That a sync is under way could not be noted', { error: unmarked.message });
  log.sync(from, to);
  begun.end();
  marks.endSync();
}

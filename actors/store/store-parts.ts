/**
 * Store parts: what the store actor is made of and asks of its thread, and what it works with once the store is open. Types, and how the latter are put
 * together; cannot fail.
 */
import type { LogLevel } from '../../runtime/actor.ts';
import { unitWriter } from '../../storage/dispatch-records.ts';
import type { IndexFeed } from '../commit-log/index-feed.ts';
import { type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { TailFiler } from '../queue/tail-filer.ts';
import { CheckpointSteps } from './checkpoint-steps.ts';
import { CheckpointTimes } from './checkpoint-times.ts';
import type { RetentionRules } from './decide-retention.ts';
import { FileTails } from './file-tails.ts';
import { IndexDesk } from './index-desk.ts';
import { delayMsOf, type StoreConfig, type StoreFiles, type StoreSurroundings } from './open-store.ts';
import { QueueMends } from './queue-mends.ts';
import { RetentionRounds } from './retention-rounds.ts';
import { TableSaver } from './save-table.ts';

/** What the store actor asks of its thread. */
export interface StoreHooks {
  /** The log worker may have stopped for want of what this one gave back. */
  wakeLog(): void;
  /** The log is to be flushed soon. */
  wantSync(): void;
  /** Marks a call that may block for long. */
  inCall<T>(run: () => T): T;
  report(event: string, detail: Record<string, string | number | boolean>): void;
  /** How full the disk is: shards refuse sends for this reason, or for none (empty). Told again, for a shard may have missed it. */
  diskLevel(reason: string): void;
}

export type StoreActorParts = Omit<StoreSurroundings, 'table'> & {
  readonly config: StoreConfig & { readonly retention?: RetentionRules };
  readonly filer: TailFiler;
  readonly feed: IndexFeed;
  readonly marks: Watermarks;
  readonly hooks: StoreHooks;
  /** Hour of the local day. */
  readonly hourOf: (now: number) => number;
  /** A former store worker died: the store is open already, beside a log that is being written. */
  readonly takesOver: boolean;
};

export type StoreLog = (level: LogLevel, text: string, fields: Record<string, unknown>) => void;

/** The open store, and who does what to it. */
export type OpenParts = {
  readonly files: StoreFiles;
  readonly index: IndexDesk;
  readonly mends: QueueMends;
  readonly tails: FileTails;
  readonly checkpoint: CheckpointSteps;
  readonly checkpointTimes: CheckpointTimes;
  readonly retention: RetentionRounds;
  readonly saver: TableSaver;
};

/** @param indexedTo index entries of records before it are there already */
export function openParts(files: StoreFiles, indexedTo: number, parts: StoreActorParts, say: StoreLog): OpenParts {
  const { config, filer, feed, marks, monotonicMs, now, hourOf } = parts;
  const { log, queues, handles, disk } = files;
  const onUnknown = (handle: number, reason: string): void => say('error', 'a queue has units that cannot be filed', { handle, reason });
  return {
    files,
    index: new IndexDesk(files.index, feed, indexedTo),
    tails: new FileTails(
      { filer, marks, queues, log, handles, syncFlush: config.syncFlush, onUnknown },
      files.end,
      files.lastStoreTimestamp,
    ),
    checkpoint: new CheckpointSteps(files, marks),
    checkpointTimes: new CheckpointTimes(monotonicMs(), config.checkpointMs),
    retention: new RetentionRounds({ files, filer, marks, rules: config.retention, now, monotonicMs, hourOf }),
    saver: new TableSaver(disk, files.layout),
    mends: new QueueMends(
      files,
      unitWriter((level) => delayMsOf(config, level)),
      () => marks.read(WRITTEN_END),
      ({ topic, queueId, offset, replyTo }, units, lost) => {
        if (units > 0) say('error', 'a damaged consume queue was made again from the log', { topic, queueId, offset, units, lost });
        replyTo.tell({ kind: 'queue-mended', topic, queueId, offset });
      },
    ),
  };
}

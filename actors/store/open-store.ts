/**
 * Opening of the broker's store: lock, recovery, and what it found put into the shared memory that all threads see: a row a
 * queue, the marks at the log's end. Runs on the store worker before anything else; nothing else of the broker uses the store yet.
 * A store worker that replaces a dead one takes the store over beside a log that goes on being written (`takeOverStore`): the
 * log's tail is dispatched once more, which changes nothing that is there, and no row and no mark is touched.
 * Fails by the errors of storage, and MQ_STORE_TOO_MANY_QUEUES. Damage in the log is reported, it never fails a start.
 * Source: RocketMQ 5.3 `DefaultMessageStore.load`, `BrokerController.initialize`.
 */
import type { Damage } from '../../storage/commit-log/recover.ts';
import type { ConsumeQueue } from '../../storage/consume-queue/consume-queue.ts';
import type { Disk } from '../../storage/file.ts';
import type { IndexShape } from '../../storage/index/index-file.ts';
import { openStore as openStoreParts, type OpenedStore as StoreParts } from '../../storage/open-store.ts';
import { type StoreLayout, storeLayout } from '../../storage/store-layout.ts';
import { forgetSyncFailure, isSyncFailure, noteSyncFailure } from '../../storage/sync-failure.ts';
import { DISPATCHED_END, FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { cutOffsets } from './cut-offsets.ts';
import { StoreError } from './errors.ts';

export type StoreConfig = {
  readonly directory: string;
  readonly segmentBytes: number;
  /** Acknowledged means on disk: units are filed only once their records are. */
  readonly syncFlush: boolean;
  readonly indexEnable: boolean;
  /** Delay in ms by level − 1. Default: Java's 18 levels. */
  readonly delayLevelsMs?: readonly number[];
  /** Time between two checkpoints. Default 10 000. */
  readonly checkpointMs?: number;
  /** Default: the formats' own sizes; smaller ones are for tests. */
  readonly indexShape?: IndexShape;
  readonly unitsPerFile?: number;
};

/** What a store is opened with beside its configuration. */
export type StoreSurroundings = {
  readonly disk: Disk;
  readonly table: QueueTable;
  readonly marks: Watermarks;
  /** Wall clock, and one that never goes back; in ms. */
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly processId: number;
  /** Called again and again during a recovery. */
  readonly onProgress: () => void;
};

export type OpenedQueue = {
  readonly topic: string;
  readonly queueId: number;
  readonly handle: number;
  readonly min: number;
  readonly next: number;
};

/** What the broker starts from. */
export type OpenedStore = {
  readonly writtenEnd: number;
  readonly minOffset: number;
  readonly lastStoreTimestamp: number;
  /** Every queue that has or had messages, topics that only the log knows included. Their rows are made, their owner is −1. */
  readonly queues: readonly OpenedQueue[];
  readonly recovered: {
    readonly from: number;
    readonly by: string;
    readonly scannedBytes: number;
    readonly dispatched: number;
    /** Bytes behind the end that were no record: a torn tail. */
    readonly cutBytes: number;
    /** Places of groups that were beyond the ends of their queues (cut-offsets.ts). */
    readonly cutOffsets: number;
    readonly damaged: readonly string[];
    readonly ms: number;
  };
  readonly wasClean: boolean;
};

/** The open store: files and the lock, the store worker's alone. */
export type StoreFiles = StoreParts & {
  readonly disk: Disk;
  readonly layout: StoreLayout;
  readonly unlock: () => void;
  /** Queue of a handle, as far as known from the files. */
  readonly handles: Map<number, ConsumeQueue>;
};

/** Damages told one by one; the rest is counted. */
const DAMAGE_MAX = 100;
const DELAYS = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200].map((seconds) => seconds * 1000);

/** Opens or makes the store. Throws with nothing held when it cannot be opened. */
export function openStore(config: StoreConfig, around: StoreSurroundings): { readonly files: StoreFiles; readonly opened: OpenedStore } {
  const { disk, marks, table } = around;
  const began = around.monotonicMs();
  const layout = storeLayout(config.directory);
  disk.makeDirectory(layout.root);
  disk.makeDirectory(layout.config);
  const unlock = disk.lock(layout.lock);
  try {
    const damages: string[] = [];
    const parts = openParts(config, around, layout, (damage) => {
      if (damages.length < DAMAGE_MAX) damages.push(damageText(damage));
    });
    if (parts.damaged > damages.length) damages.push(`and ${parts.damaged - damages.length} more`);
    damages.push(...parts.mended.slice(0, DAMAGE_MAX));
    // The recovered tail may stand in the page cache only: what is told as flushed must last a power cut.
    if (!parts.wasClean && parts.end > parts.start.from) {
      // Until it is known that it has not failed: should this thread not live to hear of it, the next start must not believe what memory shows.
      noteSyncFailure(disk, layout.syncFailed);
      parts.log.sync(parts.start.from, parts.end);
    }
    for (const note of [layout.syncBegun, layout.syncFailed]) if (disk.exists(note)) forgetSyncFailure(disk, note);
    const handles = new Map<number, ConsumeQueue>();
    const queues = numberQueues(parts, table, handles);
    const cut = parts.wasClean ? { count: 0, isLeft: false } : cutOffsets(disk, layout, queues, around.now());
    if (cut.isLeft) damages.push(`${layout.config}: no room to set ${cut.count} committed offsets back to the ends of their queues`);
    marks.move(WRITTEN_END, parts.end);
    marks.move(FLUSHED_END, parts.end);
    marks.move(DISPATCHED_END, parts.end);
    const opened: OpenedStore = {
      writtenEnd: parts.end,
      minOffset: parts.log.minOffset,
      lastStoreTimestamp: parts.lastStoreTimestamp,
      queues,
      recovered: {
        from: parts.start.from,
        by: parts.start.by,
        scannedBytes: parts.end - parts.start.from,
        dispatched: parts.records,
        cutBytes: parts.cutBytes,
        cutOffsets: cut.count,
        damaged: damages,
        ms: around.monotonicMs() - began,
      },
      wasClean: parts.wasClean,
    };
    return { files: { ...parts, disk, layout, unlock, handles }, opened };
  } catch (error) {
    if (isSyncFailure(error)) noteSyncFailure(disk, layout.syncFailed);
    unlock();
    throw error;
  }
}

/** Takes the store over from a store worker that died. Handles become known by the first unit of each queue. */
export function takeOverStore(config: StoreConfig, around: StoreSurroundings): StoreFiles {
  const layout = storeLayout(config.directory);
  const unlock = around.disk.lock(layout.lock);
  try {
    const parts = openParts(config, around, layout, () => {}, around.marks.read(WRITTEN_END));
    return { ...parts, disk: around.disk, layout, unlock, handles: new Map() };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** How long messages of a delay level wait. */
export function delayMsOf({ delayLevelsMs = DELAYS }: Pick<StoreConfig, 'delayLevelsMs'>, level: number): number {
  return delayLevelsMs[Math.min(level, delayLevelsMs.length) - 1] ?? 0;
}

function openParts(
  config: StoreConfig,
  around: StoreSurroundings,
  layout: StoreLayout,
  onDamage: (damage: Damage & { readonly path: string }) => void,
  liveEnd?: number,
): StoreParts {
  return openStoreParts({
    disk: around.disk,
    layout,
    segmentBytes: config.segmentBytes,
    now: around.now,
    processId: around.processId,
    delayMsOf: (level) => delayMsOf(config, level),
    onDamage,
    onProgress: around.onProgress,
    isIndexed: config.indexEnable,
    ...(config.indexShape === undefined ? {} : { indexShape: config.indexShape }),
    ...(config.unitsPerFile === undefined ? {} : { unitsPerFile: config.unitsPerFile }),
    ...(liveEnd === undefined ? {} : { liveEnd }),
  });
}

/** Gives every queue its handle and makes its row. */
function numberQueues(parts: StoreParts, table: QueueTable, handles: Map<number, ConsumeQueue>): OpenedQueue[] {
  const count = parts.queues.queueCount;
  if (count > table.queueMax) {
    const text = `The store has ${count} queues, ${table.queueMax} are allowed: raise the limit of queues, or delete topics with the broker that made them`;
    throw new StoreError('MQ_STORE_TOO_MANY_QUEUES', text, { count, limit: table.queueMax });
  }
  const queues: OpenedQueue[] = [];
  for (const queue of parts.queues.queues()) {
    const handle = queues.length;
    table.create(handle, queue.minOffset, queue.maxOffset, -1);
    handles.set(handle, queue);
    queues.push({ topic: queue.topic, queueId: queue.queueId, handle, min: queue.minOffset, next: queue.maxOffset });
  }
  return queues;
}

function damageText(damage: Damage & { readonly path: string }): string {
  const { record, path, position, end, reason } = damage;
  const what = record === null ? '' : ` (offset ${record.queueOffset} of queue ${record.queueId} of ${record.topic})`;
  return `${path}: bytes ${position} to ${end} of the log are lost${what}: ${reason}`;
}

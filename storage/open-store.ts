/**
 * Opening a store: recovers commit log, consume queues and index so that they agree, whatever the former run left, a Java
 * broker's included; and writing the checkpoint from which the next opening goes on. Owns nothing itself: the parts that it
 * opens belong to the caller. The caller holds the store's lock.
 * Fails by the errors of the parts. Damage in the log is told and does not fail.
 * Source: RocketMQ 5.3 `DefaultMessageStore.load`, `recover`, `shutdown`.
 */
import { dirname } from 'node:path';
import {
  HOST_V6_EXTRA_BYTES,
  MAGIC_AT,
  PHYSICAL_OFFSET_AT,
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  readInt32,
  readInt64,
  STORE_TIMESTAMP_AT,
  SYS_FLAG_AT,
} from '../model/message-record.ts';
import { BORN_HOST_V6_FLAG } from '../model/system-flag.ts';
import { createAbort, removeAbort, wasAborted } from './abort.ts';
import { Checkpoint, recoveryBaseMs } from './checkpoint.ts';
import { CommitLog } from './commit-log/commit-log.ts';
import { type Damage, type RecoverableLog, recoverCommitLog } from './commit-log/recover.ts';
import { decideRecoveryStart, type RecoveryStart } from './commit-log/recovery-start.ts';
import { ConsumeQueueSet } from './consume-queue/consume-queue-set.ts';
import { decodeQueueTable, encodeQueueTable, isTableOf, QUEUE_TABLE_BYTES_MAX, type QueueTable } from './consume-queue/queue-table.ts';
import { type DeletedTopics, loadDeletedTopics } from './deleted-topics.ts';
import { RecordDispatcher } from './dispatch-records.ts';
import type { Disk } from './file.ts';
import type { IndexShape } from './index/index-file.ts';
import { IndexSet } from './index/index-set.ts';
import { readWhole, replaceFile } from './json-table.ts';
import type { StoreLayout } from './store-layout.ts';
import { hasSyncFailed, wasSyncCutShort } from './sync-failure.ts';

/** So many queues' files are looked for at the start; it takes some 5 µs each. */
const QUEUES_LOOKED_AT_MAX = 2000;
/** Records between two calls of `onProgress`, less one. */
const PROGRESS_MASK = 0xffff;
const ZERO_BLOCK_BYTES = 64 * 1024;

export type OpenStoreOptions = {
  readonly disk: Disk;
  readonly layout: StoreLayout;
  readonly segmentBytes: number;
  /** Wall clock in ms. */
  readonly now: () => number;
  readonly processId: number;
  /** How long messages of a delay level wait. */
  readonly delayMsOf: (level: number) => number;
  readonly onDamage: (damage: Damage & { readonly path: string }) => void;
  /** Called again and again while records are walked and queues are brought to the log's end, for who has to show that it lives. */
  readonly onProgress?: () => void;
  /** False: no index is kept. Default true. */
  readonly isIndexed?: boolean;
  readonly indexShape?: IndexShape;
  readonly unitsPerFile?: number;
  readonly queueFilesOpenMax?: number;
  /**
   * The log is being written by another thread, and this one takes over queues and index: the walk ends here, which is a
   * record's end, and nothing of the log is cut.
   */
  readonly liveEnd?: number;
};

export type OpenedStore = {
  readonly log: CommitLog;
  readonly queues: ConsumeQueueSet;
  /** Null when no index is kept. */
  readonly index: IndexSet | null;
  readonly checkpoint: Checkpoint;
  readonly deleted: DeletedTopics;
  /** Where the log ends; `log.maxOffset` is the same. */
  readonly end: number;
  /** The former run ended in order. */
  readonly wasClean: boolean;
  /** A sync of the former run failed, or its process ended within one: the log from `start.from` on was written again, and is to be synced. */
  readonly isDoubtful: boolean;
  readonly start: RecoveryStart;
  /** Bytes behind the log's end that were no record and were cut: a torn tail. */
  readonly cutBytes: number;
  /** Records walked, and places of the log that were damaged. */
  readonly records: number;
  readonly damaged: number;
  /** No message in the log was stored later than this, as far as is known: time goes on from here. */
  readonly lastStoreTimestamp: number;
  /** Files that were short, of a wrong size or out of place: what was done about each. */
  readonly mended: readonly string[];
};

/** Opens or makes the store, and leaves the abort file that only `closeStore` removes. Holds nothing open when it throws. */
export function openStore(options: OpenStoreOptions): OpenedStore {
  const held: { close(): void }[] = [];
  try {
    return openParts(options, held);
  } catch (error) {
    for (const part of held) part.close();
    throw error;
  }
}

/** @param held gets each part as soon as it is open */
function openParts(options: OpenStoreOptions, held: { close(): void }[]): OpenedStore {
  const { disk, layout, segmentBytes } = options;
  if (!disk.exists(layout.root)) {
    disk.makeDirectory(layout.root);
    disk.syncDirectory(dirname(layout.root));
  }
  const wasClean = !wasAborted(disk, layout.abort);
  const checkpoint = Checkpoint.open(disk, layout.checkpoint);
  held.push(checkpoint);
  const log = CommitLog.open(disk, layout.commitLog, segmentBytes);
  held.push(log);
  const deleted = loadDeletedTopics(disk, layout.deletedTopics);
  const table = log.segmentCount === 0 ? null : withoutDeleted(loadQueueTable(disk, layout, checkpoint), deleted);
  const former = checkpoint.values;
  const queues = ConsumeQueueSet.open(disk, layout.consumeQueue, {
    isWritable: true,
    // A thread that died has written what it wrote: only a process or a machine that ended leaves units that no message has.
    isTailSuspect: !wasClean && options.liveEnd === undefined,
    ...(options.unitsPerFile === undefined ? {} : { unitsPerFile: options.unitsPerFile }),
    ...(options.queueFilesOpenMax === undefined ? {} : { openMax: options.queueFilesOpenMax }),
  });
  held.push(queues);
  const snapshot = table !== null && table.position >= log.minOffset && queues.areFilesThere(table, QUEUES_LOOKED_AT_MAX) ? table : null;
  if (snapshot === null) scanQueues(options, log, queues, checkpoint);
  else queues.adopt(snapshot);
  const start = decideRecoveryStart({
    bases: log.segmentBases(),
    isCleanStop: wasClean,
    snapshotPosition: snapshot?.position ?? null,
    areQueuesWhole: snapshot !== null || (table === null && queues.queueCount > 0 && queues.mended().length === 0),
    checkpointMs: recoveryBaseMs(former),
    firstStoreTimestamp: (base) => firstStoreTimestamp(log, base),
  });
  // What memory says of pages whose sync failed is not to be relied on: units are written again, as the log is below.
  const isDoubtful =
    !wasClean && options.liveEnd === undefined && (hasSyncFailed(disk, layout.syncFailed) || wasSyncCutShort(disk, layout.syncBegun));
  if (options.liveEnd !== undefined) queues.rewindPhysical(start.from, options.onProgress);
  else if (snapshot === null || isDoubtful) queues.truncatePhysical(start.from, options.onProgress);
  if (!wasClean) queues.removeDeleted(deleted, log.minOffset);
  // Queues without a log are what somebody forgot to delete with it.
  if (log.segmentCount === 0) for (const topic of queues.topics()) queues.removeTopic(topic);
  const index = openIndex(options, wasClean);
  if (index !== null) held.push(index);
  let lostRecords = 0;
  let walked = 0;
  const tell = (damage: Damage): void => options.onDamage({ ...damage, path: log.pathOf(damage.position) });
  const onLost = (damage: Damage): void => {
    lostRecords++;
    tell(damage);
  };
  const dispatcher = new RecordDispatcher(queues, index, options.delayMsOf, start.from, onLost, deleted, options.onProgress);
  // Also where a store is taken over that was closed in order: its log goes on.
  if (options.liveEnd === undefined || wasClean) createAbort(disk, layout.abort, options.processId);
  const recovered = recoverCommitLog(options.liveEnd === undefined ? log : upTo(log, options.liveEnd), {
    from: indexStart(index, snapshot, log, start.from),
    onRecord: (record) => {
      dispatcher.onRecord(record);
      if ((++walked & PROGRESS_MASK) === 0) options.onProgress?.();
    },
    onDamage: (damage) => {
      dispatcher.onDamage(damage);
      tell(damage);
    },
  });
  dispatcher.finish();
  const cutBytes = wasClean || options.liveEnd !== undefined ? 0 : bytesBehind(log, recovered.end);
  if (options.liveEnd === undefined) log.truncateAfter(recovered.end);
  else log.setMaxOffset(recovered.end);
  if (snapshot !== null && log.minOffset > snapshot.logMin) queues.correctMin(log.minOffset);
  if (options.liveEnd === undefined) index?.truncateFrom(recovered.end);
  if (isDoubtful) log.rewrite(start.from, recovered.end);
  return {
    log,
    queues,
    index,
    checkpoint,
    deleted,
    end: recovered.end,
    wasClean,
    isDoubtful,
    start,
    cutBytes,
    records: recovered.records,
    damaged: recovered.damaged + lostRecords,
    lastStoreTimestamp: Math.max(recovered.lastStoreTimestamp, former.physicMs),
    mended: [...log.mended, ...queues.mended(), ...(index?.mended ?? [])],
  };
}

export type CheckpointFacts = {
  /** Every message before it has its unit and its entries handed to `queues` and `index`, and its record is synced. A record begins here. */
  readonly position: number;
  /** Store timestamp of the last message before `position`. */
  readonly storeTimestamp: number;
};

type CheckpointParts = {
  readonly disk: Disk;
  readonly layout: StoreLayout;
  readonly log: Pick<CommitLog, 'minOffset'>;
  readonly queues: ConsumeQueueSet;
  readonly index: IndexSet | null;
  readonly checkpoint: Checkpoint;
};

/** Syncs queues and index, then writes the queue table and the checkpoint: the next opening walks from `position` only. */
export function writeCheckpoint(parts: CheckpointParts, facts: CheckpointFacts): void {
  parts.queues.flush();
  parts.index?.flush();
  writeCheckpointFiles(parts, {
    ...facts,
    topics: parts.queues.ranges(),
    logMin: parts.log.minOffset,
  });
}

/**
 * The second half of `writeCheckpoint`, for a caller that syncs queues and index in small steps: `topics` and `logMin` are what
 * they were when it began, and every message that has a unit in `topics` is synced in log, queue and index.
 */
export function writeCheckpointFiles(
  parts: Pick<CheckpointParts, 'disk' | 'layout' | 'checkpoint' | 'index'>,
  facts: CheckpointFacts & Pick<QueueTable, 'topics' | 'logMin'>,
): void {
  const { disk, layout, checkpoint } = parts;
  const former = checkpoint.values;
  const ms = facts.storeTimestamp;
  const table: QueueTable = {
    position: facts.position,
    logMin: facts.logMin,
    indexEnd: parts.index?.flushedPosition ?? -1,
    checkpoint: { physicMs: ms, logicsMs: ms, indexMs: ms },
    formerCheckpoint: { physicMs: former.physicMs, logicsMs: former.logicsMs, indexMs: former.indexMs },
    topics: facts.topics,
  };
  replaceFile(disk, layout.queueTable, encodeQueueTable(table), false);
  checkpoint.write({ ...former, physicMs: ms, logicsMs: ms, indexMs: ms, confirmPhysicalOffset: facts.position });
}

/**
 * The end of an orderly run: everything is synced, the checkpoint written, the abort file removed, the files closed. The log is
 * synced from `syncedPosition` on.
 */
export function closeStore(
  parts: CheckpointParts & { readonly log: CommitLog },
  facts: CheckpointFacts & { readonly syncedPosition: number },
): void {
  const { disk, layout, log, queues, index, checkpoint } = parts;
  if (facts.position > facts.syncedPosition) log.sync(facts.syncedPosition, facts.position);
  writeCheckpoint(parts, facts);
  removeAbort(disk, layout.abort);
  log.close();
  queues.close();
  index?.close();
  checkpoint.close();
}

/** The log as far as `end`: what lies behind is still being written. */
function upTo(log: CommitLog, end: number): RecoverableLog {
  return {
    segmentBytes: log.segmentBytes,
    read: (buffer, offset, length, position) =>
      position >= end ? 0 : log.read(buffer, offset, Math.min(length, end - position), position),
  };
}

/** How many bytes from `end` on are something, up to the first block of zeros. */
function bytesBehind(log: CommitLog, end: number): number {
  const block = new Uint8Array(ZERO_BLOCK_BYTES);
  let last = 0;
  for (let at = 0; ; at += ZERO_BLOCK_BYTES) {
    let used = log.read(block, 0, ZERO_BLOCK_BYTES, end + at);
    while (used > 0 && block[used - 1] === 0) used--;
    if (used === 0) return last;
    last = at + used;
  }
}

/**
 * Finds the queues in their files. Units of all that will be walked are dropped after it and dispatched again, for a unit of a
 * message that the walk does not find must not stay. Should this run be cut off, the next one has to walk everything: the
 * checkpoint says so before anything is changed.
 */
function scanQueues(options: OpenStoreOptions, log: CommitLog, queues: ConsumeQueueSet, checkpoint: Checkpoint): void {
  options.disk.remove(options.layout.queueTable);
  checkpoint.write({ ...checkpoint.values, physicMs: 0, logicsMs: 0, indexMs: 0 });
  queues.scan(log.minOffset, options.onProgress);
}

function openIndex(options: OpenStoreOptions, wasClean: boolean): IndexSet | null {
  if (options.isIndexed === false) return null;
  const shape = options.indexShape === undefined ? {} : { shape: options.indexShape };
  return IndexSet.open(options.disk, options.layout.index, { now: options.now, isSuspect: !wasClean, ...shape });
}

/** Where the walk begins: at `from`, or further back when the index has lost entries of messages before it. */
function indexStart(index: IndexSet | null, snapshot: QueueTable | null, log: CommitLog, from: number): number {
  if (index === null) return from;
  const isWhole = snapshot === null ? index.fileCount > 0 && index.mended.length === 0 : index.endPosition >= snapshot.indexEnd;
  return isWhole ? from : Math.min(from, Math.max(log.minOffset, index.endPosition));
}

/** Our snapshot, when there is one that belongs to the checkpoint. */
function loadQueueTable(disk: Disk, layout: StoreLayout, checkpoint: Checkpoint): QueueTable | null {
  const bytes = readWhole(disk, layout.queueTable, QUEUE_TABLE_BYTES_MAX);
  const table = bytes === null ? null : decodeQueueTable(bytes);
  return table !== null && isTableOf(table, checkpoint.values) ? table : null;
}

/** A snapshot from before a topic's deletion knows the queues that went with it. */
function withoutDeleted(table: QueueTable | null, deleted: DeletedTopics): QueueTable | null {
  if (table === null || deleted.size === 0) return table;
  return { ...table, topics: new Map([...table.topics].filter(([topic]) => (deleted.get(topic) ?? -1) < table.position)) };
}

/** Store timestamp of the first record of the segment at `base`; null when none begins there. Its frame only is looked at, as in Java. */
export function firstStoreTimestamp(log: CommitLog, base: number): number | null {
  const head = new Uint8Array(STORE_TIMESTAMP_AT + 8 + HOST_V6_EXTRA_BYTES);
  if (log.read(head, 0, head.length, base) < head.length) return null;
  const magic = readInt32(head, MAGIC_AT);
  if ((magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2) || readInt64(head, PHYSICAL_OFFSET_AT) !== base) return null;
  const isV6 = (readInt32(head, SYS_FLAG_AT) & BORN_HOST_V6_FLAG) !== 0;
  return readInt64(head, STORE_TIMESTAMP_AT + (isV6 ? HOST_V6_EXTRA_BYTES : 0));
}

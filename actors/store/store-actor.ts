/**
 * Store actor: owns everything of the store that may be late: consume-queue and index files, checkpoint, segments made ahead of
 * need, retention, the metadata tables. One a broker, alone on a thread that may block. The log is written and synced by others.
 *
 * Works in rounds: every 500 ms while there is work, at once when the log worker is short of chunks or of room in the index feed,
 * not at all when there is none. A full disk keeps the units in memory and is tried again; any other failed call of the disk
 * fences the broker, and nothing is tried again. A bug is an assertion that ends the thread; the next one takes the store over.
 * Source: RocketMQ 5.3 `DefaultMessageStore`: `ReputMessageService`, `FlushConsumeQueueService`, `CleanCommitLogService`.
 */
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import { isNoRoom } from '../../storage/disk-error-policy.ts';
import { unitWriter } from '../../storage/dispatch-records.ts';
import { DiskError, StorageError } from '../../storage/errors.ts';
import { closeStore } from '../../storage/open-store.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import { isSyncFailure, noteSyncFailure, SyncMark } from '../../storage/sync-failure.ts';
import type { IndexFeed } from '../commit-log/index-feed.ts';
import { DISPATCHED_END, FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { TailFiler } from '../queue/tail-filer.ts';
import { CheckpointSteps } from './checkpoint-steps.ts';
import { DEFAULT_RETENTION, type RetentionRules } from './decide-retention.ts';
import { DiskLevel } from './disk-level.ts';
import { dropTopic } from './drop-topic.ts';
import { StoreError } from './errors.ts';
import { FileTails } from './file-tails.ts';
import { IndexDesk, type IndexEntries, NONE_FOUND } from './index-desk.ts';
import { delayMsOf, openStore, type StoreConfig, type StoreFiles, type StoreSurroundings, takeOverStore } from './open-store.ts';
import { QueueMends } from './queue-mends.ts';
import { RetentionRounds } from './retention-rounds.ts';
import { TableSaver } from './save-table.ts';
import { storeFacts } from './store-facts.ts';
import {
  type DropTopic,
  OPENED_PAGE_BYTES,
  type OpenStore,
  type QueryIndex,
  type QueryStoreFacts,
  type QueuesTrimmed,
  type SaveTable,
  type StoreCommand,
  type StoreStopped,
} from './store-messages.ts';

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

const ROUND_MS = 500;
/** Rounds that somebody hurried are this far apart. */
const HURRY_MS = 2;
/** While syncs of a checkpoint are under way, or after a round that filed a good part of all chunks. */
const SHORT_MS = 10;
/** While units or a checkpoint wait for the log's flush. */
const FLUSH_LOOK_MS = 50;
/** A checkpoint writes most of the index's 20 MB of slots again: every so often, sooner when a recovery would have much to walk. */
const CHECKPOINT_MS = 10_000;
const CHECKPOINT_SOON_MS = 5_000;
const CHECKPOINT_BYTES = 128 * 1024 * 1024;
/** A checkpoint may take this share of the time. */
const CHECKPOINT_SHARE = 20;
/** A wait for the log's flush so long asks for one. */
const FLUSH_PATIENCE_MS = 1_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;

type Round = { readonly kind: 'round' };
/** A table whose part of the log is not on the disk yet. */
type HeldTable = { readonly kind: 'held-table'; readonly id: number };
type Mend = { readonly kind: 'mend' };
type OpenParts = {
  readonly files: StoreFiles;
  readonly mends: QueueMends;
  readonly tails: FileTails;
  readonly checkpoint: CheckpointSteps;
  readonly retention: RetentionRounds;
  readonly saver: TableSaver;
};

export class StoreActor implements Actor<StoreCommand | Round | HeldTable | Mend> {
  readonly #parts: StoreActorParts;
  /** Tables that wait for the log's flush: those who save tables wait for the answer before they save again. */
  readonly #held: Map<number, { readonly message: SaveTable; readonly text: string }> = new Map();
  #nextHeld = 0;
  #open: OpenParts | null = null;
  #openedBytes: Uint8Array | null = null;
  #openFailure: { readonly error: string; readonly code: string } | null = null;
  #context: ActorContext | null = null;
  #timer: TimerId | null = null;
  #timerAt = 0;
  #lastRound = 0;
  #index: IndexDesk | null = null;
  #nextCheckpoint = 0;
  #checkpointSpent = 0;
  #preparedFor = -1;
  /** Since when something waits for the log's flush; 0: nothing does. */
  #waitsSince = 0;
  #retryMs = 0;
  #retryAt = 0;
  #isFenced = false;
  /** A step of a mend is scheduled. */
  #isMending = false;
  readonly #diskLevel: DiskLevel;

  constructor(parts: StoreActorParts) {
    this.#parts = parts;
    this.#diskLevel = new DiskLevel(storeLayout(parts.config.directory).root, (reason) => parts.hooks.diskLevel(reason));
  }

  started(context: ActorContext): void {
    this.#context = context;
    if (!this.#parts.takesOver) return;
    // Its predecessor may not have lived to say why.
    if (this.#parts.marks.fenced)
      this.#fence(new StoreError('MQ_STORE_FENCED', 'The disk had failed when the store worker ended', {}), true);
    else this.#takeOver(context);
  }

  /** On a full disk it waits for room: units stay in memory meanwhile, as they do for a worker that has the store open. */
  #takeOver(context: ActorContext): void {
    const around = { ...this.#parts, table: this.#parts.filer };
    try {
      const files = this.#parts.hooks.inCall(() => takeOverStore(this.#parts.config, around));
      this.#use(files, files.end);
      this.#open!.tails.adopt();
      context.log('warn', 'the store was taken over', { position: files.end, records: files.records });
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      this.#onFailure(error);
      return;
    }
    this.#round();
  }

  receive(message: StoreCommand | Round | HeldTable | Mend, context: ActorContext): void {
    this.#context = context;
    switch (message.kind) {
      case 'open-store':
        this.#onOpen(message, context);
        return;
      case 'fetch-opened-page': {
        const bytes = (this.#openedBytes ?? new Uint8Array(0)).slice(message.at, message.at + OPENED_PAGE_BYTES);
        if (this.#openedBytes !== null && message.at + bytes.length >= this.#openedBytes.length) this.#openedBytes = null;
        message.replyTo.tell({ kind: 'opened-page', at: message.at, bytes });
        return;
      }
      case 'queue-interned': {
        const open = this.#open;
        if (open !== null) open.files.handles.set(message.handle, open.files.queues.queue(message.topic, message.queueId));
        return;
      }
      case 'round':
        this.#timer = null;
        this.#round();
        return;
      case 'hurry':
        this.#round();
        return;
      case 'save-table':
        this.#onSaveTable(message, context);
        return;
      case 'held-table':
        this.#onHeldTable(message, context);
        return;
      case 'query-index':
        this.#onQueryIndex(message);
        return;
      case 'drop-topic':
        this.#onDropTopic(message);
        return;
      case 'delete-expired':
        this.#open?.retention.ask();
        this.#round();
        return;
      case 'clean-queues':
        this.#open?.retention.cleanQueues();
        this.#round();
        return;
      case 'mend-queue':
        this.#open?.mends.ask(message);
        this.#mend(context);
        return;
      case 'mend':
        this.#isMending = false;
        this.#mend(context);
        return;
      case 'query-store-facts':
        this.#onQueryFacts(message);
        return;
      case 'store-stop':
        message.replyTo.tell(this.#stop());
        return;
      default:
        message satisfies never;
    }
  }

  /** Called in every turn of the thread: somebody woke it, or a second has passed. True: something was filed. */
  poll(): boolean {
    if (this.#open === null || this.#isFenced || this.#parts.monotonicMs() - this.#lastRound < HURRY_MS) return false;
    return this.#round();
  }

  /** As `store-stop`, for the end of the thread. Empty: everything is on the disk. */
  close(): string {
    return this.#stop().error ?? '';
  }

  #onOpen(message: OpenStore, context: ActorContext): void {
    const { config, hooks, filer } = this.#parts;
    if (this.#open === null) {
      try {
        const { files, opened } = hooks.inCall(() => openStore(config, { ...this.#parts, table: filer }));
        this.#use(files, 0);
        this.#openedBytes = Buffer.from(JSON.stringify(opened));
        for (const text of opened.recovered.damaged) context.log('error', 'the log is damaged', { what: text });
        // Not before the answer: a segment made ahead is worth no start-up time.
        this.#schedule(SHORT_MS);
      } catch (error) {
        if (!(error instanceof StorageError || error instanceof StoreError)) throw error;
        this.#openFailure = { error: error.message, code: error.code };
      }
    }
    const failure =
      this.#openFailure ?? (this.#openedBytes === null ? { error: 'The store is open already', code: 'MQ_STORE_OPEN' } : null);
    message.replyTo.tell({
      kind: 'store-opened',
      error: failure?.error ?? '',
      code: failure?.code ?? '',
      bytes: this.#openedBytes?.length ?? 0,
    });
  }

  /** @param indexedTo index entries of records before it are there already */
  #use(files: StoreFiles, indexedTo: number): void {
    const { config, filer, marks, monotonicMs, now, hourOf } = this.#parts;
    const context = this.#context!;
    this.#index = new IndexDesk(files.index, this.#parts.feed, indexedTo);
    const onUnknown = (handle: number, reason: string): void =>
      context.log('error', 'a queue has units that cannot be filed', { handle, reason });
    const { log, queues, handles, disk } = files;
    this.#open = {
      files,
      tails: new FileTails(
        { filer, marks, queues, log, handles, syncFlush: config.syncFlush, onUnknown },
        files.end,
        files.lastStoreTimestamp,
      ),
      checkpoint: new CheckpointSteps(files, marks),
      retention: new RetentionRounds({ files, filer, marks, rules: config.retention, now, monotonicMs, hourOf }),
      saver: new TableSaver(disk, files.layout),
      mends: new QueueMends(
        files,
        unitWriter((level) => delayMsOf(config, level)),
        () => marks.read(WRITTEN_END),
        ({ topic, queueId, offset, replyTo }, units, lost) => {
          if (units > 0)
            this.#context?.log('error', 'a damaged consume queue was made again from the log', { topic, queueId, offset, units, lost });
          replyTo.tell({ kind: 'queue-mended', topic, queueId, offset });
        },
      ),
    };
    this.#nextCheckpoint = monotonicMs() + this.#checkpointMs;
  }

  get #checkpointMs(): number {
    return this.#parts.config.checkpointMs ?? CHECKPOINT_MS;
  }

  /** One round. True: units or entries went to their files. */
  #round(): boolean {
    const open = this.#open;
    const { monotonicMs, hooks } = this.#parts;
    const began = monotonicMs();
    if (open === null && this.#parts.takesOver && began >= this.#retryAt && !this.#isFenced) this.#takeOver(this.#context!);
    if (open === null || this.#isFenced) return false;
    this.#lastRound = began;
    if (began < this.#retryAt) {
      this.#schedule(this.#retryAt - began);
      return false;
    }
    let units = 0;
    let entries = 0;
    try {
      units = open.tails.round();
      entries = this.#index!.takeFeed();
      if (units > 0 || entries > 0) hooks.wakeLog();
      this.#prepareSegment(open);
      this.#checkpoint(open, began);
      this.#retain(open, began);
      this.#hasRoom();
    } catch (error) {
      // What was given back before the failure is there to be used.
      hooks.wakeLog();
      this.#onFailure(error);
      return false;
    }
    const did = units > 0 || entries > 0;
    const state = open.checkpoint.state;
    if (open.tails.wasLarge || state === 'syncing' || open.retention.isBusy) this.#schedule(SHORT_MS);
    else if (open.tails.isWaiting || state === 'awaiting-flush') this.#awaitFlush(began);
    else if (did || this.#isCheckpointDue(open)) this.#schedule(ROUND_MS);
    else this.#waitsSince = 0;
    return did;
  }

  /** One step; the others wait their turn behind what else there is to do. */
  #mend(context: ActorContext): void {
    const mends = this.#open?.mends;
    if (mends === undefined || !mends.isBusy || this.#isFenced || this.#isMending) return;
    let delayMs = 0;
    try {
      this.#parts.hooks.inCall(() => mends.step());
    } catch (error) {
      this.#onFailure(error);
      delayMs = RETRY_MAX_MS;
    }
    if (!mends.isBusy) return;
    this.#isMending = true;
    context.schedule(delayMs, { kind: 'mend' });
  }

  /** The log's flush comes by itself in its interval; one that does not come is asked for. */
  #awaitFlush(monotonicMs: number): void {
    if (this.#waitsSince === 0) this.#waitsSince = monotonicMs;
    const { feed, hooks } = this.#parts;
    const isShort = this.#open!.tails.isWaiting && feed.waiting > feed.capacity >> 1;
    if (isShort || monotonicMs - this.#waitsSince > FLUSH_PATIENCE_MS) {
      this.#waitsSince = monotonicMs;
      hooks.wantSync();
    }
    this.#schedule(isShort ? SHORT_MS : FLUSH_LOOK_MS);
  }

  /** Makes the next segment when the log is past the half of this one, so that the log worker never waits for it. */
  #prepareSegment(open: OpenParts): void {
    const { log } = open.files;
    const written = this.#parts.marks.read(WRITTEN_END);
    const base = written - (written % log.segmentBytes);
    const wanted = written - base > log.segmentBytes / 2 ? base + log.segmentBytes : base;
    if (wanted <= this.#preparedFor) return;
    this.#parts.hooks.inCall(() => (wanted === base ? log.prepare(base) : log.prepareNext(base)));
    this.#preparedFor = wanted;
  }

  #isCheckpointDue(open: OpenParts): boolean {
    return open.tails.position > open.checkpoint.position || open.tails.position < this.#parts.marks.read(WRITTEN_END);
  }

  #checkpoint(open: OpenParts, began: number): void {
    const { tails, checkpoint } = open;
    const { hooks, monotonicMs } = this.#parts;
    if (checkpoint.state === 'none') {
      const grown = tails.position - checkpoint.position;
      const isTime =
        began >= this.#nextCheckpoint ||
        (grown >= CHECKPOINT_BYTES && began >= this.#nextCheckpoint - this.#checkpointMs + CHECKPOINT_SOON_MS);
      if (!isTime || grown <= 0 || tails.isWaiting) return;
      checkpoint.begin(tails.position, tails.storeTimestamp, tails.recent);
      this.#checkpointSpent = 0;
      return;
    }
    const isDone = hooks.inCall(() => checkpoint.step());
    const ended = monotonicMs();
    this.#checkpointSpent += ended - began;
    if (!isDone) return;
    this.#nextCheckpoint = ended + Math.max(this.#checkpointMs, this.#checkpointSpent * CHECKPOINT_SHARE);
    this.#waitsSince = 0;
  }

  #retain(open: OpenParts, began: number): void {
    const { config, hooks } = this.#parts;
    if (!open.retention.isDue(began)) return;
    const result = hooks.inCall(() => open.retention.step(began));
    const trimmed = open.retention.takeTrimmed();
    if (trimmed !== null) this.#context?.ref<QueuesTrimmed>('offset-store').tell({ kind: 'queues-trimmed', ...trimmed });
    if (result === null) return;
    this.#diskLevel.look(result, config.retention ?? DEFAULT_RETENTION, this.#context!);
    if (result.removed > 0) {
      this.#context?.log('info', 'segments of the log were removed', { removed: result.removed, logMin: result.logMin });
      this.#context?.ref<{ kind: 'log-trimmed'; min: number }>('reader').tell({ kind: 'log-trimmed', min: result.logMin });
    }
    open.saver.layBallast(result.freeBytes);
  }

  /** Settings changed by which the disk is judged. */
  rulesChanged(): void {
    this.#open?.retention.lookSoon();
    this.#round();
  }

  #onFailure(error: unknown): void {
    if (isNoRoom(error)) {
      if (this.#retryMs === 0) this.#tellFull(error as StorageError);
      this.#open?.checkpoint.abandon();
      this.#retryMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, this.#retryMs * 2));
      this.#retryAt = this.#parts.monotonicMs() + this.#retryMs;
      this.#schedule(this.#retryMs);
      this.#makeRoom();
      return;
    }
    if (!(error instanceof StorageError)) throw error;
    this.#fence(error);
  }

  /** What a full disk keeps from being written does not keep old segments from being removed. */
  #makeRoom(): void {
    try {
      if (this.#open !== null) this.#retain(this.#open, this.#parts.monotonicMs());
    } catch (error) {
      if (isNoRoom(error)) return;
      if (!(error instanceof StorageError)) throw error;
      this.#fence(error);
    }
  }

  #tellFull(error: StorageError): void {
    this.#parts.hooks.report('disk-full', { error: error.message, ...error.fields });
    this.#context?.log('error', 'the disk is full: queues and index wait in memory', { error: error.message });
  }

  #hasRoom(): void {
    if (this.#retryMs === 0) return;
    this.#retryMs = 0;
    this.#retryAt = 0;
    this.#context?.log('info', 'the disk has room again', {});
  }

  /** A promise of the disk is broken: nobody is told any more that anything is safe. */
  #fence(error: StorageError | StoreError, mayBeOfSync = isSyncFailure(error)): void {
    this.#isFenced = true;
    this.#parts.marks.fence();
    if (mayBeOfSync) {
      const unnoted = noteSyncFailure(this.#parts.disk, storeLayout(this.#parts.config.directory).syncFailed);
      if (unnoted !== null)
        this.#context?.log('error', 'that a sync failed could not be noted for the next start', { error: unnoted.message });
    }
    this.#parts.hooks.report('fence', { code: error.code, error: error.message, ...error.fields });
    this.#context?.log('error', 'the disk failed: the broker is fenced', { error: error.message });
  }

  #onSaveTable(message: SaveTable, context: ActorContext): void {
    const text = this.#open === null ? '' : this.#open.saver.assemble(message);
    if (text !== null) this.#saveWhenFlushed(message, text, context);
  }

  #onHeldTable({ id }: HeldTable, context: ActorContext): void {
    const held = this.#held.get(id)!;
    this.#held.delete(id);
    this.#saveWhenFlushed(held.message, held.text, context);
  }

  #saveWhenFlushed(message: SaveTable, text: string, context: ActorContext): void {
    const { name, sync, replyTo, after = 0 } = message;
    const { marks, hooks } = this.#parts;
    const isTooEarly = marks.read(FLUSHED_END) < after;
    const isFenced = this.#isFenced || marks.fenced;
    if (isTooEarly && !isFenced) {
      hooks.wantSync();
      const id = this.#nextHeld++;
      this.#held.set(id, { message, text });
      const again: HeldTable = { kind: 'held-table', id };
      context.schedule(FLUSH_LOOK_MS, again);
      return;
    }
    const saver = this.#open?.saver;
    let error = '';
    if (saver === undefined) error = `Cannot save ${name}: the store is not open`;
    // What it says of the log will never be on the disk, whatever memory shows of it.
    else if (isTooEarly)
      error = `Cannot save ${name}: the disk of the commit log has failed, and the log ends on it before what the table says`;
    else error = this.#saveTable(saver, name, text, sync);
    if (error !== '') context.log('error', 'a table could not be saved', { name, error });
    replyTo.tell(error === '' ? { kind: 'table-saved', name, ok: true } : { kind: 'table-saved', name, ok: false, error });
  }

  #saveTable(saver: TableSaver, name: string, text: string, sync: boolean): string {
    return this.#guarded(`save ${name}`, () => saver.save(name, text, sync));
  }

  /** Does something to the disk for somebody who is told why it could not be done; empty: it was. */
  #guarded(what: string, run: () => void): string {
    if (this.#isFenced) return `Cannot ${what}: the disk failed before, start the broker again when it is sound`;
    try {
      this.#parts.hooks.inCall(run);
      return '';
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (error instanceof DiskError && !isNoRoom(error)) this.#fence(error);
      return error.message;
    }
  }

  #onDropTopic(message: DropTopic): void {
    const { topic, position, replyTo } = message;
    const open = this.#open;
    const error =
      open === null
        ? 'the store is not open'
        : this.#guarded(`drop topic ${topic}`, () => dropTopic(open.files, open.tails, open.checkpoint, topic, position));
    if (error !== '') this.#context?.log('error', 'the queues of a deleted topic could not be removed', { topic, error });
    replyTo.tell({ kind: 'topic-dropped', topic, error });
  }

  #onQueryFacts(message: QueryStoreFacts): void {
    const open = this.#open;
    // Nobody asks before the store is open; after a fault of the disk it is better not asked.
    if (open === null || this.#isFenced) return;
    this.#guarded('look at the disk', () => message.replyTo.tell(storeFacts(open.files)));
  }

  #onQueryIndex({ topic, key, max, begin, end, replyTo }: QueryIndex): void {
    const index = this.#open === null || this.#isFenced ? null : this.#index;
    let found: IndexEntries = NONE_FOUND;
    let error = '';
    if (index !== null) {
      try {
        found = index.query(topic, key, max, begin, end);
      } catch (thrown) {
        this.#onFailure(thrown);
        error = (thrown as StorageError).message;
      }
    }
    const isOff = this.#open !== null && this.#index?.isKept === false;
    replyTo.tell({ kind: 'index-found', ...found, isOff, error });
  }

  #stop(): StoreStopped {
    const open = this.#open;
    if (open === null) return { kind: 'store-stopped', ok: true };
    const { marks, hooks } = this.#parts;
    if (marks.fenced) return { kind: 'store-stopped', ok: false, error: 'the disk failed before: the next start recovers' };
    const written = marks.read(WRITTEN_END);
    // Who would have said that the sync failed, or shown the last units, has no successor any more.
    if (marks.syncWasCutShort() || marks.read(DISPATCHED_END) < written)
      return { kind: 'store-stopped', ok: false, error: 'a thread of the commit log ended amid its work: the next start recovers' };
    try {
      const flushed = marks.read(FLUSHED_END);
      hooks.inCall(() => {
        // The log worker is done: what is written is all. On disk first, then everything may be filed.
        if (flushed < written) this.#syncLog(open.files, flushed, written);
        open.tails.finish();
        this.#index!.takeFeed();
        open.files.log.setMaxOffset(written);
        const storeTimestamp = Math.max(open.tails.storeTimestamp, marks.lastStoreTimestamp);
        closeStore(open.files, { position: written, storeTimestamp, syncedPosition: written });
        open.files.unlock();
      });
      this.#open = null;
      return { kind: 'store-stopped', ok: true };
    } catch (error) {
      if (error instanceof StorageError && !isNoRoom(error)) this.#fence(error);
      else if (!(error instanceof StorageError || error instanceof StoreError)) throw error;
      return { kind: 'store-stopped', ok: false, error: error.message };
    }
  }

  /** As the sync worker does it, for whoever comes after this thread or this process. */
  #syncLog({ disk, layout, log }: StoreFiles, from: number, to: number): void {
    const { marks } = this.#parts;
    const begun = new SyncMark(disk, layout.syncBegun);
    marks.beginSync();
    const unmarked = begun.begin();
    if (unmarked !== null) this.#context?.log('warn', 'That a sync is under way could not be noted', { error: unmarked.message });
    log.sync(from, to);
    begun.end();
    marks.endSync();
  }

  #schedule(delayMs: number): void {
    const context = this.#context!;
    const at = this.#parts.monotonicMs() + delayMs;
    if (this.#timer !== null) {
      if (this.#timerAt <= at) return;
      context.cancel(this.#timer);
    }
    this.#timerAt = at;
    this.#timer = context.schedule(delayMs, { kind: 'round' });
  }
}

/** The actor by its path, typed. */
export type StoreRef = ActorRef<StoreCommand>;

/**
 * Store actor: owns everything of the store that may be late: consume-queue and index files, checkpoint, segments made ahead of
 * need, retention, the metadata tables. One a broker, alone on a thread that may block. The log is written and synced by others.
 *
 * Works in rounds: every 500 ms while there is work, at once when the log worker is short of chunks or of room in the index feed,
 * not at all when there is none. A full disk keeps the units in memory and is tried again; any other failed call of the disk
 * fences the broker, and nothing is tried again. A bug is an assertion that ends the thread; the next one takes the store over.
 * Source: RocketMQ 5.3 `DefaultMessageStore`: `ReputMessageService`, `FlushConsumeQueueService`, `CleanCommitLogService`.
 */
import type { Actor, ActorContext, TimerId } from '../../runtime/actor.ts';
import { isNoRoom } from '../../storage/disk-error-policy.ts';
import { StorageError } from '../../storage/errors.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import { WRITTEN_END } from '../commit-log/watermarks.ts';
import { closeInOrder, whyNotClosed } from './close-in-order.ts';
import { DEFAULT_RETENTION } from './decide-retention.ts';
import { DiskFaults } from './disk-faults.ts';
import { DiskLevel } from './disk-level.ts';
import { dropTopic } from './drop-topic.ts';
import { StoreError } from './errors.ts';
import { type IndexEntries, NONE_FOUND } from './index-desk.ts';
import { openStore, takeOverStore } from './open-store.ts';
import { storeFacts } from './store-facts.ts';
import {
  type DropTopic,
  OPENED_PAGE_BYTES,
  type OpenStore,
  type QueryIndex,
  type QueryStoreFacts,
  type QueuesTrimmed,
  type StoreCommand,
  type StoreStopped,
} from './store-messages.ts';
import { type OpenParts, openParts, type StoreActorParts, type StoreLog } from './store-parts.ts';
import { FLUSH_LOOK_MS, type HeldTable, TableDesk } from './table-desk.ts';

const ROUND_MS = 500;
/** Rounds that somebody hurried are this far apart. */
const HURRY_MS = 2;
/** While syncs of a checkpoint are under way, or after a round that filed a good part of all chunks. */
const SHORT_MS = 10;
/** A wait for the log's flush so long asks for one. */
const FLUSH_PATIENCE_MS = 1_000;
/** A mend that found a fault of the disk is tried again after so long. */
const MEND_RETRY_MS = 1_000;

type Round = { readonly kind: 'round' };
type Mend = { readonly kind: 'mend' };

export class StoreActor implements Actor<StoreCommand | Round | HeldTable | Mend> {
  readonly #parts: StoreActorParts;
  readonly #faults: DiskFaults;
  readonly #tables: TableDesk;
  #open: OpenParts | null = null;
  #openedBytes: Uint8Array | null = null;
  /** Everything is on the disk: what was due still finds nothing to do. */
  #isClosed = false;
  #openFailure: { readonly error: string; readonly code: string } | null = null;
  #context: ActorContext | null = null;
  #timer: TimerId | null = null;
  #timerAt = 0;
  #lastRound = 0;
  #preparedFor = -1;
  /** Since when something waits for the log's flush; 0: nothing does. */
  #waitsSince = 0;
  /** A step of a mend is scheduled. */
  #isMending = false;
  readonly #diskLevel: DiskLevel;
  readonly #say: StoreLog = (level, text, fields) => this.#context?.log(level, text, fields);

  constructor(parts: StoreActorParts) {
    this.#parts = parts;
    this.#faults = new DiskFaults(parts, this.#say);
    this.#tables = new TableDesk(parts, this.#faults);
    this.#diskLevel = new DiskLevel(storeLayout(parts.config.directory).root, (reason) => parts.hooks.diskLevel(reason));
  }

  started(context: ActorContext): void {
    this.#context = context;
    if (!this.#parts.takesOver) return;
    // Its predecessor may not have lived to say why.
    if (this.#parts.marks.fenced)
      this.#faults.fence(new StoreError('MQ_STORE_FENCED', 'The disk had failed when the store worker ended', {}), true);
    else this.#takeOver(context);
  }

  /** On a full disk it waits for room: units stay in memory meanwhile, as they do for a worker that has the store open. */
  #takeOver(context: ActorContext): void {
    const around = { ...this.#parts, table: this.#parts.filer };
    try {
      const files = this.#parts.hooks.inCall(() => takeOverStore(this.#parts.config, around));
      // Index entries of records before the end are there already.
      this.#open = openParts(files, files.end, this.#parts, this.#say);
      this.#open.tails.adopt();
      // Before anything is filed.
      const chunks = this.#parts.filer.reclaim();
      context.log('warn', 'the store was taken over', { position: files.end, records: files.records, chunks });
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
      case 'queue-interned':
        this.#open?.files.handles.set(message.handle, this.#open.files.queues.queue(message.topic, message.queueId));
        return;
      case 'round':
        this.#timer = null;
        this.#round();
        return;
      case 'hurry':
        this.#round();
        return;
      case 'save-table':
        this.#tables.save(message, this.#open?.saver, context);
        return;
      case 'held-table':
        this.#tables.look(message, this.#open?.saver, context);
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
    if (this.#open === null || this.#faults.isFenced || this.#parts.monotonicMs() - this.#lastRound < HURRY_MS) return false;
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
        this.#open = openParts(files, 0, this.#parts, this.#say);
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

  /** One round. True: units or entries went to their files. */
  #round(): boolean {
    const open = this.#open;
    const { monotonicMs, hooks } = this.#parts;
    const began = monotonicMs();
    if (this.#isClosed || this.#faults.isFenced) return false;
    if (open === null && this.#parts.takesOver && began >= this.#faults.retryAt) this.#takeOver(this.#context!);
    if (open === null) return false;
    this.#lastRound = began;
    if (began < this.#faults.retryAt) {
      this.#schedule(this.#faults.retryAt - began);
      return false;
    }
    let units = 0;
    let entries = 0;
    try {
      units = open.tails.round();
      entries = open.index.takeFeed();
      if (units > 0 || entries > 0) hooks.wakeLog();
      this.#prepareSegment(open);
      this.#checkpoint(open, began);
      this.#retain(open, began);
      this.#faults.hasRoom();
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
    if (mends === undefined || !mends.isBusy || this.#faults.isFenced || this.#isMending) return;
    let delayMs = 0;
    try {
      this.#parts.hooks.inCall(() => mends.step());
    } catch (error) {
      this.#onFailure(error);
      delayMs = MEND_RETRY_MS;
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
    const { tails, checkpoint, checkpointTimes } = open;
    const { hooks, monotonicMs } = this.#parts;
    if (checkpoint.state === 'none') {
      const grown = tails.position - checkpoint.position;
      if (grown <= 0 || tails.isWaiting || !checkpointTimes.isDue(began, grown)) return;
      checkpoint.begin(tails.position, tails.storeTimestamp, tails.recent);
      checkpointTimes.began();
      return;
    }
    const isDone = hooks.inCall(() => checkpoint.step());
    const ended = monotonicMs();
    checkpointTimes.spent(ended - began);
    if (!isDone) return;
    checkpointTimes.written(ended);
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
    const retryMs = this.#faults.take(error);
    if (retryMs === 0) return;
    this.#open?.checkpoint.abandon();
    this.#schedule(retryMs);
    this.#makeRoom();
  }

  /** What a full disk keeps from being written does not keep old segments from being removed. */
  #makeRoom(): void {
    try {
      if (this.#open !== null) this.#retain(this.#open, this.#parts.monotonicMs());
    } catch (error) {
      if (!isNoRoom(error)) this.#faults.take(error);
    }
  }

  #onDropTopic(message: DropTopic): void {
    const { topic, position, replyTo } = message;
    const open = this.#open;
    const error =
      open === null
        ? 'the store is not open'
        : this.#faults.guarded(`drop topic ${topic}`, () => dropTopic(open.files, open.tails, open.checkpoint, topic, position));
    if (error !== '') this.#context?.log('error', 'the queues of a deleted topic could not be removed', { topic, error });
    replyTo.tell({ kind: 'topic-dropped', topic, error });
  }

  #onQueryFacts(message: QueryStoreFacts): void {
    const open = this.#open;
    // Nobody asks before the store is open; after a fault of the disk it is better not asked.
    if (open === null || this.#faults.isFenced) return;
    this.#faults.guarded('look at the disk', () => message.replyTo.tell(storeFacts(open.files)));
  }

  #onQueryIndex({ topic, key, max, begin, end, replyTo }: QueryIndex): void {
    const open = this.#open;
    let found: IndexEntries = NONE_FOUND;
    let error = '';
    if (open !== null && !this.#faults.isFenced) {
      try {
        found = open.index.query(topic, key, max, begin, end);
      } catch (thrown) {
        this.#onFailure(thrown);
        error = (thrown as StorageError).message;
      }
    }
    const isOff = open !== null && !open.index.isKept;
    replyTo.tell({ kind: 'index-found', ...found, isOff, error });
  }

  #stop(): StoreStopped {
    const open = this.#open;
    if (open === null) return { kind: 'store-stopped', ok: true };
    const { marks, hooks } = this.#parts;
    try {
      let reason = whyNotClosed(marks);
      if (reason === '')
        hooks.inCall(() => {
          reason = closeInOrder(open, marks, this.#say);
        });
      if (reason !== '') return { kind: 'store-stopped', ok: false, error: reason };
      this.#open = null;
      this.#isClosed = true;
      return { kind: 'store-stopped', ok: true };
    } catch (error) {
      if (error instanceof StorageError && !isNoRoom(error)) this.#faults.fence(error);
      else if (!(error instanceof StorageError || error instanceof StoreError)) throw error;
      return { kind: 'store-stopped', ok: false, error: error.message };
    }
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

/**
 * Reader actor: answers what only the files can answer: pulls of messages that no lane holds any more, searches by time, single
 * messages by their physical offset. One a broker, alone on a thread that may block, so that no event loop waits for a disk.
 * Owns read-only files; a pull's messages go into the slot that the shard has lent for it. A disk that cannot be read fences.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `getOffsetInQueueByTime`, `getEarliestMessageTime`, `selectOneMessageByOffset`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { ScannedRecord } from '../../storage/commit-log/scan-record.ts';
import { QUEUE_UNIT_BYTES } from '../../storage/consume-queue/queue-unit.ts';
import { StorageError } from '../../storage/errors.ts';
import { READ_SLOT_BYTES, READ_SLOTS } from '../broker/broker-memory.ts';
import { FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { PullStatus } from '../queue/decide-pull.ts';
import type { Boundary, ColdReader } from './cold-read.ts';
import type { QueueMended } from './store-messages.ts';

export const READER_PATH = 'reader';

/** Messages from `offset` on, below `visibleMax`, into slot `slot` of the shard's read slots. `min` comes back in the answer. */
export type ColdPull = {
  readonly kind: 'cold-pull';
  readonly ticket: number;
  readonly slot: number;
  readonly shard: number;
  readonly topic: string;
  readonly queueId: number;
  readonly handle: number;
  readonly offset: number;
  readonly max: number;
  readonly bytesMax: number;
  /** Tag codes wanted; empty: all. */
  readonly codes: readonly number[];
  readonly min: number;
  readonly visibleMax: number;
  readonly replyTo: ActorRef<ColdRead>;
};
/** `count` messages of together `length` bytes lie in the slot, which is the shard's again. */
export type ColdRead = {
  readonly kind: 'cold-read';
  readonly ticket: number;
  readonly slot: number;
  readonly length: number;
  readonly count: number;
  readonly offset: number;
  readonly nextOffset: number;
  readonly min: number;
  readonly max: number;
  readonly status: PullStatus;
};

/**
 * The records at these places that are visible, of `topic` (empty: of any) and stored in [begin, end]: at most `countMax` and
 * together `bytesMax`. Answered with a page of them; asked again for the rest, from byte `from` of the first record on.
 */
export type ViewRecords = {
  readonly kind: 'view-records';
  readonly physical: readonly number[];
  readonly from: number;
  readonly topic: string;
  readonly begin: number;
  readonly end: number;
  readonly countMax: number;
  readonly bytesMax: number;
  /** Nothing of it is a limit: all are wanted, and their places come from the broker's own units. */
  readonly isAny: boolean;
  readonly replyTo: ActorRef<RecordsViewed>;
};
/**
 * `bytes` of records back to back. `taken` places are dealt with, and of the next one `from` bytes are given; `count` records
 * ended in this page. `isLast`: the next record does not fit `bytesMax`, or the one at hand has been removed.
 */
export type RecordsViewed = {
  readonly kind: 'records-viewed';
  readonly bytes: Uint8Array;
  readonly taken: number;
  readonly from: number;
  readonly count: number;
  readonly isLast: boolean;
};

/** The units of a queue from `offset` on, at most `count` and UNITS_READ_MAX. */
export type ReadUnits = {
  readonly kind: 'read-units';
  readonly topic: string;
  readonly queueId: number;
  readonly handle: number;
  readonly offset: number;
  readonly count: number;
  readonly replyTo: ActorRef<UnitsRead>;
};
export type UnitsRead = { readonly kind: 'units-read'; readonly units: Uint8Array };

export type SearchOffset = {
  readonly kind: 'search-offset';
  readonly topic: string;
  readonly queueId: number;
  readonly handle: number;
  readonly timestamp: number;
  readonly boundary: Boundary;
  readonly min: number;
  readonly max: number;
  readonly replyTo: ActorRef<OffsetFound>;
};
export type OffsetFound = { readonly kind: 'offset-found'; readonly offset: number };

export type EarliestTime = {
  readonly kind: 'earliest-time';
  readonly topic: string;
  readonly queueId: number;
  readonly handle: number;
  readonly min: number;
  readonly max: number;
  readonly replyTo: ActorRef<EarliestTimeFound>;
};
/** −1: there is no message. */
export type EarliestTimeFound = { readonly kind: 'earliest-time-found'; readonly timestamp: number };

/** When single messages were stored: four columns of equal length. */
export type StoreTimes = {
  readonly kind: 'store-times';
  readonly topics: readonly string[];
  readonly queueIds: readonly number[];
  readonly handles: readonly number[];
  readonly offsets: readonly number[];
  readonly replyTo: ActorRef<StoreTimesFound>;
};
/** −1: that message is not there any more. */
export type StoreTimesFound = { readonly kind: 'store-times-found'; readonly timestamps: readonly number[] };

/** The half messages whose committed message the log's last `length` bytes hold without an op record behind it. */
export type FindCommits = { readonly kind: 'find-commits'; readonly length: number; readonly replyTo: ActorRef<CommitsFound> };
/** Their places in the log and unique keys, columns of equal length: the newest COMMITS_MAX. */
export type CommitsFound = {
  readonly kind: 'commits-found';
  readonly physicals: readonly number[];
  readonly uniqueKeys: readonly string[];
};

/** Retention has removed the log before `min`. */
export type LogTrimmed = { readonly kind: 'log-trimmed'; readonly min: number };

type LookForPulls = { readonly kind: 'look-for-pulls' };

export type ReaderCommand =
  | ColdPull
  | ViewRecords
  | ReadUnits
  | SearchOffset
  | EarliestTime
  | StoreTimes
  | FindCommits
  | LogTrimmed
  | QueueMended;

/** What an answer may carry besides its own fields: it has to fit a ring record. */
export const VIEW_PAGE_BYTES: number = 64 * 1024;
export const UNITS_READ_MAX: number = Math.floor(VIEW_PAGE_BYTES / QUEUE_UNIT_BYTES);
const COMMITS_MAX = 1024;
/** Of a unique key: a client's own word, which may be long. */
export const UNIQUE_KEY_CHARS_MAX = 128;
/** Read for one page at most: records that are not wanted are read as well. */
const VIEW_READ_BYTES_MAX = 8 * 1024 * 1024;

export type ReaderActorParts = {
  readonly reader: ColdReader;
  readonly marks: Watermarks;
  readonly syncFlush: boolean;
  /** By shard. */
  readonly slots: readonly Uint8Array[];
  readonly fence: (error: StorageError) => void;
};

/** The memory for pulls is given back after so long without one. */
const RELEASE_MS = 10_000;

export class ReaderActor implements Actor<ReaderCommand | LookForPulls> {
  readonly #parts: ReaderActorParts;
  #pulls = 0;
  #pullsSeen = 0;
  #isWatched = false;
  readonly #page = new Uint8Array(VIEW_PAGE_BYTES);

  constructor(parts: ReaderActorParts) {
    this.#parts = parts;
  }

  receive(message: ReaderCommand | LookForPulls, context: ActorContext): void {
    if (message.kind === 'look-for-pulls') {
      this.#lookForPulls(context);
      return;
    }
    if (message.kind === 'cold-pull' && !this.#isWatched) this.#lookForPulls(context);
    try {
      this.#answer(message);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // The asker's time runs out; a slot is never given back half written.
      this.#parts.fence(error);
    }
  }

  #lookForPulls(context: ActorContext): void {
    if (this.#isWatched && this.#pulls === this.#pullsSeen) {
      this.#isWatched = false;
      this.#parts.reader.release();
      return;
    }
    this.#isWatched = true;
    this.#pullsSeen = this.#pulls;
    context.schedule(RELEASE_MS, { kind: 'look-for-pulls' });
  }

  #answer(message: ReaderCommand): void {
    const { reader } = this.#parts;
    switch (message.kind) {
      case 'cold-pull':
        this.#onPull(message);
        return;
      case 'view-records':
        this.#onViewRecords(message);
        return;
      case 'read-units': {
        const { topic, queueId, handle, offset, count, replyTo } = message;
        const units = reader.units(topic, queueId, handle, offset, Math.max(0, Math.min(count, UNITS_READ_MAX)));
        replyTo.tell({ kind: 'units-read', units: units.slice() });
        return;
      }
      case 'search-offset': {
        const { topic, queueId, handle, timestamp, boundary, min, max, replyTo } = message;
        replyTo.tell({ kind: 'offset-found', offset: reader.searchOffset(topic, queueId, handle, timestamp, boundary, min, max) });
        return;
      }
      case 'earliest-time': {
        const { topic, queueId, handle, min, max, replyTo } = message;
        replyTo.tell({ kind: 'earliest-time-found', timestamp: reader.earliestTime(topic, queueId, handle, min, max) });
        return;
      }
      case 'store-times': {
        const { topics, queueIds, handles, offsets, replyTo } = message;
        const timestamps = offsets.map((offset, index) =>
          reader.earliestTime(topics[index]!, queueIds[index]!, handles[index]!, offset, offset + 1),
        );
        replyTo.tell({ kind: 'store-times-found', timestamps });
        return;
      }
      case 'find-commits':
        this.#onFindCommits(message);
        return;
      case 'log-trimmed':
        reader.forgetBefore(message.min);
        return;
      case 'queue-mended':
        reader.mended(message);
        return;
      default:
        message satisfies never;
    }
  }

  #onPull(pull: ColdPull): void {
    this.#pulls++;
    const { ticket, slot, offset, min, visibleMax } = pull;
    const target = this.#slot(pull.shard, slot);
    const { length, count, nextOffset, status } = this.#parts.reader.pull(pull, target);
    pull.replyTo.tell({ kind: 'cold-read', ticket, slot, length, count, offset, nextOffset, min, max: visibleMax, status });
  }

  /** End of what readers see of the log. */
  #end(): number {
    const { marks, syncFlush } = this.#parts;
    return marks.read(syncFlush ? FLUSHED_END : WRITTEN_END);
  }

  #onFindCommits({ length, replyTo }: FindCommits): void {
    const commits = this.#parts.reader.commitsAtEnd(this.#end(), length).slice(-COMMITS_MAX);
    replyTo.tell({
      kind: 'commits-found',
      physicals: commits.map(({ physical }) => physical),
      uniqueKeys: commits.map(({ uniqueKey }) => uniqueKey.slice(0, UNIQUE_KEY_CHARS_MAX)),
    });
  }

  #onViewRecords(view: ViewRecords): void {
    const { views } = this.#parts.reader;
    const end = this.#end();
    const page = this.#page;
    let { from } = view;
    let length = 0;
    let count = 0;
    let taken = 0;
    let read = 0;
    let isLast = false;
    while (taken < view.physical.length && count < view.countMax && length < page.length && read < VIEW_READ_BYTES_MAX) {
      views.lookAhead(view.physical, taken);
      const copied = view.isAny && from === 0 ? views.copyAhead(view.physical[taken]!, end, page, length) : 0;
      if (copied > 0) {
        length += copied;
        read += copied;
        taken++;
        count++;
        continue;
      }
      const record = views.viewRecord(view.physical[taken]!, end);
      read += record?.length ?? 0;
      if (from === 0 && (record === null || !isAsked(views.viewed, view))) {
        taken++;
        continue;
      }
      isLast = record === null || from >= record.length || (from === 0 && length + record.length > view.bytesMax);
      if (record === null || isLast) break;
      const part = record.subarray(from, from + page.length - length);
      page.set(part, length);
      length += part.length;
      from += part.length;
      if (from < record.length) break;
      taken++;
      count++;
      from = 0;
    }
    views.endAhead();
    view.replyTo.tell({ kind: 'records-viewed', bytes: page.slice(0, length), taken, from, count, isLast });
  }

  #slot(shard: number, slot: number): Uint8Array {
    if (slot < 0 || slot >= READ_SLOTS) throw new RangeError(`A shard has ${READ_SLOTS} read slots; ${slot} is none of them`);
    const at = slot * READ_SLOT_BYTES;
    return this.#parts.slots[shard]!.subarray(at, at + READ_SLOT_BYTES);
  }
}

function isAsked(record: ScannedRecord, { topic, begin, end }: ViewRecords): boolean {
  return (topic === '' || record.topic() === topic) && record.storeTimestamp >= begin && record.storeTimestamp <= end;
}

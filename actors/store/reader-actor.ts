/**
 * Reader actor: answers what only the files can answer: pulls of messages that no lane holds any more, searches by time, single
 * messages by their physical offset. One a broker, alone on a thread that may block, so that no event loop waits for a disk.
 * Owns read-only files; a pull's messages go into the slot that the shard has lent for it. A disk that cannot be read fences.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `getOffsetInQueueByTime`, `getEarliestMessageTime`, `selectOneMessageByOffset`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import { StorageError } from '../../storage/errors.ts';
import { READ_SLOT_BYTES, READ_SLOTS } from '../broker/broker-memory.ts';
import { FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { PullStatus } from '../queue/decide-pull.ts';
import type { Boundary, ColdReader } from './cold-read.ts';

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

/** Into the slot; answered with FOUND or OFFSET_FOUND_NULL. */
export type ViewMessage = {
  readonly kind: 'view-message';
  readonly ticket: number;
  readonly slot: number;
  readonly shard: number;
  readonly physical: number;
  readonly replyTo: ActorRef<ColdRead>;
};

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

/** Retention has removed the log before `min`. */
export type LogTrimmed = { readonly kind: 'log-trimmed'; readonly min: number };

export type ReaderCommand = ColdPull | ViewMessage | SearchOffset | EarliestTime | LogTrimmed;

export type ReaderActorParts = {
  readonly reader: ColdReader;
  readonly marks: Watermarks;
  readonly syncFlush: boolean;
  /** By shard. */
  readonly slots: readonly Uint8Array[];
  readonly fence: (error: StorageError) => void;
};

export class ReaderActor implements Actor<ReaderCommand> {
  readonly #parts: ReaderActorParts;

  constructor(parts: ReaderActorParts) {
    this.#parts = parts;
  }

  receive(message: ReaderCommand, _context: ActorContext): void {
    try {
      this.#answer(message);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // The asker's time runs out; a slot is never given back half written.
      this.#parts.fence(error);
    }
  }

  #answer(message: ReaderCommand): void {
    const { reader } = this.#parts;
    switch (message.kind) {
      case 'cold-pull':
        this.#onPull(message);
        return;
      case 'view-message':
        this.#onView(message);
        return;
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
      case 'log-trimmed':
        reader.forgetBefore(message.min);
        return;
      default:
        message satisfies never;
    }
  }

  #onPull(pull: ColdPull): void {
    const { ticket, slot, offset, min, visibleMax } = pull;
    const target = this.#slot(pull.shard, slot);
    const { length, count, nextOffset, status } = this.#parts.reader.pull(pull, target);
    pull.replyTo.tell({ kind: 'cold-read', ticket, slot, length, count, offset, nextOffset, min, max: visibleMax, status });
  }

  #onView(view: ViewMessage): void {
    const { ticket, slot, physical } = view;
    const { marks, syncFlush } = this.#parts;
    const end = marks.read(syncFlush ? FLUSHED_END : WRITTEN_END);
    const length = this.#parts.reader.view(physical, end, this.#slot(view.shard, slot));
    const status = length > 0 ? 'FOUND' : 'OFFSET_FOUND_NULL';
    view.replyTo.tell({
      kind: 'cold-read',
      ticket,
      slot,
      length,
      count: length > 0 ? 1 : 0,
      offset: 0,
      nextOffset: 0,
      min: 0,
      max: 0,
      status,
    });
  }

  #slot(shard: number, slot: number): Uint8Array {
    if (slot < 0 || slot >= READ_SLOTS) throw new RangeError(`A shard has ${READ_SLOTS} read slots; ${slot} is none of them`);
    const at = slot * READ_SLOT_BYTES;
    return this.#parts.slots[shard]!.subarray(at, at + READ_SLOT_BYTES);
  }
}

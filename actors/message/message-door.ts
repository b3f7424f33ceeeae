/**
 * Message door: how a shard's handlers get stored messages by their places in the log. The reader looks them up, whether they lie
 * in files only or were written a moment ago, and gives them in parts. One a shard; owns the views that are under way and those that
 * wait for them, both bounded. A place where no record begins gives nothing: ids come from outside.
 * Fails by answering null: the reader gave no answer in time, or too many views wait.
 * Source: RocketMQ 5.3 `DefaultMessageStore.selectOneMessageByOffset`, `queryMessage`.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { READER_PATH, type RecordsViewed, type ViewRecords } from '../store/reader-actor.ts';
import { joinRecords, wholeRecords } from './join-records.ts';

/** Views under way at once; their messages are in memory. */
const RUNNING_MAX = 4;
const WAITING_MAX = 1024;
/** One page of a view. */
const READ_MAX_MS = 2_500;
/** Places told to the reader at once. */
const PLACES_MAX = 128;

export type Wanted = {
  /** Places in the log, the newest first. */
  readonly physical: readonly number[];
  /** Empty: any. */
  readonly topic: string;
  /** Store times, both inclusive. */
  readonly begin: number;
  readonly end: number;
  readonly countMax: number;
  /** Of all records together. */
  readonly bytesMax: number;
  /** All are wanted, and the places, of the broker's own units, are in the log's order, as the records are to be. */
  readonly areOwn?: true;
  /** Asked when the view's turn has come: whether anybody still takes its answer. */
  readonly isAwaited: () => boolean;
};

/** One view under way. */
type View = {
  readonly wanted: Wanted;
  readonly onRecords: (records: Uint8Array | null) => void;
  readonly parts: Uint8Array[];
  taken: number;
  from: number;
  count: number;
  bytes: number;
};

export class MessageDoor {
  readonly #thread: ThreadContext;
  readonly #reader: ActorRef<ViewRecords>;
  readonly #waiting: View[] = [];
  #running = 0;

  constructor(thread: ThreadContext) {
    this.#thread = thread;
    this.#reader = thread.ref<ViewRecords>(READER_PATH);
  }

  /** The record at `physical`: its bytes, none when there is no record; null: ask again later. May call back at once. */
  viewOne(physical: number, isAwaited: () => boolean, onRecord: (record: Uint8Array | null) => void): void {
    const any = { topic: '', begin: 0, end: Number.MAX_SAFE_INTEGER, countMax: 1, bytesMax: Number.MAX_SAFE_INTEGER };
    this.view({ ...any, physical: [physical], isAwaited }, onRecord);
  }

  /** The first of the wanted records that are there, the oldest first. null: ask again later. May call back at once. */
  view(wanted: Wanted, onRecords: (records: Uint8Array | null) => void): void {
    if (this.#waiting.length >= WAITING_MAX) {
      onRecords(null);
      return;
    }
    this.#waiting.push({ wanted, onRecords, parts: [], taken: 0, from: 0, count: 0, bytes: 0 });
    this.#start();
  }

  #start(): void {
    while (this.#running < RUNNING_MAX && this.#waiting.length > 0) {
      const view = this.#waiting.shift()!;
      this.#running++;
      if (view.wanted.isAwaited()) this.#go(view);
      else this.#end(view, null);
    }
  }

  #go(view: View): void {
    const { physical, topic, begin, end, countMax, bytesMax, areOwn } = view.wanted;
    if (view.taken >= physical.length || view.count >= countMax) {
      this.#end(view, joined(view));
      return;
    }
    const ask = {
      kind: 'view-records' as const,
      physical: physical.slice(view.taken, view.taken + PLACES_MAX),
      from: view.from,
      topic,
      begin,
      end,
      countMax: countMax - view.count,
      bytesMax: bytesMax - view.bytes,
      isAny: areOwn === true,
    };
    this.#thread.ask<RecordsViewed, ViewRecords>(
      this.#reader,
      (replyTo) => ({ ...ask, replyTo }),
      READ_MAX_MS,
      (reply) => {
        this.#onReply(view, reply);
        this.#thread.requestTurn();
      },
    );
  }

  #onReply(view: View, reply: RecordsViewed | undefined): void {
    if (reply === undefined) {
      this.#end(view, null);
      return;
    }
    if (reply.bytes.length > 0) view.parts.push(reply.bytes);
    view.bytes += reply.bytes.length;
    view.taken += reply.taken;
    view.from = reply.from;
    view.count += reply.count;
    if (reply.isLast) this.#end(view, joined(view));
    else this.#go(view);
  }

  #end(view: View, records: Uint8Array | null): void {
    this.#running--;
    view.onRecords(records);
    this.#start();
  }
}

function joined({ wanted, parts }: View): Uint8Array {
  return wanted.areOwn === true ? wholeRecords(parts) : joinRecords(parts);
}

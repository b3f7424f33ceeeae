/**
 * What the store actor hears and says. Numbers and short texts only, so that each fits a ring record; what may be long goes in
 * parts (`save-table`, `opened-page`). `openStoreOf` is the root's side of that, `table-courier-actor.ts` the savers'.
 */
import type { ActorMessage, ActorRef } from '../../runtime/actor.ts';
import type { OpenedStore } from './open-store.ts';

export const STORE_PATH = 'store';

/** Opens the store, once; a second one gets the same answer as long as its pages are not all fetched. */
export type OpenStore = { readonly kind: 'open-store'; readonly replyTo: ActorRef<StoreOpened> };
/** `error` is empty when the store is open; else what is wrong, for the user, and its stable `code`. `bytes`: of all pages. */
export type StoreOpened = { readonly kind: 'store-opened'; readonly error: string; readonly code: string; readonly bytes: number };
/** A part of what was found, from byte `at` on. */
export type FetchOpenedPage = { readonly kind: 'fetch-opened-page'; readonly at: number; readonly replyTo: ActorRef<OpenedPage> };
export type OpenedPage = { readonly kind: 'opened-page'; readonly at: number; readonly bytes: Uint8Array };

/** A handle stands for this queue: told before its first unit, best effort, for the log says it too. */
export type QueueInterned = { readonly kind: 'queue-interned'; readonly handle: number; readonly topic: string; readonly queueId: number };
/** A topic was deleted: its handles stand for no queue any more. */
export type TopicRetired = { readonly kind: 'topic-retired'; readonly topic: string };
/** Do not wait for the next round. */
export type Hurry = { readonly kind: 'hurry' };

/** Saves config/`name`. `part` of `parts` (default the only one), told in order. Answered after the last. */
export type SaveTable = {
  readonly kind: 'save-table';
  readonly name: string;
  readonly text: string;
  readonly sync: boolean;
  readonly replyTo: ActorRef<TableSaved>;
  /** What the table says is true only with the log up to here: it is saved once the disk has that much. Default: at once. */
  readonly after?: number;
  readonly part?: number;
  readonly parts?: number;
};
export type TableSaved = { readonly kind: 'table-saved'; readonly name: string; readonly ok: boolean; readonly error?: string };

/** Log positions of messages with this key (or another of its hash) stored in [begin, end], to the second, newest first. */
export type QueryIndex = {
  readonly kind: 'query-index';
  readonly topic: string;
  readonly key: string;
  readonly max: number;
  readonly begin: number;
  readonly end: number;
  readonly replyTo: ActorRef<IndexFound>;
};
export type IndexFound = {
  readonly kind: 'index-found';
  readonly physical: readonly number[];
  /** Store time and position of the last message in the index; 0 without one. */
  readonly endTimestamp: number;
  readonly endPosition: number;
  /** The key has so many messages that those of the window were not reached. */
  readonly isCut: boolean;
  /** The index is switched off. */
  readonly isOff: boolean;
  /** Empty: the index was asked. */
  readonly error: string;
};

/** A topic was deleted; `position`: its records lie before it in the log. Its queues go, in memory and as files. */
export type DropTopic = {
  readonly kind: 'drop-topic';
  readonly topic: string;
  readonly position: number;
  readonly replyTo: ActorRef<TopicDropped>;
};
/** `error` is empty when nothing of it is left. */
export type TopicDropped = { readonly kind: 'topic-dropped'; readonly topic: string; readonly error: string };

/** Units of a queue's files are damaged, somewhere in `count` of them from `offset` on: they are made again from the log. */
export type MendQueue = {
  readonly kind: 'mend-queue';
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly count: number;
  readonly replyTo: ActorRef<QueueMended>;
};
/** As far as it can be. Not told while the store cannot be written. */
export type QueueMended = { readonly kind: 'queue-mended'; readonly topic: string; readonly queueId: number; readonly offset: number };

/** Retention runs at once, as if it were its hour. */
export type DeleteExpired = { readonly kind: 'delete-expired' };

/** Files of consume queues whose messages are all gone from the log go at once. */
export type CleanQueues = { readonly kind: 'clean-queues' };

/** What the store says of itself. */
export type QueryStoreFacts = { readonly kind: 'query-store-facts'; readonly replyTo: ActorRef<StoreFacts> };
/** `earliestMs`: store time of the log's first message, −1 without one. Bytes of the disk. */
export type StoreFacts = {
  readonly kind: 'store-facts';
  readonly logMin: number;
  readonly earliestMs: number;
  readonly diskTotal: number;
  readonly diskFree: number;
};

/** The log worker has stopped: everything goes to the disk, the abort file goes. Nothing is heard afterwards. */
export type StopStore = { readonly kind: 'store-stop'; readonly replyTo: ActorRef<StoreStopped> };
export type StoreStopped = { readonly kind: 'store-stopped'; readonly ok: boolean; readonly error?: string };

/** Told to each shard's own actor (`shardPath`): sends are refused for this reason; empty: they are taken. */
export type DiskLevel = { readonly kind: 'disk-level'; readonly reason: string };

export type StoreCommand =
  | OpenStore
  | FetchOpenedPage
  | QueueInterned
  | Hurry
  | SaveTable
  | QueryIndex
  | DropTopic
  | DeleteExpired
  | CleanQueues
  | MendQueue
  | QueryStoreFacts
  | StopStore;

export const OPENED_PAGE_BYTES = 32 * 1024;
/** Recovery of a large log without a checkpoint takes its time; a disk that hangs is somebody else's business. */
const OPEN_MAX_MS = 3_600_000;
const PAGE_MAX_MS = 30_000;

/** As `ActorSystem.ask`. */
export type Ask = <R extends ActorMessage, M extends ActorMessage>(
  target: ActorRef<M>,
  build: (replyTo: ActorRef<R>) => M,
  timeoutMs: number,
) => Promise<R>;

/** Why a store could not be opened: the code of the error that its thread saw. */
export class OpenStoreError extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.name = 'OpenStoreError';
    this.code = code;
  }
}

/** Has the store opened and fetches what was found. Throws OpenStoreError. */
export async function openStoreOf(ask: Ask, store: ActorRef<StoreCommand>): Promise<OpenedStore> {
  const opened = await ask<StoreOpened, StoreCommand>(store, (replyTo) => ({ kind: 'open-store', replyTo }), OPEN_MAX_MS);
  if (opened.error !== '') throw new OpenStoreError(opened.code, opened.error);
  const bytes = new Uint8Array(opened.bytes);
  for (let at = 0; at < bytes.length; ) {
    const from = at;
    const page = await ask<OpenedPage, StoreCommand>(store, (replyTo) => ({ kind: 'fetch-opened-page', at: from, replyTo }), PAGE_MAX_MS);
    bytes.set(page.bytes, at);
    at += page.bytes.length;
  }
  return JSON.parse(Buffer.from(bytes.buffer).toString('utf8')) as OpenedStore;
}

/** Told to the offset store: retention has removed the first messages of queues: four columns, the offset that each began at and the one that it begins at now. */
export type QueuesTrimmed = {
  readonly kind: 'queues-trimmed';
  readonly topics: readonly string[];
  readonly queueIds: readonly number[];
  readonly froms: readonly number[];
  readonly mins: readonly number[];
};

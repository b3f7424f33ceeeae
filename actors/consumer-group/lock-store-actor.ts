/**
 * Lock store: keeps the queue locks of all groups in queueLocks.json, so that a restart takes no queue from the client that consumes it
 * in order. One a broker, at `lock-store`. It owns the file; each consumer-group actor owns its locks, and reads them back from here when
 * it needs them first. A lock is confirmed when the file with it has been renamed into place; renewals do not come here.
 *
 * A save that fails is said in the log and to whoever waits for it, and tried again with the next change or after a second: locks are
 * given out all the same. Groups that have said nothing for twenty minutes after the start have lost theirs.
 * Restarted from the file; one that cannot be read is begun anew, for a lock is worth half a minute.
 * Source: none, Java keeps locks in memory (`RebalanceLockManager`) and lets any client take any queue after a restart.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';
import { LOCKS_FILE, type LockColumns, LockTable } from './lock-table.ts';
import { SAVE_AGAIN_MS } from './queue-locks.ts';

/** Locks of a group, page by page; `from` counts locks. */
export type LoadLocks = {
  readonly kind: 'load-locks';
  readonly group: string;
  readonly from: number;
  readonly replyTo: ActorRef<LocksLoaded>;
};
/** `next`: where the next page begins; −1: this was the last. `ageMs`: how long ago they were read from the file, if nobody has asked since. */
export type LocksLoaded = { readonly kind: 'locks-loaded'; readonly columns: LockColumns; readonly next: number; readonly ageMs: number };
/** A client has got queues; answered when that is on disk, or cannot be. */
export type SaveLocks = {
  readonly kind: 'save-locks';
  readonly group: string;
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly queueIds: readonly number[];
  readonly replyTo: ActorRef<LocksSaved>;
};
export type LocksSaved = { readonly kind: 'locks-saved'; readonly isSaved: boolean };
/** Queues that nobody holds any more. Not answered. */
export type FreeLocks = { readonly kind: 'free-locks'; readonly group: string; readonly topics: string[]; readonly queueIds: number[] };
export type LockStoreCommand = LoadLocks | SaveLocks | FreeLocks;

type Private =
  | { readonly kind: 'save-due' }
  | { readonly kind: 'saved'; readonly error: string | null }
  | { readonly kind: 'unclaimed-due' };

export const LOCK_STORE_PATH = 'lock-store';
/** Locks in one message: it must fit one record between threads. */
export const LOCKS_PER_MESSAGE = 64;

export type LockStoreOptions = {
  /** The parsed file as it was saved last; null: there is none yet. Throws when it cannot be read. */
  readonly load: () => unknown;
  /** Saves are synced to the disk (synchronous flush). */
  readonly sync: boolean;
  readonly store?: string;
};

/** Changes that nobody waits for are saved together. */
const FREED_SAVE_MS = 500;
const AFTER_FAILURE_MS = 1_000;
const SAVE_MAX_MS = 10_000;
/** Of a save's own time, how long the next one waits. */
const REST_FACTOR = 4;
/** Groups that have said nothing for so long hold nothing. */
const UNCLAIMED_MS = 2 * SAVE_AGAIN_MS;

export class LockStoreActor implements Actor<LockStoreCommand | Private> {
  readonly #options: LockStoreOptions;
  readonly #table = new LockTable();
  /** Groups of the file that have not asked for their locks. */
  readonly #unclaimed: Set<string> = new Set();
  #waiting: ActorRef<LocksSaved>[] = [];
  #saving: ActorRef<LocksSaved>[] = [];
  #readMs = 0;
  /** The last change found no room: said once. */
  #isFull = false;
  /** A large table leaves its thread to others between two saves. */
  #notBeforeMs = 0;
  #isDirty = false;
  #isSaving = false;
  #isScheduled = false;
  #courier: ActorRef<SaveTable> | null = null;

  constructor(options: LockStoreOptions) {
    this.#options = options;
  }

  started(context: ActorContext): void {
    const create = (): TableCourierActor => new TableCourierActor(this.#options.store);
    this.#courier = context.spawn({ id: 'table-courier', create });
    try {
      this.#table.load(this.#options.load());
    } catch (error) {
      context.log('warn', `Cannot read ${LOCKS_FILE}: queues that are consumed in order may change their clients`, {
        error: String(error),
      });
    }
    this.#readMs = context.monotonicMs();
    for (const group of this.#table.groups()) this.#unclaimed.add(group);
    if (this.#unclaimed.size > 0) context.schedule(UNCLAIMED_MS, { kind: 'unclaimed-due' } satisfies Private);
  }

  receive(message: LockStoreCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'load-locks':
        this.#onLoad(message, context);
        return;
      case 'save-locks':
        this.#onSave(message, context);
        return;
      case 'free-locks':
        if (!this.#table.free(message.group, message)) return;
        this.#isDirty = true;
        this.#schedule(FREED_SAVE_MS, context);
        return;
      case 'save-due':
        this.#isScheduled = false;
        this.#save(context);
        return;
      case 'saved':
        this.#onSaved(message.error, context);
        return;
      case 'unclaimed-due':
        this.#onUnclaimed(context);
        return;
    }
  }

  #onLoad({ group, from, replyTo }: LoadLocks, context: ActorContext): void {
    const ageMs = this.#unclaimed.has(group) ? context.monotonicMs() - this.#readMs : 0;
    const page = this.#table.page(group, from, LOCKS_PER_MESSAGE);
    if (page.next < 0) this.#unclaimed.delete(group);
    replyTo.tell({ kind: 'locks-loaded', ...page, ageMs });
  }

  #onSave({ group, clientId, topics, queueIds, replyTo }: SaveLocks, context: ActorContext): void {
    this.#unclaimed.delete(group);
    let isFull = false;
    for (const [index, topic] of topics.entries()) if (!this.#table.put(group, topic, queueIds[index]!, clientId)) isFull = true;
    if (isFull && !this.#isFull) {
      context.log('warn', `Too many queues are locked: some locks of a group would not survive a restart`, {
        group,
        locks: this.#table.size,
      });
    }
    this.#isFull = isFull;
    this.#isDirty = true;
    this.#waiting.push(replyTo);
    this.#save(context);
  }

  #onUnclaimed(context: ActorContext): void {
    for (const group of this.#unclaimed) if (this.#table.drop(group)) this.#isDirty = true;
    this.#unclaimed.clear();
    this.#save(context);
  }

  #schedule(afterMs: number, context: ActorContext): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    context.schedule(afterMs, { kind: 'save-due' } satisfies Private);
  }

  #save(context: ActorContext): void {
    if (this.#isSaving || !this.#isDirty) return;
    const begin = context.monotonicMs();
    if (begin < this.#notBeforeMs) {
      this.#schedule(this.#notBeforeMs - begin, context);
      return;
    }
    this.#isSaving = true;
    this.#isDirty = false;
    this.#saving = this.#waiting;
    this.#waiting = [];
    const text = this.#table.text();
    const end = context.monotonicMs();
    this.#notBeforeMs = end + REST_FACTOR * (end - begin);
    context.ask<TableSaved, SaveTable>(
      this.#courier!,
      (replyTo) => ({ kind: 'save-table', name: LOCKS_FILE, text, sync: this.#options.sync, replyTo }),
      SAVE_MAX_MS,
      (reply): Private => ({ kind: 'saved', error: reply?.ok === true ? null : (reply?.error ?? 'no answer in time') }),
    );
  }

  #onSaved(error: string | null, context: ActorContext): void {
    this.#isSaving = false;
    for (const replyTo of this.#saving) replyTo.tell({ kind: 'locks-saved', isSaved: error === null });
    this.#saving = [];
    if (error !== null) {
      context.log('warn', `Cannot save ${LOCKS_FILE}; locks since the last save would not survive a restart`, { error });
      this.#isDirty = true;
      this.#schedule(AFTER_FAILURE_MS, context);
    } else if (this.#waiting.length > 0) this.#save(context);
    else if (this.#isDirty) this.#schedule(FREED_SAVE_MS, context);
  }
}

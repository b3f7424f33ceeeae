/**
 * Offset store: merges the committed offsets of all groups into consumerOffset.json. One a broker, at `offset-store`. It owns the
 * file; each consumer-group actor owns its offsets, and reads them back from here when it starts. A group's changes are confirmed
 * when the file with them has been renamed into place; what is not confirmed is sent again, so a crash of this actor or its thread
 * loses nothing. Group and store together wait 0.6 of `offsetSaveMs`, so that the rest is left for the save itself.
 *
 * A save that fails is tried again every second, and said in the log. Restarted from the file; one that cannot be read is a fault
 * that its supervisor escalates: an empty table would make every group begin anew.
 * Source: RocketMQ `ConsumerOffsetManager.persist`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { QueuesTrimmed, SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';
import type { OffsetColumns } from './committed-offsets.ts';
import type { QueueRanges } from './decide-offset.ts';
import type { GroupLimits } from './group-limits.ts';
import { consumerGroupPath } from './group-table-actor.ts';
import { OFFSETS_FILE, type OffsetPage, type OffsetPlace, OffsetTable } from './offset-table.ts';

/** From a consumer-group actor that starts; answered at its path with one or more `offsets-loaded`. */
export type LoadOffsets = { readonly kind: 'load-offsets'; readonly group: string; readonly request: number };
export type OffsetsLoaded = {
  readonly kind: 'offsets-loaded';
  readonly request: number;
  readonly columns: OffsetColumns;
  readonly isLast: boolean;
  /** False: some of it is not on disk yet, and whoever holds it must be ready to send it again. */
  readonly isSaved: boolean;
};
/** From a consumer-group actor: its changes, in one or more messages; answered at its path by `offsets-saved` after the last. */
export type SaveOffsets = {
  readonly kind: 'save-offsets';
  readonly group: string;
  readonly flight: number;
  readonly columns: OffsetColumns;
  readonly isLast: boolean;
  /** A former flight with it was lost: it has waited long enough. */
  readonly isAgain: boolean;
};
/** The flight and all before it are on disk. */
export type OffsetsSaved = { readonly kind: 'offsets-saved'; readonly flight: number };
/** From a consumer-group actor: it forgot its offsets of `topic`, or all when that is empty. */
export type DropOffsets = { readonly kind: 'drop-offsets'; readonly group: string; readonly topic: string };
/** A topic was deleted: no group keeps offsets of it. */
export type ForgetTopic = { readonly kind: 'forget-topic'; readonly topic: string };
/** For a group that has no configuration and so no actor. */
export type ReadOffset = {
  readonly kind: 'read-offset';
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  readonly replyTo: ActorRef<OffsetRead>;
};
/** −1: none. */
export type OffsetRead = { readonly kind: 'offset-read'; readonly offset: number };
/** Everything that came so far goes to the disk now; answered when it is there, or cannot be. */
export type SaveNow = { readonly kind: 'save-now'; readonly replyTo: ActorRef<SavedNow> };
export type SavedNow = { readonly kind: 'saved-now' };
/** Offsets of one group, from its actor or from here. `next`: where the next page begins; −1: this was the last. */
export type OffsetsListed = {
  readonly kind: 'offsets-listed';
  readonly columns: OffsetColumns;
  readonly next: number;
};
/** For a group that has no configuration and so no actor: as `list-offsets` of the group's own. */
export type ListStoredOffsets = {
  readonly kind: 'list-stored-offsets';
  readonly group: string;
  readonly topic: string;
  readonly from: number;
  readonly replyTo: ActorRef<OffsetsListed>;
};
/** Groups with offsets of `topic`, page by page; `from` counts groups. */
export type ListGroupsOf = {
  readonly kind: 'list-groups-of';
  readonly topic: string;
  readonly from: number;
  readonly replyTo: ActorRef<GroupsOfListed>;
};
/** `next`: where the next page begins; −1: this was the last. */
export type GroupsOfListed = { readonly kind: 'groups-of-listed'; readonly groups: readonly string[]; readonly next: number };
/** All groups' offsets as the table has them, page by page; what was committed a moment ago may be missing. */
export type PageOffsets = { readonly kind: 'page-offsets'; readonly from: OffsetPlace; readonly replyTo: ActorRef<OffsetsPaged> };
/** `ends`: the offset that each queue's next message gets. `handles`: −1 for a queue that is not there any more. */
export type OffsetsPaged = {
  readonly kind: 'offsets-paged';
  readonly page: OffsetPage;
  readonly ends: readonly number[];
  readonly handles: readonly number[];
};
export type OffsetStoreCommand =
  | QueuesTrimmed
  | LoadOffsets
  | SaveOffsets
  | DropOffsets
  | ForgetTopic
  | ReadOffset
  | SaveNow
  | ListStoredOffsets
  | ListGroupsOf
  | PageOffsets;

type SaveDue = { readonly kind: 'save-due' };
type Saved = { readonly kind: 'saved'; readonly ok: boolean; readonly error: string };

export const OFFSET_STORE_PATH = 'offset-store';
/** Offsets in one message: it must fit one record between threads. */
export const OFFSETS_PER_MESSAGE = 256;

export type OffsetStoreOptions = {
  /** The parsed file as it was saved last; null: there is none yet. Throws when it cannot be read. */
  readonly load: () => unknown;
  /** Saves are synced to the disk (synchronous flush). */
  readonly sync: boolean;
  readonly limits: GroupLimits;
  readonly ranges: QueueRanges;
  readonly store?: string;
};

/** Of the time that a commit may take to the disk, the part that it waits here for others. */
const SAVE_SHARE = 0.4;
const SAVE_AGAIN_MS = 1_000;
const SAVE_MAX_MS = 30_000;
/** Groups and topics named in one line of the log. */
const UNREAD_SHOWN_MAX = 5;

export class OffsetStoreActor implements Actor<OffsetStoreCommand | SaveDue | Saved> {
  readonly #options: OffsetStoreOptions;
  readonly #table: OffsetTable;
  /** Latest flight of each group that is in the table and not on disk. */
  #unsaved: Map<string, number> = new Map();
  /** The same, of the save under way. */
  #saving: Map<string, number> = new Map();
  /** Topics deleted a moment ago, with the time until which commits in them are of the deleted ones. */
  readonly #deleted: Map<string, number> = new Map();
  #isDirty = false;
  #isSaving = false;
  #isScheduled = false;
  /** What came since the last save began has waited elsewhere. */
  #isUrgent = false;
  /** They wait until nothing is left to save. */
  #hurried: ActorRef<SavedNow>[] = [];
  #courier: ActorRef<SaveTable> | null = null;

  constructor(options: OffsetStoreOptions) {
    this.#options = options;
    this.#table = new OffsetTable(options.limits);
  }

  started(context: ActorContext): void {
    const create = (): TableCourierActor => new TableCourierActor(this.#options.store);
    this.#courier = context.spawn({ id: 'table-courier', create });
    const parsed = this.#options.load();
    if (parsed !== null) this.#table.load(parsed);
  }

  receive(message: OffsetStoreCommand | SaveDue | Saved, context: ActorContext): void {
    switch (message.kind) {
      case 'load-offsets':
        this.#onLoad(message, context);
        return;
      case 'save-offsets':
        this.#onSave(message, context);
        return;
      case 'drop-offsets':
        if (message.topic === '' ? this.#table.drop(message.group) : this.#table.dropTopic(message.group, message.topic)) {
          this.#changed(context);
        }
        return;
      case 'forget-topic':
        this.#onForgetTopic(message.topic, context);
        return;
      case 'read-offset': {
        const offset = this.#table.get(message.group, message.topic, message.queueId);
        message.replyTo.tell({ kind: 'offset-read', offset });
        return;
      }
      case 'list-stored-offsets':
        this.#onList(message);
        return;
      case 'list-groups-of': {
        const all = this.#table.groupsOf(message.topic);
        const end = message.from + OFFSETS_PER_MESSAGE;
        message.replyTo.tell({ kind: 'groups-of-listed', groups: all.slice(message.from, end), next: end < all.length ? end : -1 });
        return;
      }
      case 'page-offsets': {
        const page = this.#table.page(message.from, OFFSETS_PER_MESSAGE);
        const ends = page.topics.map((topic, index) => this.#options.ranges.maxOffset(topic, page.queueIds[index]!));
        const handles = page.topics.map((topic, index) => this.#options.ranges.handle(topic, page.queueIds[index]!));
        message.replyTo.tell({ kind: 'offsets-paged', page, ends, handles });
        return;
      }
      case 'queues-trimmed':
        this.#onTrimmed(message, context);
        return;
      case 'save-now':
        this.#hurried.push(message.replyTo);
        this.#save(context);
        this.#answerHurried();
        return;
      case 'save-due':
        this.#isScheduled = false;
        this.#save(context);
        return;
      case 'saved':
        this.#onSaved(message, context);
        return;
    }
  }

  #onLoad(message: LoadOffsets, context: ActorContext): void {
    const group: ActorRef<OffsetsLoaded> = context.ref(consumerGroupPath(message.group));
    const pages = this.#table.columns(message.group, OFFSETS_PER_MESSAGE);
    const isSaved = !this.#isDirty && !this.#isSaving;
    for (const [index, columns] of pages.entries()) {
      const isLast = index === pages.length - 1;
      // Without room the group does not see the last page, and asks again.
      if (!group.tell({ kind: 'offsets-loaded', request: message.request, columns, isLast, isSaved })) return;
    }
  }

  #onList({ group, topic, from, replyTo }: ListStoredOffsets): void {
    const columns: OffsetColumns = { topics: [], queueIds: [], offsets: [] };
    let index = 0;
    for (const [name, queues] of this.#table.topicsOf(group)) {
      if (topic !== '' && name !== topic) continue;
      for (const [queueId, offset] of queues) {
        if (index++ < from || columns.topics.length === OFFSETS_PER_MESSAGE) continue;
        columns.topics.push(name);
        columns.queueIds.push(queueId);
        columns.offsets.push(offset);
      }
    }
    const end = from + columns.topics.length;
    replyTo.tell({ kind: 'offsets-listed', columns, next: end < index ? end : -1 });
  }

  #onSave(message: SaveOffsets, context: ActorContext): void {
    const { topics, queueIds, offsets } = message.columns;
    let isFull = false;
    for (let index = 0; index < topics.length; index++) {
      if (this.#isDeleted(topics[index]!, context)) {
        context.ref<ForgetTopic>(consumerGroupPath(message.group)).tell({ kind: 'forget-topic', topic: topics[index]! });
        continue;
      }
      if (!this.#table.put(message.group, topics[index]!, queueIds[index]!, offsets[index]!)) isFull = true;
    }
    if (isFull) context.log('error', 'Too many groups have committed offsets: these are not kept over a restart', { group: message.group });
    if (message.isLast) this.#unsaved.set(message.group, message.flight);
    if (message.isAgain) this.#isUrgent = true;
    this.#changed(context);
    if (message.isAgain && message.isLast) this.#save(context);
  }

  #onForgetTopic(topic: string, context: ActorContext): void {
    const now = context.monotonicMs();
    for (const [deleted, untilMs] of this.#deleted) if (untilMs <= now) this.#deleted.delete(deleted);
    this.#deleted.set(topic, now + this.#options.limits.offsetSaveMs);
    for (const group of this.#table.groupsOf(topic)) {
      this.#table.dropTopic(group, topic);
      context.ref<ForgetTopic>(consumerGroupPath(group)).tell({ kind: 'forget-topic', topic });
    }
    this.#changed(context);
  }

  /** Nobody waits for a group that lags behind what is kept, as in Java; but it is said whom it concerns. */
  #onTrimmed({ topics, queueIds, froms, mins }: QueuesTrimmed, context: ActorContext): void {
    const examples: string[] = [];
    const behind = new Set<string>();
    let messages = 0;
    for (const topic of new Set(topics)) {
      for (const group of this.#table.groupsOf(topic)) {
        let ofGroup = 0;
        for (let index = 0; index < topics.length; index++) {
          if (topics[index] !== topic) continue;
          const offset = this.#table.get(group, topic, queueIds[index]!);
          if (offset >= 0 && offset < mins[index]!) ofGroup += mins[index]! - Math.max(offset, froms[index]!);
        }
        if (ofGroup === 0) continue;
        messages += ofGroup;
        behind.add(group);
        if (examples.length < UNREAD_SHOWN_MAX) examples.push(`${group} of ${topic}: ${ofGroup}`);
      }
    }
    if (messages > 0)
      context.log('warn', 'messages were removed by retention that groups had not consumed', {
        messages,
        groups: behind.size,
        first: examples.join(', '),
        remedy: 'lengthen fileReservedTime or make room on the disk, and let the groups catch up',
      });
  }

  /** Just deleted: commits in it may still be on their way. */
  #isDeleted(topic: string, context: ActorContext): boolean {
    const untilMs = this.#deleted.get(topic);
    return untilMs !== undefined && context.monotonicMs() < untilMs;
  }

  #changed(context: ActorContext): void {
    this.#isDirty = true;
    this.#scheduleSave(context, this.#options.limits.offsetSaveMs * SAVE_SHARE);
  }

  #scheduleSave(context: ActorContext, afterMs: number): void {
    if (this.#isScheduled || this.#isSaving) return;
    this.#isScheduled = true;
    context.schedule(afterMs, { kind: 'save-due' } satisfies SaveDue);
  }

  #save(context: ActorContext): void {
    if (this.#isSaving || !this.#isDirty) return;
    this.#isSaving = true;
    this.#isDirty = false;
    this.#isUrgent = false;
    this.#saving = this.#unsaved;
    this.#unsaved = new Map();
    const text = this.#table.text(context.now());
    context.ask<TableSaved, SaveTable>(
      this.#courier!,
      (replyTo) => ({ kind: 'save-table', name: OFFSETS_FILE, text, sync: this.#options.sync, replyTo }),
      SAVE_MAX_MS,
      (reply): Saved => ({ kind: 'saved', ok: reply?.ok === true, error: reply === undefined ? 'no answer in time' : (reply.error ?? '') }),
    );
  }

  #onSaved(saved: Saved, context: ActorContext): void {
    this.#isSaving = false;
    const flights = this.#saving;
    this.#saving = new Map();
    if (!saved.ok) {
      context.log('error', `Cannot save ${OFFSETS_FILE}; commits since the last save would not survive a crash`, { error: saved.error });
      for (const [group, flight] of flights) if (!this.#unsaved.has(group)) this.#unsaved.set(group, flight);
      for (const replyTo of this.#hurried) replyTo.tell({ kind: 'saved-now' });
      this.#hurried = [];
      this.#isDirty = true;
      this.#scheduleSave(context, SAVE_AGAIN_MS);
      return;
    }
    for (const [group, flight] of flights) {
      context.ref<OffsetsSaved>(consumerGroupPath(group)).tell({ kind: 'offsets-saved', flight });
    }
    if (this.#isDirty && (this.#hurried.length > 0 || this.#isUrgent)) this.#save(context);
    else if (this.#isDirty) this.#scheduleSave(context, this.#options.limits.offsetSaveMs * SAVE_SHARE);
    this.#answerHurried();
  }

  #answerHurried(): void {
    if (this.#isDirty || this.#isSaving) return;
    for (const replyTo of this.#hurried) replyTo.tell({ kind: 'saved-now' });
    this.#hurried = [];
  }
}

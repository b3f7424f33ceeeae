/**
 * Pop journal keeper: remembers from where the pop journal is to be read when the broker starts (config/popJournal.json). One a broker, on the first
 * shard. Each shard tells what it needs; the least of all is saved a while after it has changed, and not before every shard has spoken: an older file
 * costs time at the next start and nothing else. A file that cannot be read means: from the beginning.
 *
 *   {"dataVersion":{…},"starts":{"<queue of rmq_sys_REVIVE_LOG_…>":offset}}
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';
import type { JournalStarts } from './pop-journal.ts';

export const POP_JOURNAL_FILE = 'popJournal.json';

type Saved = { readonly kind: 'saved'; readonly error: string };
type SaveDue = { readonly kind: 'save-due' };

const SAVE_EVERY_MS = 30_000;
const SAVE_MAX_MS = 30_000;
const QUEUES_MAX = 4096;

/** Offsets by queue, of the parsed file; what is not understood counts as 0. */
export function parseJournalStarts(parsed: unknown): number[] {
  const table = typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)['starts'] : null;
  const starts: number[] = [];
  for (const [queue, offset] of Object.entries(typeof table === 'object' && table !== null ? table : {})) {
    if (!/^\d{1,4}$/.test(queue) || Number(queue) >= QUEUES_MAX || !Number.isSafeInteger(offset)) continue;
    starts[Number(queue)] = Math.max(0, offset as number);
  }
  return Array.from(starts, (offset) => offset ?? 0);
}

export function journalStartsText(starts: readonly number[], counter: number, now: number): string {
  const table = Object.fromEntries(starts.map((offset, queue) => [String(queue), offset]));
  return `${JSON.stringify({ dataVersion: { counter, stateVersion: 0, timestamp: now }, starts: table })}\n`;
}

export class PopJournalKeeper implements Actor<JournalStarts | Saved | SaveDue> {
  readonly #shards: ReadonlySet<string>;
  readonly #sync: boolean;
  readonly #store: string | undefined;
  readonly #told: Map<string, readonly number[]> = new Map();
  #saved = '';
  #counter = 0;
  #isScheduled = false;
  #courier: ActorRef<SaveTable> | null = null;

  /** @param shards names of all shards, @param sync saves are synced to the disk */
  constructor(shards: readonly string[], sync: boolean, store?: string) {
    this.#shards = new Set(shards);
    this.#sync = sync;
    this.#store = store;
  }

  started(context: ActorContext): void {
    this.#courier = context.spawn({ id: 'table-courier', create: () => new TableCourierActor(this.#store), mailboxMax: 64 });
  }

  receive(message: JournalStarts | Saved | SaveDue, context: ActorContext): void {
    switch (message.kind) {
      case 'journal-starts':
        if (this.#shards.has(message.shard)) this.#told.set(message.shard, message.starts);
        if (this.#told.size === this.#shards.size) this.#schedule(context);
        return;
      case 'save-due':
        this.#isScheduled = false;
        this.#save(context);
        return;
      case 'saved':
        if (message.error === '') return;
        context.log('error', `Cannot save ${POP_JOURNAL_FILE}; the next start would read more of the journal`, { error: message.error });
        this.#saved = '';
        return;
    }
  }

  #schedule(context: ActorContext): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    context.schedule(SAVE_EVERY_MS, { kind: 'save-due' } satisfies SaveDue);
  }

  #save(context: ActorContext): void {
    const told = [...this.#told.values()];
    const queues = Math.max(...told.map((starts) => starts.length));
    // A queue that a shard has not heard of yet cannot be left out.
    const starts = Array.from({ length: queues }, (_, queue) => Math.min(...told.map((one) => one[queue] ?? 0)));
    const what = starts.join();
    if (what === this.#saved) return;
    this.#saved = what;
    const text = journalStartsText(starts, ++this.#counter, context.now());
    context.ask<TableSaved, SaveTable>(
      this.#courier!,
      (replyTo) => ({ kind: 'save-table', name: POP_JOURNAL_FILE, text, sync: this.#sync, replyTo }),
      SAVE_MAX_MS,
      (reply): Saved => ({ kind: 'saved', error: reply === undefined ? 'no answer in time' : reply.ok ? '' : (reply.error ?? 'refused') }),
    );
  }
}

/**
 * Table saver: saves a metadata table some time after it has changed, one save at a time, at once when somebody waits for it, and again
 * after a failure. The saving half of an actor: it owns its courier and what waits for a save; the actor passes its messages on.
 */
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';

const SAVE_MAX_MS = 30_000;
const FAILED_AGAIN_MS = 1_000;

/** What the actor tells itself for the saver. */
export type SaverMessage = { readonly kind: 'save-due' } | { readonly kind: 'saved'; readonly error: string };

export type TableSaverParts = {
  readonly name: string;
  /** The table as it is now. */
  readonly text: (context: ActorContext) => string;
  /** Where the log ends at the time of the text: the table is saved once the disk has that much. Default: at once. */
  readonly after?: () => number;
  readonly sync: boolean;
  readonly saveEveryMs: number;
  /** Path of the store actor. */
  readonly store: string | undefined;
  /** What a crash would cost while a save fails. */
  readonly cost: string;
  /** Called when the table is on its way no more: `isSaved` says whether it is saved. */
  readonly onSaved?: (isSaved: boolean, context: ActorContext) => void;
};

export class TableSaver<W extends ActorRef<never>> {
  readonly #parts: TableSaverParts;
  readonly #courier: ActorRef<SaveTable>;
  readonly #answer: (waiting: W) => void;
  #isDirty = false;
  #isScheduled = false;
  #isSaving = false;
  #waiting: W[] = [];

  /** @param answer tells who waits that everything is saved, or cannot be */
  constructor(parts: TableSaverParts, context: ActorContext, answer: (waiting: W) => void) {
    this.#parts = parts;
    this.#answer = answer;
    this.#courier = context.spawn({ id: 'table-courier', create: () => new TableCourierActor(parts.store), mailboxMax: 64 });
  }

  changed(context: ActorContext): void {
    this.#isDirty = true;
    this.#schedule(this.#parts.saveEveryMs, context);
  }

  /** Saves what has changed; answered when it is saved, or cannot be. */
  hurry(waiting: W, context: ActorContext): void {
    this.#waiting.push(waiting);
    this.#save(context);
    this.#answerWaiting();
  }

  receive(message: SaverMessage, context: ActorContext): void {
    if (message.kind === 'saved') {
      this.#onSaved(message.error, context);
      return;
    }
    this.#isScheduled = false;
    this.#save(context);
  }

  #schedule(afterMs: number, context: ActorContext): void {
    if (this.#isScheduled || this.#isSaving) return;
    this.#isScheduled = true;
    context.schedule(afterMs, { kind: 'save-due' } satisfies SaverMessage);
  }

  #save(context: ActorContext): void {
    if (this.#isSaving || !this.#isDirty) return;
    this.#isSaving = true;
    this.#isDirty = false;
    const { name, sync } = this.#parts;
    const text = this.#parts.text(context);
    const after = this.#parts.after?.() ?? 0;
    context.ask<TableSaved, SaveTable>(
      this.#courier,
      (replyTo) => ({ kind: 'save-table', name, text, sync, after, replyTo }),
      SAVE_MAX_MS,
      (reply): SaverMessage => ({
        kind: 'saved',
        error: reply === undefined ? 'no answer in time' : reply.ok ? '' : (reply.error ?? 'refused'),
      }),
    );
  }

  #onSaved(error: string, context: ActorContext): void {
    const { name, saveEveryMs, cost } = this.#parts;
    this.#isSaving = false;
    if (error !== '') {
      context.log('error', `Cannot save ${name}; ${cost}`, { error });
      this.#isDirty = true;
      this.#schedule(Math.max(FAILED_AGAIN_MS, saveEveryMs), context);
    } else if (this.#isDirty && this.#waiting.length > 0) this.#save(context);
    else if (this.#isDirty) this.#schedule(saveEveryMs, context);
    this.#parts.onSaved?.(error === '', context);
    this.#answerWaiting();
  }

  #answerWaiting(): void {
    if (this.#isSaving) return;
    for (const waiting of this.#waiting) this.#answer(waiting);
    this.#waiting = [];
  }
}

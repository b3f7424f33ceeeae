/**
 * Request-modes actor: owns which groups pop which topics (config/messageRequestMode.json). One a broker, on the first shard, at `request-modes`. A change
 * is answered when it is saved; a table that cannot be saved is told, and the change holds until the broker stops. A file that cannot be read is a fault
 * that its supervisor escalates. Source: RocketMQ 5.3 `MessageRequestModeManager`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';
import { parseRequestModes, REQUEST_MODES_FILE, type RequestMode, type RequestModes, requestModesText } from './request-modes-json.ts';

export const REQUEST_MODES_PATH = 'request-modes';

export type SetRequestMode = {
  readonly kind: 'set-request-mode';
  readonly topic: string;
  readonly group: string;
  readonly mode: RequestMode['mode'];
  readonly shareQueues: number;
  readonly replyTo: ActorRef<RequestModeSet>;
};
/** `error`: why it is not kept over a restart; empty: it is. */
export type RequestModeSet = { readonly kind: 'request-mode-set'; readonly error: string };
export type QueryRequestMode = {
  readonly kind: 'query-request-mode';
  readonly topic: string;
  readonly group: string;
  readonly replyTo: ActorRef<RequestModeTold>;
};
/** `mode` empty: nobody has set one. */
export type RequestModeTold = { readonly kind: 'request-mode-told'; readonly mode: RequestMode['mode'] | ''; readonly shareQueues: number };
type Saved = { readonly kind: 'saved'; readonly error: string };

/** Pairs of topic and group. */
const MODES_MAX = 65_536;
const SAVE_MAX_MS = 2_000;

export type RequestModesParts = {
  /** The parsed table as it was saved last; null: there is none. Throws when it cannot be read. */
  readonly load: () => unknown;
  /** Saves are synced to the disk (synchronous flush). */
  readonly sync: boolean;
  readonly store?: string;
};

export class RequestModesActor implements Actor<SetRequestMode | QueryRequestMode | Saved> {
  readonly #parts: RequestModesParts;
  #modes: RequestModes = new Map();
  #count = 0;
  #courier: ActorRef<SaveTable> | null = null;
  /** They wait for the save under way, and for the next. */
  #saving: ActorRef<RequestModeSet>[] = [];
  #waiting: ActorRef<RequestModeSet>[] = [];

  constructor(parts: RequestModesParts) {
    this.#parts = parts;
  }

  started(context: ActorContext): void {
    this.#courier = context.spawn({ id: 'table-courier', create: () => new TableCourierActor(this.#parts.store), mailboxMax: 64 });
    const parsed = this.#parts.load();
    this.#modes = parsed === null ? new Map() : parseRequestModes(parsed);
    this.#count = [...this.#modes.values()].reduce((count, groups) => count + groups.size, 0);
  }

  receive(message: SetRequestMode | QueryRequestMode | Saved, context: ActorContext): void {
    switch (message.kind) {
      case 'query-request-mode': {
        const known = this.#modes.get(message.topic)?.get(message.group);
        message.replyTo.tell({ kind: 'request-mode-told', mode: known?.mode ?? '', shareQueues: known?.shareQueues ?? 0 });
        return;
      }
      case 'set-request-mode':
        this.#set(message, context);
        return;
      case 'saved':
        if (message.error !== '') context.log('error', `Cannot save ${REQUEST_MODES_FILE}`, { error: message.error });
        for (const replyTo of this.#saving.splice(0)) replyTo.tell({ kind: 'request-mode-set', error: message.error });
        if (this.#waiting.length > 0) this.#save(context);
        return;
    }
  }

  #set({ topic, group, mode, shareQueues, replyTo }: SetRequestMode, context: ActorContext): void {
    const groups = this.#modes.get(topic) ?? new Map<string, RequestMode>();
    if (!groups.has(group)) {
      if (this.#count >= MODES_MAX) {
        replyTo.tell({ kind: 'request-mode-set', error: `${MODES_MAX} modes are set, the most there may be` });
        return;
      }
      this.#count++;
    }
    groups.set(group, { mode, shareQueues });
    this.#modes.set(topic, groups);
    this.#waiting.push(replyTo);
    if (this.#saving.length === 0) this.#save(context);
  }

  #save(context: ActorContext): void {
    this.#saving = this.#waiting;
    this.#waiting = [];
    const text = requestModesText(this.#modes);
    context.ask<TableSaved, SaveTable>(
      this.#courier!,
      (replyTo) => ({ kind: 'save-table', name: REQUEST_MODES_FILE, text, sync: this.#parts.sync, replyTo }),
      SAVE_MAX_MS,
      (reply): Saved => ({ kind: 'saved', error: reply === undefined ? 'no answer in time' : reply.ok ? '' : (reply.error ?? 'refused') }),
    );
  }
}

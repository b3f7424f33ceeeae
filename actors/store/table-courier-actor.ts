/**
 * Table courier: brings whole tables to the store actor, whose thread is reached by ring records of limited size and rings that may
 * be full. Lives on the thread of the actors that save tables, so that a table reaches it without a copy; one for each of them or
 * one for all, as a child of the first. A table goes in parts, as fast as the ring takes them; one table is on its way at a time, the
 * others wait. The store answers the saver itself; only a store that takes nothing for long is answered for. A store worker that dies
 * takes with it what it was told: its successor is told the newest of each table again, which changes nothing where that was saved.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable } from './store-messages.ts';

type GoOn = { kind: 'go-on' };
type StoreGone = { kind: 'store-gone' };
const STORE_GONE: StoreGone = { kind: 'store-gone' };

/** In UTF-8 it has at most three times as many bytes: with the rest of the message less than a quarter of the smallest ring. */
export const PART_CHARACTERS = 16_000;
const GO_ON_MS = 1;
/** A store without room for so long hangs in a system call; its supervisor decides on that. */
const STALLED_MAX_MS = 20_000;
const WAITING_MAX = 64;

/** Cuts a text into parts, never between the halves of a surrogate pair; an empty text is one part. */
export function cutTable(text: string, partCharacters: number = PART_CHARACTERS): string[] {
  const parts: string[] = [];
  let from = 0;
  do {
    let end = Math.min(text.length, from + partCharacters);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end--;
    parts.push(text.slice(from, end));
    from = end;
  } while (from < text.length);
  return parts;
}

export class TableCourierActor implements Actor<SaveTable | GoOn | StoreGone> {
  readonly #store: string;
  readonly #waiting: SaveTable[] = [];
  /** The newest of each name that was brought: whether it is saved only its saver hears. */
  readonly #brought: Map<string, SaveTable> = new Map();
  #current: { readonly table: SaveTable; readonly parts: readonly string[]; next: number; stalledSince: number } | null = null;

  /** @param store path of the store actor. */
  constructor(store = 'store') {
    this.#store = store;
  }

  started(context: ActorContext): void {
    context.watch(context.ref(this.#store) as ActorRef<never>, STORE_GONE);
  }

  receive(message: SaveTable | GoOn | StoreGone, context: ActorContext): void {
    if (message.kind === 'store-gone') {
      context.watch(context.ref(this.#store) as ActorRef<never>, STORE_GONE);
      if (this.#current !== null) this.#current.next = 0;
      const isWaiting = new Set(this.#waiting.map(({ name }) => name));
      for (const [name, table] of this.#brought) if (!isWaiting.has(name)) this.#waiting.push(table);
      this.#brought.clear();
    }
    if (message.kind === 'save-table') {
      if (this.#waiting.length >= WAITING_MAX) {
        refuse(message, `${WAITING_MAX} tables wait to be saved already`);
        return;
      }
      this.#waiting.push(message);
      if (this.#current !== null) return;
    }
    this.#send(context);
  }

  /** Sends until everything is sent or the ring is full. */
  #send(context: ActorContext): void {
    const store = context.ref<SaveTable>(this.#store);
    for (;;) {
      const table = this.#current?.table ?? this.#waiting.shift();
      if (table === undefined) return;
      this.#current ??= { table, parts: cutTable(table.text), next: 0, stalledSince: -1 };
      const { parts } = this.#current;
      const { kind, name, sync, replyTo, after = 0 } = table;
      while (this.#current.next < parts.length) {
        const part = this.#current.next;
        if (!store.tell({ kind, name, text: parts[part]!, sync, replyTo, after, part, parts: parts.length })) {
          this.#stalled(context);
          return;
        }
        this.#current.next++;
        this.#current.stalledSince = -1;
      }
      this.#brought.set(table.name, table);
      this.#current = null;
    }
  }

  #stalled(context: ActorContext): void {
    const current = this.#current!;
    const now = context.monotonicMs();
    if (current.stalledSince < 0) current.stalledSince = now;
    if (now - current.stalledSince >= STALLED_MAX_MS) {
      this.#current = null;
      refuse(current.table, `the store took nothing for ${STALLED_MAX_MS} ms, at part ${current.next + 1} of ${current.parts.length}`);
    }
    context.schedule(GO_ON_MS, { kind: 'go-on' });
  }
}

function refuse(table: SaveTable, error: string): void {
  table.replyTo.tell({ kind: 'table-saved', name: table.name, ok: false, error });
}

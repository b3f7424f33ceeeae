/**
 * Table courier: brings whole tables to the store actor, whose thread is reached by ring records of limited size. One a broker, at
 * `<first shard thread>/table-courier`, on the thread of the actors that save tables, so that a table reaches it without a copy. A
 * small table goes on as it is; a large one in parts, each sent when the one before was taken. One large table is on its way at a
 * time, the others wait. A store that does not answer fails the save that is under way.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../topic/topic-registry-actor.ts';

/** A part of the text of table `name`; `save` numbers the tables of the courier, so that a part of an abandoned one is known. */
export type SaveTablePart = {
  kind: 'save-table-part';
  name: string;
  save: number;
  part: number;
  parts: number;
  text: string;
  sync: boolean;
  replyTo: ActorRef<TablePartTaken | TableSaved>;
};
/** The answer to every part but the last, which is answered as a whole table is. */
export type TablePartTaken = { kind: 'table-part-taken'; save: number; part: number };
type PartAnswered = { kind: 'part-answered'; save: number; reply: TablePartTaken | TableSaved | null };

/** In UTF-8 it has at most three times as many bytes: with the rest of the message less than a quarter of the smallest ring. */
export const PART_CHARACTERS = 16_000;
const PART_MAX_MS = 20_000;
const WAITING_MAX = 64;

export function tableCourierPath(firstShardName: string): string {
  return `${firstShardName}/table-courier`;
}

/** Cuts a text into parts, never between the halves of a surrogate pair. */
export function cutTable(text: string, partCharacters: number = PART_CHARACTERS): string[] {
  const parts: string[] = [];
  let from = 0;
  while (from < text.length) {
    let end = Math.min(text.length, from + partCharacters);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end--;
    parts.push(text.slice(from, end));
    from = end;
  }
  return parts;
}

/** The store's side: puts the parts together again. A part that does not follow the one before ends what had come. */
export class TableParts {
  #save = -1;
  #texts: string[] = [];

  /** The whole text with the last part, null before; undefined when the part belongs to nothing. */
  take(part: Pick<SaveTablePart, 'save' | 'part' | 'parts' | 'text'>): string | null | undefined {
    if (part.part === 0) {
      this.#save = part.save;
      this.#texts = [];
    } else if (part.save !== this.#save || part.part !== this.#texts.length) {
      this.#save = -1;
      this.#texts = [];
      return undefined;
    }
    this.#texts.push(part.text);
    if (part.part < part.parts - 1) return null;
    const text = this.#texts.join('');
    this.#save = -1;
    this.#texts = [];
    return text;
  }
}

export class TableCourierActor implements Actor<SaveTable | PartAnswered> {
  readonly #store: string;
  #waiting: SaveTable[] = [];
  #current: { readonly table: SaveTable; readonly parts: readonly string[]; readonly save: number; next: number } | null = null;
  #saves = 0;

  /** @param store path of the store actor. */
  constructor(store = 'store') {
    this.#store = store;
  }

  receive(message: SaveTable | PartAnswered, context: ActorContext): void {
    if (message.kind === 'part-answered') {
      this.#answered(message, context);
      return;
    }
    if (message.text.length <= PART_CHARACTERS) {
      if (!context.ref<SaveTable>(this.#store).tell(message)) refuse(message, 'the store takes no message: it is overloaded or has stopped');
      return;
    }
    if (this.#waiting.length >= WAITING_MAX) {
      refuse(message, `${WAITING_MAX} tables wait to be saved already`);
      return;
    }
    this.#waiting.push(message);
    if (this.#current === null) this.#begin(context);
  }

  #begin(context: ActorContext): void {
    const table = this.#waiting.shift();
    if (table === undefined) return;
    this.#current = { table, parts: cutTable(table.text), save: ++this.#saves, next: 0 };
    this.#sendPart(context);
  }

  #sendPart(context: ActorContext): void {
    const { table, parts, save, next } = this.#current!;
    const { name, sync } = table;
    context.ask<TablePartTaken | TableSaved, SaveTablePart>(
      context.ref(this.#store),
      (replyTo) => ({ kind: 'save-table-part', name, save, part: next, parts: parts.length, text: parts[next]!, sync, replyTo }),
      PART_MAX_MS,
      (reply): PartAnswered => ({ kind: 'part-answered', save, reply: reply ?? null }),
    );
  }

  #answered({ save, reply }: PartAnswered, context: ActorContext): void {
    const current = this.#current;
    if (current === null || current.save !== save) return;
    if (reply?.kind === 'table-part-taken' && current.next < current.parts.length - 1) {
      current.next++;
      this.#sendPart(context);
      return;
    }
    this.#current = null;
    if (reply?.kind === 'table-saved') current.table.replyTo.tell(reply);
    else refuse(current.table, `the store did not take part ${current.next + 1} of ${current.parts.length} within ${PART_MAX_MS} ms`);
    this.#begin(context);
  }
}

function refuse(table: SaveTable, error: string): void {
  table.replyTo.tell({ kind: 'table-saved', name: table.name, ok: false, error });
}

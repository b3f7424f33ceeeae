/**
 * Table desk: takes metadata tables to be saved, holds each until the log is on the disk as far as it speaks of it, and answers. The store actor's.
 * Owns the tables that wait: those who save tables wait for the answer before they save again. A table that cannot be saved is told with
 * the reason; a fault of the disk goes to disk-faults.ts.
 */
import type { ActorContext } from '../../runtime/actor.ts';
import { FLUSHED_END } from '../commit-log/watermarks.ts';
import type { DiskFaults } from './disk-faults.ts';
import type { TableSaver } from './save-table.ts';
import type { SaveTable } from './store-messages.ts';
import type { StoreActorParts } from './store-parts.ts';

/** How often those who wait for the log's flush look whether it has come. */
export const FLUSH_LOOK_MS = 50;

/** A table whose part of the log is not on the disk yet. */
export type HeldTable = { readonly kind: 'held-table'; readonly id: number };

export class TableDesk {
  readonly #parts: StoreActorParts;
  readonly #faults: DiskFaults;
  readonly #held: Map<number, { readonly message: SaveTable; readonly text: string }> = new Map();
  #nextHeld = 0;

  constructor(parts: StoreActorParts, faults: DiskFaults) {
    this.#parts = parts;
    this.#faults = faults;
  }

  /** @param saver undefined: the store is not open */
  save(message: SaveTable, saver: TableSaver | undefined, context: ActorContext): void {
    const text = saver === undefined ? '' : saver.assemble(message);
    if (text !== null) this.#saveWhenFlushed(message, text, saver, context);
  }

  /** The time is over after which a held table is looked at again. */
  look({ id }: HeldTable, saver: TableSaver | undefined, context: ActorContext): void {
    const held = this.#held.get(id)!;
    this.#held.delete(id);
    this.#saveWhenFlushed(held.message, held.text, saver, context);
  }

  #saveWhenFlushed(message: SaveTable, text: string, saver: TableSaver | undefined, context: ActorContext): void {
    const { name, sync, replyTo, after = 0 } = message;
    const { marks, hooks } = this.#parts;
    const isTooEarly = marks.read(FLUSHED_END) < after;
    const isFenced = this.#faults.isFenced || marks.fenced;
    if (isTooEarly && !isFenced) {
      hooks.wantSync();
      const id = this.#nextHeld++;
      this.#held.set(id, { message, text });
      const again: HeldTable = { kind: 'held-table', id };
      context.schedule(FLUSH_LOOK_MS, again);
      return;
    }
    let error = '';
    if (saver === undefined) error = `Cannot save ${name}: the store is not open`;
    // What it says of the log will never be on the disk, whatever memory shows of it.
    else if (isTooEarly)
      error = `Cannot save ${name}: the disk of the commit log has failed, and the log ends on it before what the table says`;
    else error = this.#faults.guarded(`save ${name}`, () => saver.save(name, text, sync));
    if (error !== '') context.log('error', 'a table could not be saved', { name, error });
    replyTo.tell(error === '' ? { kind: 'table-saved', name, ok: true } : { kind: 'table-saved', name, ok: false, error });
  }
}

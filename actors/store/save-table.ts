/**
 * Saving of the metadata tables under config/. Owns the texts whose parts are still coming, and the ballast: bytes kept in reserve
 * there and given up when a table does not fit on a full disk any more, so that consumer offsets and topics stay writable while
 * the log is not. Fails by `DiskError`, MQ_STORAGE_TOO_LARGE, and MQ_STORAGE_BAD_NAME for a name that is none of a table's.
 * Source: RocketMQ 5.3 `ConfigManager.persist`.
 */
import { join } from 'node:path';
import { isNoRoom } from '../../storage/disk-error-policy.ts';
import { StorageError } from '../../storage/errors.ts';
import type { Disk } from '../../storage/file.ts';
import { replaceFile, TABLE_BYTES_MAX } from '../../storage/json-table.ts';
import type { StoreLayout } from '../../storage/store-layout.ts';
import type { SaveTable } from './store-messages.ts';

/** `topics.json` and the like: no path. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}\.(json|properties)$/;
/** Tables whose parts come at the same time. */
const TEXTS_MAX = 64;
const BALLAST_BYTES = 4 * 1024 * 1024;
/** The ballast is laid again when so much is free. */
const FREE_BYTES_MIN = 16 * BALLAST_BYTES;

export class TableSaver {
  readonly #disk: Disk;
  readonly #layout: StoreLayout;
  #hasBallast: boolean;
  /** Parts that have come, by name. */
  readonly #texts: Map<string, string[]> = new Map();

  constructor(disk: Disk, layout: StoreLayout) {
    this.#disk = disk;
    this.#layout = layout;
    this.#hasBallast = disk.exists(layout.ballast) && disk.sizeOf(layout.ballast) >= BALLAST_BYTES;
  }

  /** The whole text; null: more parts are to come. Parts of a saving that was given up are dropped when the next one begins. */
  assemble({ name, text, part = 0, parts = 1 }: Pick<SaveTable, 'name' | 'text' | 'part' | 'parts'>): string | null {
    if (parts === 1) return text;
    if (part === 0) this.#texts.set(name, []);
    const pieces = this.#texts.get(name);
    if (pieces === undefined || pieces.length !== part || parts * text.length > TABLE_BYTES_MAX || this.#texts.size > TEXTS_MAX) {
      this.#texts.delete(name);
      return null;
    }
    pieces.push(text);
    if (pieces.length < parts) return null;
    this.#texts.delete(name);
    return pieces.join('');
  }

  /** Replaces the table `name`; with `sync` it lasts a power cut when this returns. */
  save(name: string, text: string, sync: boolean): void {
    if (!NAME.test(name)) {
      const shown = JSON.stringify(name.slice(0, 100));
      throw new StorageError(
        'MQ_STORAGE_BAD_NAME',
        `A table's name is letters, digits, - and _ with .json or .properties behind, not ${shown}`,
        {
          name: shown,
        },
      );
    }
    const path = join(this.#layout.config, name);
    const bytes = Buffer.from(text);
    try {
      replaceFile(this.#disk, path, bytes, true, sync);
    } catch (error) {
      if (!isNoRoom(error) || !this.#hasBallast) throw error;
      this.#hasBallast = false;
      this.#disk.remove(this.#layout.ballast);
      replaceFile(this.#disk, path, bytes, true, sync);
    }
  }

  /** Lays the ballast when it is not there and there is room for it. */
  layBallast(freeBytes: number): void {
    if (this.#hasBallast || freeBytes < FREE_BYTES_MIN) return;
    const bytes = new Uint8Array(BALLAST_BYTES).fill(0x62);
    const file = this.#disk.open(this.#layout.ballast, 'create');
    try {
      file.write(bytes, 0, bytes.length, 0);
      this.#hasBallast = true;
    } finally {
      file.close();
    }
  }
}

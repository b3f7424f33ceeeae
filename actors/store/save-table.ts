/**
 * Saving of the metadata tables under config/. Owns the ballast: bytes kept in reserve there and given up when a table does not
 * fit on a full disk any more, so that consumer offsets and topics stay writable while the log is not.
 * Fails by `DiskError`; a name that is none of a table's is refused.
 * Source: RocketMQ 5.3 `ConfigManager.persist`.
 */
import { join } from 'node:path';
import { DiskError } from '../../storage/errors.ts';
import type { Disk } from '../../storage/file.ts';
import { replaceFile } from '../../storage/json-table.ts';
import type { StoreLayout } from '../../storage/store-layout.ts';

/** `topics.json` and the like: no path. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}\.json$/;
const BALLAST_BYTES = 4 * 1024 * 1024;
/** The ballast is laid again when so much is free. */
const FREE_BYTES_MIN = 16 * BALLAST_BYTES;

export function isTableName(name: string): boolean {
  return NAME.test(name);
}

/** A disk without room, whatever call said so: the disk itself is sound. A failed sync is never one. */
export function isNoRoom(thrown: unknown): boolean {
  if (!(thrown instanceof DiskError) || thrown.call === 'sync' || thrown.call === 'sync-directory') return false;
  return thrown.errno === 'ENOSPC' || thrown.errno === 'EDQUOT' || thrown.errno === 'EFBIG';
}

export class TableSaver {
  readonly #disk: Disk;
  readonly #layout: StoreLayout;
  #hasBallast: boolean;

  constructor(disk: Disk, layout: StoreLayout) {
    this.#disk = disk;
    this.#layout = layout;
    this.#hasBallast = disk.exists(layout.ballast) && disk.sizeOf(layout.ballast) >= BALLAST_BYTES;
  }

  /** Replaces the table `name`; with `sync` it lasts a power cut when this returns. */
  save(name: string, text: string, sync: boolean): void {
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

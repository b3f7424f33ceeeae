/**
 * Open files of many, at most so many at once: the one used longest ago is closed when another is wanted. Owns the
 * descriptors of the handles it made. Bounded, so that 100 000 queues do not take 100 000 descriptors.
 */
import assert from 'node:assert/strict';
import type { Disk, OpenMode, StorageFile } from './file.ts';

/** A file that may be open or not; `cache.use(handle)` opens it when needed. */
export class FileHandle {
  readonly path: string;
  readonly mode: OpenMode;
  file: StorageFile | null = null;
  newer: FileHandle | null = null;
  older: FileHandle | null = null;

  constructor(path: string, mode: OpenMode) {
    this.path = path;
    this.mode = mode;
  }
}

export class DescriptorCache {
  readonly #disk: Disk;
  readonly #openMax: number;
  #newest: FileHandle | null = null;
  #oldest: FileHandle | null = null;
  #open = 0;

  /** @param openMax descriptors held at once. */
  constructor(disk: Disk, openMax: number) {
    assert(Number.isInteger(openMax) && openMax >= 1, 'A descriptor cache holds at least one file');
    this.#disk = disk;
    this.#openMax = openMax;
  }

  get openCount(): number {
    return this.#open;
  }

  /** The open file of `handle`; valid until the next `use`. */
  use(handle: FileHandle): StorageFile {
    if (handle === this.#newest && handle.file !== null) return handle.file;
    if (handle.file !== null) {
      this.#unlink(handle);
    } else {
      if (this.#open >= this.#openMax && this.#oldest !== null) this.release(this.#oldest);
      handle.file = this.#disk.open(handle.path, handle.mode);
      this.#open++;
    }
    handle.older = this.#newest;
    if (this.#newest !== null) this.#newest.newer = handle;
    this.#newest = handle;
    this.#oldest ??= handle;
    return handle.file;
  }

  /** Closes the file of `handle` when it is open. */
  release(handle: FileHandle): void {
    const file = handle.file;
    if (file === null) return;
    this.#unlink(handle);
    handle.file = null;
    this.#open--;
    file.close();
  }

  close(): void {
    while (this.#newest !== null) this.release(this.#newest);
  }

  #unlink(handle: FileHandle): void {
    if (handle.newer !== null) handle.newer.older = handle.older;
    else this.#newest = handle.older;
    if (handle.older !== null) handle.older.newer = handle.newer;
    else this.#oldest = handle.newer;
    handle.newer = null;
    handle.older = null;
  }
}

/**
 * What storage asks of a disk: files read and written by position, and the few calls on directories that make a change last.
 * Everything blocks, for it runs in threads that may. Two implementations keep this contract: `NodeDisk` and, for
 * simulation, `MemoryDisk`; `test/support/file-contract.ts` is run against both. Fails by `DiskError` only.
 */

/** `read`: the file must exist, no writing. `write`: must exist. `create`: made when it does not exist; never shortened. */
export type OpenMode = 'read' | 'write' | 'create';

/** An open file. Views of a SharedArrayBuffer are taken as they are. */
export interface StorageFile {
  readonly path: string;
  /** Reads up to `length` bytes at `position`; fewer only at the end of the file. Returns the bytes read. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes all `length` bytes at `position` (short writes, EINTR and EAGAIN are continued). Returns `length`. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Makes what was written last a power cut (`fdatasync`). A failure is final: never called again on this file. */
  sync(): void;
  /** Sets the size; growing leaves a hole that reads as zeros. */
  truncate(bytes: number): void;
  size(): number;
  close(): void;
}

/** Bytes of the file system that holds a path. `free` is what an ordinary user may still take, `total` that and what is in use. */
export type DiskSpace = { readonly free: number; readonly total: number };

export interface Disk {
  open(path: string, mode: OpenMode): StorageFile;
  exists(path: string): boolean;
  /** Size in bytes of the file at `path`; fails when there is none. */
  sizeOf(path: string): number;
  /** Milliseconds since the epoch of the last change of the file's content. */
  modifiedMs(path: string): number;
  /** Names in a directory in ascending order; empty when the directory does not exist. */
  list(directory: string): string[];
  /** Makes the directory and those above it. */
  makeDirectory(path: string): void;
  /** Replaces `to` at once: a reader sees the former file or the new one. */
  rename(from: string, to: string): void;
  /** Removes a file, or a directory that is empty. No error when there is none. */
  remove(path: string): void;
  /** Makes creations, renames and removals in the directory last a power cut. */
  syncDirectory(path: string): void;
  freeBytes(path: string): DiskSpace;
  /**
   * Takes the lock file at `path` for this process, until `release` or the end of the process however it ends. Refused with
   * `MQ_STORAGE_LOCKED`, which names the holder, when another one holds it.
   */
  lock(path: string): () => void;
}

/**
 * Sync failure: a file that says that a sync of this store has failed since the machine was started. Linux keeps the pages of a failed
 * write-back in memory as if they were on the disk: who reads them again finds them whole, and the next sync says that all is well,
 * and a power cut takes them all the same. So the next start writes what it has walked once more before it syncs it. The file need not
 * outlive a power cut, for then memory is gone too: nothing of it is synced.
 * Who is to note it may not live to: a process that is killed within a sync takes the sync's answer along, and Linux gives it once. So a
 * byte in a second file says that a sync is under way (`SyncMark`); found at a start, it counts as a failure.
 * Owns the open file of a `SyncMark`, nothing else.
 */
import { DiskError } from './errors.ts';
import type { Disk, StorageFile } from './file.ts';

/** Notes that a sync has failed. A disk that does not even take that may lie to the next start; nothing better can be done on it. */
export function noteSyncFailure(disk: Disk, path: string): Error | null {
  try {
    disk.open(path, 'create').close();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Whether an error is of that kind. */
export function isSyncFailure(thrown: unknown): boolean {
  return thrown instanceof DiskError && (thrown.call === 'sync' || thrown.call === 'sync-directory');
}

export function hasSyncFailed(disk: Disk, path: string): boolean {
  return disk.exists(path);
}

/** Everything was written and synced again. */
export function forgetSyncFailure(disk: Disk, path: string): void {
  disk.remove(path);
}

/** Says in a file's byte that syncs are under way: two writes to memory a sync at most, none of which is ever synced. */
export class SyncMark {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #byte = new Uint8Array(1);
  #file: StorageFile | null = null;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  /** Before a sync; costs nothing when the mark of the last one was left. Gives the error of a disk that does not take it. */
  begin(): Error | null {
    return this.#byte[0] === 1 ? null : this.#write(1);
  }

  /** After a sync that has not failed. What the disk does not take makes the next start write more than it has to. */
  end(): Error | null {
    return this.#write(0);
  }

  #write(value: number): Error | null {
    const byte = this.#byte;
    try {
      this.#file ??= this.#disk.open(this.#path, 'create');
      byte[0] = value;
      this.#file.write(byte, 0, 1, 0);
      return null;
    } catch (error) {
      byte[0] = 0;
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

/** Whether a process ended within a sync: nobody knows whether it failed. */
export function wasSyncCutShort(disk: Disk, path: string): boolean {
  if (!disk.exists(path)) return false;
  const file = disk.open(path, 'read');
  try {
    const byte = new Uint8Array(1);
    return file.read(byte, 0, 1, 0) === 1 && byte[0] !== 0;
  } finally {
    file.close();
  }
}

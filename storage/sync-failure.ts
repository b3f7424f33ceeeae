/**
 * Sync failure: a file that says that a sync of this store has failed since the machine was started. Linux keeps the pages of a failed
 * write-back in memory as if they were on the disk: who reads them again finds them whole, and the next sync says that all is well,
 * and a power cut takes them all the same. So the next start writes what it has walked once more before it syncs it. The file need not
 * outlive a power cut, for then memory is gone too: nothing of it is synced. Owns nothing.
 */
import { DiskError } from './errors.ts';
import type { Disk } from './file.ts';

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

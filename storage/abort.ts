/**
 * The abort file: it is there while a broker runs, so one found at the start says that the former run did not end in order.
 * Owns nothing; fails by `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.createTempFile`.
 */
import { dirname } from 'node:path';
import type { Disk } from './file.ts';

/** Whether the former run ended without removing the file. */
export function wasAborted(disk: Disk, path: string): boolean {
  return disk.exists(path);
}

/** Makes the file with the process id in it, as Java 5 does, so that it lasts a power cut. */
export function createAbort(disk: Disk, path: string, processId: number): void {
  const file = disk.open(path, 'create');
  try {
    const bytes = Buffer.from(String(processId));
    file.truncate(0);
    file.write(bytes, 0, bytes.length, 0);
    file.sync();
  } finally {
    file.close();
  }
  disk.syncDirectory(dirname(path));
}

/** Removes it: the last act of a stop in order, after everything was synced. */
export function removeAbort(disk: Disk, path: string): void {
  disk.remove(path);
  disk.syncDirectory(dirname(path));
}

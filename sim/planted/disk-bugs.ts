/**
 * Planted bugs at the disk: calls that somebody forgot, repeated, or did not finish. Each is another disk for some threads.
 */
import { DiskError } from '../../storage/errors.ts';
import type { Disk, StorageFile } from '../../storage/file.ts';
import type { PlantedBug } from './planted-bug.ts';

type FileChange = (file: StorageFile, path: string) => StorageFile;

/** A disk whose files are others. */
function withFiles(disk: Disk, change: FileChange, more: Partial<Disk> = {}): Disk {
  return {
    open: (path, mode) => change(disk.open(path, mode), path),
    exists: (path) => disk.exists(path),
    sizeOf: (path) => disk.sizeOf(path),
    modifiedMs: (path) => disk.modifiedMs(path),
    list: (directory) => disk.list(directory),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    freeBytes: (path) => disk.freeBytes(path),
    lock: (path) => disk.lock(path),
    ...more,
  };
}

const same: FileChange = (file) => file;

/** The bug in the disk of the threads named. */
function on(threads: readonly string[], make: (disk: Disk) => Disk): PlantedBug['parts'] {
  return { disk: (disk, thread) => (threads.includes(thread) ? make(disk) : disk) };
}

const noSync =
  (where: RegExp): FileChange =>
  (file, path) =>
    where.test(path) ? { ...file, sync: () => {} } : file;

export const diskBugs: readonly PlantedBug[] = [
  {
    name: 'skip-log-sync',
    what: 'the sync worker moves the flushed mark without a sync',
    parts: on(['sync'], (disk) => withFiles(disk, noSync(/commitlog/))),
  },
  {
    name: 'skip-directory-sync',
    what: 'the directory of a new log segment is not synced',
    parts: on(['store', 'log', 'sync'], (disk) => withFiles(disk, same, { syncDirectory: () => {} })),
  },
  {
    name: 'skip-segment-sync',
    what: 'a new log segment gets its size without a sync',
    parts: on(['store', 'log', 'sync'], (disk) => {
      const seen = new Set<string>();
      return withFiles(disk, (file, path) => ({
        ...file,
        sync: () => {
          // The first sync of each segment is that of its making.
          if (/commitlog/.test(path) && !seen.has(path)) seen.add(path);
          else file.sync();
        },
      }));
    }),
  },
  {
    name: 'retry-failed-sync',
    what: 'a failed sync of the log is tried again, as the Java broker does',
    parts: on(['sync'], (disk) =>
      withFiles(disk, (file) => ({
        ...file,
        sync: () => {
          try {
            file.sync();
          } catch (error) {
            if (!(error instanceof DiskError)) throw error;
            file.sync();
          }
        },
      })),
    ),
  },
  {
    name: 'swallow-full-disk',
    what: 'a write that found no room counts as done',
    parts: on(['log'], (disk) =>
      withFiles(disk, (file) => ({
        ...file,
        write: (buffer, offset, length, position) => {
          try {
            return file.write(buffer, offset, length, position);
          } catch (error) {
            if (!(error instanceof DiskError) || error.errno !== 'ENOSPC') throw error;
            return length;
          }
        },
      })),
    ),
  },
  {
    name: 'short-write',
    what: 'the rest of a long write is forgotten',
    parts: on(['log'], (disk) =>
      withFiles(disk, (file) => ({
        ...file,
        write: (buffer, offset, length, position) => {
          file.write(buffer, offset, Math.min(length, 16_384), position);
          return length;
        },
      })),
    ),
  },
  {
    name: 'acknowledge-before-write',
    what: 'a run is acknowledged, and written with the next one',
    parts: on(['log'], (disk) => {
      let late = (): void => {};
      return withFiles(disk, (file, path) =>
        !/commitlog/.test(path)
          ? file
          : {
              ...file,
              write: (buffer, offset, length, position) => {
                late();
                const copy = buffer.slice(offset, offset + length);
                late = () => void file.write(copy, 0, length, position);
                return length;
              },
            },
      );
    }),
  },
  {
    name: 'tables-before-their-bytes',
    what: 'a table is renamed into place before its bytes are on the disk',
    parts: on(['store'], (disk) => withFiles(disk, noSync(/\/config\//))),
  },
  {
    name: 'offsets-confirmed-unsaved',
    what: 'the committed offsets are said to be saved and are not renamed into place',
    parts: on(['store'], (disk) =>
      withFiles(disk, same, {
        rename: (from, to) => {
          if (!/consumerOffset\.json$/.test(to)) disk.rename(from, to);
        },
      }),
    ),
  },
  {
    name: 'topic-before-its-table',
    what: 'the first send to a topic is acknowledged, and the topic is in no file',
    parts: on(['store'], (disk) =>
      withFiles(disk, same, {
        rename: (from, to) => {
          if (!/topics\.json/.test(to) || !disk.exists(to)) disk.rename(from, to);
        },
      }),
    ),
  },
  {
    name: 'believe-every-stop',
    what: 'a start takes every former stop for an orderly one',
    parts: on(['store'], (disk) => withFiles(disk, same, { exists: (path) => !/\/abort$/.test(path) && disk.exists(path) })),
  },
  {
    name: 'forget-failed-sync',
    what: 'a start after a failed sync believes what memory shows',
    parts: on(['store'], (disk) => withFiles(disk, same, { exists: (path) => !/sync\.failed$/.test(path) && disk.exists(path) })),
  },
  {
    name: 'lose-queue-files',
    what: 'units go to their files without a sync, and the checkpoint says that they are there',
    parts: on(['store'], (disk) => withFiles(disk, noSync(/consumequeue/))),
  },
  {
    name: 'units-not-written',
    what: 'units are said to be in their file and are not',
    parts: on(['store'], (disk) =>
      withFiles(disk, (file, path) => (/consumequeue/.test(path) ? { ...file, write: (_buffer, _offset, length) => length } : file)),
    ),
  },
];

/**
 * The real disk: `node:fs` in its blocking form. Owns file descriptors. Every failure of a system call is a `DiskError` with
 * the call, the errno and the path; what may be done about it is decided in `disk-error-policy.ts`.
 */
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { decideDiskError } from './disk-error-policy.ts';
import { type DiskCall, DiskError, errnoOf } from './errors.ts';
import type { Disk, DiskSpace, OpenMode, StorageFile } from './file.ts';
import { takeStoreLock } from './store-lock.ts';

/** Calls in a row that may move nothing before the disk counts as broken: a write of 0 bytes would else loop for ever. */
const IDLE_CALLS_MAX = 100;

const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
};

class NodeFile implements StorageFile {
  readonly path: string;
  readonly #descriptor: number;
  #open = true;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    let idle = 0;
    while (done < length) {
      try {
        const moved = readSync(this.#descriptor, buffer, offset + done, length - done, position + done);
        if (moved === 0) break;
        done += moved;
      } catch (error) {
        idle = this.#continueOrThrow('read', error, idle, position, length, done);
      }
    }
    return done;
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    let idle = 0;
    while (done < length) {
      try {
        const moved = writeSync(this.#descriptor, buffer, offset + done, length - done, position + done);
        done += moved;
        idle = moved === 0 ? idle + 1 : 0;
        if (idle > IDLE_CALLS_MAX) throw new DiskError('write', 'EIO', this.path, { position, length, done, idleCalls: idle });
      } catch (error) {
        idle = this.#continueOrThrow('write', error, idle, position, length, done);
      }
    }
    return done;
  }

  sync(): void {
    onDisk('sync', this.path, () => fdatasyncSync(this.#descriptor));
  }

  truncate(bytes: number): void {
    onDisk('truncate', this.path, () => ftruncateSync(this.#descriptor, bytes), { bytes });
  }

  size(): number {
    return onDisk('stat', this.path, () => fstatSync(this.#descriptor).size);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    onDisk('close', this.path, () => closeSync(this.#descriptor));
  }

  #continueOrThrow(call: 'read' | 'write', error: unknown, idle: number, position: number, length: number, done: number): number {
    if (error instanceof DiskError) throw error;
    const errno = errnoOf(error);
    if (decideDiskError(call, errno) === 'retry-rest' && idle < IDLE_CALLS_MAX) return idle + 1;
    throw new DiskError(call, errno, this.path, { position, length, done }, error);
  }
}

function onDisk<T>(call: DiskCall, path: string, run: () => T, detail: Record<string, string | number> = {}): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof DiskError) throw error;
    throw new DiskError(call, errnoOf(error), path, detail, error);
  }
}

export class NodeDisk implements Disk {
  open(path: string, mode: OpenMode): StorageFile {
    return new NodeFile(
      path,
      onDisk('open', path, () => openSync(path, FLAGS[mode], 0o644), { mode }),
    );
  }

  exists(path: string): boolean {
    return existsSync(path);
  }

  sizeOf(path: string): number {
    return onDisk('stat', path, () => statSync(path).size);
  }

  modifiedMs(path: string): number {
    return onDisk('stat', path, () => statSync(path).mtimeMs);
  }

  list(directory: string): string[] {
    return onDisk('list', directory, () => (existsSync(directory) ? readdirSync(directory).sort() : []));
  }

  makeDirectory(path: string): void {
    onDisk('make-directory', path, () => mkdirSync(path, { recursive: true }));
  }

  rename(from: string, to: string): void {
    onDisk('rename', from, () => renameSync(from, to), { to });
  }

  remove(path: string): void {
    onDisk('remove', path, () => {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined) return;
      if (found.isDirectory()) rmdirSync(path);
      else unlinkSync(path);
    });
  }

  syncDirectory(path: string): void {
    // Windows opens no directory; its file systems log such changes in order.
    if (process.platform === 'win32') return;
    onDisk('sync-directory', path, () => {
      const descriptor = openSync(path, constants.O_RDONLY);
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  freeBytes(path: string): DiskSpace {
    return onDisk('free-bytes', path, () => {
      const found = statfsSync(path);
      // What is kept for the administrator, or beyond a quota, is neither free nor in use: as `df` counts, and RocketMQ (UtilAll).
      const free = found.bavail * found.bsize;
      return { free, total: (found.blocks - found.bfree) * found.bsize + free };
    });
  }

  lock(path: string): () => void {
    return takeStoreLock(path);
  }
}

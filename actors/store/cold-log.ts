/**
 * Cold log: the commit log's files as a reader beside retention sees them. A segment that has just been removed is read as nothing.
 * Fails by `DiskError`.
 */
import { CommitLogReader } from '../../storage/commit-log/commit-log.ts';
import { DiskError } from '../../storage/errors.ts';
import type { Disk } from '../../storage/file.ts';

export class ColdLog {
  readonly segmentBytes: number;
  readonly #log: CommitLogReader;

  constructor(disk: Disk, directory: string, segmentBytes: number) {
    this.segmentBytes = segmentBytes;
    this.#log = new CommitLogReader(disk, directory, segmentBytes);
  }

  /** As `CommitLogReader.read`; 0 also for a segment that retention has just removed. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return this.#log.read(buffer, offset, length, position);
    } catch (error) {
      if (isGone(error)) return 0;
      throw error;
    }
  }

  /** Retention has removed the log before `min`: lets the files go, whose space is free only then. */
  forgetBefore(min: number): void {
    this.#log.forgetBefore(min);
  }

  close(): void {
    this.#log.close();
  }
}

/** Retention removes files while this thread reads: one that was there a moment ago. */
export function isGone(error: unknown): boolean {
  return error instanceof DiskError && error.errno === 'ENOENT';
}

/**
 * The checkpoint file: up to which message log, queues and index are safe on disk. Written in place: its numbers lie in one
 * sector. Owns the open file. Fails by `DiskError`; a file that is missing or short reads as zeros: everything is walked.
 * Source: RocketMQ 5.3 `StoreCheckpoint`.
 *
 *    0  physicMsgTimestamp 8   |  8  logicsMsgTimestamp 8  | 16  indexMsgTimestamp 8
 *   24  masterFlushedOffset 8  | 32  confirmPhyOffset 8    | zeros up to 4096
 */
import { readInt64, writeInt64 } from '../model/message-record.ts';
import type { Disk, StorageFile } from './file.ts';

const CHECKPOINT_BYTES = 4096;
const USED_BYTES = 40;
/** Java goes back that far behind the timestamps, for writers are not in step. */
const SAFETY_MS = 3000;

export type CheckpointValues = {
  /** Store timestamp of the last message whose record is synced. */
  readonly physicMs: number;
  /** The same for units of consume queues. */
  readonly logicsMs: number;
  /** The same for index entries. */
  readonly indexMs: number;
  readonly masterFlushedOffset: number;
  readonly confirmPhysicalOffset: number;
};

/** Messages stored at or before this time need no recovery, as Java reckons (without the index). */
export function recoveryBaseMs(values: CheckpointValues): number {
  return Math.max(0, Math.min(values.physicMs, values.logicsMs) - SAFETY_MS);
}

export class Checkpoint {
  readonly #file: StorageFile;
  #values: CheckpointValues;

  private constructor(file: StorageFile) {
    this.#file = file;
    const bytes = new Uint8Array(USED_BYTES);
    file.read(bytes, 0, USED_BYTES, 0);
    this.#values = {
      physicMs: readInt64(bytes, 0),
      logicsMs: readInt64(bytes, 8),
      indexMs: readInt64(bytes, 16),
      masterFlushedOffset: readInt64(bytes, 24),
      confirmPhysicalOffset: readInt64(bytes, 32),
    };
  }

  static open(disk: Disk, path: string): Checkpoint {
    const file = disk.open(path, 'create');
    if (file.size() < CHECKPOINT_BYTES) file.truncate(CHECKPOINT_BYTES);
    return new Checkpoint(file);
  }

  get values(): CheckpointValues {
    return this.#values;
  }

  /** Writes and syncs. */
  write(values: CheckpointValues): void {
    const bytes = new Uint8Array(USED_BYTES);
    writeInt64(bytes, 0, values.physicMs);
    writeInt64(bytes, 8, values.logicsMs);
    writeInt64(bytes, 16, values.indexMs);
    writeInt64(bytes, 24, values.masterFlushedOffset);
    writeInt64(bytes, 32, values.confirmPhysicalOffset);
    this.#file.write(bytes, 0, USED_BYTES, 0);
    this.#file.sync();
    this.#values = values;
  }

  close(): void {
    this.#file.close();
  }
}

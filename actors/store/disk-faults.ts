/**
 * Disk faults: what a failed call of the disk means to the store worker. A full disk is waited for, ever longer up to a second; any other fault is a
 * broken promise of the disk and fences the broker: nobody is told any more that anything is safe, and nothing is tried again. One a store
 * actor. What is no fault of the disk is a bug, and thrown on.
 */
import { isNoRoom } from '../../storage/disk-error-policy.ts';
import { DiskError, StorageError } from '../../storage/errors.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import { isSyncFailure, noteSyncFailure } from '../../storage/sync-failure.ts';
import type { StoreError } from './errors.ts';
import type { StoreActorParts, StoreLog } from './store-parts.ts';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;

export class DiskFaults {
  readonly #parts: StoreActorParts;
  readonly #say: StoreLog;
  #retryMs = 0;
  #retryAt = 0;
  #isFenced = false;

  constructor(parts: StoreActorParts, say: StoreLog) {
    this.#parts = parts;
    this.#say = say;
  }

  /** A promise of the disk is broken. */
  get isFenced(): boolean {
    return this.#isFenced;
  }

  /** Before it (monotonic) a full disk is left alone. */
  get retryAt(): number {
    return this.#retryAt;
  }

  /** What the disk has thrown. Gives after how many ms to try again; 0: never, the broker is fenced. */
  take(error: unknown): number {
    if (!isNoRoom(error)) {
      if (!(error instanceof StorageError)) throw error;
      this.fence(error);
      return 0;
    }
    if (this.#retryMs === 0) this.#tellFull(error as StorageError);
    this.#retryMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, this.#retryMs * 2));
    this.#retryAt = this.#parts.monotonicMs() + this.#retryMs;
    return this.#retryMs;
  }

  /** What had found no room has found some. */
  hasRoom(): void {
    if (this.#retryMs === 0) return;
    this.#retryMs = 0;
    this.#retryAt = 0;
    this.#say('info', 'the disk has room again', {});
  }

  /** Nobody is told any more that anything is safe. */
  fence(error: StorageError | StoreError, mayBeOfSync: boolean = isSyncFailure(error)): void {
    const { marks, disk, config, hooks } = this.#parts;
    this.#isFenced = true;
    marks.fence();
    if (mayBeOfSync) {
      const unnoted = noteSyncFailure(disk, storeLayout(config.directory).syncFailed);
      if (unnoted !== null) this.#say('error', 'that a sync failed could not be noted for the next start', { error: unnoted.message });
    }
    hooks.report('fence', { code: error.code, error: error.message, ...error.fields });
    this.#say('error', 'the disk failed: the broker is fenced', { error: error.message });
  }

  /** Does something to the disk for somebody who is told why it could not be done; empty: it was. */
  guarded(what: string, run: () => void): string {
    if (this.#isFenced) return `Cannot ${what}: the disk failed before, start the broker again when it is sound`;
    try {
      this.#parts.hooks.inCall(run);
      return '';
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (error instanceof DiskError && !isNoRoom(error)) this.fence(error);
      return error.message;
    }
  }

  #tellFull(error: StorageError): void {
    this.#parts.hooks.report('disk-full', { error: error.message, ...error.fields });
    this.#say('error', 'the disk is full: queues and index wait in memory', { error: error.message });
  }
}

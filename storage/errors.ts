/**
 * The errors of storage: faults of the world, each with a code that is a promise and a text that is not.
 * Owns no state. A bug is an assertion, not one of these.
 */

import { constants } from 'node:os';

/** Every code that storage throws; `docs/errors.md` has a line for each. */
export const STORAGE_ERROR_CODES = [
  'MQ_STORAGE_DISK',
  'MQ_STORAGE_DISK_FULL',
  'MQ_STORAGE_LOCKED',
  'MQ_STORAGE_WRONG_SIZE',
  'MQ_STORAGE_MISSING_SEGMENT',
  'MQ_STORAGE_OUT_OF_RANGE',
  'MQ_STORAGE_BAD_NAME',
  'MQ_STORAGE_TOO_LARGE',
  'MQ_STORAGE_TIMER_RUN',
] as const;

export type StorageErrorCode = (typeof STORAGE_ERROR_CODES)[number];

export type StorageErrorFields = Readonly<Record<string, string | number | boolean>>;

/** A fault at rest: what is wrong in the text, the values at fault in `fields`. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;
  readonly fields: StorageErrorFields;

  constructor(code: StorageErrorCode, text: string, fields: StorageErrorFields = {}, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.name = 'StorageError';
    this.code = code;
    this.fields = fields;
  }
}

/** The system calls that a disk makes for us. */
export const DISK_CALLS = [
  'open',
  'read',
  'write',
  'sync',
  'truncate',
  'stat',
  'close',
  'rename',
  'remove',
  'list',
  'make-directory',
  'sync-directory',
  'free-bytes',
  'lock',
] as const;

export type DiskCall = (typeof DISK_CALLS)[number];

/** Errnos that say that there is no room, not that the disk is broken. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** A system call that failed. `errno` is its name (`EIO`), `done` the bytes that the call had moved before it failed. */
export class DiskError extends StorageError {
  readonly call: DiskCall;
  readonly errno: string;
  readonly path: string;
  readonly done: number;

  constructor(call: DiskCall, errno: string, path: string, detail: StorageErrorFields = {}, cause?: unknown) {
    const values = Object.entries(detail).map(([name, value]) => `${name} ${value}`);
    const what = values.length === 0 ? '' : ` (${values.join(', ')})`;
    const code = call === 'write' && FULL.has(errno) ? 'MQ_STORAGE_DISK_FULL' : 'MQ_STORAGE_DISK';
    super(code, `Cannot ${call.replace('-', ' ')} ${path}: ${errno}${what}`, { ...detail, call, errno, path }, cause);
    this.name = 'DiskError';
    this.call = call;
    this.errno = errno;
    this.path = path;
    this.done = typeof detail['done'] === 'number' ? detail['done'] : 0;
  }
}

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** The name of the errno in whatever a system call threw; `EUNKNOWN` when it says none. */
export function errnoOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown) || typeof thrown.code !== 'string') return 'EUNKNOWN';
  // Node has no names for some, a full quota's EDQUOT among them: then the number says it.
  if (thrown.code === 'UNKNOWN' && 'errno' in thrown && typeof thrown.errno === 'number')
    return ERRNO_NAMES.get(-thrown.errno) ?? 'EUNKNOWN';
  return thrown.code;
}

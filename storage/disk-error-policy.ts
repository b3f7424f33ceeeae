/**
 * What follows from a failed system call: a pure table, call × errno. `retry-rest` only where the kernel says that the call
 * was interrupted; `cut-back` where there is no room but the disk is sound; everything else is `fence`: no acknowledgement
 * ever again. A failed sync is never retried: the kernel drops the pages and the next sync would say that all is well.
 */
import { type DiskCall, DiskError } from './errors.ts';

/**
 * `retry-rest`: do the rest of the call again. `cut-back`: truncate to the former end, refuse the writes with path, limit
 * and value, and probe until there is room. `fence`: stop acknowledging for good and end.
 */
export type DiskErrorDecision = 'retry-rest' | 'cut-back' | 'fence';

const INTERRUPTED = new Set(['EINTR', 'EAGAIN']);
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function decideDiskError(call: DiskCall, errno: string): DiskErrorDecision {
  if (call === 'read' || call === 'write') {
    if (INTERRUPTED.has(errno)) return 'retry-rest';
    if (call === 'write' && NO_ROOM.has(errno)) return 'cut-back';
  }
  return 'fence';
}

/** The same for whatever was thrown: what is no `DiskError` is a bug, and fences too. */
export function decideThrown(thrown: unknown): DiskErrorDecision {
  return thrown instanceof DiskError ? decideDiskError(thrown.call, thrown.errno) : 'fence';
}

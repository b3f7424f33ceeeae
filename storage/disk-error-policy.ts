/**
 * What follows from a failed system call: a pure table, call × errno, for a store that is open. Everything that no row names is
 * `fence`: no acknowledgement ever again. A failed sync is never retried: the kernel drops the pages, and the next sync would say that
 * all is well. While a store is being opened nothing is acknowledged yet: there every row but the first means that the start fails.
 *
 *   call                       | EINTR, EAGAIN | ENOSPC, EDQUOT, EFBIG | any other
 *   read                       | retry-rest    | fence                 | fence
 *   write                      | retry-rest    | cut-back              | fence
 *   open, make-directory, lock | fence         | refuse                | fence
 *   sync, sync-directory, truncate, rename, remove, close, stat, list, free-bytes | fence, whatever the errno
 */
import { type DiskCall, DiskError } from './errors.ts';

/**
 * `retry-rest`: do the rest of the call again. `cut-back`: some of the bytes may be there; what they belong to is taken back, refused
 * with path, limit and value, and tried again when there is room. `refuse`: nothing has happened on the disk; the same without a cut.
 * `fence`: stop acknowledging for good and end.
 */
export type DiskErrorDecision = 'retry-rest' | 'cut-back' | 'refuse' | 'fence';

const INTERRUPTED = new Set(['EINTR', 'EAGAIN']);
const MAKES_NAMES: ReadonlySet<DiskCall> = new Set<DiskCall>(['open', 'make-directory', 'lock']);
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function decideDiskError(call: DiskCall, errno: string): DiskErrorDecision {
  if (call === 'read' || call === 'write') {
    if (INTERRUPTED.has(errno)) return 'retry-rest';
    if (call === 'write' && NO_ROOM.has(errno)) return 'cut-back';
  }
  if (MAKES_NAMES.has(call) && NO_ROOM.has(errno)) return 'refuse';
  return 'fence';
}

/**
 * The same for whatever was thrown. What is no `DiskError` is a bug, and fences too; so does a call that was interrupted again and
 * again until its caller gave up.
 */
export function decideThrown(thrown: unknown): Exclude<DiskErrorDecision, 'retry-rest'> {
  if (!(thrown instanceof DiskError)) return 'fence';
  const decision = decideDiskError(thrown.call, thrown.errno);
  return decision === 'retry-rest' ? 'fence' : decision;
}

/** There is no room, but the disk is sound: what was asked for may be tried again later. */
export function isNoRoom(thrown: unknown): boolean {
  return decideThrown(thrown) !== 'fence';
}

/**
 * What to say of a disk without room: the path, the limit and the value, in one sentence. Owns nothing. Never fails: a disk that
 * cannot even be measured is said to be one.
 */
import { dirname } from 'node:path';
import { DiskError } from './errors.ts';
import type { Disk } from './file.ts';

/** The error's own text, and behind it what is free of the file system and what was needed. */
export function noRoomText(disk: Disk, error: DiskError): string {
  const needed = Number(error.fields['length'] ?? 0) - error.done;
  return `${error.message}; ${limitText(disk, error, needed > 0 ? ` ${needed} bytes are needed,` : '')}`;
}

function limitText(disk: Disk, { call, errno, path }: DiskError, needed: string): string {
  if (errno === 'EFBIG') return `${needed} but files may not become that large (ulimit -f, or the file system's own limit)`.trimStart();
  try {
    const { free, total } = disk.freeBytes(dirname(path));
    const hasRoom = call === 'open' || call === 'make-directory' ? ', and it may have no inode left (df -i)' : '';
    const limit = errno === 'EDQUOT' ? ', and the quota is used up' : hasRoom;
    return `${needed} ${free} of ${total} bytes of its file system are free${limit}`.trimStart();
  } catch (thrown) {
    if (!(thrown instanceof DiskError)) throw thrown;
    return `${needed} and what is free cannot be found out: ${thrown.message}`.trimStart();
  }
}

/**
 * One process per store. On Linux the lock is an abstract Unix socket named after the directory's device and inode: the
 * kernel gives it back when the process ends, however it ends, so nothing stale can remain. Elsewhere it is the lock file
 * itself with the holder's process id, taken over when that process lives no more. The lock file carries the process id in
 * both cases, for the refusal to name. On Linux a Java broker's own lock on the file is seen in /proc/locks.
 * (Java asks the kernel for a lock on the file, which Node cannot: a Java broker does not see ours.) Two containers with
 * network namespaces of their own do not see each other's socket. Fails by MQ_STORAGE_LOCKED and `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.start`.
 */
import { closeSync, openSync, readFileSync, statSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { DiskError, errnoOf, StorageError } from './errors.ts';

/** Takes the lock; returns its release. Synchronous, for it comes before everything else. */
export function takeStoreLock(path: string): () => void {
  try {
    return process.platform === 'linux' ? takeBySocket(path) : takeByFile(path);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new DiskError('lock', errnoOf(error), path, {}, error);
  }
}

function takeBySocket(path: string): () => void {
  const found = statSync(dirname(path), { bigint: true });
  const server: Server = createServer((socket) => socket.destroy());
  // The failure is seen by `listening` below; the event that follows says the same again.
  server.on('error', () => server.close());
  server.listen({ path: `\0ringmq-store-${found.dev}-${found.ino}` });
  if (!server.listening) throw lockedError(path, holderIn(path));
  server.unref();
  const foreign = foreignHolder(path);
  if (foreign !== null) {
    server.close();
    throw lockedError(path, foreign);
  }
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    // On a full disk it is tried again, and must not find itself.
    server.close();
    throw error;
  }
  return () => {
    if (!server.listening) return;
    writeFileSync(path, '');
    server.close();
  };
}

function takeByFile(path: string): () => void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const descriptor = openSync(path, 'wx');
      writeSync(descriptor, `${process.pid}\n`);
      closeSync(descriptor);
      return () => {
        if (holderIn(path) === process.pid) unlinkSync(path);
      };
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      const holder = holderIn(path);
      if (holder !== null && isAlive(holder)) throw lockedError(path, holder);
      unlinkSync(path);
    }
  }
  throw lockedError(path, holderIn(path));
}

/** Process id in the lock file. */
function holderIn(path: string): number | null {
  try {
    const holder = Number(readFileSync(path, 'utf8').trim());
    return Number.isSafeInteger(holder) && holder > 0 ? holder : null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** Process id of another program that holds a kernel lock on the file: a Java broker. */
function foreignHolder(path: string): number | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return null;
  let locks: string;
  try {
    locks = readFileSync('/proc/locks', 'utf8');
  } catch (error) {
    // Without /proc there is nobody to ask; our own kind is still kept out by the socket.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return null;
    throw error;
  }
  for (const line of locks.split('\n')) {
    const [, kind, , , processId, file] = line.trim().split(/\s+/);
    if (kind !== 'POSIX' && kind !== 'FLOCK' && kind !== 'OFDLCK') continue;
    if (file?.endsWith(`:${found.ino}`) && isDevice(file, found.dev)) return Math.max(0, Number(processId));
  }
  return null;
}

/** `/proc/locks` names a file `major:minor:inode`, the device in hexadecimal. */
function isDevice(file: string, device: bigint): boolean {
  const [major, minor] = file.split(':');
  const wantedMajor = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const wantedMinor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return BigInt(`0x${major}`) === wantedMajor && BigInt(`0x${minor}`) === wantedMinor;
}

function lockedError(path: string, holder: number | null): StorageError {
  const who = holder === null ? 'another process' : `process ${holder}`;
  const text = `The store ${dirname(path)} is in use by ${who} (lock file ${path}): stop it, or give this broker a directory of its own`;
  return new StorageError('MQ_STORAGE_LOCKED', text, { path, holder: holder ?? 0 });
}

/**
 * One simulated thread's view of the simulated disk. Every call may take time, in which other threads go on; may fail; may be the
 * thread's last, or the process's. What the thread has locked is free again when it ends; a dead thread's calls change nothing.
 */
import type { SimulatedMachine } from '../runtime/simulated-machine.ts';
import { SimulatedDeath } from '../runtime/simulated-thread.ts';
import { type DiskCall, DiskError } from '../storage/errors.ts';
import type { Disk, DiskSpace, OpenMode, StorageFile } from '../storage/file.ts';
import type { MemoryDisk } from '../storage/memory-disk.ts';

/** What happens in a call of the disk. */
export type CallFate = {
  readonly latencyMs: number;
  /** The call fails, a write after so many bytes. */
  readonly errno: string | null;
  readonly doneBytes: number;
  /** Within the call, a write after `doneBytes`: the thread is killed, or the whole process. */
  readonly death: 'none' | 'thread' | 'process';
};

export type DiskFates = {
  /** Decides for a call of a thread; `bytes` of a write. */
  fateOf(thread: string, call: DiskCall, path: string, bytes: number): CallFate;
  /** The process dies in this call. */
  processDies(): void;
};

export class ThreadDisk implements Disk {
  readonly #base: MemoryDisk;
  readonly #machine: SimulatedMachine;
  readonly #fates: DiskFates;
  readonly #thread: string;
  readonly #releases: Set<() => void> = new Set();
  #isEnded = false;

  constructor(base: MemoryDisk, machine: SimulatedMachine, thread: string, fates: DiskFates) {
    this.#base = base;
    this.#machine = machine;
    this.#thread = thread;
    this.#fates = fates;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The thread has ended. */
  end(): void {
    this.#isEnded = true;
    for (const release of this.#releases) release();
    this.#releases.clear();
  }

  /** Runs a call as its fate has it. */
  #call<T>(call: DiskCall, path: string, run: () => T, bytes = 0): T {
    this.#mustLive();
    const fate = this.#fates.fateOf(this.#thread, call, path, bytes);
    if (fate.latencyMs > 0) {
      this.#machine.inCall(fate.latencyMs);
      this.#mustLive();
    }
    this.#machine.time.note(call.length, bytes);
    this.#machine.time.tell(() => `  ${this.#thread}: ${call} ${path}${bytes > 0 ? ` ${bytes} bytes` : ''}${fateText(fate)}`);
    const { current } = this.#machine;
    // What a thread does when it is told to stop is no turn of it: it is not killed there.
    const isNoTurn = fate.death === 'thread' && (current === null || current.isEvent);
    if (isNoTurn || (fate.death === 'none' && fate.errno === null)) return run();
    if (call === 'write' || call === 'sync') {
      this.#base.fail({
        call,
        errno: fate.errno ?? 'EIO',
        path: /./,
        doneBytes: fate.doneBytes,
        isCut: fate.death === 'process' || (fate.death === 'thread' && fate.doneBytes === 0),
      });
      try {
        const done = run();
        // An interrupted write is continued: storage/file.ts.
        if (fate.death === 'none') return done;
      } catch (thrown) {
        if (fate.death === 'none') throw thrown;
      }
    }
    if (fate.death === 'thread') this.#machine.dieHere();
    if (fate.death === 'process') {
      this.#fates.processDies();
      throw new SimulatedDeath();
    }
    throw new DiskError(call, fate.errno!, path);
  }

  #mustLive(): void {
    if (this.#isEnded || this.#machine.isDead || this.#machine.current?.isDying === true) throw new SimulatedDeath();
  }

  open(path: string, mode: OpenMode): StorageFile {
    const file = this.#call('open', path, () => this.#base.open(path, mode));
    return {
      path: file.path,
      read: (buffer, offset, length, position) => this.#call('read', path, () => file.read(buffer, offset, length, position)),
      write: (buffer, offset, length, position) => this.#call('write', path, () => file.write(buffer, offset, length, position), length),
      sync: () => this.#call('sync', path, () => file.sync()),
      truncate: (bytes) => this.#call('truncate', path, () => file.truncate(bytes)),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  exists(path: string): boolean {
    return this.#base.exists(path);
  }

  sizeOf(path: string): number {
    return this.#base.sizeOf(path);
  }

  modifiedMs(path: string): number {
    return this.#base.modifiedMs(path);
  }

  list(directory: string): string[] {
    return this.#base.list(directory);
  }

  makeDirectory(path: string): void {
    if (this.#base.exists(path)) return;
    this.#call('make-directory', path, () => this.#base.makeDirectory(path));
  }

  rename(from: string, to: string): void {
    this.#call('rename', to, () => this.#base.rename(from, to));
  }

  remove(path: string): void {
    this.#call('remove', path, () => this.#base.remove(path));
  }

  syncDirectory(path: string): void {
    this.#call('sync-directory', path, () => this.#base.syncDirectory(path));
  }

  freeBytes(path: string): DiskSpace {
    return this.#base.freeBytes(path);
  }

  lock(path: string): () => void {
    this.#mustLive();
    const release = this.#base.lock(path);
    this.#releases.add(release);
    return () => {
      this.#releases.delete(release);
      release();
    };
  }
}

function fateText(fate: CallFate): string {
  if (fate.death !== 'none') return `: the ${fate.death} dies in it`;
  return fate.errno === null ? '' : `: ${fate.errno}`;
}

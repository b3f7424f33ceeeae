/**
 * Disks that fail as real ones do, for root on Linux: a file system on a loop device whose room below runs out (`write` works, a sync
 * fails once, the next says that all is well and the bytes are gone), or that is cut off as by a power cut; and a small file system that
 * runs full. Owns the mounts and removes them. Fails by throwing with the tool's words.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 1024 * 1024;
/** Of the image, sparse; what lies below it is much smaller. */
const IMAGE_BYTES = 300 * MIB;
const FILL_BYTES = 64 * 1024;

export type FileSystem = 'ext4' | 'xfs';

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
  return stdout;
}

/** False, or why such disks cannot be made here: what node:test takes as `skip`. */
export function missingDisks(fileSystem?: FileSystem): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'file systems are mounted by root on Linux only';
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-mount-'));
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
    run('umount', folder);
    if (fileSystem === undefined) return false;
    run('losetup', '-f');
    return spawnSync(`mkfs.${fileSystem}`, ['-V']).error === undefined ? false : `mkfs.${fileSystem} is missing`;
  } catch (error) {
    return `nothing can be mounted here: ${(error as Error).message}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fills `directory`'s file system to its last byte; returns what empties it again. */
export function fill(directory: string): () => void {
  const path = join(directory, 'filler');
  const block = Buffer.alloc(FILL_BYTES, 0x66);
  const file = openSync(path, 'w');
  try {
    for (let length = block.length; length >= 1; ) {
      try {
        writeSync(file, block, 0, length);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        length = Math.floor(length / 2);
      }
    }
  } finally {
    closeSync(file);
  }
  return () => rmSync(path, { force: true });
}

/** Takes all inodes of the file system below `directory`; returns what frees them. */
export function fillInodes(directory: string): () => void {
  const folder = join(directory, 'inodes');
  mkdirSync(folder);
  for (let number = 0; ; number++) {
    try {
      closeSync(openSync(join(folder, String(number)), 'w'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      return () => rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** A memory file system of a fixed size. */
export class SmallDisk {
  readonly path: string;

  constructor(bytes: number, inodes = 10_000) {
    this.path = mkdtempSync(join(tmpdir(), 'ringmq-small-'));
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes},nr_inodes=${inodes}`, 'tmpfs', this.path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  remove(): void {
    spawnSync('umount', ['-l', this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A file system on a loop device over a sparse file, which lies on a memory file system of `roomBytes`. */
export class LoopDisk {
  readonly #below: SmallDisk;
  readonly #image: string;
  readonly #fileSystem: FileSystem;
  /** Where it is mounted. */
  readonly path: string;

  constructor(fileSystem: FileSystem, roomBytes: number) {
    this.#fileSystem = fileSystem;
    this.#below = new SmallDisk(roomBytes);
    this.#image = join(this.#below.path, 'image');
    this.path = join(tmpdir(), `${this.#below.path.split('/').at(-1)}-mounted`);
    mkdirSync(this.path);
    run('truncate', '-s', String(IMAGE_BYTES), this.#image);
    if (fileSystem === 'ext4') run('mkfs.ext4', '-q', '-F', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', this.#image);
    else run('mkfs.xfs', '-q', '-f', this.#image);
    this.mount();
  }

  mount(): void {
    // Far apart, so that nothing but a sync brings bytes to the disk.
    run('mount', '-o', this.#fileSystem === 'ext4' ? 'loop,commit=300' : 'loop', this.#image, this.path);
  }

  unmount(): void {
    run('umount', this.path);
  }

  /** From now on nothing written reaches the disk below, and the first sync says so. Returns what takes it back. */
  fillBelow(): () => void {
    return fill(this.#below.path);
  }

  /** Everything that was not synced is gone, as after a power cut; every later call fails until it is mounted again. */
  cutPower(): void {
    run('xfs_io', '-x', '-c', 'shutdown', this.path);
  }

  remove(): void {
    spawnSync('umount', ['-l', this.path]);
    if (existsSync(this.path)) rmSync(this.path, { recursive: true, force: true });
    this.#below.remove();
  }
}

/** False, or why a power cut cannot be made here. */
export function missingPowerCut(): string | false {
  return spawnSync('xfs_io', ['-V']).error === undefined ? false : 'xfs_io is missing: apt-get install xfsprogs';
}

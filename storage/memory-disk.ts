/**
 * A disk in memory for simulation: keeps the contract of `file.ts`, and a second state beside the visible one, that which a
 * power cut leaves. What was not synced is by seed kept, lost or torn, page by page of 4 KiB and in no order; a size, a new
 * name, a rename or a removal lasts when its file or directory was synced, else by chance, in order up to some point. Faults
 * of single calls are planted with `fail`; a capacity makes it run full. Everything follows from the seed.
 */
import { dirname, join, normalize } from 'node:path';
import { type DiskCall, DiskError, StorageError } from './errors.ts';
import type { Disk, DiskSpace, OpenMode, StorageFile } from './file.ts';
import { Content, PAGE_BYTES, type PageRoom } from './memory-content.ts';

type Entry = { readonly kind: 'file'; readonly content: Content } | { readonly kind: 'directory' };

/** A change of names that no directory sync has made safe. */
type NameChange = { readonly directory: string; readonly path: string; readonly entry: Entry | null };

/** A planted fault: the calls from number `after` on (0: the next one) fail, `times` of them. */
export type Fault = {
  readonly call: DiskCall;
  readonly errno: string;
  readonly path?: RegExp;
  readonly after?: number;
  /** Default 1. */
  readonly times?: number;
  /** For a write: bytes that are written before it fails. Default 0. */
  readonly doneBytes?: number;
  /** The machine goes down in this call: a sync has done nothing yet, and forgotten nothing. Default false. */
  readonly isCut?: boolean;
};

type PlantedFault = Fault & { seen: number; done: number };

export type MemoryDiskOptions = {
  readonly seed: number;
  /** Bytes of pages that may be used. Default: no limit. */
  readonly capacityBytes?: number;
  readonly now?: () => number;
};

/** A generator of numbers in [0, 1) from a seed (mulberry32): the disk's own chance, so that runs repeat. */
function chanceFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export class MemoryDisk implements Disk {
  readonly #chance: () => number;
  readonly #room: PageRoom;
  readonly #now: () => number;
  #entries: Map<string, Entry> = new Map([['/', { kind: 'directory' }]]);
  #safeEntries: Map<string, Entry> = new Map([['/', { kind: 'directory' }]]);
  #changes: NameChange[] = [];
  #faults: PlantedFault[] = [];
  readonly #locks: Set<string> = new Set();
  /** Grows at a power cut: files opened before it are dead. */
  #epoch = 0;
  /** Calls that change something, for tests that cut after each. */
  writes = 0;

  constructor(options: MemoryDiskOptions) {
    this.#chance = chanceFrom(options.seed);
    this.#room = { usedPages: 0, capacityBytes: options.capacityBytes ?? Number.MAX_SAFE_INTEGER };
    this.#now = options.now ?? (() => 0);
  }

  /** Plants a fault. */
  fail(fault: Fault): void {
    this.#faults.push({ ...fault, seen: 0, done: 0 });
  }

  /** Takes planted faults back. */
  heal(): void {
    this.#faults = [];
  }

  /**
   * The power goes: what was not synced is kept, lost or torn by chance. Open files and locks are gone; the disk goes on with
   * what is left, as after a restart.
   */
  cutPower(): void {
    this.#epoch++;
    this.#locks.clear();
    this.#faults = [];
    const kept = Math.floor(this.#chance() * (this.#changes.length + 1));
    for (const change of this.#changes.slice(0, kept)) applyChange(this.#safeEntries, change);
    this.#changes = [];
    const contents = new Set<Content>();
    for (const entry of [...this.#safeEntries.values(), ...this.#entries.values()]) if (entry.kind === 'file') contents.add(entry.content);
    for (const content of contents) content.cutPower(this.#chance);
    this.#entries = new Map(this.#safeEntries);
    this.#room.usedPages = 0;
    for (const entry of this.#entries.values()) if (entry.kind === 'file') this.#room.usedPages += entry.content.pageCount;
  }

  /** The process dies, the machine lives on: open files and locks are gone, every byte stays. */
  killProcess(): void {
    this.#epoch++;
    this.#locks.clear();
    this.#faults = [];
  }

  /** Flips one bit of a file, behind everybody's back. */
  flipBit(path: string, byte: number, bit: number): void {
    this.#contentOf(path, 'write').flipBit(byte, bit);
  }

  open(path: string, mode: OpenMode): StorageFile {
    const name = normalize(path);
    this.#maybeFail('open', name);
    const found = this.#entries.get(name);
    if (found?.kind === 'directory') throw new DiskError('open', 'EISDIR', name, { mode });
    if (found === undefined) {
      if (mode !== 'create' || this.#entries.get(dirname(name))?.kind !== 'directory')
        throw new DiskError('open', 'ENOENT', name, { mode });
      const content = new Content(this.#room);
      content.modifiedMs = this.#now();
      this.#change(name, { kind: 'file', content });
    }
    return new MemoryFile(this, name, this.#contentOf(name, 'open'), mode, this.#epoch);
  }

  exists(path: string): boolean {
    return this.#entries.has(normalize(path));
  }

  sizeOf(path: string): number {
    return this.#contentOf(path, 'stat').size;
  }

  modifiedMs(path: string): number {
    return this.#contentOf(path, 'stat').modifiedMs;
  }

  list(directory: string): string[] {
    const name = normalize(directory);
    this.#maybeFail('list', name);
    const names: string[] = [];
    for (const path of this.#entries.keys())
      if (path !== '/' && dirname(path) === name) names.push(path.slice(name === '/' ? 1 : name.length + 1));
    return names.sort();
  }

  makeDirectory(path: string): void {
    const name = normalize(path);
    this.#maybeFail('make-directory', name);
    const found = this.#entries.get(name);
    if (found?.kind === 'file') throw new DiskError('make-directory', 'EEXIST', name);
    if (found !== undefined) return;
    this.makeDirectory(dirname(name));
    this.#change(name, { kind: 'directory' });
  }

  rename(from: string, to: string): void {
    const source = normalize(from);
    const target = normalize(to);
    this.#maybeFail('rename', source);
    const entry = this.#entries.get(source);
    if (entry === undefined) throw new DiskError('rename', 'ENOENT', source, { to: target });
    this.#change(target, entry);
    this.#change(source, null);
  }

  remove(path: string): void {
    const name = normalize(path);
    this.#maybeFail('remove', name);
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    if (entry.kind === 'directory' && this.list(name).length > 0) throw new DiskError('remove', 'ENOTEMPTY', name);
    if (entry.kind === 'file') this.#room.usedPages -= entry.content.pageCount;
    this.#change(name, null);
  }

  syncDirectory(path: string): void {
    const name = normalize(path);
    this.#maybeFail('sync-directory', name);
    if (this.#entries.get(name)?.kind !== 'directory') throw new DiskError('sync-directory', 'ENOENT', name);
    this.writes++;
    // As journals do it: syncing a directory brings every earlier change of names along.
    const last = this.#changes.findLastIndex((change) => change.directory === name);
    for (const change of this.#changes.splice(0, last + 1)) applyChange(this.#safeEntries, change);
  }

  freeBytes(path: string): DiskSpace {
    this.#maybeFail('free-bytes', normalize(path));
    const { usedPages, capacityBytes } = this.#room;
    return { free: Math.max(0, capacityBytes - usedPages * PAGE_BYTES), total: capacityBytes };
  }

  lock(path: string): () => void {
    const name = normalize(path);
    this.#maybeFail('lock', name);
    if (this.#locks.has(name))
      throw new StorageError('MQ_STORAGE_LOCKED', `The store ${dirname(name)} is in use by this process`, { path: name });
    this.#locks.add(name);
    return () => this.#locks.delete(name);
  }

  /** For `MemoryFile`. */
  isAlive(epoch: number): boolean {
    return epoch === this.#epoch;
  }

  readContent(content: Content, path: string, buffer: Uint8Array, offset: number, length: number, position: number): number {
    this.#maybeFail('read', path);
    return content.read(buffer, offset, length, position);
  }

  writeContent(content: Content, path: string, buffer: Uint8Array, offset: number, length: number, position: number): void {
    const fault = this.#faultOf('write', path);
    if (fault?.errno === 'EINTR' || fault?.errno === 'EAGAIN') {
      // The contract continues such writes; what remains of the fault list may interrupt the rest again.
      const done = Math.min(length, fault.doneBytes ?? 0);
      this.#write(content, path, buffer, offset, done, position);
      this.writeContent(content, path, buffer, offset + done, length - done, position + done);
      return;
    }
    if (fault !== null) {
      const done = Math.min(length, fault.doneBytes ?? 0);
      this.#write(content, path, buffer, offset, done, position);
      throw new DiskError('write', fault.errno, path, { position, length, done });
    }
    this.#write(content, path, buffer, offset, length, position);
  }

  syncContent(content: Content, path: string): void {
    const fault = this.#faultOf('sync', path);
    this.writes++;
    if (fault?.isCut === true) throw new DiskError('sync', fault.errno, path);
    if (fault !== null) {
      content.failSync();
      throw new DiskError('sync', fault.errno, path);
    }
    content.sync();
  }

  truncateContent(content: Content, path: string, bytes: number): void {
    this.#maybeFail('truncate', path);
    this.writes++;
    content.modifiedMs = this.#now();
    content.truncate(bytes);
  }

  #write(content: Content, path: string, buffer: Uint8Array, offset: number, length: number, position: number): void {
    this.writes++;
    content.modifiedMs = this.#now();
    content.write(path, buffer, offset, length, position);
  }

  #contentOf(path: string, call: DiskCall): Content {
    const name = normalize(path);
    this.#maybeFail(call === 'write' || call === 'open' ? 'stat' : call, name);
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new DiskError(call, 'ENOENT', name);
    if (entry.kind === 'directory') throw new DiskError(call, 'EISDIR', name);
    return entry.content;
  }

  #change(path: string, entry: Entry | null): void {
    this.writes++;
    const change = { directory: dirname(path), path, entry };
    applyChange(this.#entries, change);
    this.#changes.push(change);
  }

  #maybeFail(call: DiskCall, path: string): void {
    const fault = this.#faultOf(call, path);
    if (fault !== null) throw new DiskError(call, fault.errno, path);
  }

  #faultOf(call: DiskCall, path: string): Fault | null {
    for (const fault of this.#faults) {
      if (fault.call !== call || (fault.path !== undefined && !fault.path.test(path))) continue;
      if (fault.seen++ < (fault.after ?? 0) || fault.done >= (fault.times ?? 1)) continue;
      fault.done++;
      return fault;
    }
    return null;
  }
}

function applyChange(entries: Map<string, Entry>, change: NameChange): void {
  if (change.entry === null) entries.delete(change.path);
  else entries.set(change.path, change.entry);
}

class MemoryFile implements StorageFile {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #content: Content;
  readonly #mode: OpenMode;
  readonly #epoch: number;
  #isOpen = true;

  constructor(disk: MemoryDisk, path: string, content: Content, mode: OpenMode, epoch: number) {
    this.#disk = disk;
    this.path = join(path);
    this.#content = content;
    this.#mode = mode;
    this.#epoch = epoch;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    this.#mustBeOpen('read');
    return this.#disk.readContent(this.#content, this.path, buffer, offset, length, position);
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): number {
    this.#mustBeOpen('write');
    if (length > 0) this.#disk.writeContent(this.#content, this.path, buffer, offset, length, position);
    return length;
  }

  sync(): void {
    this.#mustBeOpen('sync');
    this.#disk.syncContent(this.#content, this.path);
  }

  truncate(bytes: number): void {
    this.#mustBeOpen('truncate');
    this.#disk.truncateContent(this.#content, this.path, bytes);
  }

  size(): number {
    this.#mustBeOpen('stat');
    return this.#content.size;
  }

  close(): void {
    this.#isOpen = false;
  }

  #mustBeOpen(call: DiskCall): void {
    if (!this.#isOpen || !this.#disk.isAlive(this.#epoch)) throw new DiskError(call, 'EBADF', this.path);
    if (this.#mode === 'read' && (call === 'write' || call === 'truncate'))
      throw new DiskError(call, call === 'write' ? 'EBADF' : 'EINVAL', this.path);
  }
}

/**
 * Content of a file in memory: what is visible, and what a power cut leaves of it. What was not synced is kept, lost or torn by chance, page by page
 * of 4 KiB. One a file of `MemoryDisk`; all of a disk share its room. Fails by ENOSPC when that is full.
 */
import { DiskError } from './errors.ts';

export const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

/** What all files of a disk take together. */
export type PageRoom = { usedPages: number; readonly capacityBytes: number };

export class Content {
  size = 0;
  modifiedMs = 0;
  #pages: Map<number, Uint8Array> = new Map();
  readonly #safePages: Map<number, Uint8Array> = new Map();
  #safeSize = 0;
  readonly #dirty: Set<number> = new Set();
  #isSyncBroken = false;
  readonly #room: PageRoom;

  constructor(room: PageRoom) {
    this.#room = room;
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  /** Gives how many bytes were there. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const end = Math.min(this.size, position + length);
    let at = position;
    while (at < end) {
      const page = this.#pages.get(Math.floor(at / PAGE_BYTES));
      const from = at % PAGE_BYTES;
      const part = Math.min(end - at, PAGE_BYTES - from);
      const into = offset + at - position;
      if (page === undefined) buffer.fill(0, into, into + part);
      else buffer.set(page.subarray(from, from + part), into);
      at += part;
    }
    return Math.max(0, end - position);
  }

  /** @param path for the error */
  write(path: string, buffer: Uint8Array, offset: number, length: number, position: number): void {
    const room = this.#room;
    let done = 0;
    while (done < length) {
      const at = position + done;
      const number = Math.floor(at / PAGE_BYTES);
      let page = this.#pages.get(number);
      if (page === undefined) {
        if ((room.usedPages + 1) * PAGE_BYTES > room.capacityBytes)
          throw new DiskError('write', 'ENOSPC', path, { position, length, done });
        page = new Uint8Array(PAGE_BYTES);
        this.#pages.set(number, page);
        room.usedPages++;
      }
      const from = at % PAGE_BYTES;
      const part = Math.min(length - done, PAGE_BYTES - from);
      page.set(buffer.subarray(offset + done, offset + done + part), from);
      this.#dirty.add(number);
      done += part;
      this.size = Math.max(this.size, at + part);
    }
  }

  sync(): void {
    for (const page of this.#dirty) {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) this.#safePages.delete(page);
      else this.#safePages.set(page, bytes.slice());
    }
    this.#dirty.clear();
    this.#safeSize = this.size;
  }

  /** A sync that fails, as on Linux: the pages count as clean from now on, and are not on the disk. A further sync says that all is well. */
  failSync(): void {
    this.#dirty.clear();
    this.#isSyncBroken = true;
  }

  truncate(bytes: number): void {
    if (bytes < this.size) {
      const last = Math.floor(bytes / PAGE_BYTES);
      for (const page of [...this.#pages.keys()]) {
        if (page > last || (page === last && bytes % PAGE_BYTES === 0)) {
          this.#pages.delete(page);
          this.#dirty.add(page);
          this.#room.usedPages--;
        } else if (page === last) {
          this.#pages.get(page)?.fill(0, bytes % PAGE_BYTES);
          this.#dirty.add(page);
        }
      }
    }
    this.size = bytes;
  }

  /** Flips one bit, of what is visible and of what a power cut leaves. */
  flipBit(byte: number, bit: number): void {
    for (const pages of [this.#pages, this.#safePages]) {
      const page = pages.get(Math.floor(byte / PAGE_BYTES));
      if (page !== undefined) page[byte % PAGE_BYTES] = (page[byte % PAGE_BYTES] as number) ^ (1 << bit);
    }
  }

  /** The power goes: what is left is what is visible from now on. The disk counts its pages anew. */
  cutPower(chance: () => number): void {
    const isNewSize = chance() < 0.5;
    for (const page of [...this.#dirty].sort((one, other) => one - other)) {
      const fate = chance();
      const bytes = this.#pages.get(page);
      if (fate < 0.4) continue;
      if (fate < 0.8) {
        if (bytes === undefined) this.#safePages.delete(page);
        else this.#safePages.set(page, bytes.slice());
        continue;
      }
      const torn = this.#safePages.get(page)?.slice() ?? new Uint8Array(PAGE_BYTES);
      for (let sector = 0; sector < PAGE_BYTES; sector += SECTOR_BYTES)
        if (bytes !== undefined && chance() < 0.5) torn.set(bytes.subarray(sector, sector + SECTOR_BYTES), sector);
      this.#safePages.set(page, torn);
    }
    // A size comes with the journal: when it is lost, pages behind it are lost with it.
    if (isNewSize && !this.#isSyncBroken) this.#safeSize = this.size;
    const last = Math.ceil(this.#safeSize / PAGE_BYTES);
    for (const page of [...this.#safePages.keys()]) if (page >= last) this.#safePages.delete(page);
    const end = this.#safeSize % PAGE_BYTES;
    if (end !== 0) this.#safePages.get(last - 1)?.fill(0, end);
    this.#pages = new Map([...this.#safePages].map(([page, bytes]) => [page, bytes.slice()]));
    this.size = this.#safeSize;
    this.#dirty.clear();
    this.#isSyncBroken = false;
  }
}

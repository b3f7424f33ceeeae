/**
 * Slot table of an index file, as bytes: read whole, made again from the entries, its changed pages written. Functions over the table that the index
 * file has in memory; nothing is kept here. Fails by `DiskError`.
 * Source: RocketMQ 5.3 `IndexFile`, whose slots lie in mapped memory.
 */
import { readInt32, writeInt32 } from '../../model/message-record.ts';
import type { StorageFile } from '../file.ts';

export const INDEX_HEADER_BYTES = 40;
export const INDEX_ENTRY_BYTES = 20;
/** Slots in a page of 4 KiB: what is written of the slot table is whole pages. */
export const PAGE_SLOTS = 1024;
export const INT32_MAX = 0x7fffffff;
/** Larger than the most that glibc's mapping threshold ever grows to, 32 MiB. */
const MAPPED_BYTES_MIN = 32 * 1024 * 1024 + 4096;
const MAPPED_FROM_BYTES = 1024 * 1024;
const SCAN_BYTES = 1024 * 1024;
/** Pages that are written together at most. */
const PAGES_MAX = 64;

/** Memory for so many slots, all empty. */
export function allocateSlots(count: number): Int32Array {
  const bytes = count * 4;
  // The full table in a block of its own size class: glibc maps such by themselves and gives them back, and a smaller one, once it was
  // freed, would have it keep all that is smaller still.
  const memory = new SharedArrayBuffer(bytes > MAPPED_FROM_BYTES ? Math.max(bytes, MAPPED_BYTES_MIN) : bytes);
  return new Int32Array(memory, 0, count);
}

/** Writes the pages that are marked, neighbouring ones together, and takes the marks back. */
export function writeSlotPages(file: StorageFile, slots: Int32Array, dirty: Uint8Array): void {
  const bytes = new Uint8Array(PAGES_MAX * PAGE_SLOTS * 4);
  for (let page = 0; page < dirty.length; page++) {
    if (dirty[page] === 0) continue;
    let end = page + 1;
    while (end < dirty.length && dirty[end] === 1 && end - page < PAGES_MAX) end++;
    const last = Math.min(end * PAGE_SLOTS, slots.length);
    for (let slot = page * PAGE_SLOTS, at = 0; slot < last; slot++, at += 4) writeInt32(bytes, at, slots[slot] as number);
    file.write(bytes, 0, (last - page * PAGE_SLOTS) * 4, INDEX_HEADER_BYTES + page * PAGE_SLOTS * 4);
    dirty.fill(0, page, end);
    page = end - 1;
  }
}

/** False: a slot points behind the entries that the header counts; the file was cut off between slots and header. */
export function readSlots(file: StorageFile, slots: Int32Array, entryCount: number): boolean {
  const bytes = new Uint8Array(SCAN_BYTES);
  let slot = 0;
  while (slot < slots.length) {
    const read = file.read(bytes, 0, Math.min(SCAN_BYTES, (slots.length - slot) * 4), INDEX_HEADER_BYTES + slot * 4);
    if (read < 4) break;
    for (let at = 0; at + 4 <= read; at += 4, slot++) {
      const number = readInt32(bytes, at);
      if (number < 0 || number >= entryCount) return false;
      slots[slot] = number;
    }
  }
  return true;
}

/** Whether anything stands in the file's slots. */
export function hasSlots(file: StorageFile, slotCount: number): boolean {
  const bytes = new Uint8Array(SCAN_BYTES);
  const end = INDEX_HEADER_BYTES + slotCount * 4;
  for (let at = INDEX_HEADER_BYTES; at < end; ) {
    const read = file.read(bytes, 0, Math.min(SCAN_BYTES, end - at), at);
    if (read === 0) return false;
    for (let index = 0; index < read; index++) if (bytes[index] !== 0) return true;
    at += read;
  }
  return false;
}

/** Makes the slots from the entries that the header counts, and corrects their chains. Gives how many are used. */
export function rebuildSlots(file: StorageFile, slots: Int32Array, entryCount: number): number {
  slots.fill(0);
  let used = 0;
  const entriesAt = INDEX_HEADER_BYTES + slots.length * 4;
  const perRead = Math.floor(SCAN_BYTES / INDEX_ENTRY_BYTES);
  const bytes = new Uint8Array(perRead * INDEX_ENTRY_BYTES);
  for (let number = 1; number < entryCount; ) {
    const wanted = Math.min(perRead, entryCount - number) * INDEX_ENTRY_BYTES;
    const place = entriesAt + number * INDEX_ENTRY_BYTES;
    const read = file.read(bytes, 0, wanted, place);
    let isChanged = false;
    for (let at = 0; at + INDEX_ENTRY_BYTES <= read; at += INDEX_ENTRY_BYTES, number++) {
      const slot = (readInt32(bytes, at) & INT32_MAX) % slots.length;
      const former = slots[slot] as number;
      if (readInt32(bytes, at + 16) !== former) {
        writeInt32(bytes, at + 16, former);
        isChanged = true;
      }
      if (former === 0) used++;
      slots[slot] = number;
    }
    if (isChanged) file.write(bytes, 0, read, place);
    if (read < wanted) break;
  }
  return used;
}

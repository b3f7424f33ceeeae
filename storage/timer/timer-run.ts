/**
 * Timer run: a file of units of the timer queue in the wheel's order, written once and never changed. What it has can be had from the
 * queue again, so it is not synced; every block has its CRC, and damage is found when it is read.
 *
 *   header 64   magic 8 | version 4 | block units 4 | count 8 | words 8 | end of the last record 8 | 20 zero | CRC of these 60
 *   units       count x 20, as in the consume queue (queue-unit.ts), tag code as in timer-unit.ts
 *   CRCs        of each block of 512 units, 4 bytes each
 *
 * Fails by DiskError, and by TimerRunDamage for bytes that are not what was written.
 */
import { crc32 } from 'node:zlib';
import { copyBytes } from '../../model/copy-bytes.ts';
import { readInt32, readInt64, writeInt32, writeInt64 } from '../../model/message-record.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitTime } from '../consume-queue/queue-unit.ts';
import { StorageError } from '../errors.ts';
import type { Disk, StorageFile } from '../file.ts';
import { comesBefore, timerKey } from './timer-unit.ts';

const HEADER_BYTES = 64;
const MAGIC_HIGH = 0x524d5154;
const MAGIC_LOW = 0x52554e31;
const VERSION = 1;
export const RUN_BLOCK_UNITS = 512;
const BLOCK_BYTES = RUN_BLOCK_UNITS * QUEUE_UNIT_BYTES;

/** A run that is not as it was written: the runs are made anew from the queue. */
export class TimerRunDamage extends StorageError {
  constructor(path: string, reason: string) {
    super('MQ_STORAGE_TIMER_RUN', `Cannot read ${path}: ${reason}; the timer files are made anew from the timer queue`, { path, reason });
  }
}

/** Writes a run to `path`; units come in the wheel's order. `finish` gives it its name. */
export class TimerRunWriter {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #file: StorageFile;
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #crcs: number[] = [];
  #filled = 0;
  #count = 0;
  #words = 0;
  #end = 0;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
    this.#file = disk.open(`${path}.tmp`, 'create');
    this.#file.truncate(0);
  }

  get count(): number {
    return this.#count;
  }

  put(units: Uint8Array, at: number): void {
    copyBytes(units, at, at + QUEUE_UNIT_BYTES, this.#block, this.#filled);
    this.#filled += QUEUE_UNIT_BYTES;
    this.#count++;
    if (unitTime(units, at) < 0) this.#words++;
    this.#end = Math.max(this.#end, unitPhysicalOffset(units, at) + readInt32(units, at + 8));
    if (this.#filled === BLOCK_BYTES) this.#writeBlock();
  }

  #writeBlock(): void {
    this.#file.write(this.#block, 0, this.#filled, HEADER_BYTES + this.#crcs.length * BLOCK_BYTES);
    this.#crcs.push(crc32(this.#block.subarray(0, this.#filled)));
    this.#filled = 0;
  }

  finish(): void {
    if (this.#filled > 0) this.#writeBlock();
    const tail = new Uint8Array(this.#crcs.length * 4);
    for (const [index, crc] of this.#crcs.entries()) writeInt32(tail, index * 4, crc | 0);
    this.#file.write(tail, 0, tail.length, HEADER_BYTES + this.#count * QUEUE_UNIT_BYTES);
    const header = new Uint8Array(HEADER_BYTES);
    writeInt32(header, 0, MAGIC_HIGH);
    writeInt32(header, 4, MAGIC_LOW);
    writeInt32(header, 8, VERSION);
    writeInt32(header, 12, RUN_BLOCK_UNITS);
    writeInt64(header, 16, this.#count);
    writeInt64(header, 24, this.#words);
    writeInt64(header, 32, this.#end);
    writeInt32(header, 60, crc32(header.subarray(0, 60)) | 0);
    this.#file.write(header, 0, HEADER_BYTES, 0);
    this.#file.close();
    this.#disk.rename(`${this.#path}.tmp`, this.#path);
  }

  /** Gives up: nothing is left of it. */
  abandon(): void {
    this.#file.close();
    this.#disk.remove(`${this.#path}.tmp`);
  }
}

/** Reads a run from a place on: one block in memory. */
export class TimerRun {
  readonly path: string;
  readonly count: number;
  /** Words among them that take messages back. */
  readonly words: number;
  /** Its records lie before it in the log. */
  readonly end: number;
  readonly #file: StorageFile;
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #crc = new Uint8Array(4);
  #blockIndex = -1;
  /** Index of the unit at hand. */
  #at = 0;

  constructor(disk: Disk, path: string) {
    this.path = path;
    this.#file = disk.open(path, 'read');
    const header = new Uint8Array(HEADER_BYTES);
    const read = this.#file.read(header, 0, HEADER_BYTES, 0);
    const isHeader =
      read === HEADER_BYTES &&
      readInt32(header, 0) === MAGIC_HIGH &&
      readInt32(header, 4) === MAGIC_LOW &&
      readInt32(header, 8) === VERSION &&
      readInt32(header, 12) === RUN_BLOCK_UNITS &&
      readInt32(header, 60) === (crc32(header.subarray(0, 60)) | 0);
    this.count = isHeader ? readInt64(header, 16) : -1;
    this.words = readInt64(header, 24);
    this.end = readInt64(header, 32);
    const blocks = Math.ceil(this.count / RUN_BLOCK_UNITS);
    if (!isHeader || this.#file.size() !== HEADER_BYTES + this.count * QUEUE_UNIT_BYTES + blocks * 4) {
      this.#file.close();
      throw new TimerRunDamage(path, isHeader ? 'its size is not what its header says' : 'its header is none');
    }
  }

  get isAtEnd(): boolean {
    return this.#at >= this.count;
  }

  /** The unit at hand lies at `unitAt` of it. */
  get units(): Uint8Array {
    return this.#block;
  }

  get unitAt(): number {
    return (this.#at % RUN_BLOCK_UNITS) * QUEUE_UNIT_BYTES;
  }

  /** Units before the one at hand. */
  get position(): number {
    return this.#at;
  }

  next(): void {
    this.#go(this.#at + 1);
  }

  /** Goes to the first unit behind (key, physical). */
  seek(key: number, physical: number): void {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      this.#go(middle);
      const at = this.unitAt;
      if (comesBefore(key, physical, timerKey(unitTime(this.#block, at)), unitPhysicalOffset(this.#block, at))) high = middle;
      else low = middle + 1;
    }
    this.#go(low);
  }

  close(): void {
    this.#file.close();
  }

  #go(index: number): void {
    this.#at = index;
    if (index >= this.count) return;
    const block = Math.floor(index / RUN_BLOCK_UNITS);
    if (block === this.#blockIndex) return;
    this.#blockIndex = -1;
    const from = block * BLOCK_BYTES;
    const length = Math.min(BLOCK_BYTES, this.count * QUEUE_UNIT_BYTES - from);
    const read = this.#file.read(this.#block, 0, length, HEADER_BYTES + from);
    const readCrc = this.#file.read(this.#crc, 0, 4, HEADER_BYTES + this.count * QUEUE_UNIT_BYTES + block * 4);
    if (read !== length || readCrc !== 4 || readInt32(this.#crc, 0) !== (crc32(this.#block.subarray(0, length)) | 0))
      throw new TimerRunDamage(this.path, `block ${block} does not have its CRC`);
    this.#blockIndex = block;
  }
}

/**
 * Cold units: the units of a queue, from memory where they are there, else from the consume queue's files, which it opens for reading. Units
 * that cannot be right, or that name another record, are told to the store worker, which makes them again from the log.
 * One a reader; fails by `DiskError`.
 */
import { type ConsumeQueue, UNITS_PER_FILE } from '../../storage/consume-queue/consume-queue.ts';
import { ConsumeQueueSet } from '../../storage/consume-queue/consume-queue-set.ts';
import { NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize } from '../../storage/consume-queue/queue-unit.ts';
import type { Disk } from '../../storage/file.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { isGone } from './cold-log.ts';

/** Most units read at once. */
export const SCAN_UNITS_MAX = 8192;
/** A store worker that was told of damage and has not mended it is told again: it may have been away. */
const TELL_AGAIN_MS = 1_000;
const MENDED_MS = 60_000;
const DAMAGES_MAX = 1024;

export type QueueName = { readonly topic: string; readonly queueId: number; readonly handle: number };

/** Somewhere within `count` units from `offset` on. */
export type DamagedUnits = { readonly topic: string; readonly queueId: number; readonly offset: number; readonly count: number };

export type ColdUnitsParts = {
  readonly disk: Disk;
  /** Directory of the consume queues. */
  readonly directory: string;
  readonly table: QueueTable;
  /** Default: the format's. */
  readonly unitsPerFile?: number | undefined;
  readonly writtenEnd: () => number;
  readonly monotonicMs: () => number;
  /** Units of a queue's files are damaged: to be mended, and `mended` to be called then. */
  readonly onDamage: (damage: DamagedUnits) => void;
};

export class ColdUnits {
  /** Of the last read; they hold until the next. */
  readonly bytes = new Uint8Array(SCAN_UNITS_MAX * QUEUE_UNIT_BYTES);
  readonly unitsPerFile: number;
  /** Units of the last read that found none were mended before, in vain. */
  isHole = false;
  readonly #parts: ColdUnitsParts;
  readonly #queues: ConsumeQueueSet;
  /** The handle that a queue's open files belong to: a topic that was deleted and made again has others. */
  readonly #handles: WeakMap<ConsumeQueue, number> = new WeakMap();
  /** Damage by queue and offset: when it was told last, and whether it was mended since. */
  readonly #damages: Map<string, { toldMs: number; isMended: boolean }> = new Map();

  constructor(parts: ColdUnitsParts) {
    this.#parts = parts;
    this.unitsPerFile = parts.unitsPerFile ?? UNITS_PER_FILE;
    this.#queues = ConsumeQueueSet.open(parts.disk, parts.directory, { isWritable: false, unitsPerFile: this.unitsPerFile });
  }

  /**
   * Units from `offset` on into `bytes`: from memory, else from the files. Units at the end that were never written are not
   * counted: what is visible is there, so they are just being written again by a store worker that took over.
   */
  read(queue: QueueName, offset: number, count: number): number {
    const { table } = this.#parts;
    const units = this.bytes;
    const inMemory = table.readUnits(queue.handle, offset, count, units);
    if (inMemory > 0) return inMemory;
    // Nothing behind FILED is certain to be in the file yet; what was filed meanwhile may still lie in memory.
    const filed = Math.min(count, table.filed(queue.handle) - offset);
    const sound = filed <= 0 ? table.readUnits(queue.handle, offset, count, units) : this.#countSound(this.#readFile(queue, offset, filed));
    const isVisible = offset >= table.min(queue.handle) && offset < table.next(queue.handle);
    if (sound === 0 && count > 0) this.isHole = isVisible && this.tellDamage(queue, offset, count);
    return sound;
  }

  /** What `onDamage` told was mended. */
  mended({ topic, queueId, offset }: Pick<DamagedUnits, 'topic' | 'queueId' | 'offset'>): void {
    const known = this.#damages.get(`${topic}/${queueId}/${offset}`);
    if (known !== undefined) known.isMended = true;
  }

  /** Has damaged units mended. True: they were, as far as they can be. */
  tellDamage({ topic, queueId }: { topic: string; queueId: number }, offset: number, count: number): boolean {
    const name = `${topic}/${queueId}/${offset}`;
    const known = this.#damages.get(name);
    const now = this.#parts.monotonicMs();
    // What was mended long ago has been damaged again.
    if (known?.isMended === true && now - known.toldMs < MENDED_MS) return true;
    if (known?.isMended === false && now - known.toldMs < TELL_AGAIN_MS) return false;
    if (this.#damages.size >= DAMAGES_MAX) this.#damages.clear();
    this.#damages.set(name, { toldMs: now, isMended: false });
    this.#parts.onDamage({ topic, queueId, offset, count });
    return false;
  }

  /** Of the first `read` units, those before the first that was never written, or cannot be right. */
  #countSound(read: number): number {
    const units = this.bytes;
    const end = this.#parts.writtenEnd();
    let behind = 0;
    for (let unit = 0; unit < read; unit++) {
      const at = unit * QUEUE_UNIT_BYTES;
      const size = unitSize(units, at);
      if (size === NO_MESSAGE_SIZE) continue;
      const physical = unitPhysicalOffset(units, at);
      if (size <= 0 || physical < behind || physical + size > end) return unit;
      behind = physical + size;
    }
    return read;
  }

  #readFile(queue: QueueName, offset: number, count: number): number {
    try {
      return this.#filesOf(queue).read(this.bytes, 0, offset, count);
    } catch (error) {
      if (isGone(error)) return 0;
      throw error;
    }
  }

  #filesOf({ topic, queueId, handle }: QueueName): ConsumeQueue {
    let files = this.#queues.queue(topic, queueId);
    const known = this.#handles.get(files);
    if (known === handle) return files;
    if (known !== undefined) {
      this.#queues.forget(topic);
      files = this.#queues.queue(topic, queueId);
    }
    this.#handles.set(files, handle);
    return files;
  }

  /** Damage at this place is told anew when it is met again. */
  forgetDamage(topic: string, queueId: number, offset: number): void {
    this.#damages.delete(`${topic}/${queueId}/${offset}`);
  }

  close(): void {
    this.#queues.close();
  }
}

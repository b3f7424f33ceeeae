/**
 * Mending of a consume queue whose units were damaged in their files: what stands between the sound units around the damage is made again
 * from the commit log, which is walked in small steps. Owns nothing but the units that it has found, at most a file's. A message whose
 * record is damaged, too, gets a unit that stands for no message. Nothing that is sound is changed, so it may run beside a store in use.
 * Fails by `DiskError`.
 */
import { readInt64 } from '../../model/message-record.ts';
import type { CommitLog } from '../commit-log/commit-log.ts';
import { type RecoverableLog, recoverCommitLog } from '../commit-log/recover.ts';
import { ScannedRecord, scanRecord } from '../commit-log/scan-record.ts';
import { hasUnitTimes, type UnitWriter } from '../dispatch-records.ts';
import type { ConsumeQueue } from './consume-queue.ts';
import type { ConsumeQueueSet } from './consume-queue-set.ts';
import { GAP_MARK, NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, writeNoMessageUnits } from './queue-unit.ts';

/** Units made again in one go: a file's. What is damaged beyond them is found by the next look. */
const UNITS_MAX = 300_000;
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Units looked at in one step. */
const LOOKS_A_STEP = 4096;

export type MendParts = {
  readonly log: CommitLog;
  readonly queues: ConsumeQueueSet;
  readonly queue: ConsumeQueue;
  /** Units [`from`, `to`) are looked at. */
  readonly from: number;
  readonly to: number;
  /** Records before it are whole. */
  readonly logEnd: number;
  readonly writeUnit: UnitWriter;
};

type Walk = {
  /** Unit that `units` begins with. */
  readonly first: number;
  readonly units: Uint8Array;
  readonly found: Uint8Array;
  position: number;
  readonly end: number;
};

export class QueueMend {
  readonly #parts: MendParts;
  readonly #log: CommitLog;
  readonly #queue: ConsumeQueue;
  readonly #unit = new Uint8Array(QUEUE_UNIT_BYTES);
  readonly #record = new ScannedRecord();
  #bytes: Uint8Array = new Uint8Array(64 * 1024);
  #at: number;
  #walk: Walk | null = null;
  /** Units made again, and those of them that stand for no message. */
  mended = 0;
  lost = 0;

  constructor(parts: MendParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#queue = parts.queue;
    this.#at = Math.max(parts.from, parts.queue.minOffset);
  }

  /** Looks at some units, or walks up to `bytesMax` of the log (at least two of the largest records). True: all is mended. */
  step(bytesMax: number): boolean {
    if (this.#walk !== null) this.#walkOn(this.#walk, Math.max(bytesMax, 2 * RECORD_BYTES_MAX));
    else if (this.#findDamage()) this.#begin(this.#at);
    return this.#walk === null && this.#at >= this.#end;
  }

  get #end(): number {
    return Math.min(this.#parts.to, this.#queue.maxOffset);
  }

  #findDamage(): boolean {
    for (let looks = 0; this.#at < this.#end && looks < LOOKS_A_STEP; looks++) {
      if (this.#look(this.#at) < 0) return true;
      this.#at++;
    }
    return false;
  }

  #begin(damaged: number): void {
    const { minOffset, maxOffset } = this.#queue;
    let first = damaged;
    let position = this.#log.minOffset;
    while (first > minOffset && damaged - first < UNITS_MAX / 2) {
      const end = this.#look(first - 1);
      if (end > 0) {
        position = end;
        break;
      }
      first--;
    }
    // Where nothing sound comes before it within reach, all before is walked, for the records wanted may lie anywhere.
    let next = damaged + 1;
    while (next < maxOffset && next - first < UNITS_MAX && this.#look(next) <= 0) next++;
    const end = next < maxOffset && next - first < UNITS_MAX ? unitPhysicalOffset(this.#unit, 0) : this.#parts.logEnd;
    const count = next - first;
    this.#walk = { first, units: new Uint8Array(count * QUEUE_UNIT_BYTES), found: new Uint8Array(count), position, end };
  }

  #walkOn(walk: Walk, bytesMax: number): void {
    const { topic, queueId } = this.#queue;
    const stop = Math.min(walk.end, walk.position + bytesMax);
    const { end } = recoverCommitLog(upTo(this.#log, stop), {
      from: walk.position,
      onRecord: (record) => {
        const at = record.queueOffset - walk.first;
        if (at < 0 || at >= walk.found.length || record.queueId !== queueId || !record.hasQueueUnit || record.topic() !== topic) return;
        this.#parts.writeUnit(walk.units, at * QUEUE_UNIT_BYTES, record, topic);
        walk.found[at] = 1;
      },
      onDamage: () => {},
    });
    if (stop < walk.end) {
      // A step ends within a record, or within damage longer than a step: then it goes on behind it.
      walk.position = end > walk.position ? end : stop;
      return;
    }
    this.#finish(walk);
  }

  #finish(walk: Walk): void {
    for (const [at, isFound] of walk.found.entries()) {
      if (isFound === 1) continue;
      writeNoMessageUnits(walk.units, at * QUEUE_UNIT_BYTES, 1, GAP_MARK);
      this.lost++;
    }
    this.mended += walk.found.length;
    this.#parts.queues.append(this.#queue, walk.units, 0, walk.units.length, walk.first);
    this.#at = Math.max(this.#at, walk.first + walk.found.length);
    this.#walk = null;
  }

  /** Where the message of a unit ends in the log; 0: it stands for none; −1: it is damaged. The unit is in `#unit` then. */
  #look(offset: number): number {
    const unit = this.#unit;
    if (this.#queue.read(unit, 0, offset, 1) !== 1) return -1;
    const size = unitSize(unit, 0);
    const physical = unitPhysicalOffset(unit, 0);
    if (size === NO_MESSAGE_SIZE) return 0;
    // What retention has removed nobody reads any more.
    if (physical >= 0 && physical < this.#log.minOffset && size > 0) return 0;
    if (size <= 0 || size > RECORD_BYTES_MAX || physical < 0 || physical + size > this.#parts.logEnd) return -1;
    if (this.#bytes.length < size) this.#bytes = new Uint8Array(size);
    const read = this.#log.read(this.#bytes, 0, size, physical);
    const record = this.#record;
    if (scanRecord(this.#bytes, 0, read, physical, this.#log.roomAt(physical), RECORD_BYTES_MAX, record) !== size) return -1;
    if (record.queueOffset !== offset || record.queueId !== this.#queue.queueId || record.topic() !== this.#queue.topic) return -1;
    if (hasUnitTimes(this.#queue.topic)) return physical + size;
    // What a filter would take for the message's tag.
    const made = new Uint8Array(QUEUE_UNIT_BYTES);
    this.#parts.writeUnit(made, 0, record, this.#queue.topic);
    return readInt64(made, 12) === readInt64(unit, 12) ? physical + size : -1;
  }
}

function upTo(log: CommitLog, end: number): RecoverableLog {
  return {
    segmentBytes: log.segmentBytes,
    read: (buffer, offset, length, position) =>
      position >= end ? 0 : log.read(buffer, offset, Math.min(length, end - position), position),
  };
}

/**
 * Retention in small steps: removes old segments of the log, then, a few queues a step, moves their minimum offsets and removes
 * files that hold nothing but removed messages. Owns the walk over the queues. Also measures the disk, for the same clock drives both.
 * Fails by `DiskError`.
 * Source: RocketMQ 5.3 `DefaultMessageStore.CleanCommitLogService`, `CleanConsumeQueueService`.
 */
import type { ConsumeQueue } from '../../storage/consume-queue/consume-queue.ts';
import { FLUSHED_END, type Watermarks } from '../commit-log/watermarks.ts';
import type { TailFiler } from '../queue/tail-filer.ts';
import { DEFAULT_RETENTION, decideDiskFull, decideRetention, type RetentionRules } from './decide-retention.ts';
import type { StoreFiles } from './open-store.ts';

const FIRST_MS = 60_000;
const INTERVAL_MS = 10_000;
/** While sends are refused: they go on a second after there is room. */
const FULL_INTERVAL_MS = 500;
const QUEUES_A_STEP = 100;
/** Looks that an order by hand counts for (Java's `manualDeleteFileSeveralTimes`), and how far apart: each removes so many segments only. */
const ASKED_LOOKS = 20;
const ASKED_INTERVAL_MS = 1_000;

/** What was removed from the log, and how the disk was found. */
export type RetentionResult = {
  readonly removed: number;
  readonly logMin: number;
  readonly freeBytes: number;
  readonly usedPercent: number;
  /** Sends are to be refused. */
  readonly isFull: boolean;
};

/** Queues whose first messages were removed, the offset that each began at and the one that it begins at now: four columns. */
export type TrimmedQueues = {
  readonly topics: string[];
  readonly queueIds: number[];
  readonly froms: number[];
  readonly mins: number[];
};

export type RetentionParts = {
  readonly files: StoreFiles;
  readonly filer: TailFiler;
  readonly marks: Watermarks;
  readonly rules: RetentionRules | undefined;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  /** Hour of the local day. */
  readonly hourOf: (now: number) => number;
};

export class RetentionRounds {
  readonly #parts: RetentionParts;
  /** The disk is measured from the start on, segments are removed later: a start has other things to do. */
  #nextLook = 0;
  #removesFrom: number;
  #isFull = false;
  #askedLooks = 0;
  #walk: Iterator<[number, ConsumeQueue]> | null = null;
  #trimmed: TrimmedQueues | null = null;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#removesFrom = parts.monotonicMs() + FIRST_MS;
  }

  /** The next looks remove what is expired, whatever the hour: also what is flushed only after the first of them. */
  ask(): void {
    this.#askedLooks = ASKED_LOOKS;
    this.#removesFrom = 0;
    this.#nextLook = 0;
  }

  /** The rules changed: the next step looks by them. */
  lookSoon(): void {
    this.#nextLook = 0;
  }

  /** The next steps walk the queues, though nothing was removed from the log. */
  cleanQueues(): void {
    this.#walk ??= this.#parts.files.handles.entries();
  }

  /** Queues are still to be walked. */
  get isBusy(): boolean {
    return this.#walk !== null;
  }

  /** What the last step trimmed; null: nothing. */
  takeTrimmed(): TrimmedQueues | null {
    const trimmed = this.#trimmed;
    this.#trimmed = null;
    return trimmed;
  }

  isDue(monotonicMs: number): boolean {
    return this.#walk !== null || monotonicMs >= this.#nextLook;
  }

  step(monotonicMs: number): RetentionResult | null {
    if (this.#walk !== null) {
      this.#walkQueues(this.#walk);
      return null;
    }
    const found = this.#look(monotonicMs);
    this.#nextLook = monotonicMs + (found.isFull ? FULL_INTERVAL_MS : this.#askedLooks > 0 ? ASKED_INTERVAL_MS : INTERVAL_MS);
    return found;
  }

  #look(monotonicMs: number): RetentionResult {
    const { files, marks, now } = this.#parts;
    const { log, disk, layout } = files;
    const rules = this.#parts.rules ?? DEFAULT_RETENTION;
    const space = disk.freeBytes(layout.root);
    const usedPercent = space.total === 0 ? 0 : Math.round((1 - space.free / space.total) * 1000) / 10;
    this.#isFull = decideDiskFull(rules, usedPercent, this.#isFull);
    const found = { freeBytes: space.free, usedPercent, isFull: this.#isFull };
    if (monotonicMs < this.#removesFrom && usedPercent <= rules.diskForcePercent) return { removed: 0, logMin: log.minOffset, ...found };
    log.refresh();
    const safe = marks.read(FLUSHED_END);
    const done = log.segmentBases().filter((base) => base + log.segmentBytes <= safe);
    const count = decideRetention(rules, {
      now: now(),
      hour: this.#parts.hourOf(now()),
      diskUsedPercent: usedPercent,
      isAsked: this.#askedLooks > 0,
      segments: done.map((base) => ({ base, modifiedMs: log.modifiedMs(base) })),
    });
    this.#askedLooks = Math.max(0, this.#askedLooks - 1);
    let removed = 0;
    if (count > 0) {
      removed = log.removeBefore(done[count - 1]! + log.segmentBytes, count);
      files.index?.removeBefore(log.minOffset);
      this.#walk = files.handles.entries();
    }
    return { removed, logMin: log.minOffset, ...found };
  }

  #walkQueues(walk: Iterator<[number, ConsumeQueue]>): void {
    const { files, filer } = this.#parts;
    for (let step = 0; step < QUEUES_A_STEP; step++) {
      const next = walk.next();
      if (next.done === true) {
        this.#walk = null;
        return;
      }
      const [handle, queue] = next.value;
      const from = queue.minOffset;
      queue.removeBefore(files.log.minOffset);
      if (queue.minOffset > from) this.#noteTrimmed(queue, from);
      filer.setMin(handle, queue.minOffset);
    }
  }

  #noteTrimmed({ topic, queueId, minOffset }: ConsumeQueue, from: number): void {
    this.#trimmed ??= { topics: [], queueIds: [], froms: [], mins: [] };
    this.#trimmed.topics.push(topic);
    this.#trimmed.queueIds.push(queueId);
    this.#trimmed.froms.push(from);
    this.#trimmed.mins.push(minOffset);
  }
}

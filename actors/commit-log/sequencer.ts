/**
 * Sequencer: takes records from the lanes, gives each what only one place may give (queue offset, physical offset, store time),
 * writes each lane's run to the commit log where it lies, and dispatches units and index entries in the same pass.
 *
 * Runs on the log worker; knows no thread, so that the simulation runs this very class on its own disk and clock. The physical
 * written end is the one commit point: what fails before it is taken back whole, a batch never in part.
 * Source: RocketMQ `CommitLog.asyncPutMessage`, `CommitLog.DefaultAppendMessageCallback`, `CommitLogDispatcherBuildConsumeQueue`.
 */
import assert from 'node:assert/strict';
import type { TailWriter } from '../queue/tail-writer.ts';
import { dueTime } from './due-time.ts';
import type { IndexFeed } from './index-feed.ts';
import {
  D_FLAGS,
  D_KEY_HASH,
  D_OFFSET_HI,
  D_OFFSET_LO,
  D_OUTCOME,
  D_PHYSICAL_HI,
  D_PHYSICAL_LO,
  D_POSITION,
  D_QUEUE,
  D_SIZE,
  D_TAG,
  D_UNIQUE_HASH,
  FLAG_BATCH,
  FLAG_BORN_V6,
  FLAG_CONTINUED,
  FLAG_DELAYED,
  FLAG_KEY,
  FLAG_MANY_KEYS,
  FLAG_MIXED,
  FLAG_NO_DISPATCH,
  FLAG_TIMED,
  FLAG_UNIQUE,
  FLAG_WAIT_SYNC,
  type LaneView,
  OUTCOME_DISK_FULL,
  OUTCOME_FENCED,
  OUTCOME_NO_QUEUE,
  type Outcome,
} from './log-lane.ts';
import { forEachKeyHash } from './record-keys.ts';
import type { RunTable } from './run-table.ts';
import type { DiskVerdict, LogFiles, SequencerHooks, SequencerParts } from './sequencer-parts.ts';
import { closeLane, takeOverLane } from './take-over-lane.ts';
import { DISPATCHED_END, type Watermarks, WRITTEN_END } from './watermarks.ts';

/** A run is what one write takes; also the bound of a lane's share of a pass. */
const PASS_BYTES_MAX = 4 * 1024 * 1024;
/** Room that must stay behind a record in its segment, for the blank record. */
const BLANK_BYTES = 8;
/** Unique key and first key; the further ones of a record come when there is room. */
const ENTRIES_PER_RECORD = 2;
const TWO_32 = 0x1_0000_0000;
/** Records whose unit carries another thing than a tag. */
const PARKED = FLAG_DELAYED | FLAG_TIMED;
/** A full disk is tried again this often. */
const PROBE_MS = 100;

export class Sequencer {
  readonly #lanes: readonly LaneView[];
  readonly #taken: Int32Array;
  readonly #queues: TailWriter;
  readonly #runs: RunTable;
  readonly #feed: IndexFeed;
  readonly #marks: Watermarks;
  readonly #files: LogFiles;
  readonly #classify: (error: Error) => DiskVerdict;
  readonly #hooks: SequencerHooks;
  readonly #now: () => number;
  readonly #syncFlush: boolean;
  readonly #delayLevelsMs: readonly number[];
  /** Physical written end. */
  #end: number;
  #lastStoreTime = 0;
  #fullUntil = 0;
  #turn = 0;
  /** The runs of the pass at hand: physical start, length, lane position. */
  readonly #runStart: number[] = [];
  readonly #runLength: number[] = [];
  readonly #runPosition: number[] = [];

  constructor(parts: SequencerParts) {
    this.#lanes = parts.lanes;
    this.#taken = new Int32Array(parts.lanes.length);
    this.#queues = parts.queues;
    this.#runs = parts.runs;
    this.#feed = parts.feed;
    this.#marks = parts.marks;
    this.#files = parts.files;
    this.#classify = parts.classify;
    this.#hooks = parts.hooks;
    this.#now = parts.now;
    this.#syncFlush = parts.syncFlush;
    this.#delayLevelsMs = parts.delayLevelsMs;
    this.#end = parts.marks.read(WRITTEN_END);
    this.#lastStoreTime = parts.lastStoreTimestamp;
    for (let lane = 0; lane < parts.lanes.length; lane++) this.#taken[lane] = parts.lanes[lane]!.written();
  }

  /**
   * Takes over from a log worker that died, before the first `poll`. What lies behind the written end is not in the log: the file is
   * cut there. What lies before it is, and is brought up (take-over-lane.ts). A place that the dead worker gave and did not come to write is
   * another record's soon: it is taken back before anything is written.
   */
  takeOver(): void {
    this.#files.cutBack(this.#end);
    for (let lane = 0; lane < this.#lanes.length; lane++)
      this.#taken[lane] = takeOverLane(this.#lanes[lane]!, this.#end, this.#queues, this.#delayLevelsMs);
    this.#queues.publish(this.#hooks.waiting, this.#hooks.guestWaits);
    for (let lane = 0; lane < this.#lanes.length; lane++) closeLane(this.#lanes[lane]!, this.#taken[lane]!);
    // A notice that was not sent yet went with the dead worker.
    this.#queues.tellUnheard(this.#hooks.waiting);
    this.#hooks.guestWaits?.();
    this.#marks.move(DISPATCHED_END, this.#end);
    for (let laneIndex = 0; laneIndex < this.#lanes.length; laneIndex++) this.#hooks.written(laneIndex);
  }

  get end(): number {
    return this.#end;
  }

  /** Queues were retired: every record of theirs lies before the end that this gives. */
  forgetRetired(): number {
    this.#queues.forgetRetired();
    return this.#end;
  }

  /** One pass over all lanes, each up to its share. True: something was done. */
  poll(): boolean {
    let did = false;
    const lanes = this.#lanes.length;
    for (let i = 0; i < lanes; i++) did = this.drain((this.#turn + i) % lanes) || did;
    this.#turn = (this.#turn + 1) % lanes;
    return did;
  }

  /** Takes what a lane has published, up to a bound; true: something was done. */
  drain(laneIndex: number): boolean {
    const lane = this.#lanes[laneIndex]!;
    const head = lane.published();
    const first = this.#taken[laneIndex]!;
    if (first === head) return false;
    if (this.#marks.fenced) return this.#refuse(laneIndex, first, head, OUTCOME_FENCED);
    const now = this.#now();
    // A clock that was set back must not make the next probe wait for as long.
    if (now < this.#fullUntil && now >= this.#fullUntil - PROBE_MS) return this.#refuse(laneIndex, first, head, OUTCOME_DISK_FULL);
    const startEnd = this.#end;
    let last = first;
    try {
      last = this.#sequence(lane, first, head, now);
    } catch (error) {
      assert(error instanceof Error);
      return this.#takeBack(laneIndex, first, head, startEnd, error);
    }
    if (last === first) {
      this.#hooks.storeHurry();
      return false;
    }
    this.#commit(laneIndex, lane, first, last);
    return true;
  }

  /** Gives out offsets and writes the runs. Returns the count behind the last record taken. Throws when the disk refuses. */
  #sequence(lane: LaneView, first: number, head: number, now: number): number {
    const { descriptors: words, view, byteMask } = lane;
    const queues = this.#queues;
    const storeTime = now > this.#lastStoreTime ? now : this.#lastStoreTime;
    // A successor's clock may have been set back since.
    if (storeTime !== this.#lastStoreTime) this.#marks.noteStoreTime(storeTime);
    this.#lastStoreTime = storeTime;
    const timeHigh = Math.floor(storeTime / TWO_32);
    const timeLow = storeTime | 0;
    let chunks = queues.collect();
    let entries = this.#feed.room();
    this.#given = first;
    this.#runStart.length = 0;
    this.#runLength.length = 0;
    this.#runPosition.length = 0;
    const segmentBytes = this.#files.segmentBytes;
    let physical = this.#end;
    let segmentEnd = physical - (physical % segmentBytes) + segmentBytes;
    let runStart = physical;
    let runAt = -1;
    let runBytes = 0;
    let passBytes = 0;
    let count = first;
    for (; count !== head; count = (count + 1) | 0) {
      const at = lane.descriptorAt(count);
      const flags = words[at + D_FLAGS]!;
      if ((flags & FLAG_CONTINUED) === 0) {
        if (passBytes >= PASS_BYTES_MAX) break;
        const records = (flags & FLAG_BATCH) === 0 ? 1 : this.#batchRecords(lane, count, head);
        chunks -= ((flags & FLAG_MIXED) === 0 ? 1 : this.#batchRuns(lane, count, records)) + (records >>> 8);
        entries -= ENTRIES_PER_RECORD * records;
        if (chunks < 0 || entries < 0) break;
      }
      const handle = words[at + D_QUEUE]!;
      const hasPlace = (flags & FLAG_NO_DISPATCH) === 0;
      let offset = queues.peek(handle);
      if (offset < 0) {
        // Bytes that are not written part the run in two.
        words[at + D_OUTCOME] = OUTCOME_NO_QUEUE;
        if (runBytes > 0) this.#write(lane, runStart, runAt, runBytes);
        runBytes = 0;
        runAt = -1;
        runStart = physical;
        continue;
      }
      const size = words[at + D_SIZE]!;
      const position = words[at + D_POSITION]!;
      const rolls = size + BLANK_BYTES > segmentEnd - physical;
      if (rolls || (runBytes > 0 && (position & byteMask) !== runAt + runBytes)) {
        if (runBytes > 0) this.#write(lane, runStart, runAt, runBytes);
        if (rolls) {
          physical = this.#files.writeBlank(physical);
          segmentEnd = physical + segmentBytes;
        }
        runStart = physical;
        runAt = -1;
        runBytes = 0;
      }
      if (!hasPlace) offset = 0;
      const index = position & byteMask;
      if (runAt < 0) runAt = index;
      const offsetHigh = Math.floor(offset / TWO_32);
      const offsetLow = offset | 0;
      const physicalHigh = Math.floor(physical / TWO_32);
      const physicalLow = physical | 0;
      view.setInt32(index + 20, offsetHigh);
      view.setInt32(index + 24, offsetLow);
      view.setInt32(index + 28, physicalHigh);
      view.setInt32(index + 32, physicalLow);
      const timeAt = (flags & FLAG_BORN_V6) === 0 ? index + 56 : index + 68;
      view.setInt32(timeAt, timeHigh);
      view.setInt32(timeAt + 4, timeLow);
      words[at + D_OFFSET_LO] = offsetLow;
      words[at + D_OFFSET_HI] = offsetHigh;
      words[at + D_PHYSICAL_LO] = physicalLow;
      words[at + D_PHYSICAL_HI] = physicalHigh;
      if (hasPlace) queues.take(handle);
      this.#given = (count + 1) | 0;
      physical += size;
      runBytes += size;
      passBytes += size;
    }
    if (runBytes > 0) this.#write(lane, runStart, runAt, runBytes);
    this.#end = physical;
    return count;
  }

  /** Count behind the last record of this pass that was given an offset; for taking back. */
  #given = 0;

  #batchRecords(lane: LaneView, first: number, head: number): number {
    let records = 1;
    for (let count = (first + 1) | 0; count !== head; count = (count + 1) | 0) {
      if ((lane.descriptors[lane.descriptorAt(count) + D_FLAGS]! & FLAG_CONTINUED) === 0) break;
      records++;
    }
    return records;
  }

  /** How often the queue changes in a batch, its first one counted: so many chunks may it need that are not begun. */
  #batchRuns(lane: LaneView, first: number, records: number): number {
    const words = lane.descriptors;
    let runs = 1;
    for (let i = 1; i < records; i++) {
      const before = words[lane.descriptorAt((first + i - 1) | 0) + D_QUEUE];
      if (words[lane.descriptorAt((first + i) | 0) + D_QUEUE] !== before) runs++;
    }
    return runs;
  }

  #write(lane: LaneView, physical: number, index: number, bytes: number): void {
    this.#files.write(lane.bytes, index, bytes, physical);
    this.#runStart.push(physical);
    this.#runLength.push(bytes);
    this.#runPosition.push(index);
  }

  /** Dispatches [first, last) and moves every mark, the acknowledgement's last: what is acknowledged is readable. */
  #commit(laneIndex: number, lane: LaneView, first: number, last: number): void {
    const words = lane.descriptors;
    const queues = this.#queues;
    const feed = this.#feed;
    const time = this.#lastStoreTime;
    const timeHigh = Math.floor(time / TWO_32);
    const timeLow = time | 0;
    let flagsSeen = 0;
    for (let count = first; count !== last; count = (count + 1) | 0) {
      const at = lane.descriptorAt(count);
      if (words[at + D_OUTCOME] !== 0) continue;
      const flags = words[at + D_FLAGS]!;
      flagsSeen |= flags;
      let tagLow = words[at + D_TAG]!;
      let tagHigh = tagLow >> 31;
      if ((flags & PARKED) !== 0) {
        if ((flags & FLAG_TIMED) !== 0) tagHigh = words[at + D_KEY_HASH]!;
        else {
          const due = dueTime(this.#delayLevelsMs, tagLow, time);
          tagHigh = Math.floor(due / TWO_32);
          tagLow = due | 0;
        }
      }
      const physicalHigh = words[at + D_PHYSICAL_HI]!;
      const physicalLow = words[at + D_PHYSICAL_LO]!;
      const offset = words[at + D_OFFSET_HI]! * TWO_32 + (words[at + D_OFFSET_LO]! >>> 0);
      if ((flags & FLAG_NO_DISPATCH) === 0)
        queues.append(words[at + D_QUEUE]!, offset, physicalHigh, physicalLow, words[at + D_SIZE]!, tagHigh, tagLow);
      if ((flags & FLAG_UNIQUE) !== 0) feed.put(words[at + D_UNIQUE_HASH]!, physicalHigh, physicalLow, timeHigh, timeLow);
      if ((flags & FLAG_KEY) !== 0) feed.put(words[at + D_KEY_HASH]!, physicalHigh, physicalLow, timeHigh, timeLow);
      else if ((flags & FLAG_MANY_KEYS) !== 0) {
        forEachKeyHash(lane.bytes, lane.view, words[at + D_POSITION]! & lane.byteMask, (hash) => {
          // A record with more keys than the feed has room for keeps its first ones findable; the rest is not worth a stop.
          if (feed.room() > 0) feed.put(hash, physicalHigh, physicalLow, timeHigh, timeLow);
        });
      }
    }
    feed.publish();
    this.#marks.move(WRITTEN_END, this.#end);
    // Behind the mark: should this worker end in between, nothing is said of places in the log that are given anew.
    const generation = lane.generation();
    for (let run = 0; run < this.#runStart.length; run++) {
      this.#runs.note(
        this.#runStart[run]!,
        this.#runLength[run]!,
        laneIndex,
        this.#virtual(lane, first, this.#runPosition[run]!),
        generation,
      );
    }
    queues.publish(this.#hooks.waiting, this.#hooks.guestWaits);
    this.#marks.move(DISPATCHED_END, this.#end);
    this.#taken[laneIndex] = last;
    lane.setWritten(last);
    this.#hooks.written(laneIndex);
    if (this.#syncFlush && (flagsSeen & FLAG_WAIT_SYNC) !== 0) {
      this.#marks.wantSync();
      this.#hooks.syncWanted();
    }
    if (feed.waiting > feed.capacity >> 1 || queues.freeChunks < queues.chunkCount >> 2) this.#hooks.storeHurry();
  }

  /** A place in the lane as a virtual position, seen from the record `first`, which lies less than one lap before it. */
  #virtual(lane: LaneView, first: number, index: number): number {
    const base = lane.descriptors[lane.descriptorAt(first) + D_POSITION]!;
    return (base + ((index - (base & lane.byteMask)) & lane.byteMask)) | 0;
  }

  /** Nothing of this pass is in the log: offsets go back, the file is cut, the records are refused. */
  #takeBack(laneIndex: number, first: number, head: number, end: number, error: Error): boolean {
    const lane = this.#lanes[laneIndex]!;
    for (let count = first; count !== this.#given; count = (count + 1) | 0) {
      const at = lane.descriptorAt(count);
      const isTaken = lane.descriptors[at + D_OUTCOME] === 0 && (lane.descriptors[at + D_FLAGS]! & FLAG_NO_DISPATCH) === 0;
      if (isTaken) this.#queues.giveBack(lane.descriptors[at + D_QUEUE]!);
    }
    let verdict = this.#classify(error);
    this.#end = end;
    if (verdict === 'cut-back') {
      try {
        this.#files.cutBack(this.#end);
        this.#fullUntil = this.#now() + PROBE_MS;
      } catch (second) {
        // The file's end is unknown now: nothing may be acknowledged on top of it.
        assert(second instanceof Error);
        verdict = 'fence';
        error.cause = second;
      }
    }
    if (verdict === 'fence') this.#marks.fence();
    else {
      this.#marks.move(WRITTEN_END, this.#end);
      this.#hooks.refusing?.(error);
    }
    this.#refuse(laneIndex, first, head, verdict === 'fence' ? OUTCOME_FENCED : OUTCOME_DISK_FULL);
    this.#hooks.failed(verdict, error);
    return true;
  }

  #refuse(laneIndex: number, first: number, head: number, outcome: Outcome): boolean {
    const lane = this.#lanes[laneIndex]!;
    for (let count = first; count !== head; count = (count + 1) | 0) lane.descriptors[lane.descriptorAt(count) + D_OUTCOME] = outcome;
    this.#taken[laneIndex] = head;
    lane.setWritten(head);
    this.#hooks.written(laneIndex);
    return true;
  }
}

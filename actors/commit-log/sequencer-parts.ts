/**
 * What the sequencer is given by its surroundings: the commit log's files, what a disk error means, and whom to tell. Types only.
 */
import type { TailWriter } from '../queue/tail-writer.ts';
import type { IndexFeed } from './index-feed.ts';
import type { LaneView } from './log-lane.ts';
import type { RunTable } from './run-table.ts';
import type { Watermarks } from './watermarks.ts';

/** What the sequencer asks of the commit log's files (`storage/commit-log/commit-log.ts`). */
export interface LogFiles {
  readonly segmentBytes: number;
  /** Writes within one segment; throws when the disk refuses. */
  write(bytes: Uint8Array, offset: number, length: number, position: number): void;
  /** Ends the segment at `position` with the format's blank record; gives the next segment's first position, which exists then. */
  writeBlank(position: number): number;
  /** Makes the log end at `position` again after a write that failed. */
  cutBack(position: number): void;
}

/** What a disk error means (`storage/disk-error-policy.ts`). */
export type DiskVerdict = 'cut-back' | 'fence';

export interface SequencerHooks {
  /** A queue with a held pull has got messages. */
  waiting(queue: number, owner: number, isSeveral: boolean): void;
  /** A thread outside the system holds pulls of a queue that has got messages. */
  guestWaits?(): void;
  /** Records of a lane are written or refused. */
  written(lane: number): void;
  /** Somebody waits for the disk. */
  syncWanted(): void;
  /** The store worker should not wait for its next round: tails or the index feed run full. */
  storeHurry(): void;
  /** Records are about to be refused for want of room. */
  refusing?(error: Error): void;
  /** An append failed: `cut-back` goes on, `fence` never does. */
  failed(verdict: DiskVerdict, error: Error): void;
}

export interface SequencerParts {
  readonly lanes: readonly LaneView[];
  readonly queues: TailWriter;
  readonly runs: RunTable;
  readonly feed: IndexFeed;
  readonly marks: Watermarks;
  readonly files: LogFiles;
  readonly classify: (error: Error) => DiskVerdict;
  readonly hooks: SequencerHooks;
  readonly now: () => number;
  readonly syncFlush: boolean;
  /** Delay by level − 1. */
  readonly delayLevelsMs: readonly number[];
  /** No record may be older in the log than the last one there. */
  readonly lastStoreTimestamp: number;
}

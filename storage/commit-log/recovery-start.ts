/**
 * From which position recovery walks the commit log. Pure: what it must know of files it is told.
 * Source: RocketMQ 5.3 `CommitLog.recoverNormally`, `recoverAbnormally`, `isMappedFileMatchedRecover`.
 */

/** Segments from the end that Java walks after a stop in order. */
const SEGMENTS_AFTER_CLEAN_STOP = 3;

export type RecoveryFacts = {
  /** First offsets of the segments in ascending order. */
  readonly bases: readonly number[];
  /** The former run ended in order. */
  readonly isCleanStop: boolean;
  /** Position of our own snapshot when it belongs to the checkpoint, else null. */
  readonly snapshotPosition: number | null;
  /** Files of consume queues that should be there are. */
  readonly areQueuesWhole: boolean;
  /** From the checkpoint: messages stored at or before it are safe. */
  readonly checkpointMs: number;
  /** Store timestamp of the segment's first record; null when there is none. */
  readonly firstStoreTimestamp: (base: number) => number | null;
};

export type RecoveryStart = {
  readonly from: number;
  /** `snapshot`: ranges of queues come from it. Else queues are scanned first, and everything walked is dispatched again. */
  readonly by: 'snapshot' | 'clean-stop' | 'checkpoint' | 'beginning';
};

export function decideRecoveryStart(facts: RecoveryFacts): RecoveryStart {
  const { bases, snapshotPosition } = facts;
  const first = bases[0];
  if (first === undefined) return { from: 0, by: 'beginning' };
  // What is lost of the queues is made again from the log, all of it.
  if (!facts.areQueuesWhole) return { from: first, by: 'beginning' };
  // A snapshot behind a removed head is worth nothing: its messages are gone, and the walk needs a record's beginning.
  if (snapshotPosition !== null && snapshotPosition >= first) return { from: snapshotPosition, by: 'snapshot' };
  if (facts.isCleanStop) return { from: bases[Math.max(0, bases.length - SEGMENTS_AFTER_CLEAN_STOP)] ?? first, by: 'clean-stop' };
  for (let index = bases.length - 1; index > 0; index--) {
    const base = bases[index] as number;
    const time = facts.firstStoreTimestamp(base);
    if (time !== null && time > 0 && time <= facts.checkpointMs) return { from: base, by: 'checkpoint' };
  }
  return { from: first, by: 'beginning' };
}

/**
 * What retention removes now, and whether the disk is too full to take more. Pure. From the oldest segment on: those older than the reserved time, at the hour of deletion or
 * when the disk is fuller than the first limit; those of any age when it is fuller than the second. Never the segment that is
 * written, never past the first that stays, and only so many at once.
 * Source: RocketMQ 5.3 `DefaultMessageStore.CleanCommitLogService`.
 */

export type RetentionRules = {
  readonly reservedHours: number;
  /** Hours of the local day, 0 to 23. */
  readonly deleteHours: readonly number[];
  /** Expired segments go at any hour above it. */
  readonly diskUsedPercentMax: number;
  /** Segments of any age go above it. */
  readonly diskForcePercent: number;
  /** Sends are refused above it, until the disk is no fuller than `diskForcePercent`. */
  readonly diskFullPercent: number;
};

/** Java's defaults. */
export const DEFAULT_RETENTION: RetentionRules = {
  reservedHours: 72,
  deleteHours: [4],
  diskUsedPercentMax: 75,
  diskForcePercent: 85,
  diskFullPercent: 90,
};

/** Java's `deleteFileBatchMax`. */
const SEGMENTS_MAX = 10;
const HOUR_MS = 3_600_000;

export type RetentionFacts = {
  readonly now: number;
  readonly hour: number;
  readonly diskUsedPercent: number;
  /** Somebody asked for it: as if it were the hour. */
  readonly isAsked: boolean;
  /** In ascending order, those that are done with: the one being written is not among them. */
  readonly segments: readonly { readonly base: number; readonly modifiedMs: number }[];
};

/**
 * Whether sends are to be refused because the disk is too full: above one limit, until it is no fuller than the lower one, at which
 * the removal of segments whatever their age ends, so that the answer does not change with every segment.
 */
export function decideDiskFull(rules: RetentionRules, diskUsedPercent: number, wasFull: boolean): boolean {
  if (diskUsedPercent > rules.diskFullPercent) return true;
  return wasFull && diskUsedPercent > rules.diskForcePercent;
}

/** How many segments go, from the first one on. */
export function decideRetention(rules: RetentionRules, facts: RetentionFacts): number {
  const isForced = facts.diskUsedPercent > rules.diskForcePercent;
  const isTime = facts.isAsked || rules.deleteHours.includes(facts.hour) || facts.diskUsedPercent > rules.diskUsedPercentMax;
  if (!isForced && !isTime) return 0;
  let count = 0;
  for (const { modifiedMs } of facts.segments) {
    if (count === SEGMENTS_MAX) break;
    if (!isForced && facts.now < modifiedMs + rules.reservedHours * HOUR_MS) break;
    count++;
  }
  return count;
}

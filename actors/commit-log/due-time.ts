/**
 * Due time (pure): when a record of a delay level is to be delivered; its unit carries it in the place of the tag's hash.
 * Source: RocketMQ `ScheduleMessageService.computeDeliverTimestamp`.
 */

/** @param levelsMs delay by level − 1; a level that is none has no delay. @param storeTime in ms */
export function dueTime(levelsMs: readonly number[], level: number, storeTime: number): number {
  return storeTime + (levelsMs[level - 1] ?? 0);
}

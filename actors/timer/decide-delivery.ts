/**
 * Which of a level's parked messages are due. Pure, over the units of its queue, which carry the times of delivery.
 * Source: RocketMQ 5.3 `ScheduleMessageService.DeliverDelayedMessageTimerTask.executeOnTimeUp`, `correctDeliverTimestamp`.
 */
import { NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitSize, unitTime } from '../../storage/consume-queue/queue-unit.ts';

/** `due` units from the first on are to be delivered now; the one behind them in `waitMs`, null when there is none behind them. */
export type DueUnits = { readonly due: number; readonly waitMs: number | null };

/**
 * @param delayMs what the level's messages wait at most: a later time comes from a clock that was wrong, and counts as now
 * @param bytesMax of the messages taken together, but one is always taken
 */
export function dueUnits(units: Uint8Array, count: number, now: number, delayMs: number, bytesMax: number): DueUnits {
  let bytes = 0;
  for (let unit = 0; unit < count; unit++) {
    const at = unit * QUEUE_UNIT_BYTES;
    if (!isMessage(units, at)) continue;
    const waitMs = unitTime(units, at) - now;
    if (waitMs > 0 && waitMs <= delayMs) return { due: unit, waitMs };
    bytes += unitSize(units, at);
    if (bytes > bytesMax && unit > 0) return { due: unit, waitMs: 0 };
  }
  return { due: count, waitMs: null };
}

/** False for a unit that only keeps the place of a message that was damaged. */
export function isMessage(units: Uint8Array, at: number): boolean {
  const size = unitSize(units, at);
  return size > 0 && size !== NO_MESSAGE_SIZE;
}

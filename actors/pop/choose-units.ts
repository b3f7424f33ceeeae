/**
 * Which units of a stretch of a consume queue a pop gets. Pure.
 * Source: RocketMQ 5.3 `PopMessageProcessor.popMsgFromQueue`, `DefaultMessageStore.getMessage`.
 */
import { NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitEnd, unitSize, unitTagLow } from '../../storage/consume-queue/queue-unit.ts';

export type ChosenUnits = {
  /** Of the messages chosen, by their place in the stretch. */
  readonly indices: readonly number[];
  readonly bytes: number;
  /** Units that were looked at: those before are chosen, or not wanted. */
  readonly scanned: number;
};

/**
 * @param units `count` units back to back
 * @param bytesMax of the messages together, but one is always chosen when nothing was before (`isFirst`)
 * @param codes tag codes wanted; empty: all
 * @param visibleEnd records that end behind it in the log are not to be seen yet
 */
export function chooseUnits(
  units: Uint8Array,
  count: number,
  max: number,
  bytesMax: number,
  isFirst: boolean,
  codes: readonly number[],
  visibleEnd: number,
): ChosenUnits {
  const indices: number[] = [];
  let bytes = 0;
  let unit = 0;
  for (; unit < count && indices.length < max; unit++) {
    const at = unit * QUEUE_UNIT_BYTES;
    const size = unitSize(units, at);
    if (size === NO_MESSAGE_SIZE || size <= 0) continue;
    if (unitEnd(units, at) > visibleEnd) break;
    if (codes.length > 0 && !codes.includes(unitTagLow(units, at))) continue;
    if (bytes + size > bytesMax && !(isFirst && indices.length === 0)) break;
    bytes += size;
    indices.push(unit);
  }
  return { indices, bytes, scanned: unit };
}

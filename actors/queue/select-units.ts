/**
 * Which units of a stretch of a consume queue a pull gets. Pure; no allocation.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `ExpressionMessageFilter.isMatchedByConsumeQueue`.
 */
import { NO_MESSAGE_SIZE, QUEUE_UNIT_BYTES, unitSize, unitTagLow } from '../../storage/consume-queue/queue-unit.ts';

const selected = { found: 0, scanned: 0 };

/**
 * Keeps the units whose tag code is wanted at the front of `units`, up to `max` and `bytesMax` (but one at least); says how many
 * and how many were looked at. Units that stand for no message, or were never written, are passed over. The result is reused
 * from call to call.
 */
export function selectUnits(
  units: Uint8Array,
  count: number,
  max: number,
  bytesMax: number,
  codes: readonly number[],
): { readonly found: number; readonly scanned: number } {
  let found = 0;
  let bytes = 0;
  let unit = 0;
  for (; unit < count && found < max; unit++) {
    const at = unit * QUEUE_UNIT_BYTES;
    if (codes.length > 0 && !codes.includes(unitTagLow(units, at))) continue;
    const size = unitSize(units, at);
    if (size === NO_MESSAGE_SIZE || size <= 0) continue;
    if (found > 0 && bytes + size > bytesMax) break;
    bytes += size;
    if (found !== unit) units.copyWithin(found * QUEUE_UNIT_BYTES, at, at + QUEUE_UNIT_BYTES);
    found++;
  }
  selected.found = found;
  selected.scanned = unit;
  return selected;
}

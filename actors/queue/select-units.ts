/**
 * Which units of a stretch of a consume queue a pull gets. Pure; no allocation.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `ExpressionMessageFilter.isMatchedByConsumeQueue`.
 */
import { UNIT_BYTES } from './queue-table.ts';

const TWO_32 = 0x1_0000_0000;
/** Size of a unit that stands for no message: its message was damaged, or lies before the queue's first one. */
const NO_MESSAGE_SIZE = 0x7fffffff;

export function unitPhysical(units: Uint8Array, at: number): number {
  return readInt32(units, at) * TWO_32 + (readInt32(units, at + 4) >>> 0);
}

export function unitSize(units: Uint8Array, at: number): number {
  return readInt32(units, at + 8);
}

export function unitEnd(units: Uint8Array, at: number): number {
  return unitPhysical(units, at) + unitSize(units, at);
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

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
    const at = unit * UNIT_BYTES;
    if (codes.length > 0 && !codes.includes(readInt32(units, at + 16))) continue;
    const size = unitSize(units, at);
    if (size === NO_MESSAGE_SIZE || size <= 0) continue;
    if (found > 0 && bytes + size > bytesMax) break;
    bytes += size;
    if (found !== unit) units.copyWithin(found * UNIT_BYTES, at, at + UNIT_BYTES);
    found++;
  }
  selected.found = found;
  selected.scanned = unit;
  return selected;
}

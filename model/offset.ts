/**
 * Queue offsets (in messages) and commit-log offsets (in bytes): numbers up to 2^53 − 1.
 */

export const OFFSET_MAX: number = Number.MAX_SAFE_INTEGER;

/** The messages that a queue has: from `min` on, before `max`. */
export type OffsetRange = { readonly min: number; readonly max: number };

export function isOffset(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

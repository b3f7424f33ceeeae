/** When the sync worker starts. Pure. */

/** A sync worker that starts when it is used is woken so long after the first append: what that one's sender still needs comes first. */
export const SYNC_START_MS = 150;

/** Whether it may start when something has been written: nobody waits for it, and it comes within its first interval. */
export function isSyncLate(config: { readonly flushDiskType: string; readonly flushEveryMs: number }): boolean {
  return config.flushDiskType !== 'SYNC_FLUSH' && config.flushEveryMs >= 2 * SYNC_START_MS;
}

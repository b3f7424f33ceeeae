/**
 * What the actor hosts of two threads say to each other: types of ring records, above those of raw records (1…255).
 */
export const TELL = 256;
export const WATCH = 257;
export const UNWATCH = 258;
export const TERMINATED = 259;
export type HostRecordType = typeof TELL | typeof WATCH | typeof UNWATCH | typeof TERMINATED;

/** The message of the last three: `id` is the watch, on the thread that watches. */
export type WatchWord = { readonly kind: 'watch'; readonly id: number; readonly thread: number };

/**
 * How much a shard may hold of requests that have not come to their ends. Pure. A frame may have 16 MiB, and many connections could each
 * leave one half sent, so all of them together have one limit. Above it only those go on that want least to be whole, as many as
 * there is room for, and the others are read no further until it is their turn; who sends nothing for some seconds then, or
 * brings all of them to half as much again, loses its connection: those first that have held most for longest. While requests that
 * came whole and wait for the broker take the limit, none is read on; they are let be up to four times the limit. What fits into one read of a socket takes no such memory.
 */

/** Changes in place when the settings do. */
export type InputLimits = {
  /** Memory of unfinished requests of a shard. */
  readonly shardBytes: number;
};

/** One that waits for the rest of a request. */
export type Unfinished = {
  readonly inputBytes: number;
  /** Bytes that it still wants. */
  readonly missingBytes: number;
  /** Monotonic ms since when it may send them, or has to wait. */
  readonly inputSinceMs: number;
};

/** Time to end a request in while others wait for room. */
export const UNFINISHED_STALE_MS = 3000;
/** Time after which none waits any more. */
export const UNFINISHED_LATE_MS = 10_000;
const CLOSE_FROM = 1.5;
const ADMITTED = 1.25;
const RELIEVED = 0.75;
const STALLED_MAX = 4;
const STALLED_RELIEVED = 3;

/** Bytes of unfinished requests from which on connections are closed, however young their requests are. */
export function closeInputFromBytes(limits: InputLimits): number {
  return limits.shardBytes * CLOSE_FROM;
}

/** Bytes down to which those that are stale are closed while others wait. */
export function relievedInputBytes(limits: InputLimits): number {
  return limits.shardBytes * RELIEVED;
}

/** Bytes of requests that wait for the broker itself at which connections are closed, and how many are left then. */
export function stalledInputBytes(limits: InputLimits): { readonly closeFrom: number; readonly downTo: number } {
  return { closeFrom: limits.shardBytes * STALLED_MAX, downTo: limits.shardBytes * STALLED_RELIEVED };
}

/** Requests that wait for the broker itself take so much that no other is to be brought to its end. */
export function isBrokerBehind(stalledBytes: number, limits: InputLimits): boolean {
  return stalledBytes >= limits.shardBytes;
}

export function isLate({ inputSinceMs }: Unfinished, now: number): boolean {
  return now - inputSinceMs >= UNFINISHED_LATE_MS;
}

export function isStale({ inputSinceMs }: Unfinished, now: number): boolean {
  return now - inputSinceMs >= UNFINISHED_STALE_MS;
}

/** Which of `holders` are to go, those that held most for longest first, so that `bytes` come down to `downTo`. */
export function chooseClosed<T extends Unfinished>(holders: T[], bytes: number, downTo: number, now: number): T[] {
  // A request that came this very millisecond counts as well.
  const weight = ({ inputBytes, inputSinceMs }: Unfinished): number => inputBytes * (1 + now - inputSinceMs);
  holders.sort((one, other) => weight(other) - weight(one));
  let left = bytes;
  let count = 0;
  while (count < holders.length && left > downTo) left -= holders[count++]!.inputBytes;
  return holders.slice(0, count);
}

/**
 * Sorts `holders` so that those come first that are to be read on, and gives how many they are: those that want least, never none, and
 * behind them the stale ones. All of them together may take a quarter more than the limit: else none would ever end.
 */
export function admitUnfinished<T extends Unfinished>(holders: T[], bytes: number, limits: InputLimits, now: number): number {
  const rank = (one: Unfinished): number => one.missingBytes + (isStale(one, now) ? limits.shardBytes : 0);
  holders.sort((one, other) => rank(one) - rank(other));
  let room = limits.shardBytes * ADMITTED - bytes;
  let count = 0;
  while (count < holders.length && (count === 0 || holders[count]!.missingBytes <= room)) room -= holders[count++]!.missingBytes;
  return count;
}

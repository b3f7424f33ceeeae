/**
 * How much a shard may hold for clients that read slowly or not at all. Pure. Each connection has a limit of its own; many slow clients
 * would still add up, so when a shard's output buffers together reach theirs, each is left a little only, and none is shut out. A
 * quarter above it those that hold most lose their connections; at twice of it answers wait until their buffers have come back.
 */

/** Both change in place when the settings do. */
export type UnsentLimits = {
  /** Unsent bytes of one connection at which it is read no further. */
  readonly connectionBytes: number;
  /** Of output buffers of a shard that wait for their sockets. */
  readonly shardBytes: number;
};

/** Unsent bytes of one connection while all of a shard have as much as they may. */
export const UNSENT_SCARCE_BYTES_MAX = 64 * 1024;
const CLOSE_FROM = 1.25;
const CROWDED_FROM = 2;

/** Unsent bytes at which a connection is to be read no further, with so many bytes in output buffers of its shard. */
export function unsentAllowance(outputBytes: number, limits: UnsentLimits): number {
  return outputBytes < limits.shardBytes ? limits.connectionBytes : Math.min(UNSENT_SCARCE_BYTES_MAX, limits.connectionBytes);
}

/** Bytes in output buffers from which on no large answer is written, until some have come back. */
export function crowdedFromBytes(limits: UnsentLimits): number {
  return limits.shardBytes * CROWDED_FROM;
}

/** Bytes in output buffers from which on connections are closed for it. */
export function closeFromBytes(limits: UnsentLimits): number {
  return limits.shardBytes * CLOSE_FROM;
}

/** One that has unsent bytes. */
export type Holder = { readonly heldBytes: number };

/** Which of `holders` are to go, those that hold most first, so that `outputBytes` come down to the shard's limit. */
export function chooseHolders<T extends Holder>(holders: T[], outputBytes: number, limits: UnsentLimits): T[] {
  let excess = outputBytes - limits.shardBytes;
  let count = 0;
  holders.sort((one, other) => other.heldBytes - one.heldBytes);
  while (count < holders.length && excess > 0) excess -= holders[count++]!.heldBytes;
  return holders.slice(0, count);
}

/** Why a connection is given nothing more. */
export function overfullRemark({ unsentBytes }: { readonly unsentBytes: number }): string {
  return `the connection has ${unsentBytes} bytes to be read, which is the most`;
}

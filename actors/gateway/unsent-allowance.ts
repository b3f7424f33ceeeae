/**
 * How much a connection may hold for a client that reads slowly or not at all. Pure. Each has a limit of its own; many slow clients would
 * still add up, so when a shard's output buffers together reach theirs, each is left a little only, and none is shut out.
 */

/** Unsent bytes at which a connection is read no further. */
export const UNSENT_BYTES_MAX = 8 * 1024 * 1024;
/** The same while all output buffers of the shard together have `OUTPUT_BYTES_MAX`. */
export const UNSENT_SCARCE_BYTES_MAX = 64 * 1024;
/** Of output buffers of a shard that wait for their sockets. */
export const OUTPUT_BYTES_MAX = 128 * 1024 * 1024;

/** Unsent bytes at which a connection is to be read no further, with so many bytes in output buffers of its shard. */
export function unsentAllowance(outputBytes: number): number {
  return outputBytes < OUTPUT_BYTES_MAX ? UNSENT_BYTES_MAX : UNSENT_SCARCE_BYTES_MAX;
}

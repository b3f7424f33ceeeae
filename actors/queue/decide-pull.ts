/**
 * What a pull at an offset gets, as far as the offset alone decides it.
 * Source: RocketMQ 5.3 `DefaultMessageStore.getMessage`, `PullMessageProcessor.composeResponseHeader`.
 */

/** Names as the Java broker gives them in the answer's remark. */
export type PullStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_TOO_SMALL'
  | 'NO_MESSAGE_IN_QUEUE'
  | 'OFFSET_FOUND_NULL'
  | 'MESSAGE_WAS_REMOVING'
  | 'OFFSET_RESET';

export type PullDecision =
  /** Units from `offset` on are to be looked at. */
  | { readonly kind: 'read' }
  /** Nothing there yet: hold the pull, or answer 19. */
  | { readonly kind: 'wait'; readonly status: PullStatus; readonly nextOffset: number }
  /** The offset is no good: answer at once with the right one. */
  | { readonly kind: 'correct'; readonly status: PullStatus; readonly nextOffset: number };

const READ: PullDecision = { kind: 'read' };

/** @param min first offset that exists, @param max offset that the next visible message gets */
export function decidePull(offset: number, min: number, max: number): PullDecision {
  if (max === 0) {
    return offset === 0
      ? { kind: 'wait', status: 'NO_MESSAGE_IN_QUEUE', nextOffset: 0 }
      : { kind: 'correct', status: 'NO_MESSAGE_IN_QUEUE', nextOffset: 0 };
  }
  if (offset < min) return { kind: 'correct', status: 'OFFSET_TOO_SMALL', nextOffset: min };
  if (offset === max) return { kind: 'wait', status: 'OFFSET_OVERFLOW_ONE', nextOffset: offset };
  if (offset > max) return { kind: 'correct', status: 'OFFSET_OVERFLOW_BADLY', nextOffset: max };
  return READ;
}

export const PULL_FOUND = 0;
export const PULL_NOT_FOUND = 19;
export const PULL_RETRY_IMMEDIATELY = 20;
export const PULL_OFFSET_MOVED = 21;

/** The response code of a status; a queue without messages is "not found" only for who asks from its beginning. */
export function pullCode(status: PullStatus, offset: number): number {
  switch (status) {
    case 'FOUND':
      return PULL_FOUND;
    case 'NO_MATCHED_MESSAGE':
    case 'MESSAGE_WAS_REMOVING':
      return PULL_RETRY_IMMEDIATELY;
    case 'NO_MESSAGE_IN_QUEUE':
      return offset === 0 ? PULL_NOT_FOUND : PULL_OFFSET_MOVED;
    case 'OFFSET_FOUND_NULL':
    case 'OFFSET_OVERFLOW_ONE':
      return PULL_NOT_FOUND;
    default:
      return PULL_OFFSET_MOVED;
  }
}

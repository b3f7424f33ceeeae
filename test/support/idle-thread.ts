/** A thread for tests that only has to be there: it is woken and finds nothing. */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';

export function main(_thread: ThreadContext): void {}

/**
 * An inner append that waits for room in the lane, for a while, and then tells what came of it as one word or the log's. Holds the
 * message until then, nothing else.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { Appended, InnerAppend, InnerMessage, NotTaken } from './inner-append.ts';

const LANE_AGAIN_MS = 10;

/** What came of it: the log's word, or why the lane did not take it in `laneWaitMs`. */
export type WhenAppended = (appended: Appended | null, notTaken: NotTaken | null) => void;

export function appendWhenRoom(
  thread: ThreadContext,
  append: InnerAppend,
  message: InnerMessage,
  laneWaitMs: number,
  done: WhenAppended,
): void {
  appendSince(thread, append, message, laneWaitMs, thread.monotonicMs(), done);
}

function appendSince(
  thread: ThreadContext,
  append: InnerAppend,
  message: InnerMessage,
  laneWaitMs: number,
  since: number,
  done: WhenAppended,
): void {
  const notTaken = append.append(message, (appended) => done(appended, null));
  if (notTaken === null) return;
  if (notTaken === 'lane-full' && thread.monotonicMs() - since < laneWaitMs) {
    thread.schedule(LANE_AGAIN_MS, () => appendSince(thread, append, message, laneWaitMs, since, done));
    return;
  }
  done(null, notTaken);
  thread.requestTurn();
}

/**
 * Asks the reader when messages were stored, page by page: a message to its thread must fit one record, and a cold disk must not keep one
 * question from all others. Gives null when the reader does not answer in time.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { READER_PATH, type StoreTimes, type StoreTimesFound } from './reader-actor.ts';

/** One message of a queue. */
export type QueueMessage = { readonly topic: string; readonly queueId: number; readonly handle: number; readonly offset: number };

const PAGE = 128;
const PAGE_MAX_MS = 2_500;

/** `onTimes` gets one time a message, −1 for one that is not there any more; or null. */
export function readStoreTimes(
  thread: ThreadContext,
  messages: readonly QueueMessage[],
  onTimes: (times: readonly number[] | null) => void,
): void {
  const times: number[] = [];
  const next = (): void => {
    const page = messages.slice(times.length, times.length + PAGE);
    if (page.length === 0) {
      onTimes(times);
      return;
    }
    thread.ask<StoreTimesFound, StoreTimes>(
      thread.ref(READER_PATH),
      (replyTo) => ({
        kind: 'store-times',
        topics: page.map((message) => message.topic),
        queueIds: page.map((message) => message.queueId),
        handles: page.map((message) => message.handle),
        offsets: page.map((message) => message.offset),
        replyTo,
      }),
      PAGE_MAX_MS,
      (found) => {
        if (found === undefined) onTimes(null);
        else {
          times.push(...found.timestamps);
          next();
        }
        thread.requestTurn();
      },
    );
  };
  next();
}

/**
 * The table of a shard's handlers for requests about transactions. Only assembles.
 */
import { END_TRANSACTION, RESUME_CHECK_HALF_MESSAGE } from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';

export function createTransactionHandlers(thread: ThreadContext): HandlerTable {
  const handlers: [number, Handler | LateHandler][] = [
    [END_TRANSACTION, whenAsked(async () => (await import('../gateway/handlers/transaction/end-transaction.ts')).endTransaction(thread))],
    [
      RESUME_CHECK_HALF_MESSAGE,
      whenAsked(async () => (await import('../gateway/handlers/transaction/resume-check-half-message.ts')).resumeCheckHalfMessage(thread)),
    ],
  ];
  return new Map(handlers);
}

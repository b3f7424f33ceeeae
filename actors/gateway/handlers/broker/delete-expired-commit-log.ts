/**
 * DELETE_EXPIRED_COMMITLOG (329): retention runs now, as if it were its hour. Answered before it is done.
 * Source: RocketMQ 5.5 `AdminBrokerProcessor.deleteExpiredCommitLog`.
 */
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { type DeleteExpired, STORE_PATH } from '../../../store/store-messages.ts';
import type { Handler } from '../../request.ts';

export function deleteExpiredCommitLog(thread: ThreadContext): Handler {
  const store = thread.ref<DeleteExpired>(STORE_PATH);
  return (request) => {
    if (store.tell({ kind: 'delete-expired' })) request.answer(SUCCESS);
    else request.answer(SYSTEM_BUSY, 'The store takes no more requests at the moment; try again.');
  };
}

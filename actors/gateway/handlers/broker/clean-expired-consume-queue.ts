/**
 * CLEAN_EXPIRED_CONSUMEQUEUE (306): files of consume queues whose messages are no longer in the log go now. Answered before it is done.
 * Source: RocketMQ 5.5 `AdminBrokerProcessor.cleanExpiredConsumeQueue`.
 */
import { SUCCESS, SYSTEM_BUSY } from '../../../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../../../runtime/thread/thread-context.ts';
import { type CleanQueues, STORE_PATH } from '../../../store/store-messages.ts';
import type { Handler } from '../../request.ts';

export function cleanExpiredConsumeQueue(thread: ThreadContext): Handler {
  const store = thread.ref<CleanQueues>(STORE_PATH);
  return (request) => {
    if (store.tell({ kind: 'clean-queues' })) request.answer(SUCCESS);
    else request.answer(SYSTEM_BUSY, 'The store takes no more requests at the moment; try again.');
  };
}

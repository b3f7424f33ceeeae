/**
 * The table of a shard's handlers for requests about stored messages. Only assembles.
 */
import { GET_ALL_DELAY_OFFSET, QUERY_MESSAGE, VIEW_MESSAGE_BY_ID } from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { getAllDelayOffset } from '../gateway/handlers/message/get-all-delay-offset.ts';
import { queryMessage } from '../gateway/handlers/message/query-message.ts';
import { viewMessageById } from '../gateway/handlers/message/view-message-by-id.ts';
import type { Handler } from '../gateway/request.ts';
import type { MessageDoor } from './message-door.ts';

export function createMessageHandlers(thread: ThreadContext, door: MessageDoor): Map<number, Handler> {
  const handlers: [number, Handler][] = [
    [GET_ALL_DELAY_OFFSET, getAllDelayOffset(thread)],
    [QUERY_MESSAGE, queryMessage(thread, door)],
    [VIEW_MESSAGE_BY_ID, viewMessageById(door)],
  ];
  return new Map(handlers);
}

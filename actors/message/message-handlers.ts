/**
 * The table of a shard's handlers for requests about stored messages. Only assembles.
 */
import { GET_ALL_DELAY_OFFSET, QUERY_MESSAGE, RECALL_MESSAGE, VIEW_MESSAGE_BY_ID } from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { RecallParts } from '../gateway/handlers/message/recall-message.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';
import type { MessageDoor } from './message-door.ts';

export function createMessageHandlers(thread: ThreadContext, door: MessageDoor, recall: RecallParts): HandlerTable {
  const handlers: [number, Handler | LateHandler][] = [
    [
      GET_ALL_DELAY_OFFSET,
      whenAsked(async () => (await import('../gateway/handlers/message/get-all-delay-offset.ts')).getAllDelayOffset(thread)),
    ],
    [QUERY_MESSAGE, whenAsked(async () => (await import('../gateway/handlers/message/query-message.ts')).queryMessage(thread, door))],
    [RECALL_MESSAGE, whenAsked(async () => (await import('../gateway/handlers/message/recall-message.ts')).recallMessage(thread, recall))],
    [VIEW_MESSAGE_BY_ID, whenAsked(async () => (await import('../gateway/handlers/message/view-message-by-id.ts')).viewMessageById(door))],
  ];
  return new Map(handlers);
}

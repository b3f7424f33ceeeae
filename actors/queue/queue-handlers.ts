/**
 * The table of a shard's handlers for requests about one queue's offsets. Only assembles.
 */
import {
  GET_EARLIEST_MSG_STORETIME,
  GET_MAX_OFFSET,
  GET_MIN_OFFSET,
  QUERY_CONSUME_QUEUE,
  SEARCH_OFFSET_BY_TIMESTAMP,
} from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { QueueDoor } from './queue-door.ts';

export function createQueueHandlers(thread: ThreadContext, topics: TopicTable, groups: GroupTable): HandlerTable {
  const door = new QueueDoor(thread, topics);
  const handlers: [number, Handler | LateHandler][] = [
    [GET_MAX_OFFSET, whenAsked(async () => (await import('../gateway/handlers/queue/get-max-offset.ts')).getMaxOffset(door))],
    [GET_MIN_OFFSET, whenAsked(async () => (await import('../gateway/handlers/queue/get-min-offset.ts')).getMinOffset(door))],
    [
      SEARCH_OFFSET_BY_TIMESTAMP,
      whenAsked(async () => (await import('../gateway/handlers/queue/search-offset-by-timestamp.ts')).searchOffsetByTimestamp(door)),
    ],
    [
      GET_EARLIEST_MSG_STORETIME,
      whenAsked(async () => (await import('../gateway/handlers/queue/get-earliest-store-time.ts')).getEarliestStoreTime(door)),
    ],
    [
      QUERY_CONSUME_QUEUE,
      whenAsked(async () => (await import('../gateway/handlers/queue/query-consume-queue.ts')).queryConsumeQueue(door, groups)),
    ],
  ];
  return new Map(handlers);
}

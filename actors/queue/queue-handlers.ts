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
import { getEarliestStoreTime } from '../gateway/handlers/queue/get-earliest-store-time.ts';
import { getMaxOffset } from '../gateway/handlers/queue/get-max-offset.ts';
import { getMinOffset } from '../gateway/handlers/queue/get-min-offset.ts';
import { queryConsumeQueue } from '../gateway/handlers/queue/query-consume-queue.ts';
import { searchOffsetByTimestamp } from '../gateway/handlers/queue/search-offset-by-timestamp.ts';
import type { Handler } from '../gateway/request.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { QueueDoor } from './queue-door.ts';

export function createQueueHandlers(thread: ThreadContext, topics: TopicTable, groups: GroupTable): Map<number, Handler> {
  const door = new QueueDoor(thread, topics);
  const handlers: [number, Handler][] = [
    [GET_MAX_OFFSET, getMaxOffset(door)],
    [GET_MIN_OFFSET, getMinOffset(door)],
    [SEARCH_OFFSET_BY_TIMESTAMP, searchOffsetByTimestamp(door)],
    [GET_EARLIEST_MSG_STORETIME, getEarliestStoreTime(door)],
    [QUERY_CONSUME_QUEUE, queryConsumeQueue(door, groups)],
  ];
  return new Map(handlers);
}

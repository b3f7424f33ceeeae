/**
 * The table of a shard's handlers for topic requests. Only assembles.
 */

import {
  DELETE_TOPIC_IN_BROKER,
  GET_ALL_TOPIC_CONFIG,
  GET_SYSTEM_TOPIC_LIST_FROM_BROKER,
  GET_TOPIC_CONFIG,
  GET_TOPIC_STATS_INFO,
  UPDATE_AND_CREATE_TOPIC,
  UPDATE_AND_CREATE_TOPIC_LIST,
} from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { TopicSettings } from './topic-rules.ts';
import type { TopicTable } from './topic-table.ts';

export type TopicHandlerDeps = { readonly topics: TopicTable; readonly table: QueueTable; readonly settings: TopicSettings };

export function createTopicHandlers(thread: ThreadContext, deps: TopicHandlerDeps): HandlerTable {
  const handlers: [number, Handler | LateHandler][] = [
    [UPDATE_AND_CREATE_TOPIC, whenAsked(async () => (await import('../gateway/handlers/topic/update-topic.ts')).updateTopic(thread))],
    [
      UPDATE_AND_CREATE_TOPIC_LIST,
      whenAsked(async () => (await import('../gateway/handlers/topic/update-topic-list.ts')).updateTopicList(thread)),
    ],
    [
      GET_ALL_TOPIC_CONFIG,
      whenAsked(async () => (await import('../gateway/handlers/topic/get-all-topic-config.ts')).getAllTopicConfig(deps.topics)),
    ],
    [GET_TOPIC_CONFIG, whenAsked(async () => (await import('../gateway/handlers/topic/get-topic-config.ts')).getTopicConfig(deps.topics))],
    [
      GET_SYSTEM_TOPIC_LIST_FROM_BROKER,
      whenAsked(async () =>
        (await import('../gateway/handlers/topic/list-system-topics-of-broker.ts')).listSystemTopicsOfBroker(deps.settings),
      ),
    ],
    [
      GET_TOPIC_STATS_INFO,
      whenAsked(async () =>
        (await import('../gateway/handlers/topic/get-topic-stats-info.ts')).getTopicStatsInfo(
          thread,
          deps.topics,
          deps.table,
          deps.settings.brokerName,
        ),
      ),
    ],
    [DELETE_TOPIC_IN_BROKER, whenAsked(async () => (await import('../gateway/handlers/topic/delete-topic.ts')).deleteTopic(thread))],
  ];
  return new Map(handlers);
}

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
import { deleteTopic } from '../gateway/handlers/topic/delete-topic.ts';
import { getAllTopicConfig } from '../gateway/handlers/topic/get-all-topic-config.ts';
import { getTopicConfig } from '../gateway/handlers/topic/get-topic-config.ts';
import { getTopicStatsInfo } from '../gateway/handlers/topic/get-topic-stats-info.ts';
import { listSystemTopicsOfBroker } from '../gateway/handlers/topic/list-system-topics-of-broker.ts';
import { updateTopic } from '../gateway/handlers/topic/update-topic.ts';
import { updateTopicList } from '../gateway/handlers/topic/update-topic-list.ts';
import type { Handler } from '../gateway/request.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { TopicSettings } from './topic-rules.ts';
import type { TopicTable } from './topic-table.ts';

export type TopicHandlerDeps = { readonly topics: TopicTable; readonly table: QueueTable; readonly settings: TopicSettings };

export function createTopicHandlers(thread: ThreadContext, deps: TopicHandlerDeps): Map<number, Handler> {
  const handlers: [number, Handler][] = [
    [UPDATE_AND_CREATE_TOPIC, updateTopic(thread)],
    [UPDATE_AND_CREATE_TOPIC_LIST, updateTopicList(thread)],
    [GET_ALL_TOPIC_CONFIG, getAllTopicConfig(deps.topics)],
    [GET_TOPIC_CONFIG, getTopicConfig(deps.topics)],
    [GET_SYSTEM_TOPIC_LIST_FROM_BROKER, listSystemTopicsOfBroker(deps.settings)],
    [GET_TOPIC_STATS_INFO, getTopicStatsInfo(thread, deps.topics, deps.table, deps.settings.brokerName)],
    [DELETE_TOPIC_IN_BROKER, deleteTopic(thread)],
  ];
  return new Map(handlers);
}

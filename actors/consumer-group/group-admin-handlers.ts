/**
 * The requests of tools about groups, offsets and members of one shard by their codes: assembles the handlers over one group door, nothing else.
 */
import {
  CLONE_GROUP_OFFSET,
  CONSUME_MESSAGE_DIRECTLY,
  GET_ALL_PRODUCER_INFO,
  GET_BROKER_CONSUME_STATS,
  GET_CONSUME_STATS,
  GET_CONSUMER_RUNNING_INFO,
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
  INVOKE_BROKER_TO_RESET_OFFSET,
  QUERY_SUBSCRIPTION_BY_CONSUMER,
  QUERY_TOPIC_CONSUME_BY_WHO,
  QUERY_TOPICS_BY_CONSUMER,
  SET_MESSAGE_REQUEST_MODE,
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
  UPDATE_AND_GET_GROUP_FORBIDDEN,
} from '../../protocol/remoting/request-code.ts';
import { cloneGroupOffset } from '../gateway/handlers/consumer-group/clone-group-offset.ts';
import { consumeMessageDirectly } from '../gateway/handlers/consumer-group/consume-message-directly.ts';
import { getAllProducerInfo } from '../gateway/handlers/consumer-group/get-all-producer-info.ts';
import { getBrokerConsumeStats } from '../gateway/handlers/consumer-group/get-broker-consume-stats.ts';
import { getConsumeStats } from '../gateway/handlers/consumer-group/get-consume-stats.ts';
import { getConsumerRunningInfo } from '../gateway/handlers/consumer-group/get-consumer-running-info.ts';
import { invokeBrokerToGetConsumerStatus } from '../gateway/handlers/consumer-group/invoke-broker-to-get-consumer-status.ts';
import { invokeBrokerToResetOffset } from '../gateway/handlers/consumer-group/invoke-broker-to-reset-offset.ts';
import { querySubscriptionByConsumer } from '../gateway/handlers/consumer-group/query-subscription-by-consumer.ts';
import { queryTopicConsumeByWho } from '../gateway/handlers/consumer-group/query-topic-consume-by-who.ts';
import { queryTopicsByConsumer } from '../gateway/handlers/consumer-group/query-topics-by-consumer.ts';
import { setMessageRequestMode } from '../gateway/handlers/consumer-group/set-message-request-mode.ts';
import { updateAndCreateSubscriptionGroupList } from '../gateway/handlers/consumer-group/update-and-create-subscription-group-list.ts';
import { updateAndGetGroupForbidden } from '../gateway/handlers/consumer-group/update-and-get-group-forbidden.ts';
import type { Handler } from '../gateway/request.ts';
import { QueueDoor } from '../queue/queue-door.ts';
import type { GroupDoor } from './group-door.ts';

/** Handlers by request code. */
export function createGroupAdminHandlers(door: GroupDoor): Map<number, Handler> {
  const queues = new QueueDoor(door.thread, door.topics);
  return new Map<number, Handler>([
    [GET_CONSUME_STATS, getConsumeStats(door)],
    [INVOKE_BROKER_TO_RESET_OFFSET, invokeBrokerToResetOffset(door, queues)],
    [INVOKE_BROKER_TO_GET_CONSUMER_STATUS, invokeBrokerToGetConsumerStatus(door)],
    [UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, updateAndCreateSubscriptionGroupList(door)],
    [QUERY_TOPIC_CONSUME_BY_WHO, queryTopicConsumeByWho(door)],
    [GET_CONSUMER_RUNNING_INFO, getConsumerRunningInfo(door)],
    [CONSUME_MESSAGE_DIRECTLY, consumeMessageDirectly(door)],
    [CLONE_GROUP_OFFSET, cloneGroupOffset(door)],
    [GET_BROKER_CONSUME_STATS, getBrokerConsumeStats(door)],
    [GET_ALL_PRODUCER_INFO, getAllProducerInfo(door)],
    [QUERY_TOPICS_BY_CONSUMER, queryTopicsByConsumer(door)],
    [QUERY_SUBSCRIPTION_BY_CONSUMER, querySubscriptionByConsumer(door)],
    [UPDATE_AND_GET_GROUP_FORBIDDEN, updateAndGetGroupForbidden(door)],
    [SET_MESSAGE_REQUEST_MODE, setMessageRequestMode(door)],
  ]);
}

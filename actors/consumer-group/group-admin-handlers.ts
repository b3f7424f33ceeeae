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
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';
import { QueueDoor } from '../queue/queue-door.ts';
import type { GroupDoor } from './group-door.ts';

/** Handlers by request code. */
export function createGroupAdminHandlers(door: GroupDoor): HandlerTable {
  const queues = new QueueDoor(door.thread, door.topics);
  return new Map<number, Handler | LateHandler>([
    [
      GET_CONSUME_STATS,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/get-consume-stats.ts')).getConsumeStats(door)),
    ],
    [
      INVOKE_BROKER_TO_RESET_OFFSET,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/invoke-broker-to-reset-offset.ts')).invokeBrokerToResetOffset(door, queues),
      ),
    ],
    [
      INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/invoke-broker-to-get-consumer-status.ts')).invokeBrokerToGetConsumerStatus(door),
      ),
    ],
    [
      UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
      whenAsked(async () =>
        (
          await import('../gateway/handlers/consumer-group/update-and-create-subscription-group-list.ts')
        ).updateAndCreateSubscriptionGroupList(door),
      ),
    ],
    [
      QUERY_TOPIC_CONSUME_BY_WHO,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/query-topic-consume-by-who.ts')).queryTopicConsumeByWho(door),
      ),
    ],
    [
      GET_CONSUMER_RUNNING_INFO,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/get-consumer-running-info.ts')).getConsumerRunningInfo(door)),
    ],
    [
      CONSUME_MESSAGE_DIRECTLY,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/consume-message-directly.ts')).consumeMessageDirectly(door)),
    ],
    [
      CLONE_GROUP_OFFSET,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/clone-group-offset.ts')).cloneGroupOffset(door)),
    ],
    [
      GET_BROKER_CONSUME_STATS,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/get-broker-consume-stats.ts')).getBrokerConsumeStats(door)),
    ],
    [
      GET_ALL_PRODUCER_INFO,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/get-all-producer-info.ts')).getAllProducerInfo(door)),
    ],
    [
      QUERY_TOPICS_BY_CONSUMER,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/query-topics-by-consumer.ts')).queryTopicsByConsumer(door)),
    ],
    [
      QUERY_SUBSCRIPTION_BY_CONSUMER,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/query-subscription-by-consumer.ts')).querySubscriptionByConsumer(door),
      ),
    ],
    [
      UPDATE_AND_GET_GROUP_FORBIDDEN,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/update-and-get-group-forbidden.ts')).updateAndGetGroupForbidden(door),
      ),
    ],
    [
      SET_MESSAGE_REQUEST_MODE,
      whenAsked(async () => (await import('../gateway/handlers/consumer-group/set-message-request-mode.ts')).setMessageRequestMode(door)),
    ],
  ]);
}

/**
 * The group requests of one shard by their codes: assembles the handlers over one group door, nothing else.
 */
import {
  CHECK_CLIENT_CONFIG,
  CONSUMER_SEND_MSG_BACK,
  DELETE_SUBSCRIPTIONGROUP,
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
  GET_CONSUMER_CONNECTION_LIST,
  GET_CONSUMER_LIST_BY_GROUP,
  GET_PRODUCER_CONNECTION_LIST,
  GET_SUBSCRIPTIONGROUP_CONFIG,
  HEART_BEAT,
  LOCK_BATCH_MQ,
  QUERY_ASSIGNMENT,
  QUERY_CONSUMER_OFFSET,
  SEND_REPLY_MESSAGE,
  SEND_REPLY_MESSAGE_V2,
  UNLOCK_BATCH_MQ,
  UNREGISTER_CLIENT,
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
  UPDATE_CONSUMER_OFFSET,
} from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { TopicRoutesParts } from '../assignment/topic-routes.ts';
import type { PluginNames } from '../gateway/handlers/consumer-group/check-client-config.ts';
import type { SendBackParts } from '../gateway/handlers/consumer-group/consumer-send-msg-back.ts';
import { getConsumerListByGroup } from '../gateway/handlers/consumer-group/get-consumer-list-by-group.ts';
import { heartBeat } from '../gateway/handlers/consumer-group/heart-beat.ts';
import type { AssignmentLimits } from '../gateway/handlers/consumer-group/query-assignment.ts';
import { queryConsumerOffset } from '../gateway/handlers/consumer-group/query-consumer-offset.ts';
import { unregisterClient } from '../gateway/handlers/consumer-group/unregister-client.ts';
import { updateConsumerOffset } from '../gateway/handlers/consumer-group/update-consumer-offset.ts';
import type { ReplyParts } from '../gateway/handlers/message/send-reply-message.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';
import { createGroupAdminHandlers } from './group-admin-handlers.ts';
import { GroupDoor, type GroupHandlerDeps } from './group-door.ts';
import { JoinedGroupsActor } from './joined-groups-actor.ts';
import { joinedGroupsPath } from './joined-groups-messages.ts';

/** Handlers by request code. */
export function createGroupHandlers(
  thread: ThreadContext,
  deps: GroupHandlerDeps & {
    readonly sendBack: SendBackParts;
    readonly replies: ReplyParts;
    readonly routes: TopicRoutesParts;
    readonly assignment: AssignmentLimits;
    readonly pullLimits: { readonly propertyFilter: boolean };
    readonly plugins: PluginNames;
  },
): HandlerTable {
  const door = new GroupDoor(thread, deps);
  thread.spawn(joinedGroupsPath(thread.name), () => new JoinedGroupsActor(door));
  const reply = whenAsked(async () =>
    (await import('../gateway/handlers/message/send-reply-message.ts')).sendReplyMessage(door, deps.replies),
  );
  return new Map<number, Handler | LateHandler>([
    [HEART_BEAT, heartBeat(door)],
    [UNREGISTER_CLIENT, unregisterClient(door)],
    [GET_CONSUMER_LIST_BY_GROUP, getConsumerListByGroup(door)],
    [QUERY_CONSUMER_OFFSET, queryConsumerOffset(door, deps.ranges)],
    [UPDATE_CONSUMER_OFFSET, updateConsumerOffset(door)],
    [LOCK_BATCH_MQ, whenAsked(async () => (await import('../gateway/handlers/consumer-group/lock-batch-mq.ts')).lockBatchMq(door))],
    [UNLOCK_BATCH_MQ, whenAsked(async () => (await import('../gateway/handlers/consumer-group/unlock-batch-mq.ts')).unlockBatchMq(door))],
    [
      CHECK_CLIENT_CONFIG,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/check-client-config.ts')).checkClientConfig(deps.pullLimits, deps.plugins),
      ),
    ],
    [
      CONSUMER_SEND_MSG_BACK,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/consumer-send-msg-back.ts')).consumerSendMsgBack(door, deps.sendBack),
      ),
    ],
    [
      QUERY_ASSIGNMENT,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/query-assignment.ts')).queryAssignment(door, deps.routes, deps.assignment),
      ),
    ],
    [SEND_REPLY_MESSAGE, reply],
    [SEND_REPLY_MESSAGE_V2, reply],
    [
      GET_CONSUMER_CONNECTION_LIST,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/get-consumer-connection-list.ts')).getConsumerConnectionList(door),
      ),
    ],
    [
      GET_PRODUCER_CONNECTION_LIST,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/get-producer-connection-list.ts')).getProducerConnectionList(door),
      ),
    ],
    [
      UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/update-and-create-subscription-group.ts')).updateAndCreateSubscriptionGroup(door),
      ),
    ],
    [
      GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/get-all-subscription-group-config.ts')).getAllSubscriptionGroupConfig(door),
      ),
    ],
    [
      GET_SUBSCRIPTIONGROUP_CONFIG,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/get-subscription-group-config.ts')).getSubscriptionGroupConfig(door),
      ),
    ],
    [
      DELETE_SUBSCRIPTIONGROUP,
      whenAsked(async () =>
        (await import('../gateway/handlers/consumer-group/delete-subscription-group.ts')).deleteSubscriptionGroup(door),
      ),
    ],
    ...createGroupAdminHandlers(door),
  ]);
}

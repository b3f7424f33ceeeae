/**
 * GET_CONSUMER_CONNECTION_LIST (203): a consumer group's members and subscriptions for tools, from the shard's own copy; 206 when
 * nobody is there.
 * Source: RocketMQ `AdminBrokerProcessor.getConsumerConnectionList`.
 */
import type { SubscriptionData } from '../../../../model/subscription.ts';
import { encodeConsumerConnection } from '../../../../protocol/remoting/bodies/consumer-connection.ts';
import { decodeGetConsumerConnectionListRequest } from '../../../../protocol/remoting/requests/get-consumer-connection-list.ts';
import { CONSUMER_NOT_ONLINE, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { subscriptionData } from '../../../consumer-group/group-table.ts';
import type { Handler } from '../../request.ts';
import { clientConnection } from './client-connection.ts';

export function getConsumerConnectionList(door: GroupDoor): Handler {
  return (request) => {
    const { consumerGroup: group } = decodeGetConsumerConnectionListRequest(request.command.ext);
    const state = door.groups.get(group);
    if (state === undefined || state.memberCount === 0) {
      request.answer(CONSUMER_NOT_ONLINE, `the consumer group[${group}] not online`);
      return;
    }
    const connections = [...state.members.values()].map(clientConnection);
    const subscriptions = new Map<string, SubscriptionData>();
    for (const [topic, subscription] of state.subscriptions) subscriptions.set(topic, subscriptionData(subscription));
    request.answer(SUCCESS, null, null, encodeConsumerConnection({ connections, subscriptions, ...state.habits }));
  };
}

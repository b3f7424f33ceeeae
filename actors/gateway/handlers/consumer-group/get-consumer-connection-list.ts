/**
 * GET_CONSUMER_CONNECTION_LIST (203): a consumer group's members and subscriptions for tools, from the shard's own copy; 206 when
 * nobody is there.
 * Source: RocketMQ `AdminBrokerProcessor.getConsumerConnectionList`.
 */
import { decodeGetConsumerConnectionListRequest } from '../../../../protocol/remoting/requests/get-consumer-connection-list.ts';
import { CONSUMER_NOT_ONLINE, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { GroupSubscription } from '../../../consumer-group/group-table.ts';
import type { Handler } from '../../request.ts';
import { connectionSet } from './connection-list.ts';

export function getConsumerConnectionList(door: GroupDoor): Handler {
  return (request) => {
    const { consumerGroup: group } = decodeGetConsumerConnectionListRequest(request.command.ext);
    const state = door.groups.get(group);
    if (state === undefined || state.memberCount === 0) {
      request.answer(CONSUMER_NOT_ONLINE, `the consumer group[${group}] not online`);
      return;
    }
    const { consumeFromWhere, consumeType, messageModel } = state.habits;
    const subscriptions: [string, unknown][] = [];
    for (const [topic, subscription] of state.subscriptions) subscriptions.push([topic, subscriptionJson(subscription)]);
    const body = {
      connectionSet: connectionSet(state.members.values()),
      consumeFromWhere,
      consumeType,
      messageModel,
      subscriptionTable: Object.fromEntries(subscriptions),
    };
    request.answer(SUCCESS, null, null, Buffer.from(JSON.stringify(body)));
  };
}

/** A subscription in Java's order of names. */
function subscriptionJson(subscription: GroupSubscription): Record<string, unknown> {
  const { classFilterMode, codes, expressionType, subString, subVersion, tags, topic } = subscription;
  return { classFilterMode, codeSet: [...codes], expressionType, subString, subVersion, tagsSet: tags, topic };
}

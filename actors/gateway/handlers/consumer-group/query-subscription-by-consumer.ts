/**
 * QUERY_SUBSCRIPTION_BY_CONSUMER (345): what a group on line wants of a topic, from the shard's own copy. Answers 0; without a subscription in the body when
 * there is none.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.querySubscriptionByConsumer`.
 */
import { encodeGroupSubscription } from '../../../../protocol/remoting/bodies/group-answers.ts';
import { decodeQuerySubscriptionByConsumerRequest } from '../../../../protocol/remoting/requests/query-subscription-by-consumer.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { subscriptionData } from '../../../consumer-group/group-table.ts';
import type { Handler } from '../../request.ts';

export function querySubscriptionByConsumer(door: GroupDoor): Handler {
  return (request) => {
    const { group, topic } = decodeQuerySubscriptionByConsumerRequest(request.command.ext);
    const known = door.groups.get(group)?.subscriptions.get(topic ?? '');
    const subscription = known === undefined ? null : subscriptionData(known);
    request.answer(SUCCESS, null, null, encodeGroupSubscription({ group, topic, subscription }));
  };
}

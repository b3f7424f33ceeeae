/**
 * GET_SYSTEM_TOPIC_LIST_FROM_NS (304): the topics that are named after clusters and brokers, and one broker's address, which the
 * tools then ask for its own system topics (305).
 * Source: RocketMQ 5.3 `RouteInfoManager.getSystemTopicList`.
 */
import { encodeTopicList } from '../../../../protocol/remoting/bodies/topic-list.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { BrokersAnswer, GetBrokers } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

export function listSystemTopics(door: NameServerDoor): Handler {
  return (request) => {
    door.ask<BrokersAnswer>(
      request,
      door.shard,
      (replyTo): GetBrokers => ({ kind: 'get-brokers', replyTo }),
      ({ brokers }) => {
        const topics = new Set<string>();
        for (const broker of brokers) topics.add(broker.cluster).add(broker.brokerName);
        const brokerAddr = brokers.find((broker) => broker.addresses.length > 0)?.addresses[0] ?? null;
        request.answer(SUCCESS, null, null, encodeTopicList({ topicList: [...topics], brokerAddr }));
      },
    );
  };
}

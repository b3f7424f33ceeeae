/**
 * GET_ROUTEINFO_BY_TOPIC (105): brokers and queues of a topic, always in standard JSON with quoted keys and without blanks, which
 * every client reads, with each broker's address as the asker's network reaches it (advertisedListeners). 17 when no living broker has the topic.
 * Source: RocketMQ 5.3 `ClientRequestProcessor.getRouteInfoByTopic`.
 */
import { encodeTopicRoute } from '../../../../protocol/remoting/bodies/topic-route.ts';
import { decodeGetRouteinfoByTopicRequest } from '../../../../protocol/remoting/requests/get-routeinfo-by-topic.ts';
import { SUCCESS, TOPIC_NOT_EXIST } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { GetRoute, RouteAnswer } from '../../../name-server/shard-actor.ts';
import type { Handler, Request } from '../../request.ts';
import { brokerDataFor } from './broker-data.ts';

const FAQ = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

export function getRouteInfo(door: NameServerDoor): Handler {
  return (request) => {
    const { topic } = decodeGetRouteinfoByTopicRequest(request.command.ext);
    door.ask<RouteAnswer>(
      request,
      door.shardOf(topic),
      (replyTo): GetRoute => ({ kind: 'get-route', topic, replyTo }),
      (route) => {
        if (route.found) request.answer(SUCCESS, null, null, routeBody(route, door, request));
        else request.answer(TOPIC_NOT_EXIST, `No topic route info in name server for the topic: ${topic}${FAQ}`);
      },
    );
  };
}

function routeBody(route: RouteAnswer, door: NameServerDoor, { connection }: Request): Uint8Array {
  const brokerDatas = route.brokers.map((entry) => brokerDataFor(entry, door.addresses, connection));
  return encodeTopicRoute({ orderTopicConf: null, queueDatas: route.queues, brokerDatas });
}

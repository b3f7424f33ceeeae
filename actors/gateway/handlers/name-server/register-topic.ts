/**
 * REGISTER_TOPIC_IN_NAMESRV (217): a broker of 5.x tells the queues of one new topic by itself.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.registerTopicToNamesrv`.
 */
import { decodeTopicRoute } from '../../../../protocol/remoting/bodies/topic-route.ts';
import { BodyError } from '../../../../protocol/remoting/errors.ts';
import { FieldReader } from '../../../../protocol/remoting/field-reader.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { QueueRoute } from '../../../name-server/broker-registration.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { Done, RegisterRoute } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

const QUEUE_DATAS_MAX = 100;

export function registerTopic(door: NameServerDoor): Handler {
  return (request) => {
    const topic = new FieldReader(request.command.ext).string('topic');
    const queues = queueRoutes(request.command.body);
    door.ask<Done>(
      request,
      door.shardOf(topic),
      (replyTo): RegisterRoute => ({ kind: 'register-route', topic, queues, replyTo }),
      ({ ok }) => {
        if (ok) request.answer(SUCCESS);
        else request.answer(SYSTEM_ERROR, `No room for the route of topic ${topic}: the name server has as many topics as it may hold.`);
      },
    );
  };
}

function queueRoutes(body: Uint8Array): QueueRoute[] {
  const { queueDatas } = decodeTopicRoute(body);
  if (queueDatas.length > QUEUE_DATAS_MAX)
    throw new BodyError(`The route has ${queueDatas.length} queueDatas, at most ${QUEUE_DATAS_MAX} are taken`);
  return [...queueDatas];
}

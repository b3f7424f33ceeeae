/**
 * DELETE_TOPIC_IN_NAMESRV (216): a topic's route goes, everywhere or on the brokers of one cluster. The route table keeps it out
 * against registrations under way.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.deleteTopicInNamesrv`.
 */
import { decodeDeleteTopicInNamesrvRequest } from '../../../../protocol/remoting/requests/delete-topic-in-namesrv.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { DeleteRoute, Done } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

export function deleteTopicInNameServer(door: NameServerDoor): Handler {
  return (request) => {
    const decoded = decodeDeleteTopicInNamesrvRequest(request.command.ext);
    const { topic } = decoded;
    const clusterName = decoded.clusterName ?? '';
    door.ask<Done>(
      request,
      door.shardOf(topic),
      (replyTo): DeleteRoute => ({ kind: 'delete-route', topic, clusterName, replyTo }),
      () => request.answer(SUCCESS),
    );
  };
}

/**
 * GET_BROKER_CLUSTER_INFO (106): all brokers by name and by cluster. Every shard knows them all, so this one answers.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.getBrokerClusterInfo`.
 */
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { BrokersAnswer, GetBrokers } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';
import { clusterBody } from './route-body.ts';

export function getClusterInfo(door: NameServerDoor): Handler {
  return (request) => {
    door.ask<BrokersAnswer>(
      request,
      door.shard,
      (replyTo): GetBrokers => ({ kind: 'get-brokers', replyTo }),
      (answer) => request.answer(SUCCESS, null, null, clusterBody(answer.brokers)),
    );
  };
}

/**
 * GET_BROKER_MEMBER_GROUP (901): addresses by id of the brokers with one name; none when there is no such broker.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.getBrokerMemberGroup`.
 */
import { encodeBrokerMemberGroup } from '../../../../protocol/remoting/bodies/broker-member-group.ts';
import { decodeGetBrokerMemberGroupRequest } from '../../../../protocol/remoting/requests/get-broker-member-group.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { BrokersAnswer, GetBrokers } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';
import { brokerData } from './broker-data.ts';

export function getBrokerMemberGroup(door: NameServerDoor): Handler {
  return (request) => {
    const { clusterName, brokerName } = decodeGetBrokerMemberGroupRequest(request.command.ext);
    door.ask<BrokersAnswer>(
      request,
      door.shard,
      (replyTo): GetBrokers => ({ kind: 'get-brokers', replyTo }),
      (answer) => {
        const broker = answer.brokers.find((one) => one.brokerName === brokerName);
        const brokerAddrs = broker === undefined ? new Map<number, string>() : brokerData(broker).brokerAddrs;
        request.answer(SUCCESS, null, null, encodeBrokerMemberGroup({ cluster: clusterName, brokerName, brokerAddrs }));
      },
    );
  };
}

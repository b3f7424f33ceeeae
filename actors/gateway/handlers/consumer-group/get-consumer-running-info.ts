/**
 * GET_CONSUMER_RUNNING_INFO (307): a client's inner state for tools, asked of the client itself. Answers what the client answers; 1 not on line or gone,
 * 207 no answer in time.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.getConsumerRunningInfo`.
 */
import { decodeGetConsumerRunningInfoRequest } from '../../../../protocol/remoting/requests/get-consumer-running-info.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';
import { answerOfMember } from './answer-of-member.ts';

export function getConsumerRunningInfo(door: GroupDoor): Handler {
  return (request) => {
    const { consumerGroup, clientId } = decodeGetConsumerRunningInfoRequest(request.command.ext);
    answerOfMember(door, request, consumerGroup, clientId);
  };
}

/**
 * CONSUME_MESSAGE_DIRECTLY (309): a client consumes one stored message at once; the broker sends it along. Answers what the client answers; 1 the message id
 * is none, nothing is stored there, or the client is not on line; 207 no answer in time.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.consumeMessageDirectly`.
 */
import { MessageTextError } from '../../../../model/errors.ts';
import { parseMessageId } from '../../../../model/message-id.ts';
import { decodeConsumeMessageDirectlyRequest } from '../../../../protocol/remoting/requests/consume-message-directly.ts';
import { SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';
import { answerOfMember } from './answer-of-member.ts';

export function consumeMessageDirectly(door: GroupDoor): Handler {
  return (request) => {
    const { consumerGroup: group, clientId, msgId, topic } = decodeConsumeMessageDirectlyRequest(request.command.ext);
    let physical: number;
    try {
      physical = parseMessageId(msgId ?? '').physicalOffset;
    } catch (error) {
      if (!(error instanceof MessageTextError)) throw error;
      request.answer(SYSTEM_ERROR, `${error.message}: send the msgId that a send was answered with`);
      return;
    }
    const added: Record<string, string> = { brokerName: door.broker.name };
    const topicSysFlag = door.topics.get(topic ?? '')?.topicSysFlag;
    if (topicSysFlag !== undefined) added['topicSysFlag'] = String(topicSysFlag);
    const groupSysFlag = door.groups.get(group)?.config.groupSysFlag;
    if (groupSysFlag !== undefined) added['groupSysFlag'] = String(groupSysFlag);
    answerOfMember(door, request, group, clientId ?? '', added, physical);
  };
}

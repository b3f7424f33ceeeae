/**
 * SET_MESSAGE_REQUEST_MODE (401): whether a group pulls or pops a topic. Pulling is what every group does here, so that PULL changes nothing; POP is refused.
 * Answers 0; 16 a retry topic, or POP; 17 no such topic; 26 no such group, and none may be made; 29 no such mode.
 * Source: RocketMQ 5.3 `QueryAssignmentProcessor.setMessageRequestMode`.
 */
import { isRetryTopic } from '../../../../model/topic.ts';
import { bodyObject } from '../../../../protocol/remoting/bodies/body-reader.ts';
import {
  INVALID_PARAMETER,
  NO_PERMISSION,
  SUBSCRIPTION_GROUP_NOT_EXIST,
  SUCCESS,
  TOPIC_NOT_EXIST,
} from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';

export function setMessageRequestMode(door: GroupDoor): Handler {
  return (request) => {
    const reader = bodyObject(request.command.body, 'a SetMessageRequestModeRequestBody');
    const topic = reader.string('topic');
    const group = reader.string('consumerGroup');
    const mode = reader.optionalString('mode') ?? 'PULL';
    if (isRetryTopic(topic)) request.answer(NO_PERMISSION, 'retry topic is not allowed to set mode');
    else if (door.topics.get(topic) === undefined) request.answer(TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
    else if (mode === 'PULL') {
      door.askRegistry(
        request,
        (replyTo) => ({ kind: 'ensure-group', group, replyTo }),
        (reply) => {
          if (reply.kind === 'group-ready') request.answer(SUCCESS);
          else request.answer(SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group does not exist: ${reply.remark}`);
        },
      );
    } else if (mode === 'POP') request.answer(NO_PERMISSION, 'this broker serves pulls and no pops; use the mode PULL');
    else request.answer(INVALID_PARAMETER, `the mode is ${JSON.stringify(mode.slice(0, 32))}; PULL is needed`);
  };
}

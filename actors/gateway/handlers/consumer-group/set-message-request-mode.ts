/**
 * SET_MESSAGE_REQUEST_MODE (401): whether a group pulls or pops a topic, for members that let the broker divide the queues (QUERY_ASSIGNMENT). Answered when
 * it is saved. Answers 0; 2 an actor gave no answer; 14 it cannot be saved; 16 a retry topic; 17 no such topic; 26 no such group, and none may be made; 29 no
 * such mode. Source: RocketMQ 5.3 `QueryAssignmentProcessor.setMessageRequestMode`.
 */
import { isRetryTopic } from '../../../../model/topic.ts';
import { bodyObject } from '../../../../protocol/remoting/bodies/body-reader.ts';
import {
  INVALID_PARAMETER,
  NO_PERMISSION,
  SERVICE_NOT_AVAILABLE,
  SUBSCRIPTION_GROUP_NOT_EXIST,
  SUCCESS,
  TOPIC_NOT_EXIST,
} from '../../../../protocol/remoting/response-code.ts';
import { REQUEST_MODES_PATH, type RequestModeSet, type SetRequestMode } from '../../../assignment/request-modes-actor.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler, Request } from '../../request.ts';

export function setMessageRequestMode(door: GroupDoor): Handler {
  return (request) => {
    const reader = bodyObject(request.command.body, 'a SetMessageRequestModeRequestBody');
    const topic = reader.string('topic');
    const group = reader.string('consumerGroup');
    const mode = reader.optionalString('mode') ?? 'PULL';
    const shareQueues = reader.int('popShareQueueNum', 0);
    if (isRetryTopic(topic)) request.answer(NO_PERMISSION, 'retry topic is not allowed to set mode');
    else if (door.topics.get(topic) === undefined) request.answer(TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
    else if (mode !== 'PULL' && mode !== 'POP') {
      request.answer(INVALID_PARAMETER, `the mode is ${JSON.stringify(mode.slice(0, 32))}; PULL or POP is needed`);
    } else {
      door.askRegistry(
        request,
        (replyTo) => ({ kind: 'ensure-group', group, replyTo }),
        (reply) => {
          if (reply.kind === 'group-ready') save(door, request, { topic, group, mode, shareQueues });
          else request.answer(SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group does not exist: ${reply.remark}`);
        },
      );
    }
  };
}

function save(door: GroupDoor, request: Request, mode: Omit<SetRequestMode, 'kind' | 'replyTo'>): void {
  door.ask<RequestModeSet, SetRequestMode>(
    request,
    REQUEST_MODES_PATH,
    (replyTo) => ({ kind: 'set-request-mode', ...mode, replyTo }),
    ({ error }) => {
      if (error === '') request.answer(SUCCESS);
      else request.answer(SERVICE_NOT_AVAILABLE, `the mode holds until the broker stops, for it cannot be saved: ${error}`);
    },
  );
}

/**
 * UPDATE_AND_GET_GROUP_FORBIDDEN (353): forbids or allows a group to read a topic, or, without `readable`, says whether it may. Answers 0 with what
 * holds now; refused with 26 (no such group), 29 (too many) or 1 (not saved).
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.updateAndGetGroupForbidden`; there, allowing one topic allows all of the group's.
 */
import { topicNameFault } from '../../../../model/topic.ts';
import { encodeGroupForbidden } from '../../../../protocol/remoting/bodies/group-answers.ts';
import { decodeUpdateAndGetGroupForbiddenRequest } from '../../../../protocol/remoting/requests/update-and-get-group-forbidden.ts';
import { INVALID_PARAMETER, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { groupNameRefusal } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';

export function updateAndGetGroupForbidden(door: GroupDoor): Handler {
  return (request) => {
    const { group, topic, readable } = decodeUpdateAndGetGroupForbiddenRequest(request.command.ext);
    const answer = (): void => {
      const body = encodeGroupForbidden({ group, topic, readable: door.groups.mayRead(group, topic) });
      request.answer(SUCCESS, '', null, body);
    };
    if (readable === null) {
      answer();
      return;
    }
    const fault = groupNameRefusal(group)?.remark ?? topicNameFault(topic);
    if (fault !== null) {
      request.answer(INVALID_PARAMETER, fault);
      return;
    }
    door.askRegistry(
      request,
      (replyTo) => ({ kind: 'forbid-topic', group, topic, isReadable: readable, replyTo }),
      (reply) => {
        if (reply.kind === 'group-ready') answer();
        else request.answer(reply.code, reply.remark);
      },
    );
  };
}

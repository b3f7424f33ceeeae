/**
 * DELETE_SUBSCRIPTIONGROUP (207): a tool deletes a consumer group, with `cleanOffset` its offsets too. 0 also for an unknown group.
 * A group that is still used comes into being again with its next heartbeat, as in Java.
 * Source: RocketMQ `AdminBrokerProcessor.deleteSubscriptionGroup`.
 */
import { decodeDeleteSubscriptiongroupRequest } from '../../../../protocol/remoting/requests/delete-subscriptiongroup.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { groupNameRefusal } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';

export function deleteSubscriptionGroup(door: GroupDoor): Handler {
  return (request) => {
    const { groupName: group, cleanOffset } = decodeDeleteSubscriptiongroupRequest(request.command.ext);
    if (groupNameRefusal(group) !== null) {
      request.answer(SUCCESS);
      return;
    }
    door.askRegistry(
      request,
      (replyTo) => ({ kind: 'delete-group', group, cleanOffset, replyTo }),
      (reply) => {
        if (reply.kind === 'group-ready') request.answer(SUCCESS);
        else request.answer(reply.code, reply.remark);
      },
    );
  };
}

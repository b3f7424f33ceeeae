/**
 * GET_SUBSCRIPTIONGROUP_CONFIG (352): one group's configuration. An unknown group is made where use makes groups, as Java does, else 26.
 * Source: RocketMQ `AdminBrokerProcessor.getSubscriptionGroup`.
 */
import { decodeGetSubscriptiongroupConfigRequest } from '../../../../protocol/remoting/requests/get-subscriptiongroup-config.ts';
import { SUBSCRIPTION_GROUP_NOT_EXIST, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { groupConfigJson } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler, Request } from '../../request.ts';

export function getSubscriptionGroupConfig(door: GroupDoor): Handler {
  return (request) => {
    const { group } = decodeGetSubscriptiongroupConfigRequest(request.command.ext);
    if (answer(door, request, group)) return;
    door.askRegistry(
      request,
      (replyTo) => ({ kind: 'ensure-group', group, replyTo }),
      (reply) => {
        if (reply.kind === 'group-ready' && answer(door, request, group)) return;
        const remark = reply.kind === 'group-refused' ? `: ${reply.remark}` : '';
        request.answer(SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group [${group}] not exist${remark}`);
      },
    );
  };
}

function answer(door: GroupDoor, request: Request, group: string): boolean {
  const state = door.groups.get(group);
  if (state === undefined) return false;
  request.answer(SUCCESS, null, null, Buffer.from(groupConfigJson(state.config)));
  return true;
}

/**
 * UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225): a tool makes or changes many groups. All names are looked at first; refused with 29 (a name, a number out
 * of range, too many in one request) or 1 (attributes, too many groups, not saved): what was named before the one at fault may be done then, as in Java.
 * Answered when all are saved and every shard has them.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.updateAndCreateSubscriptionGroupList`.
 */
import { GROUP_NAME_CREATE_MAX } from '../../../../model/group.ts';
import { bodyObject } from '../../../../protocol/remoting/bodies/body-reader.ts';
import { INVALID_PARAMETER, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { groupConfigOf, groupConfigRefusal, groupNameRefusal } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';

const GROUPS_PER_REQUEST_MAX = 1024;

export function updateAndCreateSubscriptionGroupList(door: GroupDoor): Handler {
  return (request) => {
    const configs = bodyObject(request.command.body, 'a SubscriptionGroupList').list('groupConfigList').map(groupConfigOf);
    if (configs.length > GROUPS_PER_REQUEST_MAX) {
      request.answer(
        INVALID_PARAMETER,
        `the list has ${configs.length} groups, at most ${GROUPS_PER_REQUEST_MAX} allowed; send more requests`,
      );
      return;
    }
    for (const config of configs) {
      const refusal = groupNameRefusal(config.groupName, GROUP_NAME_CREATE_MAX) ?? groupConfigRefusal(config);
      if (refusal === null) continue;
      request.answer(refusal.code, `group ${config.groupName}: ${refusal.remark}`);
      return;
    }
    if (configs.length === 0) {
      request.answer(SUCCESS);
      return;
    }
    let outstanding = configs.length;
    for (const config of configs) {
      door.askRegistry(
        request,
        (replyTo) => ({ kind: 'update-group', config, replyTo }),
        (reply) => {
          outstanding--;
          if (reply.kind === 'group-refused') request.answer(reply.code, `group ${reply.group}: ${reply.remark}`);
          else if (outstanding === 0) request.answer(SUCCESS);
        },
      );
    }
  };
}

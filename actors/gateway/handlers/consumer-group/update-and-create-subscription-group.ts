/**
 * UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200): a tool makes or changes a consumer group. Refused with 29 (name, number out of range)
 * or 1 (too many groups, not saved). Answered when it is saved and every shard has it.
 * Source: RocketMQ `AdminBrokerProcessor.updateAndCreateSubscriptionGroup`.
 */
import { parseJsonBody } from '../../../../protocol/remoting/bodies/tolerant-json.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { groupConfigOf } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Handler } from '../../request.ts';

export function updateAndCreateSubscriptionGroup(door: GroupDoor): Handler {
  return (request) => {
    const config = groupConfigOf(parseJsonBody(request.command.body));
    door.askRegistry(
      request,
      (replyTo) => ({ kind: 'update-group', config, replyTo }),
      (reply) => {
        if (reply.kind === 'group-ready') request.answer(SUCCESS);
        else request.answer(reply.code, reply.remark);
      },
    );
  };
}

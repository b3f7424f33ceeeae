/**
 * UPDATE_CONSUMER_OFFSET (15): a group commits its offset in a queue. A negative one changes nothing and is answered 0, for
 * ali-ons commits −1 where it has not consumed. Refused with 26 (no such group), 17 (no such topic), 29 (no such queue, or
 * beyond its end).
 * Source: RocketMQ 5.3 `ConsumerManageProcessor.updateConsumerOffset`.
 */
import { decodeUpdateConsumerOffsetRequest } from '../../../../protocol/remoting/requests/update-consumer-offset.ts';
import { INVALID_PARAMETER, SUBSCRIPTION_GROUP_NOT_EXIST, TOPIC_NOT_EXIST } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import type { OffsetUpdated, UpdateOffset } from '../../../consumer-group/offset-keeper.ts';
import type { Handler } from '../../request.ts';

export function updateConsumerOffset(door: GroupDoor): Handler {
  return (request) => {
    const { consumerGroup: group, topic, queueId, commitOffset: offset } = decodeUpdateConsumerOffsetRequest(request.command.ext);
    const commit = (): void => {
      const queues = door.queueCount(topic);
      if (queues === 0) {
        request.answer(TOPIC_NOT_EXIST, `Topic ${topic} not exist! Create it before offsets in it are committed`);
        return;
      }
      if (queueId < 0 || queueId >= queues) {
        request.answer(INVALID_PARAMETER, `queueId[${queueId}] is out of range, topic ${topic} has the queues 0 to ${queues - 1}`);
        return;
      }
      door.ask<OffsetUpdated, UpdateOffset>(
        request,
        consumerGroupPath(group),
        (replyTo) => ({ kind: 'update-offset', topic, queueId, offset, replyTo }),
        ({ code, remark }) => request.answer(code, remark === '' ? null : remark),
      );
    };
    const refuse = (): void =>
      request.answer(SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} not exist! A heartbeat or a pull of the group makes it`);
    if (door.groups.get(group) !== undefined) {
      commit();
      return;
    }
    if (!door.groups.complete) {
      refuse();
      return;
    }
    // The group's first pull may have made it just now.
    door.askRegistry(
      request,
      (replyTo) => ({ kind: 'ensure-group', group, isKnownOnly: true, replyTo }),
      (reply) => {
        if (reply.kind === 'group-refused') request.answer(reply.code, reply.remark);
        else if (door.groups.get(group) !== undefined) commit();
        else refuse();
      },
    );
  };
}

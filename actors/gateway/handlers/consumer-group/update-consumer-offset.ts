/**
 * UPDATE_CONSUMER_OFFSET (15): a group commits its offset in a queue. A negative one changes nothing and is answered 0, for
 * ali-ons commits −1 where it has not consumed. Refused with 26 (no such group), 17 (no such topic), 29 (no such queue, or
 * beyond its end).
 * Source: RocketMQ 5.3 `ConsumerManageProcessor.updateConsumerOffset`.
 */
import { decodeUpdateConsumerOffsetRequest } from '../../../../protocol/remoting/requests/update-consumer-offset.ts';
import { INVALID_PARAMETER, TOPIC_NOT_EXIST } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { groupUnknown, type Refusal } from '../../../consumer-group/group-limits.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import type { OffsetUpdated, UpdateOffset } from '../../../consumer-group/offset-keeper.ts';
import type { Handler } from '../../request.ts';

export function updateConsumerOffset(door: GroupDoor): Handler {
  return (request) => {
    const { consumerGroup: group, topic, queueId, commitOffset: offset } = decodeUpdateConsumerOffsetRequest(request.command.ext);
    const refuse = ({ code, remark }: Refusal): void => request.answer(code, remark);
    const commit = (): void => {
      if (door.groups.get(group) === undefined) {
        refuse(groupUnknown(group));
        return;
      }
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
    if (door.groups.get(group) !== undefined || !door.groups.complete) {
      commit();
      return;
    }
    door.askWhetherKnown(request, group, commit, refuse);
  };
}

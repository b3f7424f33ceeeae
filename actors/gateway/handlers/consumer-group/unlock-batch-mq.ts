/**
 * UNLOCK_BATCH_MQ (42): a client gives queues back that it consumed in order; what it does not hold stays as it is.
 * Source: RocketMQ `AdminBrokerProcessor.unlockBatchMQ`.
 */
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { QueuesUnlocked, UnlockQueues } from '../../../consumer-group/consumer-group-messages.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import type { Handler } from '../../request.ts';
import { lockBatch } from './lock-batch.ts';

export function unlockBatchMq(door: GroupDoor): Handler {
  return (request) => {
    const { clientId, consumerGroup: group, queues } = lockBatch(request.command.body);
    if (queues.length === 0 || door.groups.get(group) === undefined) {
      request.answer(SUCCESS);
      return;
    }
    door.ask<QueuesUnlocked, UnlockQueues>(
      request,
      consumerGroupPath(group),
      (replyTo) => ({
        kind: 'unlock-queues',
        clientId,
        topics: queues.map((queue) => queue.topic),
        queueIds: queues.map((queue) => queue.queueId),
        replyTo,
      }),
      () => request.answer(SUCCESS),
    );
  };
}

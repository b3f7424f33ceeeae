/**
 * LOCK_BATCH_MQ (41): a client asks for queues to consume in order; answered with those it holds from now on, for 60 s. Queues that
 * do not exist, and those of a group that does not, are not locked.
 * Source: RocketMQ `AdminBrokerProcessor.lockBatchMQ`.
 */
import type { MessageQueue } from '../../../../model/queue-id.ts';
import { encodeLockedQueues } from '../../../../protocol/remoting/bodies/lock-batch.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { LockQueues, QueuesLocked } from '../../../consumer-group/consumer-group-messages.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import type { Handler, Request } from '../../request.ts';
import { lockBatch } from './lock-batch.ts';

export function lockBatchMq(door: GroupDoor): Handler {
  return (request) => {
    const { clientId, consumerGroup: group, queues: asked } = lockBatch(request.command.body);
    const queues = asked.filter(({ topic, queueId }) => queueId >= 0 && queueId < door.queueCount(topic));
    if (queues.length === 0 || door.groups.get(group) === undefined) return answer(request, []);
    const { shard, id: connection } = request.connection;
    // After a restart a client may lock before its first heartbeat: its going has to be told all the same.
    door.join(request.connection, 'consumer', group);
    door.ask<QueuesLocked, LockQueues>(
      request,
      consumerGroupPath(group),
      (replyTo) => ({
        kind: 'lock-queues',
        clientId,
        shard,
        connection,
        topics: queues.map((queue) => queue.topic),
        queueIds: queues.map((queue) => queue.queueId),
        replyTo,
      }),
      ({ held }) =>
        answer(
          request,
          queues.filter((_, index) => held[index] === true),
        ),
    );
  };
}

function answer(request: Request, locked: readonly MessageQueue[]): void {
  request.answer(SUCCESS, null, null, encodeLockedQueues(locked));
}

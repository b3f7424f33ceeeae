/**
 * QUERY_CONSUME_QUEUE (321): a queue's range as consumers see it and its units from an offset on, with how a group filters them. At most
 * as many units as one page of the reader has; `eval` is about SQL expressions, so tags leave it false, as in Java.
 * Answers: 0 the units, or a remark that the offset is not in the queue; 1 there is no such queue, or a field is missing or no
 * number; 2 ask again later. Source: RocketMQ 5.3 `AdminBrokerProcessor.queryConsumeQueue`.
 */
import type { SubscriptionData } from '../../../../model/subscription.ts';
import {
  type ConsumeQueueData,
  type ConsumeQueueUnit,
  encodeConsumeQueueData,
} from '../../../../protocol/remoting/bodies/consume-queue-data.ts';
import { decodeQueryConsumeQueueRequest } from '../../../../protocol/remoting/requests/query-consume-queue.ts';
import { SUCCESS, SYSTEM_BUSY, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import { QUEUE_UNIT_BYTES, unitPhysicalOffset, unitSize, unitTime } from '../../../../storage/consume-queue/queue-unit.ts';
import type { GroupTable } from '../../../consumer-group/group-table.ts';
import type { QueueDoor } from '../../../queue/queue-door.ts';
import { READER_PATH, type ReadUnits, type UnitsRead } from '../../../store/reader-actor.ts';
import type { Handler } from '../../request.ts';

const READ_MAX_MS = 2_500;

export function queryConsumeQueue(door: QueueDoor, groups: GroupTable): Handler {
  return (request) => {
    const { topic, queueId, index, count, consumerGroup } = decodeQueryConsumeQueueRequest(request.command.ext);
    const handle = door.handle(topic, queueId);
    if (handle < 0) return request.answer(SYSTEM_ERROR, `${queueId}@${topic} is not exist!`);
    const filter = filterOf(groups, consumerGroup, topic);
    door.askRange(request, topic, queueId, handle, ({ min, max }) => {
      const range = { maxQueueIndex: max, minQueueIndex: min };
      const answer = (queueData: ConsumeQueueData['queueData'], remark: string | null): void =>
        request.answer(SUCCESS, remark, null, encodeConsumeQueueData({ ...range, ...filter, queueData }));
      if (index < min || index >= max) return answer(null, `Index ${index} of ${queueId}@${topic} is not exist!`);
      if (count <= 0) return answer([], null);
      const wanted = Math.min(count, max - index);
      door.thread.ask<UnitsRead, ReadUnits>(
        door.thread.ref(READER_PATH),
        (replyTo) => ({ kind: 'read-units', topic, queueId, handle, offset: index, count: wanted, replyTo }),
        READ_MAX_MS,
        (read) => {
          if (read !== undefined) answer(unitsOf(read.units), null);
          else request.answer(SYSTEM_BUSY, `the store gave no answer within ${READ_MAX_MS} ms; try again`);
          door.thread.requestTurn();
        },
      );
    });
  };
}

function unitsOf(bytes: Uint8Array): ConsumeQueueUnit[] {
  const units: ConsumeQueueUnit[] = [];
  for (let at = 0; at < bytes.length; at += QUEUE_UNIT_BYTES) {
    const [physicOffset, physicSize, tagsCode] = [unitPhysicalOffset(bytes, at), unitSize(bytes, at), unitTime(bytes, at)];
    units.push({ eval: false, physicOffset, physicSize, tagsCode });
  }
  return units;
}

/** What the group on line wants of the topic; Java says "null" of a group without an expression of its own. */
function filterOf(groups: GroupTable, group: string | null, topic: string): Pick<ConsumeQueueData, 'subscriptionData' | 'filterData'> {
  if (group === null) return { subscriptionData: null, filterData: null };
  const known = groups.get(group)?.subscriptions.get(topic);
  if (known === undefined) return { subscriptionData: null, filterData: `${group}@${topic} is not online!` };
  const { subString, subVersion, expressionType, classFilterMode } = known;
  const tags = { tagsSet: known.tags, codeSet: [...known.codes] };
  const subscriptionData: SubscriptionData = { topic, subString, subVersion, expressionType, classFilterMode, ...tags };
  return { subscriptionData, filterData: 'null' };
}

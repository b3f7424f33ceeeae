/**
 * QUERY_CONSUMER_OFFSET (14): where a group goes on in a queue; 22 when it never consumed there and the queue has a past.
 * A group without configuration is answered from what the store knows of it.
 * Source: RocketMQ 4.9 `ConsumerManageProcessor.queryConsumerOffset`.
 */
import { decodeQueryConsumerOffsetRequest } from '../../../../protocol/remoting/requests/query-consumer-offset.ts';
import { QUERY_NOT_FOUND, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { decideQueryOffset, type QueueRanges } from '../../../consumer-group/decide-offset.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import type { OffsetFound, QueryOffset } from '../../../consumer-group/offset-keeper.ts';
import { OFFSET_STORE_PATH, type OffsetRead, type ReadOffset } from '../../../consumer-group/offset-store-actor.ts';
import type { Handler, Request } from '../../request.ts';

export function queryConsumerOffset(door: GroupDoor, ranges: QueueRanges): Handler {
  return (request) => {
    const { consumerGroup: group, topic, queueId, setZeroIfNotFound } = decodeQueryConsumerOffsetRequest(request.command.ext);
    const zeroIfNotFound = setZeroIfNotFound !== false;
    const askGroup = (): void =>
      door.ask<OffsetFound, QueryOffset>(
        request,
        consumerGroupPath(group),
        (replyTo) => ({ kind: 'query-offset', topic, queueId, zeroIfNotFound, replyTo }),
        ({ offset }) => answer(request, group, offset),
      );
    const askStore = (): void =>
      door.ask<OffsetRead, ReadOffset>(
        request,
        OFFSET_STORE_PATH,
        (replyTo) => ({ kind: 'read-offset', group, topic, queueId, replyTo }),
        ({ offset }) => answer(request, group, decideQueryOffset(offset, ranges.minOffset(topic, queueId), zeroIfNotFound)),
      );
    if (door.groups.get(group) !== undefined) askGroup();
    else door.askWhetherKnown(request, group, askGroup, askStore);
  };
}

function answer(request: Request, group: string, offset: number): void {
  if (offset >= 0) request.answer(SUCCESS, null, { offset: String(offset) });
  else request.answer(QUERY_NOT_FOUND, `Not found, the group ${group} has no offset in this queue: it never consumed there`);
}

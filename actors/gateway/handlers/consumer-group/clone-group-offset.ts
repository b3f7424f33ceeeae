/**
 * CLONE_GROUP_OFFSET (314): one group goes on where another is, in one topic or in all that the other has offsets of; unless `offline`, topics that the other
 * does not subscribe to any more are left out. Members of the group on line go on where they are until they start again.
 * Answers 0; 26 the group to be set does not exist; 2 a part gives no answer.
 * Source: RocketMQ 5.3 `AdminBrokerProcessor.cloneGroupOffset`, which without a topic clones nothing.
 */
import { decodeCloneGroupOffsetRequest } from '../../../../protocol/remoting/requests/clone-group-offset.ts';
import { SUBSCRIPTION_GROUP_NOT_EXIST, SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import { collectOffsets } from '../../../consumer-group/collect-offsets.ts';
import type { OffsetColumns } from '../../../consumer-group/committed-offsets.ts';
import { countsFor } from '../../../consumer-group/consume-stats.ts';
import type { OffsetsReset, ResetOffsets } from '../../../consumer-group/consumer-group-messages.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import { pagesOf } from '../../../consumer-group/pending-resets.ts';
import type { Handler, Request } from '../../request.ts';

/** Offsets in one message between threads. */
const PAGE = 256;

export function cloneGroupOffset(door: GroupDoor): Handler {
  return (request) => {
    const { srcGroup, destGroup, topic, offline } = decodeCloneGroupOffsetRequest(request.command.ext);
    if (door.groups.get(destGroup) === undefined) {
      request.answer(SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${destGroup} does not exist; create it with mqadmin updateSubGroup`);
      return;
    }
    collectOffsets(door, request, srcGroup, (topic ?? '').trim(), (offsets) => {
      const columns: OffsetColumns = { topics: [], queueIds: [], offsets: [] };
      for (const [name, queues] of offsets) {
        const queueCount = door.queueCount(name);
        if (queueCount === 0 || (!offline && !countsFor(door.groups.get(srcGroup), name))) continue;
        for (const [queueId, offset] of queues) {
          if (queueId >= queueCount) continue;
          columns.topics.push(name);
          columns.queueIds.push(queueId);
          columns.offsets.push(Math.min(offset, door.ranges.maxOffset(name, queueId)));
        }
      }
      set(door, request, destGroup, columns.topics.length === 0 ? [] : pagesOf(columns, PAGE));
    });
  };
}

function set(door: GroupDoor, request: Request, group: string, pages: readonly OffsetColumns[]): void {
  const [columns, ...others] = pages;
  if (columns === undefined) {
    request.answer(SUCCESS);
    return;
  }
  door.ask<OffsetsReset, ResetOffsets>(
    request,
    consumerGroupPath(group),
    (replyTo) => ({ kind: 'reset-offsets', columns, isTold: false, replyTo }),
    ({ code, remark }) => {
      if (code === SUCCESS) set(door, request, group, others);
      else request.answer(code, remark);
    },
  );
}

/**
 * Collects the committed offsets of one group for a tool, page by page: from the group's actor, or from the offset store for a group without
 * configuration, which has none. A part that gives no answer answers the request busy.
 */
import { FRAME_BYTES_MAX } from '../../protocol/remoting/frame-reader.ts';
import { SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import type { Request } from '../gateway/request.ts';
import type { GroupDoor } from './group-door.ts';
import { consumerGroupPath } from './group-table-actor.ts';
import type { ListOffsets } from './offset-keeper.ts';
import { type ListStoredOffsets, OFFSET_STORE_PATH, type OffsetsListed } from './offset-store-actor.ts';

/** Queues that one answer speaks of: each takes some 150 bytes, and a frame holds 16 MiB. */
export const QUEUES_PER_ANSWER_MAX: number = Math.floor(FRAME_BYTES_MAX / 256);

/** By topic and queue. */
export type GroupOffsets = Map<string, Map<number, number>>;

/** @param topic empty: all of them */
export function collectOffsets(
  door: GroupDoor,
  request: Request,
  group: string,
  topic: string,
  onOffsets: (all: GroupOffsets) => void,
): void {
  const all: GroupOffsets = new Map();
  const isKnown = door.groups.get(group) !== undefined;
  let count = 0;
  const onPage = ({ columns, next }: OffsetsListed): void => {
    for (const [index, name] of columns.topics.entries()) {
      let queues = all.get(name);
      if (queues === undefined) all.set(name, (queues = new Map()));
      queues.set(columns.queueIds[index]!, columns.offsets[index]!);
    }
    count += columns.topics.length;
    if (count > QUEUES_PER_ANSWER_MAX) refuseTooMany(request, `group ${group} has offsets of more than ${QUEUES_PER_ANSWER_MAX} queues`);
    else if (next < 0) onOffsets(all);
    else ask(next);
  };
  const ask = (from: number): void => {
    if (isKnown) {
      const build = (replyTo: ListOffsets['replyTo']): ListOffsets => ({ kind: 'list-offsets', topic, from, replyTo });
      door.ask<OffsetsListed, ListOffsets>(request, consumerGroupPath(group), build, onPage);
    } else {
      const build = (replyTo: ListStoredOffsets['replyTo']): ListStoredOffsets => ({
        kind: 'list-stored-offsets',
        group,
        topic,
        from,
        replyTo,
      });
      door.ask<OffsetsListed, ListStoredOffsets>(request, OFFSET_STORE_PATH, build, onPage);
    }
  };
  ask(0);
}

/** @param what which count is beyond the limit, and by how much */
export function refuseTooMany(request: Request, what: string): void {
  request.answer(SYSTEM_ERROR, `${what}, more than one answer may speak of; ask for one topic at a time`);
}

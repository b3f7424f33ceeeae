/**
 * GET_CONSUMER_LIST_BY_GROUP (38): ids of a group's clients, each once, from the shard's own copy; 1 when nobody is there.
 * The body is made once for each change of the members: all members of a large group ask after a notice.
 * Source: RocketMQ `ConsumerManageProcessor.getConsumerListByGroup`.
 */
import { encodeConsumerList } from '../../../../protocol/remoting/bodies/consumer-list.ts';
import { decodeGetConsumerListByGroupRequest } from '../../../../protocol/remoting/requests/get-consumer-list-by-group.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { GroupState } from '../../../consumer-group/group-table.ts';
import type { Handler } from '../../request.ts';

type Made = { readonly revision: number; readonly body: Uint8Array };

export function getConsumerListByGroup(door: GroupDoor): Handler {
  const made = new WeakMap<GroupState, Made>();
  return (request) => {
    const { consumerGroup: group } = decodeGetConsumerListByGroupRequest(request.command.ext);
    const state = door.groups.get(group);
    if (state === undefined || state.memberCount === 0) {
      request.answer(SYSTEM_ERROR, `no consumer for this group, ${group}`);
      return;
    }
    let last = made.get(state);
    if (last === undefined || last.revision !== state.memberRevision) {
      last = { revision: state.memberRevision, body: listBody(state) };
      made.set(state, last);
    }
    request.answer(SUCCESS, null, null, last.body);
  };
}

function listBody(state: GroupState): Uint8Array {
  const ids = new Set<string>();
  for (const member of state.members.values()) ids.add(member.clientId);
  return encodeConsumerList([...ids]);
}

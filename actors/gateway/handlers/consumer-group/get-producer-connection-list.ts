/**
 * GET_PRODUCER_CONNECTION_LIST (204): a producer group's members for tools; 1 when nobody is there.
 * Source: RocketMQ `AdminBrokerProcessor.getProducerConnectionList`.
 */
import { encodeProducerConnection } from '../../../../protocol/remoting/bodies/producer-connection.ts';
import { decodeGetProducerConnectionListRequest } from '../../../../protocol/remoting/requests/get-producer-connection-list.ts';
import { SUCCESS, SYSTEM_ERROR } from '../../../../protocol/remoting/response-code.ts';
import { groupNameRefusal } from '../../../consumer-group/group-config.ts';
import type { GroupDoor } from '../../../consumer-group/group-door.ts';
import type { Member } from '../../../consumer-group/members.ts';
import { type ListProducers, type ProducersListed, producerGroupPath } from '../../../producer-group/producer-group-actor.ts';
import type { Handler, Request } from '../../request.ts';
import { clientConnection } from './client-connection.ts';

export function getProducerConnectionList(door: GroupDoor): Handler {
  return (request) => {
    const { producerGroup: group } = decodeGetProducerConnectionListRequest(request.command.ext);
    // A name that no group can have is not asked for: nothing comes into being by a question about it.
    if (groupNameRefusal(group) !== null) answer(request, group, []);
    else collect(door, request, group, [], 0);
  };
}

function collect(door: GroupDoor, request: Request, group: string, members: Member[], from: number): void {
  door.ask<ProducersListed, ListProducers>(
    request,
    producerGroupPath(group),
    (replyTo) => ({ kind: 'list-producers', from, replyTo }),
    (page) => {
      members.push(...page.members);
      if (page.next >= 0) collect(door, request, group, members, page.next);
      else answer(request, group, members);
    },
  );
}

function answer(request: Request, group: string, members: readonly Member[]): void {
  if (members.length === 0) request.answer(SYSTEM_ERROR, `the producer group[${group}] not exist`);
  else request.answer(SUCCESS, null, null, encodeProducerConnection(members.map(clientConnection)));
}

/**
 * UNREGISTER_CLIENT (35): a client leaves a producer group, a consumer group or both in order. Answered when they have heard it,
 * so that its leaving is in every list; 0 also where it was no member.
 * Source: RocketMQ `ClientManageProcessor.unregisterClient`.
 */
import { decodeUnregisterClientRequest } from '../../../../protocol/remoting/requests/unregister-client.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { Unregistered, UnregisterMember } from '../../../consumer-group/consumer-group-messages.ts';
import type { GroupDoor, GroupKind } from '../../../consumer-group/group-door.ts';
import { consumerGroupPath } from '../../../consumer-group/group-table-actor.ts';
import { producerGroupPath } from '../../../producer-group/producer-group-actor.ts';
import type { Handler, Request } from '../../request.ts';

export function unregisterClient(door: GroupDoor): Handler {
  return (request) => {
    const { producerGroup, consumerGroup } = decodeUnregisterClientRequest(request.command.ext);
    leave(door, request, 'producer', producerGroup ?? '', () => {
      leave(door, request, 'consumer', consumerGroup ?? '', () => request.answer(SUCCESS));
    });
  };
}

function leave(door: GroupDoor, request: Request, kind: GroupKind, group: string, then: () => void): void {
  // A group that the connection never joined has no member of it, and must not come into being by its leaving.
  if (!door.hasJoined(request.connection, kind, group)) {
    then();
    return;
  }
  const { shard, id } = request.connection;
  door.ask<Unregistered, UnregisterMember>(
    request,
    kind === 'consumer' ? consumerGroupPath(group) : producerGroupPath(group),
    (replyTo) => ({ kind: 'unregister', shard, connection: id, replyTo }),
    () => {
      door.leave(request.connection, kind, group);
      then();
    },
  );
}

/**
 * WIPE_WRITE_PERM_OF_BROKER (205) and ADD_WRITE_PERM_OF_BROKER (327): a broker's topics lose or get the write permission in the
 * routes, until the broker's topics change. Answered with the number of topics.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.wipeWritePermOfBroker`, `addWritePermOfBroker`.
 */
import { decodeWipeWritePermOfBrokerRequest } from '../../../../protocol/remoting/requests/wipe-write-perm-of-broker.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { ChangeWritePerm, PermChanged } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

export function changeWritePerm(door: NameServerDoor, add: boolean): Handler {
  return (request) => {
    const { brokerName } = decodeWipeWritePermOfBrokerRequest(request.command.ext);
    door.askAll<PermChanged>(
      request,
      (_shard, replyTo): ChangeWritePerm => ({ kind: 'change-write-perm', brokerName, add, replyTo }),
      (replies) => {
        const count = String(replies.reduce((sum, reply) => sum + reply.count, 0));
        request.answer(SUCCESS, null, add ? { addTopicCount: count } : { wipeTopicCount: count });
      },
    );
  };
}

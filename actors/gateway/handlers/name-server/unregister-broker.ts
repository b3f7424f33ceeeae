/**
 * UNREGISTER_BROKER (104): a broker stops. Answered when every shard has forgotten it.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.unregisterBroker`.
 */
import { decodeUnregisterBrokerRequest } from '../../../../protocol/remoting/requests/unregister-broker.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { Done, UnregisterBroker } from '../../../name-server/shard-actor.ts';
import type { Handler } from '../../request.ts';

export function unregisterBroker(door: NameServerDoor): Handler {
  return (request) => {
    const { brokerName, brokerAddr, clusterName } = decodeUnregisterBrokerRequest(request.command.ext);
    door.askAll<Done>(
      request,
      (_shard, replyTo): UnregisterBroker => ({ kind: 'unregister-broker', clusterName, brokerName, brokerAddr, replyTo }),
      () => request.answer(SUCCESS),
    );
  };
}

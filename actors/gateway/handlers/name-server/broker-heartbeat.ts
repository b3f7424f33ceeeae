/**
 * BROKER_HEARTBEAT (904): a broker of 5.x lives; told to all shards without waiting for them.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.brokerHeartbeat`.
 */
import { decodeBrokerHeartbeatRequest } from '../../../../protocol/remoting/requests/broker-heartbeat.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { Handler } from '../../request.ts';

export function brokerHeartbeat(door: NameServerDoor): Handler {
  return (request) => {
    const { clusterName, brokerAddr } = decodeBrokerHeartbeatRequest(request.command.ext);
    // A shard that is too full to hear one heartbeat hears the next: 120 s have four of them.
    for (const shard of door.shards) shard.tell({ kind: 'broker-heartbeat', clusterName, brokerAddr });
    request.answer(SUCCESS);
  };
}

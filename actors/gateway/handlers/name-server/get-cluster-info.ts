/**
 * GET_BROKER_CLUSTER_INFO (106): all brokers by name and by cluster, at the addresses that the asker's network reaches. Every shard knows them all, so this one answers.
 * Source: RocketMQ 5.3 `DefaultRequestProcessor.getBrokerClusterInfo`.
 */
import { encodeClusterInfo } from '../../../../protocol/remoting/bodies/cluster-info.ts';
import { SUCCESS } from '../../../../protocol/remoting/response-code.ts';
import type { NameServerDoor } from '../../../name-server/name-server-door.ts';
import type { BrokerEntry, BrokersAnswer, GetBrokers } from '../../../name-server/shard-actor.ts';
import type { Handler, Request } from '../../request.ts';
import { brokerDataFor } from './broker-data.ts';

export function getClusterInfo(door: NameServerDoor): Handler {
  return (request) => {
    door.ask<BrokersAnswer>(
      request,
      door.shard,
      (replyTo): GetBrokers => ({ kind: 'get-brokers', replyTo }),
      (answer) => request.answer(SUCCESS, null, null, clusterBody(answer.brokers, door, request)),
    );
  };
}

function clusterBody(entries: readonly BrokerEntry[], door: NameServerDoor, { connection }: Request): Uint8Array {
  const clusters = new Map<string, string[]>();
  for (const { cluster, brokerName } of entries) {
    const names = clusters.get(cluster);
    if (names === undefined) clusters.set(cluster, [brokerName]);
    else names.push(brokerName);
  }
  const brokers = new Map(entries.map((entry) => [entry.brokerName, brokerDataFor(entry, door.addresses, connection)]));
  return encodeClusterInfo({ brokers, clusters });
}

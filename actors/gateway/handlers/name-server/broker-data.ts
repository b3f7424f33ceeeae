/**
 * A broker as it travels between shards, as route and cluster bodies want it. Pure.
 */
import type { BrokerData } from '../../../../protocol/remoting/bodies/topic-route.ts';
import type { BrokerEntry } from '../../../name-server/shard-actor.ts';

export function brokerData(entry: BrokerEntry): BrokerData {
  const { cluster, brokerName, ids, addresses, enableActingMaster, zoneName } = entry;
  const brokerAddrs = new Map(ids.map((id, index) => [id, addresses[index]!]));
  return { cluster, brokerName, brokerAddrs, enableActingMaster, zoneName: zoneName === '' ? null : zoneName };
}

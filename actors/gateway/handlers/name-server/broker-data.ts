/**
 * A broker as it travels between shards, as route and cluster bodies want it: with the addresses at which the asker reaches it, or with
 * those that brokers call each other by. Pure.
 */
import type { BrokerData } from '../../../../protocol/remoting/bodies/topic-route.ts';
import type { AskerAddresses } from '../../../name-server/asker-addresses.ts';
import type { BrokerEntry } from '../../../name-server/shard-actor.ts';
import type { Connection } from '../../request.ts';

export function brokerData(entry: BrokerEntry): BrokerData {
  return dataWith(entry, entry.addresses);
}

/** @param asker the connection of whoever is answered */
export function brokerDataFor(entry: BrokerEntry, addresses: AskerAddresses, asker: Connection): BrokerData {
  const reachable = entry.addresses.map((address, index) => addresses.of(entry.listeners[index]!, address, asker));
  return dataWith(entry, reachable);
}

function dataWith(entry: BrokerEntry, addresses: readonly string[]): BrokerData {
  const { cluster, brokerName, ids, enableActingMaster, zoneName } = entry;
  const brokerAddrs = new Map(ids.map((id, index) => [id, addresses[index]!]));
  return { cluster, brokerName, brokerAddrs, enableActingMaster, zoneName: zoneName === '' ? null : zoneName };
}

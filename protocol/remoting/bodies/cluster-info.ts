/**
 * Answer of GET_BROKER_CLUSTER_INFO (106): all brokers, and which cluster they belong to. Source: RocketMQ 5.3 `ClusterInfo`.
 */
import { bodyObject, readerOf } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';
import { type BrokerData, brokerDataObject, readBrokerData } from './topic-route.ts';

export type ClusterInfo = {
  readonly brokers: ReadonlyMap<string, BrokerData>;
  /** Broker names by cluster. */
  readonly clusters: ReadonlyMap<string, readonly string[]>;
};

export function decodeClusterInfo(bytes: Uint8Array): ClusterInfo {
  const reader = bodyObject(bytes, 'a ClusterInfo');
  const clusters = reader.object('clusterAddrTable');
  const names = reader.table('clusterAddrTable').map(([name]) => name);
  return {
    brokers: new Map(
      reader.table('brokerAddrTable').map(([name, broker]) => [name, readBrokerData(readerOf(broker, 'a broker of a ClusterInfo'))]),
    ),
    clusters: new Map(names.map((name) => [name, clusters === null ? [] : clusters.strings(name)])),
  };
}

export function encodeClusterInfo(info: ClusterInfo): Uint8Array {
  return jsonBody({
    brokerAddrTable: Object.fromEntries([...info.brokers].map(([name, broker]) => [name, brokerDataObject(broker)])),
    clusterAddrTable: Object.fromEntries(info.clusters),
  });
}

/**
 * The JSON of routes and brokers as name-server answers carry it: compact, for the Go client cuts `brokerAddrs` apart by hand, and
 * with members in Java's order. Source: RocketMQ `TopicRouteData`, `ClusterInfo`, `BrokerData`.
 */
import type { BrokerEntry, RouteAnswer } from '../../../name-server/shard-actor.ts';

export function routeBody(route: RouteAnswer): Uint8Array {
  const queueDatas = route.queues.map(({ brokerName, perm, readQueueNums, topicSysFlag, writeQueueNums }) => ({
    brokerName,
    perm,
    readQueueNums,
    topicSysFlag,
    writeQueueNums,
  }));
  return jsonBody({ brokerDatas: route.brokers.map(brokerData), filterServerTable: {}, queueDatas });
}

export function clusterBody(brokers: readonly BrokerEntry[]): Uint8Array {
  const brokerAddrTable: [string, unknown][] = [];
  const clusters = new Map<string, string[]>();
  for (const broker of brokers) {
    brokerAddrTable.push([broker.brokerName, brokerData(broker)]);
    const names = clusters.get(broker.cluster);
    if (names === undefined) clusters.set(broker.cluster, [broker.brokerName]);
    else names.push(broker.brokerName);
  }
  return jsonBody({ brokerAddrTable: Object.fromEntries(brokerAddrTable), clusterAddrTable: Object.fromEntries(clusters) });
}

/** Source: RocketMQ `GetBrokerMemberGroupResponseBody`. */
export function memberGroupBody(clusterName: string, brokerName: string, broker: BrokerEntry | undefined): Uint8Array {
  const brokerAddrs = broker === undefined ? {} : addresses(broker);
  return jsonBody({ brokerMemberGroup: { brokerAddrs, brokerName, cluster: clusterName } });
}

export function topicListBody(topics: readonly string[], brokerAddr: string | null = null): Uint8Array {
  return jsonBody(brokerAddr === null ? { topicList: topics } : { brokerAddr, topicList: topics });
}

export function tableBody(entries: Iterable<readonly [string, string]>): Uint8Array {
  return jsonBody({ table: Object.fromEntries(entries) });
}

function brokerData(broker: BrokerEntry): Record<string, unknown> {
  const { brokerName, cluster, enableActingMaster, zoneName } = broker;
  const data: Record<string, unknown> = { brokerAddrs: addresses(broker), brokerName, cluster, enableActingMaster };
  if (zoneName !== '') data['zoneName'] = zoneName;
  return data;
}

function addresses(broker: BrokerEntry): Record<string, string> {
  return Object.fromEntries(broker.ids.map((id, index) => [String(id), broker.addresses[index]!]));
}

function jsonBody(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

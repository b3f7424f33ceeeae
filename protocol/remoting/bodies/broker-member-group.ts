/**
 * Answer of GET_BROKER_MEMBER_GROUP (901): a broker's master and slaves. Source: RocketMQ 5.3 `GetBrokerMemberGroupResponseBody`.
 */
import { bodyObject } from './body-reader.ts';
import { jsonBody } from './json-writer.ts';

export type BrokerMemberGroup = {
  readonly cluster: string;
  readonly brokerName: string;
  readonly brokerAddrs: ReadonlyMap<number, string>;
};

export function decodeBrokerMemberGroup(bytes: Uint8Array): BrokerMemberGroup | null {
  const reader = bodyObject(bytes, 'a member group answer').object('brokerMemberGroup');
  if (reader === null) return null;
  return {
    cluster: reader.optionalString('cluster') ?? '',
    brokerName: reader.optionalString('brokerName') ?? '',
    brokerAddrs: new Map([...reader.textTable('brokerAddrs')].map(([id, address]) => [Number(id), address])),
  };
}

export function encodeBrokerMemberGroup(group: BrokerMemberGroup): Uint8Array {
  const { cluster, brokerName } = group;
  return jsonBody({ brokerMemberGroup: { brokerAddrs: Object.fromEntries(group.brokerAddrs), brokerName, cluster } });
}

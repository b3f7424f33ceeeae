/**
 * What a broker says to a name server: that it is there, with topics; what it would register; that it leaves. Pure.
 * Source: RocketMQ 5.3 `BrokerOuterAPI.registerBroker`, `queryDataVersion`, `unregisterBroker`.
 */
import { PERM_READ_WRITE } from '../../model/permission.ts';
import { encodeDataVersion } from '../../protocol/remoting/bodies/data-version.ts';
import { encodeRegisterBrokerBody, registerBodyCrc32 } from '../../protocol/remoting/bodies/register-broker-body.ts';
import type { CommandFields } from '../../protocol/remoting/command.ts';
import { QUERY_DATA_VERSION, REGISTER_BROKER, UNREGISTER_BROKER } from '../../protocol/remoting/request-code.ts';
import { type TableVersion, type TopicConfig, wireTopicConfig } from '../topic/topic-config.ts';

/** Who registers. */
export type BrokerIdentity = {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerId: number;
  /** Where clients reach the broker. */
  readonly brokerAddr: string;
  readonly haServerAddr: string;
  /** What the broker lets clients do whatever its topics allow: 4 reading, 2 writing. Read at each registration; default both. */
  readonly permission?: number;
  /** Where clients of each network reach the broker; read at each registration. */
  readonly listeners?: string;
};

/** REGISTER_BROKER (103) with these topics. */
export function registerCommand(
  broker: BrokerIdentity,
  opaque: number,
  topics: readonly TopicConfig[],
  version: TableVersion,
): CommandFields {
  const { haServerAddr, listeners = '', permission = PERM_READ_WRITE } = broker;
  const allowed = permission | ~PERM_READ_WRITE;
  const body = encodeRegisterBrokerBody({
    dataVersion: version,
    topics: new Map(topics.map((topic) => [topic.topicName, wireTopicConfig({ ...topic, perm: topic.perm & allowed })])),
  });
  const bodyCrc32 = registerBodyCrc32(body);
  const ext = { ...nameOf(broker), bodyCrc32, compressed: false, enableActingMaster: false, haServerAddr };
  // A Java name server passes over a field that it does not know.
  if (listeners !== '') Object.assign(ext, { advertisedListeners: listeners });
  return { code: REGISTER_BROKER, opaque, ext, body };
}

/** QUERY_DATA_VERSION (322): whether the name server has the topics of this version. */
export function queryVersionCommand(broker: BrokerIdentity, opaque: number, version: TableVersion): CommandFields {
  return { code: QUERY_DATA_VERSION, opaque, ext: nameOf(broker), body: encodeDataVersion(version) };
}

/** UNREGISTER_BROKER (104). */
export function unregisterCommand(broker: BrokerIdentity, opaque: number): CommandFields {
  return { code: UNREGISTER_BROKER, opaque, ext: nameOf(broker) };
}

function nameOf({ brokerAddr, brokerId, brokerName, clusterName }: BrokerIdentity): Record<string, string | number | boolean> {
  return { brokerAddr, brokerId, brokerName, clusterName };
}

/** The public API. What is not named here is private and may change with any release. */
export {
  type BrokerConfig,
  type ConfigEntry,
  type Machine,
  type ParsedConfig,
  parseBrokerConfig,
  type Role,
} from './actors/broker/broker-config.ts';
export { claimPorts } from './actors/broker/claim-ports.ts';
export { ConfigError, ConfigTextError, PortInUseError, PortRefusedError } from './actors/broker/errors.ts';
export { describeMachine } from './actors/broker/machine.ts';
export type { LagMetrics, MetricsSnapshot, ThreadMetrics, TopicMetrics } from './actors/broker/metrics-snapshot.ts';
export { formatMetrics } from './actors/broker/metrics-text.ts';
export { claimPort, type PortClaim } from './actors/broker/port-claim.ts';
export type { BrokerFault, BrokerHooks, RunningBroker } from './actors/broker/running-broker.ts';
export { startBroker } from './actors/broker/start-broker.ts';
export type { ClusterLayout, ClusterSettings } from './actors/embedded/cluster-plan.ts';
export { ClusterOptionError, ClusterStoppedError } from './actors/embedded/errors.ts';
export {
  type Cluster,
  type ClusterBroker,
  type ClusterFault,
  type ClusterNode,
  type ClusterOptions,
  startCluster,
} from './actors/embedded/start-cluster.ts';
export type { FilterContext, FilterMessage, FilterPlugin, ParkPolicy } from './actors/filter/filter-plugin.ts';

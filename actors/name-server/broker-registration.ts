/** What brokers register with a name server, what comes of it, and what routes say of them. Types only. */
import type { TableVersion } from '../topic/topic-config.ts';

/** A topic on one broker, as routes carry it. */
export type QueueRoute = {
  readonly brokerName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag: number;
};

export type RegisteredTopic = {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag: number;
};

/** Where a broker's registration came from; −1, −1: nowhere any more. */
export type ConnectionPlace = { readonly shard: number; readonly connection: number };

export type BrokerRegistration = ConnectionPlace & {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly brokerId: number;
  readonly haServerAddr: string;
  readonly heartbeatTimeoutMs: number;
  readonly enableActingMaster: boolean;
  readonly zoneName: string;
  /** Where clients of each network reach it: the text of a listener map, empty for none. */
  readonly listeners: string;
  readonly version: TableVersion;
  /** Topics in the whole registration, of which each shard gets its own. */
  readonly topicCount: number;
  /** Numbers the registrations of a shard's connections: the parts of one bear the same. */
  readonly serial: number;
};

export type BrokerData = {
  readonly cluster: string;
  readonly brokerName: string;
  /** Address by broker id; 0 is the master. */
  readonly addresses: ReadonlyMap<number, string>;
  /** Listener map by broker id, for those that have one. */
  readonly listeners: ReadonlyMap<number, string>;
  readonly enableActingMaster: boolean;
  readonly zoneName: string;
};

export type TopicRoute = { readonly queues: readonly QueueRoute[]; readonly brokers: readonly BrokerData[] };

/** Silence is measured on a clock that never jumps; deletions are compared with times that brokers put into their versions. */
export type RouteTime = { readonly now: number; readonly monotonicMs: number };

export type RegisterOutcome =
  | { readonly ok: true; readonly masterAddr: string; readonly haServerAddr: string; readonly isNew: boolean }
  | { readonly ok: false; readonly code: number; readonly remark: string };

/** A broker address that went, with why. */
export type BrokerGone = ConnectionPlace & {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly reason: string;
};

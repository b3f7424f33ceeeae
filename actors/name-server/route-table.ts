/**
 * Route table: what one name-server shard knows. The broker table (who is alive, under which name, address and id) is the same
 * on every shard; topic → queue data only of the shard's own topics. A state machine without clock, socket or message: every
 * method takes the time, changes the state and says what came of it.
 * The brokers are here, the topics in topic-queues.ts. Every table has a limit; what would exceed it is refused.
 * Source: RocketMQ 5.3 `RouteInfoManager`.
 */
import { PERM_READ_WRITE, PERM_WRITE } from '../../model/permission.ts';
import { SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import { sameVersion, type TableVersion } from '../topic/topic-config.ts';
import type {
  BrokerData,
  BrokerGone,
  BrokerRegistration,
  ConnectionPlace,
  QueueRoute,
  RegisteredTopic,
  RegisterOutcome,
  RouteTime,
  TopicRoute,
} from './broker-registration.ts';
import { type TopicLimits, TopicQueues } from './topic-queues.ts';

export const HEARTBEAT_TIMEOUT_DEFAULT_MS = 120_000;
/** An address is refused outside: a broker that says less would be evicted between two scans, more would never go. */
export const HEARTBEAT_TIMEOUT_MIN_MS = 5_000;
export const HEARTBEAT_TIMEOUT_MAX_MS = 600_000;
const MASTER_ID = 0;

export type RouteLimits = TopicLimits & {
  /** Broker addresses alive. */
  readonly brokersMax: number;
};
export const DEFAULT_ROUTE_LIMITS: RouteLimits = { brokersMax: 2_000, topicsMax: 200_000, tombstonesMax: 20_000 };

type MutableBroker = {
  readonly brokerName: string;
  cluster: string;
  readonly addresses: Map<number, string>;
  readonly listeners: Map<number, string>;
  enableActingMaster: boolean;
  zoneName: string;
};

type LiveBroker = {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
  shard: number;
  connection: number;
  heartbeatTimeoutMs: number;
  haServerAddr: string;
  version: TableVersion;
  lastUpdate: number;
  /** The last registration, and whether it brought something new: true for all its parts or for none. */
  serial: number;
  changed: boolean;
};

export class RouteTable {
  readonly #limits: RouteLimits;
  readonly #brokers: Map<string, MutableBroker> = new Map();
  readonly #clusters: Map<string, Set<string>> = new Map();
  /** By cluster and address. */
  readonly #live: Map<string, LiveBroker> = new Map();
  readonly #topics: TopicQueues;

  constructor(limits: RouteLimits = DEFAULT_ROUTE_LIMITS) {
    this.#limits = limits;
    this.#topics = new TopicQueues(limits);
  }

  get brokerCount(): number {
    return this.#live.size;
  }

  get topicCount(): number {
    return this.#topics.size;
  }

  get topicsVersion(): number {
    return this.#topics.version;
  }

  /** A broker's registration with those of its topics that are this shard's. May come in parts: each is complete in itself. */
  register(registration: BrokerRegistration, topics: readonly RegisteredTopic[], time: RouteTime): RegisterOutcome {
    const { clusterName, brokerName, brokerAddr, brokerId } = registration;
    const key = liveKey(clusterName, brokerAddr);
    const known = this.#live.get(key);
    if (known === undefined && this.#live.size >= this.#limits.brokersMax) {
      return refuse(
        `Cannot register broker ${brokerName}: ${this.#live.size} brokers are registered, the limit is ${this.#limits.brokersMax}.`,
      );
    }
    const before = this.#brokers.get(brokerName);
    const conflict = this.#conflict(before, registration);
    if (conflict !== null) return conflict;
    const broker = this.#brokerOf(registration);
    // One address has one id: a slave that became master is no longer known under its old one.
    for (const [id, address] of broker.addresses) if (address === brokerAddr && id !== brokerId) forget(broker, id);
    const isNew = known === undefined || broker.addresses.get(brokerId) === undefined;
    broker.addresses.set(brokerId, brokerAddr);
    if (registration.listeners === '') broker.listeners.delete(brokerId);
    else broker.listeners.set(brokerId, registration.listeners);
    const isPart = known !== undefined && known.serial === registration.serial && known.shard === registration.shard;
    const changed = isPart ? known.changed : isNew || known === undefined || !sameVersion(known.version, registration.version);
    const isActing = isActingMaster(broker, brokerId);
    const isServing = brokerId === MASTER_ID || isActing;
    const refused = isServing ? this.#topics.register(registration, topics, isActing, changed, time.now) : 0;
    this.#live.set(key, {
      clusterName,
      brokerName,
      brokerAddr,
      shard: registration.shard,
      connection: registration.connection,
      heartbeatTimeoutMs: registration.heartbeatTimeoutMs,
      haServerAddr: registration.haServerAddr,
      version: registration.version,
      lastUpdate: time.monotonicMs,
      serial: registration.serial,
      changed,
    });
    if (refused > 0) {
      return refuse(
        `${refused} topics of broker ${brokerName} have no room: the name server holds ${this.#topics.size} topics on this shard, the limit is ${this.#limits.topicsMax}.`,
      );
    }
    return { ok: true, isNew, ...this.#masterOf(broker, brokerId) };
  }

  /** A registration of one topic by a broker that is not known is a change sent ahead: the broker has to register whole. */
  #conflict(before: MutableBroker | undefined, registration: BrokerRegistration): RegisterOutcome | null {
    const { clusterName, brokerName, brokerAddr, brokerId } = registration;
    const oldAddress = before?.addresses.get(brokerId);
    if (oldAddress !== undefined && oldAddress !== brokerAddr) {
      const old = this.#live.get(liveKey(clusterName, oldAddress));
      if (old !== undefined && old.version.stateVersion > registration.version.stateVersion) {
        this.#live.delete(liveKey(clusterName, brokerAddr));
        return refuse(
          `Broker ${brokerName} with id ${brokerId} is ${oldAddress}, whose stateVersion ${old.version.stateVersion} is larger than ${registration.version.stateVersion} of ${brokerAddr}.`,
        );
      }
      if (old !== undefined) this.#live.delete(liveKey(clusterName, oldAddress));
    }
    if (oldAddress === undefined && registration.topicCount === 1) {
      return refuse(`Broker ${brokerName} at ${brokerAddr} is not registered: register all topics before a single one.`);
    }
    return null;
  }

  #brokerOf(registration: BrokerRegistration): MutableBroker {
    const { clusterName, brokerName } = registration;
    let broker = this.#brokers.get(brokerName);
    if (broker === undefined) {
      broker = { brokerName, cluster: clusterName, addresses: new Map(), listeners: new Map(), enableActingMaster: false, zoneName: '' };
      this.#brokers.set(brokerName, broker);
    } else if (broker.cluster !== clusterName) {
      this.#leaveCluster(broker.cluster, brokerName);
      broker.cluster = clusterName;
    }
    broker.enableActingMaster = registration.enableActingMaster;
    broker.zoneName = registration.zoneName;
    const names = this.#clusters.get(clusterName);
    if (names === undefined) this.#clusters.set(clusterName, new Set([brokerName]));
    else names.add(brokerName);
    return broker;
  }

  #masterOf(broker: MutableBroker, brokerId: number): { masterAddr: string; haServerAddr: string } {
    if (brokerId === MASTER_ID) return { masterAddr: '', haServerAddr: '' };
    const masterAddr = broker.addresses.get(MASTER_ID) ?? '';
    const master = this.#live.get(liveKey(broker.cluster, masterAddr));
    return master === undefined ? { masterAddr: '', haServerAddr: '' } : { masterAddr, haServerAddr: master.haServerAddr };
  }

  /** A broker says good-bye. What is not there is no fault. */
  unregister(clusterName: string, brokerName: string, brokerAddr: string): void {
    this.#live.delete(liveKey(clusterName, brokerAddr));
    this.#dropAddress(brokerName, brokerAddr);
  }

  /** A connection closed: the brokers that registered last by it are gone at once. */
  connectionClosed(place: ConnectionPlace): BrokerGone[] {
    return this.#dropWhere('its connection closed', (live) => live.shard === place.shard && live.connection === place.connection);
  }

  /** A shard died, and all connections with it. */
  shardDied(shard: number): BrokerGone[] {
    return this.#dropWhere('the shard with its connection died', (live) => live.shard === shard);
  }

  /**
   * Brokers that were silent for longer than they promised. The shard `ownShard` decides over the brokers on its connections; over
   * others, which their own shard ought to have evicted, only after `foreignGraceMs` more.
   */
  expire(monotonicMs: number, ownShard: number, foreignGraceMs: number): BrokerGone[] {
    return this.#dropWhere('it was silent for too long', (live) => {
      const grace = live.shard === ownShard ? 0 : foreignGraceMs;
      return monotonicMs - live.lastUpdate > live.heartbeatTimeoutMs + grace;
    });
  }

  /** Another shard evicted the broker that registered by `place`; false when it has registered by another connection since. */
  evict(clusterName: string, brokerAddr: string, place: ConnectionPlace): boolean {
    const live = this.#live.get(liveKey(clusterName, brokerAddr));
    if (live === undefined || live.shard !== place.shard || live.connection !== place.connection) return false;
    this.#live.delete(liveKey(clusterName, brokerAddr));
    this.#dropAddress(live.brokerName, brokerAddr);
    return true;
  }

  #dropWhere(reason: string, gone: (live: LiveBroker) => boolean): BrokerGone[] {
    const dropped: BrokerGone[] = [];
    for (const [key, live] of this.#live) {
      if (!gone(live)) continue;
      this.#live.delete(key);
      this.#dropAddress(live.brokerName, live.brokerAddr);
      const { clusterName, brokerName, brokerAddr, shard, connection } = live;
      dropped.push({ clusterName, brokerName, brokerAddr, shard, connection, reason });
    }
    return dropped;
  }

  #dropAddress(brokerName: string, brokerAddr: string): void {
    const broker = this.#brokers.get(brokerName);
    if (broker === undefined) return;
    for (const [id, address] of broker.addresses) if (address === brokerAddr) forget(broker, id);
    if (broker.addresses.size > 0) {
      if (broker.enableActingMaster && !broker.addresses.has(MASTER_ID)) this.#topics.changePerm(brokerName, wipeWritePerm);
      return;
    }
    this.#brokers.delete(brokerName);
    this.#leaveCluster(broker.cluster, brokerName);
    this.#topics.dropBroker(brokerName);
  }

  #leaveCluster(clusterName: string, brokerName: string): void {
    const names = this.#clusters.get(clusterName);
    if (names === undefined) return;
    names.delete(brokerName);
    if (names.size === 0) this.#clusters.delete(clusterName);
  }

  /** A broker lives; false when it is not registered. */
  touch(clusterName: string, brokerAddr: string, monotonicMs: number): boolean {
    const live = this.#live.get(liveKey(clusterName, brokerAddr));
    if (live === undefined) return false;
    live.lastUpdate = monotonicMs;
    return true;
  }

  /** The version of the broker's last registration; undefined when it is not registered. */
  versionOf(clusterName: string, brokerAddr: string): TableVersion | undefined {
    return this.#live.get(liveKey(clusterName, brokerAddr))?.version;
  }

  /** Undefined when no broker that lives has the topic. */
  route(topic: string): TopicRoute | undefined {
    const queues = this.#topics.get(topic);
    if (queues === undefined) return undefined;
    const brokers: BrokerData[] = [];
    for (const brokerName of queues.keys()) {
      const broker = this.#brokers.get(brokerName);
      if (broker !== undefined) brokers.push(broker);
    }
    return brokers.length === 0 ? undefined : { queues: [...queues.values()], brokers };
  }

  /** Deletes a topic, everywhere or on the brokers of one cluster. */
  deleteTopic(topic: string, clusterName: string, now: number): void {
    const names = this.#namesOf(clusterName);
    const versions = new Map<string, TableVersion>();
    for (const live of this.#live.values()) {
      if (names === null || names.has(live.brokerName)) versions.set(live.brokerName, live.version);
    }
    this.#topics.delete(topic, names, versions, now);
  }

  /** Queue data of one topic told by itself (request 217); false when there is no room. */
  registerTopic(topic: string, routes: readonly QueueRoute[], now: number): boolean {
    const known = routes.filter(({ brokerName }) => this.#brokers.has(brokerName));
    return this.#topics.add(topic, known, now);
  }

  /** Changes the permission of every topic that this shard has of a broker; gives their number. */
  changePerm(brokerName: string, change: (perm: number) => number): number {
    return this.#topics.changePerm(brokerName, change);
  }

  /** This shard's topics; with a cluster's name those that a broker of it has. */
  topicNames(clusterName: string): string[] {
    return this.#topics.names(this.#namesOf(clusterName));
  }

  /** The brokers of a cluster; null for the empty name: all. */
  #namesOf(clusterName: string): ReadonlySet<string> | null {
    return clusterName === '' ? null : (this.#clusters.get(clusterName) ?? new Set<string>());
  }

  brokers(): IterableIterator<BrokerData> {
    return this.#brokers.values();
  }

  broker(brokerName: string): BrokerData | undefined {
    return this.#brokers.get(brokerName);
  }

  /** Broker names by cluster. */
  clusters(): IterableIterator<[string, ReadonlySet<string>]> {
    return this.#clusters.entries();
  }
}

/** The perm of 327: reading and writing again. */
export function addWritePerm(): number {
  return PERM_READ_WRITE;
}

/** The perm of 205: as it was, without writing. */
export function wipeWritePerm(perm: number): number {
  return perm & ~PERM_WRITE;
}

/** A slave that acts for its master while that is away: the one with the least id. */
function isActingMaster(broker: BrokerData, brokerId: number): boolean {
  return brokerId !== MASTER_ID && broker.enableActingMaster && brokerId === Math.min(...broker.addresses.keys());
}

function forget(broker: MutableBroker, id: number): void {
  broker.addresses.delete(id);
  broker.listeners.delete(id);
}

function refuse(remark: string): RegisterOutcome {
  return { ok: false, code: SYSTEM_ERROR, remark };
}

function liveKey(clusterName: string, brokerAddr: string): string {
  return `${clusterName}\n${brokerAddr}`;
}

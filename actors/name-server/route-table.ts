/**
 * Route table: what one name-server shard knows. The broker table (who is alive, under which name, address and id) is the same
 * on every shard; topic → queue data only of the shard's own topics. A state machine without clock, socket or message: every
 * method takes the time, changes the state and says what came of it.
 *
 * A topic that was deleted is kept out for a minute against registrations that were composed before the deletion and arrive
 * after it: those bear a table version that was known at the deletion, or that is older than the deletion by its own time.
 * Every table has a limit; what would exceed it is refused.
 * Source: RocketMQ 5.3 `RouteInfoManager`.
 */
import { PERM_READ_WRITE, PERM_WRITE } from '../../model/permission.ts';
import { SYSTEM_ERROR } from '../../protocol/remoting/response-code.ts';
import { sameVersion, type TableVersion } from '../topic/topic-config.ts';

export const HEARTBEAT_TIMEOUT_DEFAULT_MS = 120_000;
/** An address is refused outside: a broker that says less would be evicted between two scans, more would never go. */
export const HEARTBEAT_TIMEOUT_MIN_MS = 5_000;
export const HEARTBEAT_TIMEOUT_MAX_MS = 600_000;
const MASTER_ID = 0;
const TOMBSTONE_MS = 60_000;

export type RouteLimits = {
  /** Broker addresses alive. */
  readonly brokersMax: number;
  /** Topics of this shard. */
  readonly topicsMax: number;
  /** Deleted topics kept out. */
  readonly tombstonesMax: number;
};
export const DEFAULT_ROUTE_LIMITS: RouteLimits = { brokersMax: 2_000, topicsMax: 200_000, tombstonesMax: 20_000 };

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

/** A deleted topic: when, and the versions of the brokers' tables that were known then. */
type Tombstone = { readonly deletedAt: number; readonly versions: ReadonlyMap<string, TableVersion> };

export class RouteTable {
  readonly #limits: RouteLimits;
  readonly #brokers: Map<string, MutableBroker> = new Map();
  readonly #clusters: Map<string, Set<string>> = new Map();
  /** By cluster and address. */
  readonly #live: Map<string, LiveBroker> = new Map();
  /** Queue data by broker name, by topic. */
  readonly #topics: Map<string, Map<string, QueueRoute>> = new Map();
  readonly #tombstones: Map<string, Tombstone> = new Map();
  /** Moves with every topic that comes or goes, so that a listing by pages sees that it is stale. */
  #topicsVersion = 0;

  constructor(limits: RouteLimits = DEFAULT_ROUTE_LIMITS) {
    this.#limits = limits;
  }

  get brokerCount(): number {
    return this.#live.size;
  }

  get topicCount(): number {
    return this.#topics.size;
  }

  get topicsVersion(): number {
    return this.#topicsVersion;
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
    const refused = this.#putTopics(registration, broker, topics, changed, time.now);
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

  /** The number of topics for which there was no room. */
  #putTopics(
    registration: BrokerRegistration,
    broker: MutableBroker,
    topics: readonly RegisteredTopic[],
    changed: boolean,
    now: number,
  ): number {
    const { brokerName, brokerId } = registration;
    const isMaster = brokerId === MASTER_ID;
    const isActing = !isMaster && broker.enableActingMaster && brokerId === Math.min(...broker.addresses.keys());
    if (!isMaster && !isActing) return 0;
    let refused = 0;
    for (const topic of topics) {
      const queues = this.#topics.get(topic.topicName);
      if (!changed && queues?.has(brokerName) === true) continue;
      if (this.#isKeptOut(topic.topicName, registration, now)) continue;
      if (queues === undefined && this.#topics.size >= this.#limits.topicsMax) {
        refused++;
        continue;
      }
      // The slave that acts for its master serves reads only.
      const perm = isActing ? topic.perm & ~PERM_WRITE : topic.perm;
      this.#putQueues(topic.topicName, { ...queueRoute(topic, brokerName), perm });
    }
    return refused;
  }

  #putQueues(topic: string, route: QueueRoute): void {
    let queues = this.#topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topic, queues);
      this.#topicsVersion++;
    }
    queues.set(route.brokerName, route);
  }

  #isKeptOut(topic: string, registration: BrokerRegistration, now: number): boolean {
    const tombstone = this.#tombstones.get(topic);
    if (tombstone === undefined) return false;
    if (now - tombstone.deletedAt >= TOMBSTONE_MS) {
      this.#tombstones.delete(topic);
      return false;
    }
    const { version } = registration;
    const known = tombstone.versions.get(registration.brokerName);
    if (known !== undefined && !isLater(version, known)) return true;
    return version.timestamp < tombstone.deletedAt;
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
      if (broker.enableActingMaster && !broker.addresses.has(MASTER_ID)) this.#forbidWrites(brokerName);
      return;
    }
    this.#brokers.delete(brokerName);
    this.#leaveCluster(broker.cluster, brokerName);
    for (const [topic, queues] of this.#topics) {
      if (queues.delete(brokerName) && queues.size === 0) this.#dropTopic(topic);
    }
  }

  #leaveCluster(clusterName: string, brokerName: string): void {
    const names = this.#clusters.get(clusterName);
    if (names === undefined) return;
    names.delete(brokerName);
    if (names.size === 0) this.#clusters.delete(clusterName);
  }

  #dropTopic(topic: string): void {
    this.#topics.delete(topic);
    this.#topicsVersion++;
  }

  #forbidWrites(brokerName: string): void {
    this.changePerm(brokerName, (perm) => perm & ~PERM_WRITE);
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
    const queues = this.#topics.get(topic);
    const names = clusterName === '' ? null : (this.#clusters.get(clusterName) ?? new Set<string>());
    const versions = new Map<string, TableVersion>();
    for (const live of this.#live.values()) {
      if (names === null || names.has(live.brokerName)) versions.set(live.brokerName, live.version);
    }
    if (this.#tombstones.size >= this.#limits.tombstonesMax) this.#dropOldestTombstone();
    this.#tombstones.delete(topic);
    this.#tombstones.set(topic, { deletedAt: now, versions });
    if (queues === undefined) return;
    for (const brokerName of [...queues.keys()]) if (names === null || names.has(brokerName)) queues.delete(brokerName);
    if (queues.size === 0) this.#dropTopic(topic);
  }

  #dropOldestTombstone(): void {
    const [oldest] = this.#tombstones.keys();
    if (oldest !== undefined) this.#tombstones.delete(oldest);
  }

  /** Queue data of one topic told by itself (request 217); false when there is no room. */
  registerTopic(topic: string, routes: readonly QueueRoute[], now: number): boolean {
    if (!this.#topics.has(topic) && this.#topics.size >= this.#limits.topicsMax) return false;
    const tombstone = this.#tombstones.get(topic);
    // It bears no version: within a moment of the deletion it counts as composed before.
    if (tombstone !== undefined && now - tombstone.deletedAt < 1_000) return true;
    this.#tombstones.delete(topic);
    for (const route of routes) if (this.#brokers.has(route.brokerName)) this.#putQueues(topic, route);
    return true;
  }

  /** Changes the permission of every topic that this shard has of a broker; gives their number. */
  changePerm(brokerName: string, change: (perm: number) => number): number {
    let count = 0;
    for (const queues of this.#topics.values()) {
      const route = queues.get(brokerName);
      if (route === undefined) continue;
      queues.set(brokerName, { ...route, perm: change(route.perm) });
      count++;
    }
    return count;
  }

  /** This shard's topics; with a cluster's name those that a broker of it has. */
  topicNames(clusterName: string): string[] {
    if (clusterName === '') return [...this.#topics.keys()];
    const names = this.#clusters.get(clusterName);
    if (names === undefined) return [];
    const topics: string[] = [];
    for (const [topic, queues] of this.#topics) {
      for (const brokerName of queues.keys()) {
        if (!names.has(brokerName)) continue;
        topics.push(topic);
        break;
      }
    }
    return topics;
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

function forget(broker: MutableBroker, id: number): void {
  broker.addresses.delete(id);
  broker.listeners.delete(id);
}

function queueRoute(topic: RegisteredTopic, brokerName: string): QueueRoute {
  const { readQueueNums, writeQueueNums, perm, topicSysFlag } = topic;
  return { brokerName, readQueueNums, writeQueueNums, perm, topicSysFlag };
}

function isLater(version: TableVersion, than: TableVersion): boolean {
  if (version.stateVersion !== than.stateVersion) return version.stateVersion > than.stateVersion;
  if (version.timestamp !== than.timestamp) return version.timestamp > than.timestamp;
  return version.counter > than.counter;
}

function refuse(remark: string): RegisterOutcome {
  return { ok: false, code: SYSTEM_ERROR, remark };
}

function liveKey(clusterName: string, brokerAddr: string): string {
  return `${clusterName}\n${brokerAddr}`;
}

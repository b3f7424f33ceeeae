/**
 * Name-server shard actor: routes of the topics whose name hashes to its shard, and the table of all brokers. One on each shard
 * thread, at `<shard thread>/name-server`; what it decides is in route-table.ts.
 *
 * Liveness: the shard that has a broker's connection judges it, by its silence at every scan or by its closing, and tells the other
 * shards. Should that shard die, so do its connections, which the others see by watching it.
 *
 * Several name servers know nothing of each other, and nothing is kept on disk: after a restart the brokers bring everything with
 * their next registration (the process's own broker is asked for it at once). Fails by assertion only.
 * Source: RocketMQ 5.3 `RouteInfoManager`, `BrokerHousekeepingService`, `NamesrvController`.
 */
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import type { TableVersion } from '../topic/topic-config.ts';
import { sameVersion } from '../topic/topic-config.ts';
import type { BrokerData, BrokerGone, BrokerRegistration, QueueRoute, RegisteredTopic } from './broker-registration.ts';
import { addWritePerm, DEFAULT_ROUTE_LIMITS, type RouteLimits, RouteTable, wipeWritePerm } from './route-table.ts';
import { nameServerPath } from './topic-shard.ts';

/** A registration with the part of its topics that is this shard's. */
export type RegisterBroker = {
  kind: 'register-broker';
  registration: BrokerRegistration;
  topics: RegisteredTopic[];
  replyTo: ActorRef<BrokerRegistered>;
};
/** `code` 0: done, with what a slave wants to know of its master. */
export type BrokerRegistered = { kind: 'broker-registered'; code: number; remark: string; masterAddr: string; haServerAddr: string };

export type UnregisterBroker = {
  kind: 'unregister-broker';
  clusterName: string;
  brokerName: string;
  brokerAddr: string;
  replyTo: ActorRef<Done>;
};
export type BrokerHeartbeat = { kind: 'broker-heartbeat'; clusterName: string; brokerAddr: string };
export type QueryDataVersion = {
  kind: 'query-data-version';
  clusterName: string;
  brokerAddr: string;
  version: TableVersion;
  replyTo: ActorRef<DataVersionAnswer>;
};
/** `known` is false when the broker is not registered; its version is then all 0. */
export type DataVersionAnswer = { kind: 'data-version'; changed: boolean; known: boolean; version: TableVersion };

export type ConnectionClosed = { kind: 'connection-closed'; shard: number; connection: number; replyTo: ActorRef<Done> };
export type GetRoute = { kind: 'get-route'; topic: string; replyTo: ActorRef<RouteAnswer> };
export type RouteAnswer = { kind: 'route'; found: boolean; queues: QueueRoute[]; brokers: BrokerEntry[] };
/** A broker as it travels in messages: `ids[i]` is the id of the broker at `addresses[i]`, `listeners[i]` its listener map or empty. */
export type BrokerEntry = {
  cluster: string;
  brokerName: string;
  ids: number[];
  addresses: string[];
  listeners: string[];
  enableActingMaster: boolean;
  zoneName: string;
};
export type GetBrokers = { kind: 'get-brokers'; replyTo: ActorRef<BrokersAnswer> };
export type BrokersAnswer = { kind: 'brokers'; brokers: BrokerEntry[] };
export type DeleteRoute = { kind: 'delete-route'; topic: string; clusterName: string; replyTo: ActorRef<Done> };
export type RegisterRoute = { kind: 'register-route'; topic: string; queues: QueueRoute[]; replyTo: ActorRef<Done> };
export type ChangeWritePerm = { kind: 'change-write-perm'; brokerName: string; add: boolean; replyTo: ActorRef<PermChanged> };
export type PermChanged = { kind: 'perm-changed'; count: number };
/** Topic names page by page: `cursor` 0 first, then `next` until it is −1. Another `version` than before: start again. */
export type ListRoutes = { kind: 'list-routes'; clusterName: string; cursor: number; replyTo: ActorRef<RoutePage> };
export type RoutePage = { kind: 'route-page'; topics: string[]; next: number; version: number };
/** The setting changed; told to each shard by its own thread. */
export type Configure = { kind: 'configure'; scanMs: number; replyTo: ActorRef<Done> };
export type Done = { kind: 'done'; ok: boolean };

type BrokerEvicted = { kind: 'broker-evicted'; clusterName: string; brokerAddr: string; shard: number; connection: number };
type Scan = { kind: 'scan' };
type ShardDied = { kind: 'shard-died'; shard: number };
type WatchAgain = { kind: 'watch-again'; shard: number };

export type NameServerCommand =
  | RegisterBroker
  | UnregisterBroker
  | BrokerHeartbeat
  | QueryDataVersion
  | ConnectionClosed
  | GetRoute
  | GetBrokers
  | DeleteRoute
  | RegisterRoute
  | ChangeWritePerm
  | ListRoutes
  | Configure
  | BrokerEvicted;
type Private = Scan | ShardDied | WatchAgain;

export type NameServerShardOptions = {
  /** Position of this shard among `shards`. */
  readonly shard: number;
  /** Names of the shard threads. */
  readonly shards: readonly string[];
  readonly scanMs: number;
  readonly limits?: RouteLimits;
  /** Closes a connection of this shard, as Java does with an evicted broker's. */
  readonly closeConnection: (connection: number, reason: string) => void;
  /** Path of the process's own registration actor, asked to register when routes were lost; null: there is none. */
  readonly registration: string | null;
  /** True when the state of a former actor was lost. */
  readonly isRestart: boolean;
};

export const SCAN_DEFAULT_MS = 10_000;
const FOREIGN_GRACE_MS = 30_000;
const WATCH_AGAIN_MS = 1_000;
/** A page of 255-character names still fits a ring record. */
const PAGE_NAMES = 128;

export class NameServerShardActor implements Actor<NameServerCommand | Private> {
  readonly #options: NameServerShardOptions;
  readonly #table: RouteTable;
  #scanMs: number;
  #scanTimer: TimerId = 0;
  #listing: { readonly clusterName: string; readonly version: number; readonly names: string[] } | null = null;

  constructor(options: NameServerShardOptions) {
    this.#options = options;
    this.#table = new RouteTable(options.limits ?? DEFAULT_ROUTE_LIMITS);
    this.#scanMs = options.scanMs;
  }

  started(context: ActorContext): void {
    this.#scanTimer = context.schedule(this.#scanMs, { kind: 'scan' });
    for (let shard = 0; shard < this.#options.shards.length; shard++) this.#watch(shard, context);
    const { isRestart, registration } = this.#options;
    if (isRestart && registration !== null) context.ref<{ kind: 'register-now' }>(registration).tell({ kind: 'register-now' });
  }

  receive(message: NameServerCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'register-broker':
        this.#register(message, context);
        return;
      case 'unregister-broker':
        this.#table.unregister(message.clusterName, message.brokerName, message.brokerAddr);
        message.replyTo.tell({ kind: 'done', ok: true });
        return;
      case 'broker-heartbeat':
        this.#table.touch(message.clusterName, message.brokerAddr, context.monotonicMs());
        return;
      case 'query-data-version':
        this.#queryDataVersion(message, context);
        return;
      case 'connection-closed':
        this.#logGone(this.#table.connectionClosed(message), context);
        message.replyTo.tell({ kind: 'done', ok: true });
        return;
      case 'get-route':
        this.#getRoute(message);
        return;
      case 'get-brokers':
        message.replyTo.tell({ kind: 'brokers', brokers: [...this.#table.brokers()].map(brokerEntry) });
        return;
      case 'delete-route':
        this.#table.deleteTopic(message.topic, message.clusterName, context.now());
        message.replyTo.tell({ kind: 'done', ok: true });
        return;
      case 'register-route':
        message.replyTo.tell({ kind: 'done', ok: this.#table.registerTopic(message.topic, message.queues, context.now()) });
        return;
      case 'change-write-perm': {
        const count = this.#table.changePerm(message.brokerName, message.add ? addWritePerm : wipeWritePerm);
        message.replyTo.tell({ kind: 'perm-changed', count });
        return;
      }
      case 'list-routes':
        this.#listRoutes(message);
        return;
      case 'configure':
        this.#configure(message, context);
        return;
      case 'broker-evicted':
        this.#table.evict(message.clusterName, message.brokerAddr, message);
        return;
      case 'scan':
        this.#scan(context);
        return;
      case 'shard-died':
        this.#logGone(this.#table.shardDied(message.shard), context);
        context.schedule(WATCH_AGAIN_MS, { kind: 'watch-again', shard: message.shard } as WatchAgain);
        return;
      case 'watch-again':
        this.#watch(message.shard, context);
        return;
    }
  }

  #watch(shard: number, context: ActorContext): void {
    if (shard === this.#options.shard) return;
    context.watch(context.ref(nameServerPath(this.#options.shards[shard]!)), { kind: 'shard-died', shard } as ShardDied);
  }

  #register(message: RegisterBroker, context: ActorContext): void {
    const { registration, topics, replyTo } = message;
    const outcome = this.#table.register(registration, topics, { now: context.now(), monotonicMs: context.monotonicMs() });
    if (!outcome.ok) {
      replyTo.tell({ kind: 'broker-registered', code: outcome.code, remark: outcome.remark, masterAddr: '', haServerAddr: '' });
      return;
    }
    if (outcome.isNew && registration.shard === this.#options.shard) {
      const { clusterName, brokerName, brokerId, brokerAddr, topicCount } = registration;
      context.log('info', 'broker registered', { clusterName, brokerName, brokerId, brokerAddr, topicCount });
    }
    const { masterAddr, haServerAddr } = outcome;
    replyTo.tell({ kind: 'broker-registered', code: 0, remark: '', masterAddr, haServerAddr });
  }

  #queryDataVersion(message: QueryDataVersion, context: ActorContext): void {
    const { clusterName, brokerAddr, version, replyTo } = message;
    const known = this.#table.versionOf(clusterName, brokerAddr);
    const changed = known === undefined || !sameVersion(known, version);
    // A broker that learns that nothing changed does not register, so this was its sign of life.
    if (!changed) this.#table.touch(clusterName, brokerAddr, context.monotonicMs());
    const own = known ?? { stateVersion: 0, timestamp: 0, counter: 0 };
    replyTo.tell({ kind: 'data-version', changed, known: known !== undefined, version: own });
  }

  #getRoute(message: GetRoute): void {
    const route = this.#table.route(message.topic);
    if (route === undefined) message.replyTo.tell({ kind: 'route', found: false, queues: [], brokers: [] });
    else message.replyTo.tell({ kind: 'route', found: true, queues: [...route.queues], brokers: route.brokers.map(brokerEntry) });
  }

  #listRoutes(message: ListRoutes): void {
    const { clusterName, cursor, replyTo } = message;
    const version = this.#table.topicsVersion;
    if (this.#listing === null || this.#listing.version !== version || this.#listing.clusterName !== clusterName) {
      this.#listing = { clusterName, version, names: this.#table.topicNames(clusterName) };
    }
    const { names } = this.#listing;
    const end = cursor + PAGE_NAMES;
    replyTo.tell({ kind: 'route-page', topics: names.slice(cursor, end), next: end < names.length ? end : -1, version });
    if (end >= names.length) this.#listing = null;
  }

  #scan(context: ActorContext): void {
    this.#scanTimer = context.schedule(this.#scanMs, { kind: 'scan' });
    const gone = this.#table.expire(context.monotonicMs(), this.#options.shard, FOREIGN_GRACE_MS);
    this.#logGone(gone, context);
    for (const broker of gone) {
      if (broker.shard !== this.#options.shard) continue;
      const { clusterName, brokerAddr, shard, connection } = broker;
      for (const name of this.#options.shards) {
        if (name === this.#options.shards[shard]) continue;
        // A shard that is too busy to hear it evicts the broker itself after its grace.
        context.ref<BrokerEvicted>(nameServerPath(name)).tell({ kind: 'broker-evicted', clusterName, brokerAddr, shard, connection });
      }
      this.#options.closeConnection(connection, 'the broker has not registered or sent a heartbeat in its time');
    }
  }

  #configure(message: Configure, context: ActorContext): void {
    this.#scanMs = message.scanMs;
    context.cancel(this.#scanTimer);
    this.#scanTimer = context.schedule(this.#scanMs, { kind: 'scan' });
    message.replyTo.tell({ kind: 'done', ok: true });
  }

  #logGone(gone: readonly BrokerGone[], context: ActorContext): void {
    for (const { brokerName, brokerAddr, shard, reason } of gone) {
      if (shard === this.#options.shard) context.log('warn', 'broker gone', { brokerName, brokerAddr, reason });
    }
  }
}

function brokerEntry(broker: BrokerData): BrokerEntry {
  const { cluster, brokerName, addresses, enableActingMaster, zoneName } = broker;
  const ids = [...addresses.keys()];
  const listeners = ids.map((id) => broker.listeners.get(id) ?? '');
  return { cluster, brokerName, ids, addresses: [...addresses.values()], listeners, enableActingMaster, zoneName };
}

/**
 * Puts the name server's part onto a shard thread: its actor (the key values' too on the first shard) and the table of its request
 * handlers. Only assembles; call once in the thread's main, on every shard.
 */

import {
  ADD_WRITE_PERM_OF_BROKER,
  BROKER_HEARTBEAT,
  DELETE_KV_CONFIG,
  DELETE_TOPIC_IN_NAMESRV,
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
  GET_BROKER_CLUSTER_INFO,
  GET_BROKER_MEMBER_GROUP,
  GET_KV_CONFIG,
  GET_KVLIST_BY_NAMESPACE,
  GET_ROUTEINFO_BY_TOPIC,
  GET_SYSTEM_TOPIC_LIST_FROM_NS,
  GET_TOPICS_BY_CLUSTER,
  PUT_KV_CONFIG,
  QUERY_DATA_VERSION,
  REGISTER_BROKER,
  REGISTER_TOPIC_IN_NAMESRV,
  UNREGISTER_BROKER,
  WIPE_WRITE_PERM_OF_BROKER,
} from '../../protocol/remoting/request-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { getRouteInfo } from '../gateway/handlers/name-server/get-route-info.ts';
import { registerBroker } from '../gateway/handlers/name-server/register-broker.ts';
import { unregisterBroker } from '../gateway/handlers/name-server/unregister-broker.ts';
import { type Handler, type HandlerTable, type LateHandler, whenAsked } from '../gateway/request.ts';
import { KeyValueActor, type KeyValueOptions, keyValuePath } from './key-value-actor.ts';
import { NameServerDoor } from './name-server-door.ts';
import type { RouteLimits } from './route-table.ts';
import { NameServerShardActor, SCAN_DEFAULT_MS } from './shard-actor.ts';
import { nameServerPath } from './topic-shard.ts';

export type NameServerOptions = {
  /** Names of the shard threads, in order; the calling thread is one of them. */
  readonly shards: readonly string[];
  /** Between two looks for silent brokers; default 10 s. */
  readonly scanMs?: number;
  readonly limits?: RouteLimits;
  /** Path of the process's own registration actor; null or absent: there is none. */
  readonly registration?: string | null;
  /** Where the key values are kept; absent: in memory. */
  readonly keyValues?: KeyValueOptions;
};

/** A mailbox that takes the parts of a large registration at once. */
const MAILBOX_MAX = 16_384;

export function createNameServerHandlers(thread: ThreadContext, options: NameServerOptions): HandlerTable {
  const shard = options.shards.indexOf(thread.name);
  if (shard < 0) throw new RangeError(`The thread ${thread.name} is none of the shards ${options.shards.join(', ')}`);
  const door = new NameServerDoor(thread, shard, options.shards);
  let created = thread.generation;
  const create = (): NameServerShardActor =>
    new NameServerShardActor({
      shard,
      shards: options.shards,
      scanMs: options.scanMs ?? SCAN_DEFAULT_MS,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      closeConnection: (id, reason) => door.closeConnection(id, reason),
      registration: options.registration ?? null,
      isRestart: created++ > 0,
    });
  thread.spawn(nameServerPath(thread.name), create, { mailboxMax: MAILBOX_MAX });
  if (shard === 0) {
    const keyValues = options.keyValues ?? { load: () => null, store: null };
    thread.spawn(keyValuePath(thread.name), () => new KeyValueActor(keyValues));
  }
  const handlers: [number, Handler | LateHandler][] = [
    [PUT_KV_CONFIG, whenAsked(async () => (await import('../gateway/handlers/name-server/key-values.ts')).putValue(door))],
    [GET_KV_CONFIG, whenAsked(async () => (await import('../gateway/handlers/name-server/key-values.ts')).getValue(door))],
    [DELETE_KV_CONFIG, whenAsked(async () => (await import('../gateway/handlers/name-server/key-values.ts')).deleteValue(door))],
    [
      GET_KVLIST_BY_NAMESPACE,
      whenAsked(async () => (await import('../gateway/handlers/name-server/key-values.ts')).getNamespaceValues(door)),
    ],
    [REGISTER_BROKER, registerBroker(door)],
    [UNREGISTER_BROKER, unregisterBroker(door)],
    [BROKER_HEARTBEAT, whenAsked(async () => (await import('../gateway/handlers/name-server/broker-heartbeat.ts')).brokerHeartbeat(door))],
    [
      QUERY_DATA_VERSION,
      whenAsked(async () => (await import('../gateway/handlers/name-server/query-data-version.ts')).queryDataVersion(door)),
    ],
    [GET_ROUTEINFO_BY_TOPIC, getRouteInfo(door)],
    [
      GET_BROKER_CLUSTER_INFO,
      whenAsked(async () => (await import('../gateway/handlers/name-server/get-cluster-info.ts')).getClusterInfo(door)),
    ],
    [
      GET_BROKER_MEMBER_GROUP,
      whenAsked(async () => (await import('../gateway/handlers/name-server/get-broker-member-group.ts')).getBrokerMemberGroup(door)),
    ],
    [
      GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
      whenAsked(async () => (await import('../gateway/handlers/name-server/list-topics.ts')).listAllTopics(door)),
    ],
    [
      GET_TOPICS_BY_CLUSTER,
      whenAsked(async () => (await import('../gateway/handlers/name-server/list-topics.ts')).listTopicsByCluster(door)),
    ],
    [
      GET_SYSTEM_TOPIC_LIST_FROM_NS,
      whenAsked(async () => (await import('../gateway/handlers/name-server/list-system-topics.ts')).listSystemTopics(door)),
    ],
    [
      WIPE_WRITE_PERM_OF_BROKER,
      whenAsked(async () => (await import('../gateway/handlers/name-server/change-write-perm.ts')).changeWritePerm(door, false)),
    ],
    [
      ADD_WRITE_PERM_OF_BROKER,
      whenAsked(async () => (await import('../gateway/handlers/name-server/change-write-perm.ts')).changeWritePerm(door, true)),
    ],
    [
      DELETE_TOPIC_IN_NAMESRV,
      whenAsked(async () => (await import('../gateway/handlers/name-server/delete-topic-in-name-server.ts')).deleteTopicInNameServer(door)),
    ],
    [
      REGISTER_TOPIC_IN_NAMESRV,
      whenAsked(async () => (await import('../gateway/handlers/name-server/register-topic.ts')).registerTopic(door)),
    ],
  ];
  return new Map(handlers);
}

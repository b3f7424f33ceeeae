/**
 * Group door: what the group handlers of one shard share: the shard's copies of groups and topics, which groups each connection
 * of this shard belongs to and what id its producers go by, and the way to ask a group's actor. One a shard; not an actor, for it only forwards what the sockets
 * bring. A group that gives no answer in time is answered busy (2).
 */
import type { ActorMessage, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { Connection, Request } from '../gateway/request.ts';
import { producerGroupPath } from '../producer-group/producer-group-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { Unregistered, UnregisterMember } from './consumer-group-messages.ts';
import type { QueueRanges } from './decide-offset.ts';
import { GROUPS_PER_CONNECTION_MAX, type Refusal } from './group-limits.ts';
import type { GroupRegistryCommand, GroupReply } from './group-registry-messages.ts';
import type { GroupTable } from './group-table.ts';
import { consumerGroupPath, GROUP_REGISTRY_PATH } from './group-table-actor.ts';
import { joinedGroupsPath, type ProducerMoved } from './joined-groups-messages.ts';

export type GroupKind = 'consumer' | 'producer';

/** What the shard gives the group handlers. */
export interface GroupHandlerDeps {
  readonly groups: GroupTable;
  readonly topics: TopicTable;
  readonly ranges: QueueRanges;
  readonly broker: BrokerName;
  /** Names of all shard threads. */
  readonly shards: readonly string[];
  /** Offsets that a tool sets stand at the broker, and the next pull hears of them; else the clients on line are told. */
  readonly isResetHere: boolean;
}

/** As tools are told it. */
export type BrokerName = {
  readonly name: string;
  /** `host:port` */
  readonly address: string;
};

/** Shorter than the 3 s that clients wait. */
const ASK_MAX_MS = 2_500;
const LEAVE_AGAIN_MS = 200;
/** Then the group has expired the member by itself. */
const LEAVE_TRIES_MAX = 60;
const SYSTEM_BUSY = 2;

/** `producerId`: the client id that its producers go by; null: it has none. */
type Membership = { readonly groups: Record<GroupKind, Set<string>>; producerId: string | null };
/** A connection of this shard, and since when its client has gone by its id, in wall-clock milliseconds. */
export type ProducerConnection = { readonly connection: number; readonly sinceMs: number };

export class GroupDoor {
  readonly thread: ThreadContext;
  readonly groups: GroupTable;
  readonly topics: TopicTable;
  readonly ranges: QueueRanges;
  readonly broker: BrokerName;
  readonly shards: readonly string[];
  readonly isResetHere: boolean;
  readonly #memberships: Map<number, Membership> = new Map();
  readonly #producers: Map<string, ProducerConnection> = new Map();

  constructor(thread: ThreadContext, deps: GroupHandlerDeps) {
    this.thread = thread;
    this.groups = deps.groups;
    this.topics = deps.topics;
    this.ranges = deps.ranges;
    this.broker = deps.broker;
    this.shards = deps.shards;
    this.isResetHere = deps.isResetHere;
  }

  /** `onReply` is not called when there is no answer: the request is then answered busy. */
  ask<R extends ActorMessage, M extends ActorMessage>(
    request: Request,
    path: string,
    build: (replyTo: ActorRef<R>) => M,
    onReply: (reply: R) => void,
    timeoutMs: number = ASK_MAX_MS,
  ): void {
    this.thread.ask<R, M>(this.thread.ref<M>(path), build, timeoutMs, (reply) => {
      if (reply !== undefined) onReply(reply);
      else request.answer(SYSTEM_BUSY, `${path} gave no answer within ${timeoutMs} ms: it is overloaded or being restarted; try again`);
    });
  }

  askRegistry(
    request: Request,
    build: (replyTo: ActorRef<GroupReply>) => GroupRegistryCommand,
    onReply: (reply: GroupReply) => void,
  ): void {
    this.ask<GroupReply, GroupRegistryCommand>(request, GROUP_REGISTRY_PATH, build, onReply);
  }

  /**
   * For a group that this shard does not know: it may have been made just now, or the registry be a new one that has not told this shard yet.
   * `onKnown` runs when every shard has it.
   */
  askWhetherKnown(request: Request, group: string, onKnown: () => void, onUnknown: (refusal: Refusal) => void): void {
    this.askRegistry(
      request,
      (replyTo) => ({ kind: 'ensure-group', group, isKnownOnly: true, replyTo }),
      (reply) => (reply.kind === 'group-refused' ? onUnknown(reply) : onKnown()),
    );
  }

  /** The number of the topic's queues; 0 for an unknown topic. */
  queueCount(topic: string): number {
    return this.topics.get(topic)?.queueHandles.length ?? 0;
  }

  /**
   * The connection belongs to the group from now on: its closing is told to the group's actor. False: it belongs to too many.
   * Call while the connection is open.
   */
  join(connection: Connection, kind: GroupKind, group: string): boolean {
    let membership = this.#memberships.get(connection.id);
    if (membership === undefined) {
      const created: Membership = { groups: { consumer: new Set(), producer: new Set() }, producerId: null };
      membership = created;
      this.#memberships.set(connection.id, membership);
      connection.onClose(() => this.#closed(connection, created));
    }
    const groups = membership.groups[kind];
    if (groups.size >= GROUPS_PER_CONNECTION_MAX && !groups.has(group)) return false;
    groups.add(group);
    return true;
  }

  /** A producer of the connection goes by this id from now on: replies to its requests find it. Of several connections the newest has it. */
  nameProducer(connection: Connection, clientId: string): void {
    const membership = this.#memberships.get(connection.id);
    if (membership === undefined || (membership.producerId === clientId && this.#producers.has(clientId))) return;
    this.#forgetProducer(connection, membership);
    membership.producerId = clientId;
    const sinceMs = this.thread.now();
    this.#producers.set(clientId, { connection: connection.id, sinceMs });
    for (const shard of this.shards) {
      // Best effort: a shard that does not hear it has the older connection until that closes.
      if (shard !== this.thread.name)
        this.thread.ref<ProducerMoved>(joinedGroupsPath(shard)).tell({ kind: 'producer-moved', clientId, sinceMs });
    }
  }

  /** Another shard's connection has the id since then. */
  producerMoved(clientId: string, sinceMs: number): void {
    const known = this.#producers.get(clientId);
    if (known !== undefined && known.sinceMs < sinceMs) this.#producers.delete(clientId);
  }

  /** The connection of this shard whose producers go by the id. */
  findProducer(clientId: string): ProducerConnection | undefined {
    return this.#producers.get(clientId);
  }

  #forgetProducer(connection: Connection, { producerId }: Membership): void {
    if (producerId !== null && this.#producers.get(producerId)?.connection === connection.id) this.#producers.delete(producerId);
  }

  /** False: the connection has gone, and nothing may be said in its name. */
  isMember(connection: Connection): boolean {
    return this.#memberships.has(connection.id);
  }

  hasJoined(connection: Connection, kind: GroupKind, group: string): boolean {
    return this.#memberships.get(connection.id)?.groups[kind].has(group) === true;
  }

  /** Names of the groups that connections of this shard belong to. */
  joinedGroups(kind: GroupKind): string[] {
    const names = new Set<string>();
    for (const { groups } of this.#memberships.values()) for (const group of groups[kind]) names.add(group);
    return [...names];
  }

  leave(connection: Connection, kind: GroupKind, group: string): void {
    this.#memberships.get(connection.id)?.groups[kind].delete(group);
  }

  #closed(connection: Connection, membership: Membership): void {
    this.#memberships.delete(connection.id);
    this.#forgetProducer(connection, membership);
    for (const group of membership.groups.consumer) this.#tellGone(consumerGroupPath(group), connection, LEAVE_TRIES_MAX);
    for (const group of membership.groups.producer) this.#tellGone(producerGroupPath(group), connection, LEAVE_TRIES_MAX);
  }

  /** Again until the group has heard it: else the others would wait for its expiry. */
  #tellGone(path: string, connection: Connection, tries: number): void {
    const { shard, id } = connection;
    const build = (replyTo: ActorRef<Unregistered>): UnregisterMember => ({ kind: 'unregister', shard, connection: id, replyTo });
    this.thread.ask<Unregistered, UnregisterMember>(this.thread.ref(path), build, ASK_MAX_MS, (reply) => {
      if (reply !== undefined || tries <= 1) return;
      this.thread.schedule(LEAVE_AGAIN_MS, () => this.#tellGone(path, connection, tries - 1));
    });
  }
}

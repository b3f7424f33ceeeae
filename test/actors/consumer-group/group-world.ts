/**
 * The group actors in a simulation of several shards, with a store that keeps tables in memory, a topic registry that makes every
 * topic, and gateways that keep what they are to push.
 */
import { ConsumerGroupActor, type GroupShard } from '../../../actors/consumer-group/consumer-group-actor.ts';
import type { HeartbeatCommand, HeartbeatTaken } from '../../../actors/consumer-group/consumer-group-messages.ts';
import type { QueueRanges } from '../../../actors/consumer-group/decide-offset.ts';
import { DEFAULT_GROUP_LIMITS } from '../../../actors/consumer-group/group-limits.ts';
import { GroupRegistryActor } from '../../../actors/consumer-group/group-registry-actor.ts';
import type { EnsureGroup, GroupReply } from '../../../actors/consumer-group/group-registry-messages.ts';
import { GroupTable } from '../../../actors/consumer-group/group-table.ts';
import {
  consumerGroupPath,
  GROUP_REGISTRY_PATH,
  GroupTableActor,
  groupTablePath,
} from '../../../actors/consumer-group/group-table-actor.ts';
import { GROUPS_FILE } from '../../../actors/consumer-group/groups-json.ts';
import { LOCK_STORE_PATH, LockStoreActor } from '../../../actors/consumer-group/lock-store-actor.ts';
import { LOCKS_FILE } from '../../../actors/consumer-group/lock-table.ts';
import { OFFSET_STORE_PATH, OffsetStoreActor } from '../../../actors/consumer-group/offset-store-actor.ts';
import { OFFSETS_FILE } from '../../../actors/consumer-group/offset-table.ts';
import type { CloseClient, PushToClient } from '../../../actors/gateway/request.ts';
import type { SaveTable } from '../../../actors/store/store-messages.ts';
import type { EnsureTopic } from '../../../actors/topic/topic-registry-actor.ts';
import type { SubscriptionData } from '../../../model/subscription.ts';
import type { ActorMessage, ActorRef } from '../../../runtime/actor.ts';
import { Simulation } from '../../../runtime/simulation.ts';

export class GroupWorld {
  readonly simulation: Simulation;
  readonly shards: readonly GroupShard[];
  readonly tables: Map<string, GroupTable> = new Map();
  /** Saved tables by name. */
  readonly saved: Map<string, string>;
  /** Pushes by gateway. */
  readonly pushes: PushToClient[][] = [];
  /** Connections that were to be closed. */
  readonly closed: CloseClient[] = [];
  readonly topics: Set<string> = new Set();
  /** What saves are answered with. */
  saveError: string | null = null;
  saves = 0;
  #text = '';
  ranges: QueueRanges = { minOffset: () => 0, maxOffset: () => 1_000, handle: () => 0 };

  /** @param saved tables of a former life */
  constructor(seed: number, shardCount: number, autoCreate = true, saved: ReadonlyMap<string, string> = new Map()) {
    this.saved = new Map(saved);
    this.simulation = new Simulation({ seed, startMs: 1_800_000_000_000 });
    this.shards = Array.from({ length: shardCount }, (_, id) => ({ name: `shard-${id}`, id }));
    const { simulation } = this;
    simulation.spawn<SaveTable>('store', () => ({ receive: (message) => this.#save(message) }), { mailboxMax: 65_536 });
    simulation.spawn<EnsureTopic>('topic-registry', () => ({
      receive: (message) => {
        this.topics.add(message.topic);
        message.replyTo.tell({ kind: 'topic-ready', topic: message.topic });
      },
    }));
    for (const shard of this.shards) {
      const kept: PushToClient[] = [];
      this.pushes.push(kept);
      const receive = (message: PushToClient | CloseClient): void => {
        if (message.kind === 'push-to-client') kept.push(message);
        else this.closed.push(message);
      };
      simulation.spawn<PushToClient | CloseClient>(`gateway/${shard.id}`, () => ({ receive }), { mailboxMax: 1024 });
      const table = new GroupTable();
      this.tables.set(shard.name, table);
      simulation.spawn<never>(groupTablePath(shard.name), () => new GroupTableActor(table, shard.name) as never, { mailboxMax: 65_536 });
    }
    const load = (name: string) => () => JSON.parse(this.saved.get(name) ?? 'null') as unknown;
    simulation.spawn<never>(
      OFFSET_STORE_PATH,
      () => new OffsetStoreActor({ load: load(OFFSETS_FILE), sync: false, limits: DEFAULT_GROUP_LIMITS, ranges: this.ranges }) as never,
    );
    simulation.spawn<never>(LOCK_STORE_PATH, () => new LockStoreActor({ load: load(LOCKS_FILE), sync: false }) as never);
    let lives = 0;
    simulation.spawn<never>(
      GROUP_REGISTRY_PATH,
      () =>
        new GroupRegistryActor({
          load: load(GROUPS_FILE),
          autoCreate,
          groupsMax: 50_000,
          shards: this.shards.map((shard) => shard.name),
          isSuccessor: lives++ > 0,
          sync: false,
        }) as never,
    );
    simulation.register('consumer-group/', { create: (_path, group) => this.#group(group), mailboxMax: 16_384 });
    simulation.advance(50);
  }

  /** The copy on one shard. */
  table(shard = 0): GroupTable {
    return this.tables.get(`shard-${shard}`)!;
  }

  ensure(group: string): GroupReply | undefined {
    return this.simulation.ask<GroupReply, EnsureGroup>(
      this.simulation.ref(GROUP_REGISTRY_PATH),
      (replyTo) => ({ kind: 'ensure-group', group, replyTo }),
      5_000,
    );
  }

  /** A heartbeat as a client of `shard` sends it. */
  heartbeat(
    group: string,
    connection: number,
    options: Partial<HeartbeatCommand> & { clientId?: string; shard?: number } = {},
  ): HeartbeatTaken | undefined {
    const { clientId = `client-${connection}`, shard = 0, ...rest } = options;
    return this.simulation.ask<HeartbeatTaken, HeartbeatCommand>(
      this.group(group),
      (replyTo) => ({
        kind: 'heartbeat',
        member: { clientId, shard, connection, address: `127.0.0.1:${connection}`, language: 'JAVA', version: 479 },
        habits: { consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' },
        subscriptions: [subscription('T')],
        fingerprint: 0,
        withoutSub: false,
        ...rest,
        replyTo,
      }),
      8_000,
    );
  }

  group<M extends ActorMessage>(group: string): ActorRef<M> {
    return this.simulation.ref(consumerGroupPath(group));
  }

  /** Connections that were told of a change, in order, since the last call. */
  notices(shard = 0): number[] {
    return this.pushes[shard]!.splice(0).map((push) => push.connection);
  }

  ids(group: string, shard = 0): string[] {
    return [...(this.table(shard).get(group)?.members.values() ?? [])].map((member) => member.clientId);
  }

  #group(group: string): ConsumerGroupActor {
    const ranges: QueueRanges = {
      minOffset: (topic, queueId) => this.ranges.minOffset(topic, queueId),
      maxOffset: (topic, queueId) => this.ranges.maxOffset(topic, queueId),
      handle: (topic, queueId) => this.ranges.handle(topic, queueId),
    };
    const shard = this.shards[0]!.name;
    return new ConsumerGroupActor({
      group,
      table: this.tables.get(shard)!,
      ranges,
      limits: DEFAULT_GROUP_LIMITS,
      hasTopic: (topic) => this.topics.has(topic),
      shards: this.shards,
      shard,
    });
  }

  #save(message: SaveTable): void {
    const { part = 0, parts = 1 } = message;
    if (part === 0) this.#text = '';
    this.#text += message.text;
    if (part < parts - 1) return;
    this.saves++;
    if (this.saveError === null) {
      this.saved.set(message.name, this.#text);
      message.replyTo.tell({ kind: 'table-saved', name: message.name, ok: true });
    } else message.replyTo.tell({ kind: 'table-saved', name: message.name, ok: false, error: this.saveError });
  }
}

export function subscription(topic: string, subVersion = 1, subString = '*'): SubscriptionData {
  return { topic, expressionType: 'TAG', subString, subVersion, codeSet: [], tagsSet: [], classFilterMode: false };
}

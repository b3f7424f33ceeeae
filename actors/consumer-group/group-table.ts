/**
 * Group table: a shard's own copy of every consumer group's configuration, members and subscriptions. One a shard, filled by its
 * group-table actor alone and read by everything else there: pulls look up their subscription here without a message. It is told
 * of a change before the client that made it is answered.
 * Source: RocketMQ `SubscriptionGroupManager.subscriptionGroupTable`, `ConsumerManager.consumerTable`.
 */
import { SUBSCRIBE_ALL, type SubscriptionData } from '../../model/subscription.ts';
import { pluginOf } from '../filter/plugin-binding.ts';
import type { OffsetColumns } from './committed-offsets.ts';
import { type ForbiddenTable, forbiddenOf, mayRead } from './forbidden-topics.ts';
import type { GroupConfig, GroupTableVersion } from './group-config.ts';
import { type GroupHabits, type Member, memberKey } from './members.ts';
import { PendingResets } from './pending-resets.ts';

/** What a group wants of one topic, ready for the pull path. */
export interface GroupSubscription {
  readonly topic: string;
  /** `TAG`, `SQL92` or whatever the client said. */
  readonly expressionType: string;
  readonly subString: string;
  readonly subVersion: number;
  /** Hashes of the tags that match, sorted; a message's tag code is compared as int32. */
  readonly codes: Int32Array;
  readonly tags: readonly string[];
  /** Every message matches. */
  readonly all: boolean;
  readonly classFilterMode: boolean;
}

/** A group as this shard knows it. Changed in place by the group-table actor; without members it is offline. */
export interface GroupState {
  readonly config: GroupConfig;
  /** Connections, not clients. */
  readonly memberCount: number;
  readonly members: ReadonlyMap<number, Member>;
  readonly subscriptions: ReadonlyMap<string, GroupSubscription>;
  readonly habits: GroupHabits;
  /** True when the group's latest heartbeat says BROADCASTING. */
  readonly isBroadcast: boolean;
  /** Offsets that a tool has set: the next pull of such a queue is told to go on there. */
  readonly resets: PendingResets;
  /** Not every pull may simply be served: consumption, broadcasting or a topic is forbidden, or an offset was reset. */
  readonly isRestricted: boolean;
  /** The filter plugin that its members are behind, whatever they pull; null: none. */
  readonly plugin: string | null;
  /** Clients whose subscriptions differ from those of the others. */
  readonly differing: readonly string[];
  /** One more with every change of the members. */
  readonly memberRevision: number;
}

type Entry = {
  /** Null: only members are known, for they may come before the configuration when a shard starts again. */
  config: GroupConfig | null;
  memberCount: number;
  members: Map<number, Member>;
  subscriptions: Map<string, GroupSubscription>;
  habits: GroupHabits;
  isBroadcast: boolean;
  resets: PendingResets;
  isRestricted: boolean;
  plugin: string | null;
  differing: readonly string[];
  memberRevision: number;
};

const NO_HABITS: GroupHabits = {
  consumeType: 'CONSUME_PASSIVELY',
  messageModel: 'CLUSTERING',
  consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
};

export class GroupTable {
  readonly #entries: Map<string, Entry> = new Map();
  #configs = 0;
  #version: GroupTableVersion = { counter: 0, stateVersion: 0, timestamp: 0 };
  #forbidden = '{}';
  #forbiddenTopics: ForbiddenTable = new Map();
  /** All configurations have come since the shard started; before, an unknown group may be one that exists. */
  complete = false;
  /** Called when a group has become restricted: pulls of its members may be held. */
  onRestricted: ((group: string) => void) | null = null;
  /** Called when a group is bound to another plugin than before: pulls of its members may be held. */
  onRebound: ((group: string) => void) | null = null;

  /** Undefined: no such group; the registry decides whether it may be made. */
  get(group: string): GroupState | undefined {
    const entry = this.#entries.get(group);
    return entry !== undefined && isKnown(entry) ? entry : undefined;
  }

  /** Groups with a configuration. */
  get size(): number {
    return this.#configs;
  }

  /** Version of the configurations. */
  get version(): GroupTableVersion {
    return this.#version;
  }

  /** Topics that groups may not read (`forbiddenTable` of subscriptionGroup.json), as its JSON text. */
  get forbidden(): string {
    return this.#forbidden;
  }

  *all(): IterableIterator<GroupState> {
    for (const entry of this.#entries.values()) if (isKnown(entry)) yield entry;
  }

  /** Members and subscriptions as this shard was told them, whether or not the group has a configuration. */
  peek(group: string): Omit<GroupState, 'config'> | undefined {
    return this.#entries.get(group);
  }

  /** Groups with members that subscribe to `topic`. */
  subscribersOf(topic: string): string[] {
    const groups: string[] = [];
    for (const [group, entry] of this.#entries) if (entry.memberCount > 0 && entry.subscriptions.has(topic)) groups.push(group);
    return groups;
  }

  /** Only for the group-table actor, as all that follows. */
  setVersion(version: GroupTableVersion, forbidden: string): void {
    this.#version = version;
    if (forbidden === this.#forbidden) return;
    const before = this.#forbiddenTopics;
    this.#forbidden = forbidden;
    this.#forbiddenTopics = forbiddenOf(forbidden);
    for (const group of new Set([...before.keys(), ...this.#forbiddenTopics.keys()])) this.#restrict(group);
  }

  /** False: a tool has forbidden the group to read the topic. */
  mayRead(group: string, topic: string): boolean {
    return mayRead(this.#forbiddenTopics, group, topic);
  }

  putConfig(config: GroupConfig): void {
    const entry = this.#entry(config.groupName);
    if (entry.config === null) this.#configs++;
    entry.config = config;
    const plugin = pluginOf(config.attributes);
    const isRebound = plugin !== entry.plugin;
    entry.plugin = plugin;
    this.#restrict(config.groupName);
    if (isRebound) this.onRebound?.(config.groupName);
  }

  /** Its members stay: they belong to the consumer-group actor, and a group may be made again. */
  removeConfig(group: string): void {
    const entry = this.#entries.get(group);
    if (entry === undefined || entry.config === null) return;
    entry.config = null;
    entry.plugin = null;
    this.#configs--;
    this.#drop(group, entry);
  }

  setMembers(group: string, isWhole: boolean, joined: readonly Member[], left: readonly Member[]): void {
    const entry = this.#entry(group);
    if (isWhole) entry.members.clear();
    for (const member of left) entry.members.delete(memberKey(member.shard, member.connection));
    for (const member of joined) entry.members.set(memberKey(member.shard, member.connection), member);
    entry.memberCount = entry.members.size;
    entry.memberRevision++;
    this.#drop(group, entry);
  }

  setSubscriptions(
    group: string,
    habits: GroupHabits,
    subscriptions: readonly SubscriptionData[],
    differing: readonly string[] = [],
  ): void {
    const entry = this.#entry(group);
    entry.habits = habits;
    entry.differing = differing;
    entry.isBroadcast = habits.messageModel === 'BROADCASTING';
    // A pull may hold the old map over its turn: it is replaced, not changed.
    const newest = new Map<string, GroupSubscription>();
    for (const subscription of subscriptions) newest.set(subscription.topic, groupSubscription(subscription));
    entry.subscriptions = newest;
    this.#restrict(group);
    this.#drop(group, entry);
  }

  /** `isWhole`: these are all that are pending; an offset of −1 is not pending any more. */
  setResets(group: string, isWhole: boolean, columns: OffsetColumns): void {
    const entry = this.#entry(group);
    if (isWhole) entry.resets.clear();
    entry.resets.load(columns);
    this.#restrict(group);
    this.#drop(group, entry);
  }

  /**
   * For a pull, too: the offset that a tool has set for the queue, which from now on is not pending on this shard; −1: none. The
   * group's actor is to be told.
   */
  takeReset(group: string, topic: string, queueId: number): number {
    const entry = this.#entries.get(group);
    if (entry === undefined) return -1;
    const offset = entry.resets.take(topic, queueId);
    if (offset >= 0) this.#restrict(group, false);
    return offset;
  }

  #restrict(group: string, isTold = true): void {
    const entry = this.#entries.get(group);
    if (entry === undefined) return;
    const { config, isBroadcast, resets } = entry;
    const isOff = config !== null && (!config.consumeEnable || (isBroadcast && !config.consumeBroadcastEnable));
    entry.isRestricted = isOff || resets.size > 0 || this.#forbiddenTopics.has(group);
    if (entry.isRestricted && isTold) this.onRestricted?.(group);
  }

  #entry(group: string): Entry {
    let entry = this.#entries.get(group);
    if (entry === undefined) {
      entry = {
        config: null,
        memberCount: 0,
        members: new Map(),
        subscriptions: new Map(),
        habits: NO_HABITS,
        isBroadcast: false,
        resets: new PendingResets(),
        isRestricted: this.#forbiddenTopics.has(group),
        plugin: null,
        differing: [],
        memberRevision: 0,
      };
      this.#entries.set(group, entry);
    }
    return entry;
  }

  #drop(group: string, entry: Entry): void {
    if (entry.config === null && entry.memberCount === 0 && entry.subscriptions.size === 0 && entry.resets.size === 0)
      this.#entries.delete(group);
  }
}

function isKnown(entry: Entry): entry is Entry & GroupState {
  return entry.config !== null;
}

/** A heartbeat's subscription, ready for the pull path. */
export function groupSubscription(subscription: SubscriptionData): GroupSubscription {
  return {
    topic: subscription.topic,
    expressionType: subscription.expressionType,
    subString: subscription.subString,
    subVersion: subscription.subVersion,
    codes: Int32Array.from(subscription.codeSet).sort(),
    tags: subscription.tagsSet,
    all: subscription.subString === SUBSCRIBE_ALL || subscription.subString === '' || subscription.classFilterMode,
    classFilterMode: subscription.classFilterMode,
  };
}

/** The same as it travels. */
export function subscriptionData(subscription: GroupSubscription): SubscriptionData {
  return {
    topic: subscription.topic,
    subString: subscription.subString,
    tagsSet: subscription.tags,
    codeSet: [...subscription.codes],
    subVersion: subscription.subVersion,
    expressionType: subscription.expressionType,
    classFilterMode: subscription.classFilterMode,
  };
}

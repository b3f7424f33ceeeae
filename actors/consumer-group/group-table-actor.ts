/**
 * Group-table actor: keeps its shard's copy of the groups (group-table.ts) as the group registry and the consumer-group actors
 * say, and lets a consumer-group actor that was started again read its members back. One a shard, at
 * `<shard thread>/group-table`. Fails by assertion only; restarted, it asks the registry for all configurations until they have
 * come; members come from their actors, which watch it.
 * Source: RocketMQ `SubscriptionGroupManager`, `ConsumerManager`.
 */
import type { SubscriptionData } from '../../model/subscription.ts';
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { OffsetColumns } from './committed-offsets.ts';
import type { GroupConfig, GroupTableVersion } from './group-config.ts';
import { type GroupTable, subscriptionData } from './group-table.ts';
import type { GroupHabits, Member } from './members.ts';

/** From the registry: configurations made or changed, groups deleted. Answered with `copied`. */
export type GroupConfigsChanged = {
  readonly kind: 'group-configs-changed';
  readonly version: GroupTableVersion;
  readonly forbidden: string;
  readonly configs: readonly GroupConfig[];
  readonly removed: readonly string[];
  /** `first` to `last` frame a full sending: what it does not name has gone. */
  readonly part: 'change' | 'first' | 'next' | 'last';
  readonly revision: number;
};
/** From a consumer-group actor. `isWhole`: `joined` are all members. Answered with `copied` when `revision` is not 0. */
export type GroupMembersChanged = {
  readonly kind: 'group-members-changed';
  readonly group: string;
  readonly isWhole: boolean;
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
  readonly revision: number;
};
/** From a consumer-group actor: all its subscriptions. Answered with `copied` when `revision` is not 0. */
export type GroupSubscriptionsChanged = {
  readonly kind: 'group-subscriptions-changed';
  readonly group: string;
  readonly habits: GroupHabits;
  readonly subscriptions: readonly SubscriptionData[];
  /** Clients whose subscriptions differ from those of the others. */
  readonly differing: readonly string[];
  readonly revision: number;
};
/**
 * From a consumer-group actor: offsets that a tool has set and no pull has taken yet; −1: taken. `isWhole`: these are all.
 * Answered with `copied` when `revision` is not 0.
 */
export type GroupResetsChanged = {
  readonly kind: 'group-resets-changed';
  readonly group: string;
  readonly isWhole: boolean;
  readonly columns: OffsetColumns;
  readonly revision: number;
};
/** From a consumer-group actor that was started again: what does this shard know of it? `from` counts members. */
export type RecallMembers = {
  readonly kind: 'recall-members';
  readonly group: string;
  readonly from: number;
  readonly replyTo: ActorRef<MembersRecalled>;
};
export type MembersRecalled = {
  readonly kind: 'members-recalled';
  readonly members: readonly Member[];
  /** Where the next page begins; −1: this was the last. */
  readonly next: number;
  readonly habits: GroupHabits | null;
  /** With the first page. */
  readonly subscriptions: readonly SubscriptionData[];
};
/** Groups with members, page by page; `from` counts groups. */
export type ListOnline = { readonly kind: 'list-online'; readonly from: number; readonly replyTo: ActorRef<OnlineListed> };
export type OnlineListed = {
  readonly kind: 'online-listed';
  readonly groups: readonly { readonly group: string; readonly members: number; readonly differing: readonly string[] }[];
  /** Where the next page begins; −1: this was the last. */
  readonly next: number;
};
export type GroupTableCommand =
  | GroupConfigsChanged
  | GroupMembersChanged
  | GroupSubscriptionsChanged
  | GroupResetsChanged
  | RecallMembers
  | ListOnline;

/** To whoever sent a change with a revision: this shard has it, and all before it. */
export type Copied = { readonly kind: 'copied'; readonly shard: string; readonly revision: number };
/** To the registry: this shard's copy is empty; said again until the configurations have come. */
export type GroupTableStarted = { readonly kind: 'group-table-started'; readonly shard: string };

/** To the registry: the group has members and no configuration. Not answered. */
export type AdoptGroup = { readonly kind: 'adopt-group'; readonly group: string };

type AskAgain = { readonly kind: 'ask-again' };

const FIRST_ASK_MS = 15;
const ASK_AGAIN_MS = 100;
/** Members in one message: it must fit one record between threads. */
export const MEMBERS_PER_MESSAGE = 64;

export const GROUP_REGISTRY_PATH = 'group-registry';

export function groupTablePath(shardName: string): string {
  return `${shardName}/group-table`;
}

export function consumerGroupPath(group: string): string {
  return `consumer-group/${group}`;
}

export class GroupTableActor implements Actor<GroupTableCommand | AskAgain> {
  readonly #table: GroupTable;
  readonly #shard: string;
  /** Groups that came since the first part of a full sending; null outside. */
  #seen: Set<string> | null = null;
  #complete = false;

  /** @param shard name of the thread, as in the paths of its actors. */
  constructor(table: GroupTable, shard: string) {
    this.#table = table;
    this.#shard = shard;
  }

  started(context: ActorContext): void {
    // The registry may be starting at this very moment, on another thread or this one.
    context.schedule(FIRST_ASK_MS, { kind: 'ask-again' } satisfies AskAgain);
  }

  receive(message: GroupTableCommand | AskAgain, context: ActorContext): void {
    switch (message.kind) {
      case 'group-configs-changed':
        this.#onConfigs(message, context);
        this.#answer(context, GROUP_REGISTRY_PATH, message.revision);
        return;
      case 'group-members-changed':
        this.#table.setMembers(message.group, message.isWhole, message.joined, message.left);
        this.#adopt(message.group, context);
        this.#answer(context, consumerGroupPath(message.group), message.revision);
        return;
      case 'group-subscriptions-changed':
        this.#table.setSubscriptions(message.group, message.habits, message.subscriptions, message.differing);
        this.#answer(context, consumerGroupPath(message.group), message.revision);
        return;
      case 'group-resets-changed':
        this.#table.setResets(message.group, message.isWhole, message.columns);
        this.#answer(context, consumerGroupPath(message.group), message.revision);
        return;
      case 'recall-members':
        this.#recall(message);
        return;
      case 'list-online':
        this.#listOnline(message);
        return;
      case 'ask-again':
        if (!this.#complete) this.#ask(context);
        return;
    }
  }

  #onConfigs(message: GroupConfigsChanged, context: ActorContext): void {
    if (message.part === 'first') this.#seen = new Set();
    for (const group of message.removed) this.#table.removeConfig(group);
    for (const config of message.configs) {
      this.#table.putConfig(config);
      this.#seen?.add(config.groupName);
    }
    this.#table.setVersion(message.version, message.forbidden);
    if (message.part !== 'last') return;
    const seen = this.#seen;
    this.#seen = null;
    this.#complete = true;
    this.#table.complete = true;
    if (seen === null) return;
    for (const { config } of [...this.#table.all()]) {
      if (seen.has(config.groupName)) continue;
      this.#table.removeConfig(config.groupName);
      this.#adopt(config.groupName, context);
    }
  }

  /**
   * A group with members and no configuration came into being just before the registry died, which then had not saved it: it is
   * made again at once, else its members would be refused until their next heartbeat.
   */
  #adopt(group: string, context: ActorContext): void {
    if (!this.#table.complete || this.#table.get(group) !== undefined || (this.#table.peek(group)?.memberCount ?? 0) === 0) return;
    const registry: ActorRef<AdoptGroup> = context.ref(GROUP_REGISTRY_PATH);
    registry.tell({ kind: 'adopt-group', group });
  }

  /** An answer that finds no room is not kept: its addressee sends everything again when it misses one. */
  #answer(context: ActorContext, path: string, revision: number): void {
    if (revision === 0) return;
    const sender: ActorRef<Copied> = context.ref(path);
    sender.tell({ kind: 'copied', shard: this.#shard, revision });
  }

  #recall(message: RecallMembers): void {
    const known = this.#table.peek(message.group);
    const members: Member[] = [];
    let index = 0;
    if (known !== undefined) {
      for (const member of known.members.values()) {
        if (index >= message.from && members.length < MEMBERS_PER_MESSAGE) members.push(member);
        index++;
      }
    }
    const end = message.from + members.length;
    message.replyTo.tell({
      kind: 'members-recalled',
      members,
      next: end < index ? end : -1,
      habits: known?.habits ?? null,
      subscriptions: message.from === 0 && known !== undefined ? [...known.subscriptions.values()].map(subscriptionData) : [],
    });
  }

  #listOnline(message: ListOnline): void {
    const groups: { group: string; members: number; differing: readonly string[] }[] = [];
    let index = 0;
    for (const { config, memberCount, differing } of this.#table.all()) {
      if (memberCount === 0) continue;
      if (index >= message.from && groups.length < MEMBERS_PER_MESSAGE)
        groups.push({ group: config.groupName, members: memberCount, differing });
      index++;
    }
    const end = message.from + groups.length;
    message.replyTo.tell({ kind: 'online-listed', groups, next: end < index ? end : -1 });
  }

  /** Repeated until everything came: the registry's thread may start after this one, or start again in between. */
  #ask(context: ActorContext): void {
    const registry: ActorRef<GroupTableStarted> = context.ref(GROUP_REGISTRY_PATH);
    registry.tell({ kind: 'group-table-started', shard: this.#shard });
    context.schedule(ASK_AGAIN_MS, { kind: 'ask-again' } satisfies AskAgain);
  }
}

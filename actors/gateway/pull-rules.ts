/**
 * The rules that a pull must keep, in the Java broker's order, and what it wants: tag codes that the queue's units are compared with, or a
 * filter that looks at the messages themselves. One a shard. What is wanted is kept by its expression: a pull makes nothing.
 *
 * Refusals: 1 a kind of subscription that is not served; 16 not readable or consumption off; 23 the subscription cannot be parsed;
 * 24 no subscription, heartbeat first; 25 the subscription is older than the client's; 29 a bad queue id.
 * Source: RocketMQ 5.3 `PullMessageProcessor.processRequest`.
 */
import { MessageTextError } from '../../model/errors.ts';
import { javaHash } from '../../model/java-hash.ts';
import { isReadable } from '../../model/permission.ts';
import { EXPRESSION_PLUGIN, EXPRESSION_SQL92, isTagType, parseTags } from '../../model/subscription.ts';
import { PULL_SUBSCRIPTION_FLAG } from '../../model/system-flag.ts';
import { utf8Text } from '../../model/utf8.ts';
import type { PullHeader } from '../../protocol/remoting/pull-scanner.ts';
import * as code from '../../protocol/remoting/response-code.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import type { EnsureGroup, GroupReply } from '../consumer-group/group-registry-messages.ts';
import type { GroupState, GroupTable } from '../consumer-group/group-table.ts';
import { GROUP_REGISTRY_PATH } from '../consumer-group/group-table-actor.ts';
import { pluginsOf } from '../filter/plugin-binding.ts';
import type { PluginDoor } from '../filter/plugin-door.ts';
import type { RecordFilter, RecordTest } from '../filter/record-filter.ts';
import { SqlFilters } from '../filter/sql-filters.ts';
import { type TagTest, tagTestOf } from '../filter/tag-test.ts';
import { TagExpressions } from '../queue/tag-expressions.ts';
import type { TopicState, TopicTable } from '../topic/topic-table.ts';
import type { ClientConnection } from './client-connection.ts';

/** Groups that pulls have asked to be made and that may not have come yet; asked for again after this many others. */
const ASKED_GROUPS_MAX = 256;
const ENSURE_MAX_MS = 2_500;
/** Combinations of plugins kept with one wish. */
const WISHES_MAX = 256;

/** Why a pull has no permission, for clients that ask. Source: RocketMQ `ForbiddenType`. */
const BROKER_FORBIDDEN: Record<string, string> = { forbiddenType: '1' };
export const GROUP_FORBIDDEN: Record<string, string> = { forbiddenType: '2' };
const TOPIC_FORBIDDEN: Record<string, string> = { forbiddenType: '3' };
const BROADCASTING_FORBIDDEN: Record<string, string> = { forbiddenType: '4' };
const SUBSCRIPTION_FORBIDDEN: Record<string, string> = { forbiddenType: '5' };
const TYPE_SHOWN_MAX = 32;

/** What a pull wants: messages with one of these tag codes (empty: all) that the filter, if there is one, and then all the plugins let through. */
export type Wanted = {
  readonly codes: readonly number[];
  /** The tags themselves, for other tags may have the same codes; null: the codes are all that is known. */
  readonly tags: TagTest | null;
  readonly filter: RecordTest | null;
  readonly plugins: readonly string[];
};

const NO_PLUGINS: readonly string[] = [];
const ALL: Wanted = { codes: [], tags: null, filter: null, plugins: NO_PLUGINS };

export type PullRulesParts = {
  readonly thread: ThreadContext;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  /** `enablePropertyFilter`; read at each use. */
  readonly limits: { readonly propertyFilter: boolean };
  readonly plugins: PluginDoor;
  readonly refuse: (connection: ClientConnection, header: PullHeader, code: number, remark: string, ext?: Record<string, string>) => void;
  /** A tool has set the queue's offset for the group: the pull is answered with it. */
  readonly onReset: (connection: ClientConnection, header: PullHeader, topic: TopicState, group: string, reset: number) => void;
};

export class PullRules {
  readonly #parts: PullRulesParts;
  readonly #topics: TopicTable;
  readonly #groups: GroupTable;
  readonly #refuse: PullRulesParts['refuse'];
  readonly #filters = new SqlFilters();
  readonly #tags = new TagExpressions();
  /** By the codes or the filter that it was made of. */
  readonly #wanted: WeakMap<Int32Array | readonly number[] | RecordFilter, Wanted> = new WeakMap();
  readonly #behindPlugins: WeakMap<Wanted, Map<string, Wanted>> = new WeakMap();
  readonly #askedGroups: Set<string> = new Set();

  constructor(parts: PullRulesParts) {
    this.#parts = parts;
    this.#topics = parts.topics;
    this.#groups = parts.groups;
    this.#refuse = parts.refuse;
  }

  /** What the pull wants; null: it was answered. */
  check(connection: ClientConnection, header: PullHeader, topic: TopicState, group: string): Wanted | null {
    const state = this.#groups.get(group);
    const withSubscription = (header.sysFlag & PULL_SUBSCRIPTION_FLAG) !== 0;
    if (state === undefined && !withSubscription) {
      const remark = `the consumer group [${group}] is not known here; send a heartbeat first`;
      this.#refuse(connection, header, this.#groups.complete ? code.SUBSCRIPTION_NOT_EXIST : code.SYSTEM_BUSY, remark);
      return null;
    }
    if (state === undefined) this.#ensureGroup(group);
    if (state?.isRestricted && !this.#mayPull(connection, header, topic, state, withSubscription)) return null;
    if (!isReadable(topic.perm)) {
      const isBroker = !isReadable(this.#topics.brokerPermission);
      const remark = isBroker
        ? 'the broker pulling message is forbidden: its brokerPermission has no read bit'
        : `the topic[${topic.name}] pulling message is forbidden: its perm ${topic.perm} has no read bit`;
      this.#refuse(connection, header, code.NO_PERMISSION, remark, isBroker ? BROKER_FORBIDDEN : TOPIC_FORBIDDEN);
      return null;
    }
    if (header.queueId < 0 || header.queueId >= topic.readQueues) {
      const remark = `queueId[${header.queueId}] is illegal, topic:[${topic.name}] topicConfig.readQueueNums:[${topic.readQueues}] consumer:[${connection.remoteAddress}]; refresh the route`;
      this.#refuse(connection, header, code.INVALID_PARAMETER, remark);
      return null;
    }
    const wanted = withSubscription ? this.#inline(connection, header) : this.#bySubscription(connection, header, topic, state!);
    // What a topic or a group is bound to comes behind what the consumer asks for.
    if (wanted === null || (topic.plugin === null && (state === undefined || state.plugin === null))) return wanted;
    return this.#withPlugins(wanted, pluginsOf(topic, group, state?.plugin ?? null, wanted.plugins));
  }

  /** By the subscription of the group's heartbeats. */
  #bySubscription(connection: ClientConnection, header: PullHeader, topic: TopicState, state: GroupState): Wanted | null {
    const group = state.config.groupName;
    const subscription = state.subscriptions.get(topic.name);
    if (subscription === undefined || state.memberCount === 0) {
      const remark = `the consumer's subscription not exist, group: ${group}, topic: ${topic.name}; send a heartbeat with it first`;
      this.#refuse(connection, header, code.SUBSCRIPTION_NOT_EXIST, remark);
      return null;
    }
    if (subscription.subVersion < header.subVersion) {
      this.#refuse(
        connection,
        header,
        code.SUBSCRIPTION_NOT_LATEST,
        "the consumer's subscription not latest; send a heartbeat with the new one first",
      );
      return null;
    }
    if (!isTagType(subscription.expressionType))
      return this.#byExpression(connection, header, subscription.expressionType, subscription.subString);
    if (subscription.all) return ALL;
    const { codes } = subscription;
    return this.#wanted.get(codes) ?? this.#byTags(codes, [...codes], subscription.tags);
  }

  /** For a group of which not every pull may simply be served. False: it was answered. */
  #mayPull(connection: ClientConnection, header: PullHeader, topic: TopicState, state: GroupState, withSubscription: boolean): boolean {
    const { config } = state;
    const group = config.groupName;
    const refuse = (remark: string, forbidden: Record<string, string>): false => {
      this.#refuse(connection, header, code.NO_PERMISSION, remark, forbidden);
      return false;
    };
    if (!config.consumeEnable) {
      return refuse(pausedRemark(group), GROUP_FORBIDDEN);
    }
    if (!withSubscription && state.isBroadcast && !config.consumeBroadcastEnable) {
      const remark = `the consumer group[${group}] can not consume by broadcast way: broadcasting is switched off (consumeBroadcastEnable)`;
      return refuse(remark, BROADCASTING_FORBIDDEN);
    }
    if (!withSubscription && !this.#groups.mayRead(group, topic.name)) {
      return refuse(`the consumer group[${group}] is forbidden for topic[${topic.name}]; allow it to read again`, SUBSCRIPTION_FORBIDDEN);
    }
    const handle = topic.queueHandles[header.queueId];
    const reset = handle === undefined ? -1 : state.resets.get(topic.name, header.queueId);
    if (handle === undefined || reset < 0) return true;
    this.#parts.onReset(connection, header, topic, group, reset);
    return false;
  }

  /** The subscription that the pull itself brings. */
  #inline(connection: ClientConnection, header: PullHeader): Wanted | null {
    const type = utf8Text(header.text, header.expressionTypeStart, header.expressionTypeEnd);
    const expression = utf8Text(header.text, header.subscriptionStart, header.subscriptionEnd);
    if (!isTagType(type)) return this.#byExpression(connection, header, type, expression);
    const codes = this.#tags.of(expression);
    if (codes instanceof MessageTextError) return this.#unparsed(connection, header, codes.message);
    return this.#wanted.get(codes) ?? this.#byTags(codes, codes, parseTags(expression));
  }

  #byTags(key: Int32Array | readonly number[], codes: readonly number[], tags: readonly string[]): Wanted {
    return this.#keep(key, { codes, tags: tagTestOf(tags, codes, javaHash), filter: null, plugins: NO_PLUGINS });
  }

  #keep(key: Int32Array | readonly number[] | RecordFilter, wanted: Wanted): Wanted {
    this.#wanted.set(key, wanted);
    return wanted;
  }

  #unparsed(connection: ClientConnection, header: PullHeader, why: string): null {
    this.#refuse(connection, header, code.SUBSCRIPTION_PARSE_FAILED, `parse the consumer's subscription failed: ${why}`);
    return null;
  }

  #byExpression(connection: ClientConnection, header: PullHeader, type: string, expression: string): Wanted | null {
    if (type === EXPRESSION_PLUGIN) return this.#byPlugin(connection, header, expression.trim());
    if (type !== EXPRESSION_SQL92 || !this.#parts.limits.propertyFilter) {
      const reason = type === EXPRESSION_SQL92 ? ': enablePropertyFilter is false' : '';
      const remark = `The broker does not support consumer to filter message by ${type.slice(0, TYPE_SHOWN_MAX)}${reason}`;
      this.#refuse(connection, header, code.SYSTEM_ERROR, remark);
      return null;
    }
    const filter = this.#filters.of(expression);
    if ('remark' in filter) return this.#unparsed(connection, header, filter.remark);
    return this.#wanted.get(filter) ?? this.#keep(filter, { codes: ALL.codes, tags: null, filter, plugins: NO_PLUGINS });
  }

  /** A subscription that names a plugin. */
  #byPlugin(connection: ClientConnection, header: PullHeader, name: string): Wanted | null {
    const { plugins } = this.#parts;
    const fault = plugins.fault(name);
    if (fault === null) return this.#withPlugins(ALL, [name]);
    if (plugins.complete) return this.#unparsed(connection, header, fault);
    this.#refuse(connection, header, code.SYSTEM_BUSY, 'the broker is loading its filter plugins; pull again');
    return null;
  }

  /** The same object for the same wish, as long as few are known. */
  #withPlugins(wanted: Wanted, plugins: readonly string[]): Wanted {
    if (wanted.plugins.length === plugins.length) return wanted;
    let known = this.#behindPlugins.get(wanted);
    if (known === undefined) {
      known = new Map();
      this.#behindPlugins.set(wanted, known);
    }
    const key = plugins.join('/');
    let made = known.get(key);
    if (made === undefined) {
      if (known.size >= WISHES_MAX) known.clear();
      made = { codes: wanted.codes, tags: wanted.tags, filter: wanted.filter ?? wanted.tags, plugins };
      known.set(key, made);
    }
    return made;
  }

  /** A pull with its own subscription makes its group, so that the offsets that follow it are taken. It does not wait for that. */
  #ensureGroup(group: string): void {
    if (!this.#groups.complete || this.#askedGroups.has(group)) return;
    if (this.#askedGroups.size >= ASKED_GROUPS_MAX) this.#askedGroups.clear();
    this.#askedGroups.add(group);
    this.#parts.thread.ask<GroupReply, EnsureGroup>(
      this.#parts.thread.ref<EnsureGroup>(GROUP_REGISTRY_PATH),
      (replyTo) => ({ kind: 'ensure-group', group, replyTo }),
      ENSURE_MAX_MS,
      (reply) => {
        // Refused for good, the pull being served all the same; without an answer the next pull asks again.
        if (reply?.kind !== 'group-refused') this.#askedGroups.delete(group);
      },
    );
  }
}

export function pausedRemark(group: string): string {
  return `subscription group no permission, ${group}: consumption is switched off (consumeEnable)`;
}

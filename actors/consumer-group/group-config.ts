/**
 * A consumer group's configuration, in RocketMQ's own words, and what its name may be. Pure.
 * Source: RocketMQ `SubscriptionGroupConfig`, `SubscriptionGroupManager`, `TopicValidator.validateGroup`.
 */
import { type AttributeRule, changeAttributes, integerAttribute } from '../../model/attribute-changes.ts';
import { groupNameFault, TRANS_CONSUMER_GROUP } from '../../model/group.ts';
import { readerOf } from '../../protocol/remoting/bodies/body-reader.ts';
import { readSubscriptionGroupConfig, subscriptionGroupObject } from '../../protocol/remoting/bodies/subscription-group-config.ts';
import type { JsonValue } from '../../protocol/remoting/bodies/tolerant-json.ts';
import { PLUGIN_ATTRIBUTE, pluginNameFault } from '../filter/plugin-binding.ts';
import { GROUP_NAME_MAX, type Refusal } from './group-limits.ts';

const SYSTEM_ERROR = 1;
const INVALID_PARAMETER = 29;

/** One group as it stands in subscriptionGroup.json, travels in requests 200, 201 and 352, and in messages between actors. */
export type GroupConfig = {
  readonly groupName: string;
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeMessageOrderly: boolean;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly retryQueueNums: number;
  readonly retryMaxTimes: number;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly groupSysFlag: number;
  readonly consumeTimeoutMinute: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Members that the broker keeps for those who read them (retry policy, fixed subscriptions), as JSON text of one object. */
  readonly more: string;
};

/** Version of the group table; equal when all three are. */
export type GroupTableVersion = { readonly counter: number; readonly stateVersion: number; readonly timestamp: number };

/** A group as it is made when a client uses it first. */
export function defaultGroupConfig(groupName: string): GroupConfig {
  return {
    groupName,
    consumeEnable: true,
    consumeFromMinEnable: true,
    consumeBroadcastEnable: true,
    consumeMessageOrderly: false,
    notifyConsumerIdsChangedEnable: true,
    retryQueueNums: 1,
    retryMaxTimes: 16,
    brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1,
    groupSysFlag: 0,
    consumeTimeoutMinute: 15,
    attributes: {},
    more: '{"groupRetryPolicy":{"type":"CUSTOMIZED"}}',
  };
}

/** Groups that every broker has. Source: `SubscriptionGroupManager.init`. */
export const BUILT_IN_GROUPS: readonly string[] = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  TRANS_CONSUMER_GROUP,
];

/** Null for a good group name, else why it is none. */
export function groupNameRefusal(group: string, max: number = GROUP_NAME_MAX): Refusal | null {
  const fault = groupNameFault(group, max);
  return fault === null ? null : { code: INVALID_PARAMETER, remark: fault };
}

const RETRY_QUEUES_MAX = 4096;
const RETRY_TIMES_MAX = 1_000_000;
const MORE_CHARACTERS_MAX = 16_384;

/** Null for a configuration that may stand, else what is wrong with it. */
export function groupConfigRefusal(config: GroupConfig): Refusal | null {
  const { retryQueueNums, retryMaxTimes } = config;
  if (!Number.isInteger(retryQueueNums) || retryQueueNums < 0 || retryQueueNums > RETRY_QUEUES_MAX) {
    return outOfRange('retryQueueNums', retryQueueNums, 0, RETRY_QUEUES_MAX);
  }
  // Java takes any number here; a negative one means none.
  if (!Number.isInteger(retryMaxTimes) || retryMaxTimes < -1 || retryMaxTimes > RETRY_TIMES_MAX) {
    return outOfRange('retryMaxTimes', retryMaxTimes, -1, RETRY_TIMES_MAX);
  }
  const characters = config.more.length + JSON.stringify(config.attributes).length;
  if (characters > MORE_CHARACTERS_MAX) {
    return outOfRange('the characters of attributes, retry policy and subscriptions', characters, 0, MORE_CHARACTERS_MAX);
  }
  return null;
}

function outOfRange(name: string, value: number, min: number, max: number): Refusal {
  return { code: INVALID_PARAMETER, remark: `${name} is ${value}, must be from ${min} to ${max}` };
}

/** What attributes a group may have. Source: RocketMQ 5.4 `SubscriptionGroupAttributes`. */
const GROUP_ATTRIBUTES: ReadonlyMap<string, AttributeRule> = new Map([['priority.factor', integerAttribute(true, 0, 100)]]);

/** The same, with ours: `pluginFault` says why a group may not be bound to a filter plugin, null where it may. */
function groupAttributes(pluginFault: (name: string) => string | null): ReadonlyMap<string, AttributeRule> {
  return new Map([...GROUP_ATTRIBUTES, [PLUGIN_ATTRIBUTE, { isChangeable: true, fault: pluginFault }]]);
}

export type AlteredGroup = { readonly config: GroupConfig; readonly refusal: null } | { readonly config: null; readonly refusal: Refusal };

/**
 * The configuration that a tool wants, with the attributes that its changes (`+key`, `-key`) leave. Refused with 1, as in Java.
 * @param standing the group as it is; null for a new one.
 */
export function alterGroupAttributes(
  standing: GroupConfig | null,
  wanted: GroupConfig,
  pluginFault: (name: string) => string | null = pluginNameFault,
): AlteredGroup {
  const current = new Map(Object.entries(standing?.attributes ?? {}));
  const { attributes, fault } = changeAttributes(
    groupAttributes(pluginFault),
    standing === null,
    current,
    new Map(Object.entries(wanted.attributes)),
  );
  if (fault !== null) return { config: null, refusal: { code: SYSTEM_ERROR, remark: fault } };
  return { config: { ...wanted, attributes: Object.fromEntries(attributes) }, refusal: null };
}

/** Whether two configurations say the same, so that a repeated request changes nothing. */
export function sameGroupConfig(left: GroupConfig, right: GroupConfig): boolean {
  return groupConfigJson(left) === groupConfigJson(right);
}

/** The configuration in Java's shape, members in its order, null ones left out. */
export function groupConfigJson(config: GroupConfig): string {
  const { more, attributes } = config;
  const known = subscriptionGroupObject({ ...config, attributes: new Map(Object.entries(attributes)) });
  const all: Record<string, unknown> = { ...known, ...(JSON.parse(more) as Record<string, unknown>) };
  const ordered: Record<string, unknown> = {};
  for (const name of Object.keys(all).sort()) ordered[name] = all[name];
  return JSON.stringify(ordered);
}

/** The configuration of a parsed JSON object; what it lacks is as in a new group. Fails with a BodyError. */
export function groupConfigOf(value: JsonValue): GroupConfig {
  const reader = readerOf(value, 'a group configuration');
  const known = readSubscriptionGroupConfig(reader);
  const more: Record<string, JsonValue> = {};
  for (const name of KEPT) {
    const kept = reader.value(name);
    if (kept !== undefined) more[name] = kept;
  }
  const isBare = Object.keys(more).length === 0;
  return {
    ...known,
    attributes: Object.fromEntries(known.attributes),
    more: isBare ? defaultGroupConfig(known.groupName).more : JSON.stringify(more, plainNumber),
  };
}

const KEPT = ['groupRetryPolicy', 'subscriptionDataSet'] as const;

/** Integers that a double would bend come as bigint. */
function plainNumber(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

/**
 * A consumer group's configuration, in RocketMQ's own words, and what its name may be. Pure.
 * Source: RocketMQ `SubscriptionGroupConfig`, `SubscriptionGroupManager`, `TopicValidator.validateGroup`.
 */
import { GROUP_NAME_MAX, type Refusal } from './group-limits.ts';

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
  'CID_SYS_RMQ_TRANS',
];

const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_';

/** Made when used first even where clients may make none. */
export function isSystemGroup(group: string): boolean {
  return group.startsWith(SYSTEM_GROUP_PREFIX);
}

const NAME_PATTERN = /^[%|a-zA-Z0-9_-]+$/;

/** Null for a good group name, else why it is none. */
export function groupNameRefusal(group: string, max: number = GROUP_NAME_MAX): Refusal | null {
  if (group.trim().length === 0) return { code: INVALID_PARAMETER, remark: 'The specified group is blank.' };
  if (group.length > max) {
    return {
      code: INVALID_PARAMETER,
      remark: `The specified group is longer than group max length ${max}: it has ${group.length} characters, shorten it.`,
    };
  }
  if (!NAME_PATTERN.test(group)) {
    return {
      code: INVALID_PARAMETER,
      remark: `The specified group[${group.slice(0, 64)}] contains illegal characters, allowing only ${NAME_PATTERN.source}`,
    };
  }
  return null;
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

/** Whether two configurations say the same, so that a repeated request changes nothing. */
export function sameGroupConfig(left: GroupConfig, right: GroupConfig): boolean {
  return groupConfigJson(left) === groupConfigJson(right);
}

/** The configuration in Java's shape, members in its order, null ones left out. */
export function groupConfigJson(config: GroupConfig): string {
  const { more, ...members } = config;
  const all: Record<string, unknown> = { ...(JSON.parse(more) as Record<string, unknown>), ...members };
  const ordered: Record<string, unknown> = {};
  for (const name of Object.keys(all).sort()) ordered[name] = all[name];
  return JSON.stringify(ordered);
}

/** The configuration of a parsed JSON object; what it lacks or has of a wrong type is as in `defaults`. Null without a name. */
export function groupConfigOf(value: unknown, fallbackName?: string): GroupConfig | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const members = value as Record<string, unknown>;
  const name = typeof members['groupName'] === 'string' ? members['groupName'] : fallbackName;
  if (name === undefined) return null;
  const defaults = defaultGroupConfig(name);
  const more: Record<string, unknown> = {};
  for (const key of KEPT) if (members[key] !== undefined && members[key] !== null) more[key] = members[key];
  return {
    groupName: name,
    consumeEnable: flag(members['consumeEnable'], defaults.consumeEnable),
    consumeFromMinEnable: flag(members['consumeFromMinEnable'], defaults.consumeFromMinEnable),
    consumeBroadcastEnable: flag(members['consumeBroadcastEnable'], defaults.consumeBroadcastEnable),
    consumeMessageOrderly: flag(members['consumeMessageOrderly'], defaults.consumeMessageOrderly),
    notifyConsumerIdsChangedEnable: flag(members['notifyConsumerIdsChangedEnable'], defaults.notifyConsumerIdsChangedEnable),
    retryQueueNums: count(members['retryQueueNums'], defaults.retryQueueNums),
    retryMaxTimes: count(members['retryMaxTimes'], defaults.retryMaxTimes),
    brokerId: count(members['brokerId'], defaults.brokerId),
    whichBrokerWhenConsumeSlowly: count(members['whichBrokerWhenConsumeSlowly'], defaults.whichBrokerWhenConsumeSlowly),
    groupSysFlag: count(members['groupSysFlag'], defaults.groupSysFlag),
    consumeTimeoutMinute: count(members['consumeTimeoutMinute'], defaults.consumeTimeoutMinute),
    attributes: texts(members['attributes']),
    more: Object.keys(more).length === 0 ? defaults.more : JSON.stringify(more, plainNumber),
  };
}

const KEPT = ['groupRetryPolicy', 'subscriptionDataSet'] as const;

/** Integers that a double would bend come as bigint. */
function plainNumber(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

/** fastjson coerces; so do we. */
function flag(value: unknown, fallback: boolean): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 1) return true;
  return value === 'false' || value === 0 ? false : fallback;
}

function count(value: unknown, fallback: number): number {
  const number =
    typeof value === 'string' && value.trim() !== '' ? Number(value) : Number(typeof value === 'bigint' ? value : (value ?? NaN));
  return Number.isSafeInteger(number) ? number : fallback;
}

function texts(value: unknown): Record<string, string> {
  const kept: Record<string, string> = {};
  if (typeof value !== 'object' || value === null) return kept;
  for (const [key, text] of Object.entries(value)) if (key !== '__proto__') kept[key] = String(text);
  return kept;
}

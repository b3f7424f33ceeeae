/**
 * Producer and consumer groups: the rules of their names, and the groups that are the system's own.
 * Source: RocketMQ 5.3 `TopicValidator.validateGroup`, `MixAll`.
 */
import { isNameWellFormed } from './topic.ts';

/** What a 4.9 client allows itself; 5.x clients and brokers create up to 120. */
export const GROUP_NAME_MAX = 255;
/** A group that is created by an administrator. */
export const GROUP_NAME_CREATE_MAX = 120;

export const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_';
export const TRANS_CONSUMER_GROUP = 'CID_RMQ_SYS_TRANS';
/** Admin tools pull as this group. */
export const TOOLS_CONSUMER_GROUP = 'TOOLS_CONSUMER';

export const SYSTEM_GROUPS: ReadonlySet<string> = new Set([
  'DEFAULT_CONSUMER',
  'DEFAULT_PRODUCER',
  'CLIENT_INNER_PRODUCER',
  'TOOLS_CONSUMER',
  'SCHEDULE_CONSUMER',
  'FILTERSRV_CONSUMER',
  '__MONITOR_CONSUMER',
  'SELF_TEST_C_GROUP',
  'SELF_TEST_P_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_ONSAPI_PULL',
  TRANS_CONSUMER_GROUP,
  'CID_RMQ_SYS_REVIVE_GROUP',
]);

export function isSystemGroup(group: string): boolean {
  return SYSTEM_GROUPS.has(group) || group.startsWith(SYSTEM_GROUP_PREFIX);
}

/** Why a group may not have this name; null when it may. `max` is GROUP_NAME_MAX for clients, GROUP_NAME_CREATE_MAX for a create. */
export function groupNameFault(group: string, max: number = GROUP_NAME_MAX): string | null {
  if (group.trim() === '') return 'the specified group is blank.';
  const shown = group.length <= 64 ? group : `${group.slice(0, 64)}...`;
  if (group.length > max) return `the specified group "${shown}" is longer than group max length ${max}: ${group.length}.`;
  if (!isNameWellFormed(group)) return `the specified group "${shown}" contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  return null;
}

/** Why the registry refuses a group that is to come into being, or that is to be kept from a topic. Pure. */
import { isSystemGroup } from '../../model/group.ts';
import { type ForbiddenTable, forbiddenText } from './forbidden-topics.ts';
import { groupNameRefusal } from './group-config.ts';
import { overLimit, type Refusal } from './group-limits.ts';

const SYSTEM_ERROR = 1;
const GROUP_NOT_EXIST = 26;
const INVALID_PARAMETER = 29;

/** The whole table goes with every change to the shards. */
const FORBIDDEN_CHARACTERS_MAX = 32_768;

/** Of one more group beside `groups`. */
export function countRefusal(groups: number, groupsMax: number): Refusal | null {
  if (groups < groupsMax) return null;
  const remedy = 'delete unused ones with mqadmin deleteSubGroup (groupsMax)';
  return overLimit(SYSTEM_ERROR, 'consumer groups of this broker', groups + 1, groupsMax, remedy);
}

/** Of a group that comes by use, beside `groups` others. @param autoCreate groups are made by use */
export function makingRefusal(group: string, autoCreate: boolean, groups: number, groupsMax: number): Refusal | null {
  const bad = groupNameRefusal(group);
  if (bad !== null) return bad;
  if (!autoCreate && !isSystemGroup(group)) {
    return {
      code: GROUP_NOT_EXIST,
      remark: `subscription group [${group}] does not exist; groups are not made by use (autoCreateSubscriptionGroup=false): create it with mqadmin updateSubGroup`,
    };
  }
  return countRefusal(groups, groupsMax);
}

/** Of a topic that is to be kept from a group. @param isKnown whether there is such a group */
export function forbiddingRefusal(group: string, topic: string, isKnown: boolean, forbidden: ForbiddenTable): Refusal | null {
  if (!isKnown) {
    const remark = `subscription group [${group}] does not exist: nothing can be forbidden to it; create it with mqadmin updateSubGroup`;
    return { code: GROUP_NOT_EXIST, remark };
  }
  const characters = forbiddenText(forbidden).length + group.length + topic.length;
  if (characters <= FORBIDDEN_CHARACTERS_MAX) return null;
  const what = 'characters of all groups and topics that are forbidden to one another';
  const remedy = 'allow some, or withdraw the read permission of topics';
  return overLimit(INVALID_PARAMETER, what, characters, FORBIDDEN_CHARACTERS_MAX, remedy);
}

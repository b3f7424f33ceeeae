/**
 * Changes of groups that tools have asked for and that wait to be saved: what they will leave. Pure.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import { type ForbiddenTable, withForbidden } from './forbidden-topics.ts';
import { type GroupConfig, groupConfigJson } from './group-config.ts';
import type { GroupReply } from './group-registry-messages.ts';

/** A configuration made or (null) deleted, or one topic forbidden or allowed. */
export type GroupChange =
  | {
      readonly group: string;
      readonly config: GroupConfig | null;
      readonly cleanOffset: boolean;
      readonly replyTo: ActorRef<GroupReply>;
    }
  | { readonly group: string; readonly topic: string; readonly isReadable: boolean; readonly replyTo: ActorRef<GroupReply> };
/** The configuration that the changes, oldest first, will leave of a group; undefined: none of them is about it. */
export function configAfter(changes: readonly GroupChange[], group: string): GroupConfig | null | undefined {
  let config: GroupConfig | null | undefined;
  for (const change of changes) if (change.group === group && 'config' in change) config = change.config;
  return config;
}

/** Each group's JSON text as the changes leave it. */
export function textsAfter(groups: Iterable<readonly [group: string, text: string]>, changes: readonly GroupChange[]): Map<string, string> {
  const texts = new Map(groups);
  for (const change of changes) {
    if (!('config' in change)) continue;
    if (change.config === null) texts.delete(change.group);
    else texts.set(change.group, groupConfigJson(change.config));
  }
  return texts;
}

/** The table as the changes leave it: a deleted group has nothing forbidden. */
export function forbiddenAfter(table: ForbiddenTable, changes: readonly GroupChange[]): ForbiddenTable {
  let after = table;
  for (const change of changes) {
    if (!('config' in change)) after = withForbidden(after, change.group, change.topic, change.isReadable);
    else if (change.config === null && after.has(change.group)) {
      const left = new Map(after);
      left.delete(change.group);
      after = left;
    }
  }
  return after;
}

/**
 * What the group registry hears and says. Types only.
 */
import type { ActorRef } from '../../runtime/actor.ts';
import type { GroupConfig } from './group-config.ts';
import type { AdoptGroup, Copied, GroupTableStarted } from './group-table-actor.ts';

export type GroupReady = { readonly kind: 'group-ready'; readonly group: string };
export type GroupRefused = { readonly kind: 'group-refused'; readonly group: string; readonly code: number; readonly remark: string };
export type GroupReply = GroupReady | GroupRefused;

/** A client uses the group: make it if the rules allow. Refused with 29 (name), 26 (may not be made) or 1 (too many). */
export type EnsureGroup = {
  readonly kind: 'ensure-group';
  readonly group: string;
  /** True: answered when a group that was made just now is there; none is made. */
  readonly isKnownOnly?: boolean;
  readonly replyTo: ActorRef<GroupReply>;
};
/** A tool makes or changes a group (request 200). */
export type UpdateGroup = { readonly kind: 'update-group'; readonly config: GroupConfig; readonly replyTo: ActorRef<GroupReply> };
/** Answered with group-ready for an unknown group too. */
export type DeleteGroup = {
  readonly kind: 'delete-group';
  readonly group: string;
  readonly cleanOffset: boolean;
  readonly replyTo: ActorRef<GroupReply>;
};
/** Answered when the table is loaded and every shard has it. */
export type AwaitGroups = { readonly kind: 'await-groups'; readonly replyTo: ActorRef<GroupsReady> };
export type GroupsReady = { readonly kind: 'groups-ready'; readonly groups: number };
/** A tool forbids or allows a group to read a topic (request 353). Refused with 26 (no such group) or 29 (too many). */
export type ForbidTopic = {
  readonly kind: 'forbid-topic';
  readonly group: string;
  readonly topic: string;
  readonly isReadable: boolean;
  readonly replyTo: ActorRef<GroupReply>;
};
export type GroupRegistryCommand =
  | AdoptGroup
  | EnsureGroup
  | UpdateGroup
  | DeleteGroup
  | ForbidTopic
  | AwaitGroups
  | GroupTableStarted
  | Copied;

/**
 * Limits on what clients may make a broker remember of groups, and the words of a refusal. Pure. Every limit is far above what
 * working clients need; each stands where one more entry would let a client grow the broker's memory without end.
 */

/** Characters of a client id: Java's own names of hosts, processes and units stay below 128. */
export const CLIENT_ID_MAX = 255;
/** Characters of a group's name: 255, what a topic may have, less those of `%RETRY%`. */
export const GROUP_NAME_MAX = 248;
/** Groups in one heartbeat, consumers and producers each; also the groups that one connection may belong to. */
export const GROUPS_PER_CONNECTION_MAX = 1024;
/** Topics that one group subscribes to. */
export const SUBSCRIPTIONS_MAX = 1024;
/** Characters of all topics, expressions and tags of one group's heartbeat: it must fit one record between threads. */
export const SUBSCRIPTION_CHARACTERS_MAX = 32_768;
/** Queues that one group has committed offsets of. */
export const OFFSETS_PER_GROUP_MAX = 262_144;
/** Queues that one lock request names. */
export const LOCKS_PER_REQUEST_MAX = 2048;
/** Characters of their topics: it must fit one record between threads. */
export const LOCK_CHARACTERS_MAX = 32_768;
/** Queues of one group that are locked at a time. */
export const LOCKS_PER_GROUP_MAX = 65_536;
/** Largest offset that a double carries exactly. */
export const OFFSET_MAX: number = Number.MAX_SAFE_INTEGER;

/** What the broker's configuration says about groups. Read at each use: it may change while the broker runs. */
export type GroupLimits = {
  /** Consumer groups of a broker. */
  readonly groupsMax: number;
  /** Connections of one group. */
  readonly membersMax: number;
  /** A member without a heartbeat for this long is gone. */
  readonly memberExpiryMs: number;
  /** A commit is on its way to the disk after at most this long. */
  readonly offsetSaveMs: number;
  /** Members are told of changes of their group, where the group wants that. */
  readonly notifyMembers: boolean;
};

/** Source: `ConsumerManager.CHANNEL_EXPIRED_TIMEOUT`; Java saves offsets every 5 s. */
export const DEFAULT_GROUP_LIMITS: GroupLimits = {
  groupsMax: 50_000,
  membersMax: 20_000,
  memberExpiryMs: 120_000,
  offsetSaveMs: 1_000,
  notifyMembers: true,
};

/** A refusal: what the client is answered. */
export type Refusal = { readonly code: number; readonly remark: string };

/** A commit, or whatever else makes no group, names one that is not there. */
export function groupUnknown(group: string): Refusal {
  return { code: 26, remark: `Group ${group} not exist! A heartbeat or a pull of the group makes it` };
}

/** Names the rule, the value and the remedy, as every refusal must. */
export function overLimit(code: number, what: string, value: number, max: number, remedy: string): Refusal {
  return { code, remark: `${what}: ${value}, at most ${max} allowed; ${remedy}` };
}

/**
 * Members of one consumer group and what they subscribe to. Pure: `applyMemberEvent(state, event, now)` changes the state that
 * it is given and says what must be told to others. A member is a connection, as in RocketMQ: one client with two connections is
 * there twice and its id is listed once.
 * Source: RocketMQ `ConsumerManager`, `ConsumerGroupInfo`, `ClientManageProcessor.heartBeat`.
 */
import type { SubscriptionData } from '../../model/subscription.ts';
import { Parties, wantsOf } from './differing-members.ts';
import { DEFAULT_GROUP_LIMITS, type GroupLimits, overLimit, type Refusal } from './group-limits.ts';

const SYSTEM_ERROR = 1;

/** A member, as everybody may know it. */
export type Member = {
  readonly clientId: string;
  readonly shard: number;
  readonly connection: number;
  /** `ip:port` of the client's end. */
  readonly address: string;
  readonly language: string;
  readonly version: number;
};

/** What the group does with messages; the latest heartbeat's word. */
export type GroupHabits = {
  readonly consumeType: string;
  readonly messageModel: string;
  readonly consumeFromWhere: string;
};

/** `wants`: what it subscribes to, as one text to compare. */
type Seen = { member: Member; heartbeatMs: number; wants: string };

/** A group's members and subscriptions. Only this file changes it. */
export interface Membership {
  readonly limits: Pick<GroupLimits, 'membersMax' | 'memberExpiryMs'>;
  readonly seen: Map<number, Seen>;
  /** Connections by client id. */
  readonly clientIds: Map<string, number>;
  readonly subscriptions: Map<string, SubscriptionData>;
  habits: GroupHabits;
  /** Of the latest heartbeat with subscriptions; 0: none. */
  fingerprint: number;
  /** Who wants what. */
  readonly parties: Parties;
  /** Clients whose subscriptions differ from those of the others. */
  differing: readonly string[];
}

export type MemberHeartbeat = {
  readonly kind: 'heartbeat';
  readonly member: Member;
  readonly habits: GroupHabits;
  readonly subscriptions: readonly SubscriptionData[];
  /** 0: heartbeat V1. */
  readonly fingerprint: number;
  /** V2: `subscriptions` is empty and the known ones stay. */
  readonly withoutSub: boolean;
};

export type MemberEvent =
  | MemberHeartbeat
  | { readonly kind: 'connection-gone'; readonly shard: number; readonly connection: number }
  | { readonly kind: 'shard-gone'; readonly shard: number }
  | { readonly kind: 'scan' };

export type MemberEffects = {
  /** Set: nothing was changed. */
  readonly refusal: Refusal | null;
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
  /** Clients that have no connection left. */
  readonly gone: readonly string[];
  /** Subscriptions or habits differ from before. */
  readonly changedSubscriptions: boolean;
  /** All members must hear that the group changed. */
  readonly mustNotify: boolean;
  /** V2: the client must send its subscriptions in full next time. */
  readonly wantsFull: boolean;
  /** Other clients than before differ from the rest. */
  readonly changedDiffering: boolean;
};

const NONE: MemberEffects = {
  refusal: null,
  joined: [],
  left: [],
  gone: [],
  changedSubscriptions: false,
  mustNotify: false,
  wantsFull: false,
  changedDiffering: false,
};

const UNKNOWN_HABITS: GroupHabits = {
  consumeType: 'CONSUME_PASSIVELY',
  messageModel: 'CLUSTERING',
  consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
};

export function emptyMembership(limits: Pick<GroupLimits, 'membersMax' | 'memberExpiryMs'> = DEFAULT_GROUP_LIMITS): Membership {
  return {
    limits,
    seen: new Map(),
    clientIds: new Map(),
    subscriptions: new Map(),
    habits: UNKNOWN_HABITS,
    fingerprint: 0,
    parties: new Parties(),
    differing: [],
  };
}

/** Shards are few (fewer than 4096), connection ids below 2^41: their product stays a safe integer. */
export function memberKey(shard: number, connection: number): number {
  return connection * 4096 + shard;
}

/** The connection that a key stands for. */
export function connectionOfKey(key: number): { readonly shard: number; readonly connection: number } {
  return { shard: key % 4096, connection: Math.floor(key / 4096) };
}

/** @param now milliseconds that never go back. */
export function applyMemberEvent(state: Membership, event: MemberEvent, now: number): MemberEffects {
  if (event.kind === 'heartbeat') return onHeartbeat(state, event, now);
  if (event.kind === 'connection-gone') {
    const key = memberKey(event.shard, event.connection);
    return state.seen.has(key) ? remove(state, [key]) : NONE;
  }
  const keys: number[] = [];
  for (const [key, seen] of state.seen) {
    const isGone = event.kind === 'scan' ? now - seen.heartbeatMs >= state.limits.memberExpiryMs : seen.member.shard === event.shard;
    if (isGone) keys.push(key);
  }
  return keys.length === 0 ? NONE : remove(state, keys);
}

/** When the member that was silent longest would expire; infinity without members. */
export function nextExpiryMs(state: Membership): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const seen of state.seen.values()) if (seen.heartbeatMs < oldest) oldest = seen.heartbeatMs;
  return oldest + state.limits.memberExpiryMs;
}

function onHeartbeat(state: Membership, heartbeat: MemberHeartbeat, now: number): MemberEffects {
  const { member } = heartbeat;
  const { membersMax } = state.limits;
  const key = memberKey(member.shard, member.connection);
  const known = state.seen.get(key);
  if (known === undefined && state.seen.size >= membersMax) {
    return {
      ...NONE,
      refusal: overLimit(
        SYSTEM_ERROR,
        'members of one consumer group',
        state.seen.size + 1,
        membersMax,
        'use more groups (membersPerGroupMax)',
      ),
    };
  }
  const left: Member[] = [];
  const gone: string[] = [];
  const isSame = known !== undefined && known.member.clientId === member.clientId;
  if (known !== undefined && !isSame) {
    left.push(known.member);
    forgetClient(state, known.member.clientId, gone);
  }
  if (!isSame) state.clientIds.set(member.clientId, (state.clientIds.get(member.clientId) ?? 0) + 1);
  const wants = heartbeat.withoutSub ? (isSame ? known.wants : '') : wantsOf(heartbeat.habits.consumeType, heartbeat.subscriptions);
  const changedWants = !isSame || known.wants !== wants;
  if (changedWants) {
    if (known !== undefined) state.parties.remove(known.member.clientId, known.wants);
    state.parties.add(member.clientId, wants);
  }
  if (isSame) {
    known.heartbeatMs = now;
    known.wants = wants;
  } else state.seen.set(key, { member, heartbeatMs: now, wants });

  const wantsFull =
    heartbeat.fingerprint !== 0 && (state.fingerprint === 0 ? heartbeat.withoutSub : state.fingerprint !== heartbeat.fingerprint);
  const changedHabits = !sameHabits(state.habits, heartbeat.habits);
  state.habits = heartbeat.habits;
  let changed = false;
  if (!heartbeat.withoutSub) {
    changed = replaceSubscriptions(state.subscriptions, heartbeat.subscriptions);
    state.fingerprint = heartbeat.fingerprint;
  } else if (wantsFull) {
    // Of these subscriptions only the fingerprint is known: the full heartbeat that follows must not look like old news.
    state.fingerprint = 0;
  }
  const changedDiffering = changedWants && compareWishes(state);
  return {
    refusal: null,
    joined: isSame ? [] : [member],
    left,
    gone: gone.filter((clientId) => clientId !== member.clientId),
    changedSubscriptions: changed || changedHabits || changedDiffering,
    mustNotify: !isSame || changed,
    wantsFull,
    changedDiffering,
  };
}

/** Keeps the larger version of each topic, and no topic that the newest heartbeat leaves out. */
function replaceSubscriptions(known: Map<string, SubscriptionData>, newest: readonly SubscriptionData[]): boolean {
  let changed = false;
  const topics = new Set<string>();
  for (const subscription of newest) {
    topics.add(subscription.topic);
    const old = known.get(subscription.topic);
    if (old !== undefined && subscription.subVersion <= old.subVersion) continue;
    known.set(subscription.topic, subscription);
    changed = true;
  }
  for (const topic of known.keys()) {
    if (topics.has(topic)) continue;
    known.delete(topic);
    changed = true;
  }
  return changed;
}

function remove(state: Membership, keys: readonly number[]): MemberEffects {
  const left: Member[] = [];
  const gone: string[] = [];
  for (const key of keys) {
    const seen = state.seen.get(key);
    if (seen === undefined) continue;
    state.seen.delete(key);
    state.parties.remove(seen.member.clientId, seen.wants);
    left.push(seen.member);
    forgetClient(state, seen.member.clientId, gone);
  }
  let changedSubscriptions = false;
  if (state.seen.size === 0) {
    // A group without members is forgotten but for its offsets: the next first member says anew what it wants.
    changedSubscriptions = state.subscriptions.size > 0;
    state.subscriptions.clear();
    state.fingerprint = 0;
    state.habits = UNKNOWN_HABITS;
  }
  const changedDiffering = compareWishes(state);
  changedSubscriptions ||= changedDiffering;
  return { refusal: null, joined: [], left, gone, changedSubscriptions, mustNotify: true, wantsFull: false, changedDiffering };
}

/** True: other clients than before differ. */
function compareWishes(state: Membership): boolean {
  const differing = state.parties.differing();
  if (differing.length === state.differing.length && differing.every((clientId, index) => clientId === state.differing[index]))
    return false;
  state.differing = differing;
  return true;
}

function forgetClient(state: Membership, clientId: string, gone: string[]): void {
  const connections = state.clientIds.get(clientId) ?? 0;
  if (connections > 1) {
    state.clientIds.set(clientId, connections - 1);
    return;
  }
  state.clientIds.delete(clientId);
  gone.push(clientId);
}

function sameHabits(left: GroupHabits, right: GroupHabits): boolean {
  return (
    left.consumeType === right.consumeType && left.messageModel === right.messageModel && left.consumeFromWhere === right.consumeFromWhere
  );
}

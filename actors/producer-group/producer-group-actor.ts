/**
 * Producer-group actor: owns the members of one producer group, whom the broker asks what became of a transaction and tools list.
 * One a group, at `producer-group/<group>`, made by the first heartbeat that names it. It ends itself a minute after its last
 * member left. Fails by assertion only; restarted it is empty until the next heartbeats, 30 s at most.
 * Source: RocketMQ `ProducerManager`.
 */
import type { Actor, ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { Unregistered, UnregisterMember } from '../consumer-group/consumer-group-messages.ts';
import { DEFAULT_GROUP_LIMITS, type GroupLimits, overLimit } from '../consumer-group/group-limits.ts';
import { MEMBERS_PER_MESSAGE } from '../consumer-group/group-table-actor.ts';
import { type Member, memberKey } from '../consumer-group/members.ts';
import type { CloseClient } from '../gateway/request.ts';

export type ProducerHeartbeat = {
  readonly kind: 'producer-heartbeat';
  readonly member: Member;
  readonly replyTo: ActorRef<ProducerHeartbeatTaken>;
};
/** `code` not 0: a refusal. */
export type ProducerHeartbeatTaken = { readonly kind: 'producer-heartbeat-taken'; readonly code: number; readonly remark: string };
/** Members page by page; `from` counts members. */
export type ListProducers = { readonly kind: 'list-producers'; readonly from: number; readonly replyTo: ActorRef<ProducersListed> };
/** `next`: where the next page begins; −1: this was the last. */
export type ProducersListed = {
  readonly kind: 'producers-listed';
  readonly members: readonly Member[];
  /** When each one's last heartbeat came, in wall-clock milliseconds. */
  readonly heartbeats: readonly number[];
  readonly next: number;
};
/** One member to ask, another each time. */
export type PickProducer = { readonly kind: 'pick-producer'; readonly replyTo: ActorRef<ProducerPicked> };
export type ProducerPicked = { readonly kind: 'producer-picked'; readonly member: Member | null };
export type ProducerGroupCommand = ProducerHeartbeat | UnregisterMember | ListProducers | PickProducer;

type Scan = { readonly kind: 'scan' };
type Seen = { readonly member: Member; heartbeatMs: number };

const SCAN_MS = 10_000;
const IDLE_MS = 60_000;
const SYSTEM_ERROR = 1;

export function producerGroupPath(group: string): string {
  return `producer-group/${group}`;
}

export class ProducerGroupActor implements Actor<ProducerGroupCommand | Scan> {
  readonly #members: Map<number, Seen> = new Map();
  readonly #limits: GroupLimits;
  #scanIsDue = false;
  #picked = 0;

  constructor(limits: GroupLimits = DEFAULT_GROUP_LIMITS) {
    this.#limits = limits;
  }

  receive(message: ProducerGroupCommand | Scan, context: ActorContext): void {
    switch (message.kind) {
      case 'producer-heartbeat':
        this.#onHeartbeat(message, context);
        break;
      case 'unregister': {
        this.#members.delete(memberKey(message.shard, message.connection));
        const gone: Unregistered = { kind: 'unregistered' };
        message.replyTo.tell(gone);
        break;
      }
      case 'list-producers':
        this.#onList(message, context);
        break;
      case 'pick-producer':
        message.replyTo.tell({ kind: 'producer-picked', member: this.#pick() });
        break;
      case 'scan':
        this.#onScan(context);
        break;
    }
    // Whatever made this actor, it looks once whether it is needed.
    if (!this.#scanIsDue) this.#scheduleScan(context);
  }

  #onHeartbeat(message: ProducerHeartbeat, context: ActorContext): void {
    const { member, replyTo } = message;
    const { membersMax } = this.#limits;
    const key = memberKey(member.shard, member.connection);
    if (!this.#members.has(key) && this.#members.size >= membersMax) {
      const refusal = overLimit(
        SYSTEM_ERROR,
        'members of one producer group',
        this.#members.size + 1,
        membersMax,
        'use more groups (membersPerGroupMax)',
      );
      replyTo.tell({ kind: 'producer-heartbeat-taken', ...refusal });
      return;
    }
    const known = this.#members.get(key);
    if (known?.member.clientId === member.clientId) known.heartbeatMs = context.monotonicMs();
    else this.#members.set(key, { member, heartbeatMs: context.monotonicMs() });
    replyTo.tell({ kind: 'producer-heartbeat-taken', code: 0, remark: '' });
  }

  #onList(message: ListProducers, context: ActorContext): void {
    const members: Member[] = [];
    const heartbeats: number[] = [];
    const wallMs = context.now() - context.monotonicMs();
    let index = 0;
    for (const { member, heartbeatMs } of this.#members.values()) {
      if (index >= message.from && members.length < MEMBERS_PER_MESSAGE) {
        members.push(member);
        heartbeats.push(Math.round(wallMs + heartbeatMs));
      }
      index++;
    }
    const end = message.from + members.length;
    message.replyTo.tell({ kind: 'producers-listed', members, heartbeats, next: end < index ? end : -1 });
  }

  /**
   * The one after the last, in the order of their first heartbeats. A client that has come back over another connection is asked there:
   * nobody may listen to the former one any more, which the broker finds out long after.
   */
  #pick(): Member | null {
    if (this.#members.size === 0) return null;
    const wanted = this.#picked++ % this.#members.size;
    let index = 0;
    let picked: Seen | null = null;
    for (const seen of this.#members.values()) if (index++ === wanted) picked = seen;
    for (const seen of this.#members.values()) {
      const isLater = picked !== null && seen.heartbeatMs > picked.heartbeatMs;
      if (isLater && seen.member.clientId === picked!.member.clientId) picked = seen;
    }
    return picked?.member ?? null;
  }

  #onScan(context: ActorContext): void {
    this.#scanIsDue = false;
    if (this.#members.size === 0) {
      context.stop();
      this.#scanIsDue = true;
      return;
    }
    const now = context.monotonicMs();
    for (const [key, { member, heartbeatMs }] of this.#members) {
      if (now - heartbeatMs < this.#limits.memberExpiryMs) continue;
      this.#members.delete(key);
      // Best effort: a gateway without room leaves the socket to its own idle limit.
      const gateway: ActorRef<CloseClient> = context.ref(`gateway/${member.shard}`);
      gateway.tell({ kind: 'close-client', connection: member.connection, reason: 'no heartbeat of its producer group in time' });
    }
  }

  #scheduleScan(context: ActorContext): void {
    this.#scanIsDue = true;
    const { memberExpiryMs } = this.#limits;
    let oldest = Number.POSITIVE_INFINITY;
    for (const seen of this.#members.values()) oldest = Math.min(oldest, seen.heartbeatMs);
    const delay =
      this.#members.size === 0 ? IDLE_MS : Math.max(Math.min(SCAN_MS, memberExpiryMs), oldest + memberExpiryMs - context.monotonicMs());
    context.schedule(delay, { kind: 'scan' } satisfies Scan);
  }
}

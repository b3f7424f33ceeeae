/**
 * Group copies: the part of a consumer-group actor that keeps every shard's copy of its members and subscriptions right: changes as
 * they happen, everything again to a shard that missed one, died, or was started again. One an actor.
 * Source: none; a single process needs no copies.
 */
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import type { OffsetColumns } from './committed-offsets.ts';
import type { GroupTable } from './group-table.ts';
import { type Copied, type GroupTableCommand, groupTablePath, MEMBERS_PER_MESSAGE } from './group-table-actor.ts';
import type { Member, MemberEffects, Membership } from './members.ts';
import { type PendingResets, pagesOf } from './pending-resets.ts';
import { ShardCopies } from './shard-copies.ts';

/** What the copies tell their actor, for itself. */
export type CopyTimer = { readonly kind: 'copy-due' };
/** From the runtime: the shard's copy has ended. */
export type ShardGone = { readonly kind: 'shard-gone'; readonly shard: string };

/** More than one actor makes. */
const REVISIONS_PER_MS = 64;
const COPY_AGAIN_MS = 20;
/** Resets in one message: it must fit one record between threads. */
const OFFSETS_PER_PAGE = 256;

export class GroupCopies {
  readonly #group: string;
  readonly #table: GroupTable;
  readonly #membership: Membership;
  readonly #resets: PendingResets;
  readonly #shards: readonly string[];
  #copies: ShardCopies = new ShardCopies([], 0);
  #isDue = false;

  /** @param table the hosting shard's own copy: read only. */
  constructor(group: string, table: GroupTable, membership: Membership, resets: PendingResets, shards: readonly string[]) {
    this.#group = group;
    this.#table = table;
    this.#membership = membership;
    this.#resets = resets;
    this.#shards = shards;
  }

  /** @param shard the hosting one: it is not watched, for it dies with its actors. */
  started(shard: string, context: ActorContext): void {
    // Confirmations for a former life of the actor may still come: their revisions lie below.
    this.#copies = new ShardCopies(this.#shards, context.now() * REVISIONS_PER_MS);
    for (const other of this.#shards) if (other !== shard) this.#watch(other, context);
  }

  /** Every shard that lives has `revision`. */
  isEverywhere(revision: number): boolean {
    return this.#copies.isEverywhere(revision);
  }

  /** Tells all shards what changed. Gives the revision to wait for; 0: nothing changed. */
  tell(effects: MemberEffects, context: ActorContext): number {
    const hasMembers = effects.joined.length > 0 || effects.left.length > 0;
    if (!hasMembers && !effects.changedSubscriptions) return this.#repair(context);
    const revision = this.#copies.next();
    for (const shard of this.#copies.current()) {
      const table: ActorRef<GroupTableCommand> = context.ref(groupTablePath(shard));
      let isTaken = true;
      if (hasMembers) {
        const last = effects.changedSubscriptions ? 0 : revision;
        isTaken = this.#sendMembers(table, effects.joined, effects.left, false, last);
      }
      if (isTaken && effects.changedSubscriptions) isTaken = table.tell(this.#subscriptions(revision));
      if (!isTaken) this.#copies.refused(shard);
    }
    if (!this.#copies.isAllGood) this.#schedule(context);
    return revision;
  }

  /** Tells all shards of offsets that a tool has set, or (−1) that a pull has taken. Gives the revision to wait for. */
  tellResets(columns: OffsetColumns, context: ActorContext): number {
    const revision = this.#copies.next();
    for (const shard of this.#copies.current()) {
      const table: ActorRef<GroupTableCommand> = context.ref(groupTablePath(shard));
      if (!this.#sendResets(table, pagesOf(columns, OFFSETS_PER_PAGE), false, revision)) this.#copies.refused(shard);
    }
    if (!this.#copies.isAllGood) this.#schedule(context);
    return revision;
  }

  /** Tells all shards everything. */
  tellAll(context: ActorContext): void {
    this.#copies.allRefused();
    this.#tellWhole(context);
  }

  onDue(context: ActorContext): void {
    this.#isDue = false;
    this.#tellWhole(context);
  }

  onCopied(message: Copied, context: ActorContext): void {
    if (this.#copies.acked(message.shard, message.revision)) this.#watch(message.shard, context);
  }

  onShardGone(shard: string, context: ActorContext): void {
    this.#copies.lost(shard);
    this.#schedule(context);
  }

  /** The hosting shard's copy must agree with what was copied; where it does not, everything is sent anew. */
  #repair(context: ActorContext): number {
    if (!this.#copies.isAllGood || !this.#copies.isEverywhere(this.#copies.revision)) return 0;
    const copied = this.#table.peek(this.#group);
    const isRight =
      (copied?.memberCount ?? 0) === this.#membership.seen.size &&
      (copied?.subscriptions.size ?? 0) === this.#membership.subscriptions.size;
    if (isRight) return 0;
    this.tellAll(context);
    return this.#copies.revision;
  }

  #tellWhole(context: ActorContext): void {
    const now = context.monotonicMs();
    const due = [...this.#copies.due(now)];
    if (due.length > 0) {
      const revision = this.#copies.next();
      const members = [...this.#membership.seen.values()].map((seen) => seen.member);
      for (const shard of due) {
        const table: ActorRef<GroupTableCommand> = context.ref(groupTablePath(shard));
        const isTaken =
          this.#sendMembers(table, members, [], true, 0) &&
          this.#sendResets(table, this.#resets.pages(OFFSETS_PER_PAGE), true, 0) &&
          table.tell(this.#subscriptions(revision));
        if (isTaken) this.#copies.sentWhole(shard, revision, now);
      }
    }
    if (!this.#copies.isAllGood) this.#schedule(context);
  }

  #schedule(context: ActorContext): void {
    if (this.#isDue) return;
    this.#isDue = true;
    context.schedule(COPY_AGAIN_MS, { kind: 'copy-due' } satisfies CopyTimer);
  }

  #sendMembers(
    table: ActorRef<GroupTableCommand>,
    joined: readonly Member[],
    left: readonly Member[],
    isWhole: boolean,
    lastRevision: number,
  ): boolean {
    const count = Math.max(joined.length, left.length, 1);
    for (let from = 0; from < count; from += MEMBERS_PER_MESSAGE) {
      const end = from + MEMBERS_PER_MESSAGE;
      const isTaken = table.tell({
        kind: 'group-members-changed',
        group: this.#group,
        isWhole: isWhole && from === 0,
        joined: joined.slice(from, end),
        left: left.slice(from, end),
        revision: end >= count ? lastRevision : 0,
      });
      if (!isTaken) return false;
    }
    return true;
  }

  #subscriptions(revision: number): GroupTableCommand {
    const { habits, subscriptions, differing } = this.#membership;
    const all = [...subscriptions.values()];
    return { kind: 'group-subscriptions-changed', group: this.#group, habits, subscriptions: all, differing, revision };
  }

  #sendResets(table: ActorRef<GroupTableCommand>, pages: readonly OffsetColumns[], isWhole: boolean, lastRevision: number): boolean {
    return pages.every((columns, page) => {
      const revision = page === pages.length - 1 ? lastRevision : 0;
      return table.tell({ kind: 'group-resets-changed', group: this.#group, isWhole: isWhole && page === 0, columns, revision });
    });
  }

  #watch(shard: string, context: ActorContext): void {
    const gone: ShardGone = { kind: 'shard-gone', shard };
    context.watch(context.ref(groupTablePath(shard)), gone);
  }
}

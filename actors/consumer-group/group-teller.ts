/**
 * Group teller: brings the registry's groups to the group table of every shard: each change as it happens, everything to a shard that asks, that
 * took no message, or that was there before a registry that takes over. The registry's; knows which shard has what (shard-copies.ts).
 */
import type { ActorContext, ActorRef } from '../../runtime/actor.ts';
import { configMessages } from './config-messages.ts';
import type { GroupConfig, GroupTableVersion } from './group-config.ts';
import { type GroupTableCommand, groupTablePath } from './group-table-actor.ts';
import { ShardCopies } from './shard-copies.ts';

/** What the registry hears in its teller's matters. */
export type TellerWord = { readonly kind: 'copy-due' } | { readonly kind: 'shard-gone'; readonly shard: string };

/** What there is to tell, as it is now. */
export type ToldGroups = {
  readonly version: GroupTableVersion;
  /** Which group may not read which topic, as text. */
  readonly forbidden: string;
  /** Groups that shards may know. */
  configs(): GroupConfig[];
  /** Characters that the group takes in a message. */
  lengthOf(config: GroupConfig): number;
};

const COPY_AGAIN_MS = 20;
/** Shards that start with the registry ask by themselves as soon as they are there. */
const SHARDS_START_MS = 500;

export class GroupTeller {
  readonly #groups: ToldGroups;
  readonly #copies: ShardCopies;
  #copyIsDue = false;

  /**
   * @param isSuccessor there was a registry before: shards have what that one told them, and are told at once what its file says
   * @param context the registry's, at its start
   */
  constructor(groups: ToldGroups, shards: readonly string[], isSuccessor: boolean, context: ActorContext) {
    this.#groups = groups;
    this.#copies = new ShardCopies(shards, context.now() * 64);
    this.#copies.allRefused();
    if (isSuccessor) this.tellAll(context);
    else this.#scheduleCopy(context, SHARDS_START_MS);
    for (const shard of shards) this.#watch(shard, context);
  }

  /** Of the last change that was told. */
  get revision(): number {
    return this.#copies.revision;
  }

  get isAllGood(): boolean {
    return this.#copies.isAllGood;
  }

  /** Every shard that lives has `revision`. */
  isEverywhere(revision: number): boolean {
    return this.#copies.isEverywhere(revision);
  }

  receive(word: TellerWord, context: ActorContext): void {
    if (word.kind === 'copy-due') {
      this.#copyIsDue = false;
      this.tellAll(context);
      return;
    }
    this.#copies.lost(word.shard);
    this.#scheduleCopy(context);
  }

  /** The shard has `revision`. */
  copied(shard: string, revision: number, context: ActorContext): void {
    if (this.#copies.acked(shard, revision)) this.#watch(shard, context);
  }

  /** The shard's copy is empty. */
  asked(shard: string, context: ActorContext): void {
    this.#copies.refused(shard);
    this.tellAll(context, shard);
  }

  tell(configs: readonly GroupConfig[], removed: readonly string[], context: ActorContext): void {
    const revision = this.#copies.next();
    const messages = this.#messages(configs, removed, false, revision);
    for (const shard of this.#copies.current()) this.#send(shard, messages, context);
    if (!this.#copies.isAllGood) this.#scheduleCopy(context);
  }

  /** @param only the one shard that asked; else all that need it. */
  tellAll(context: ActorContext, only?: string): void {
    const now = context.monotonicMs();
    const due = [...this.#copies.due(now)].filter((shard) => only === undefined || shard === only);
    if (due.length > 0) {
      const revision = this.#copies.next();
      const messages = this.#messages(this.#groups.configs(), [], true, revision);
      for (const shard of due) if (this.#send(shard, messages, context)) this.#copies.sentWhole(shard, revision, now);
    }
    if (!this.#copies.isAllGood) this.#scheduleCopy(context);
  }

  #send(shard: string, messages: readonly GroupTableCommand[], context: ActorContext): boolean {
    const table: ActorRef<GroupTableCommand> = context.ref(groupTablePath(shard));
    for (const message of messages) {
      if (table.tell(message)) continue;
      this.#copies.refused(shard);
      return false;
    }
    return true;
  }

  #messages(configs: Iterable<GroupConfig>, removed: readonly string[], isWhole: boolean, revision: number): GroupTableCommand[] {
    const { version, forbidden } = this.#groups;
    return configMessages({ configs, removed, isWhole, version, forbidden, revision }, (config) => this.#groups.lengthOf(config));
  }

  #scheduleCopy(context: ActorContext, afterMs: number = COPY_AGAIN_MS): void {
    if (this.#copyIsDue) return;
    this.#copyIsDue = true;
    context.schedule(afterMs, { kind: 'copy-due' } satisfies TellerWord);
  }

  #watch(shard: string, context: ActorContext): void {
    const gone: TellerWord = { kind: 'shard-gone', shard };
    context.watch(context.ref(groupTablePath(shard)), gone);
  }
}

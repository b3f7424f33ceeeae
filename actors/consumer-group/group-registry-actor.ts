/**
 * Group registry: owns the broker's consumer groups, that is subscriptionGroup.json and its version. One a broker, at
 * `group-registry`.
 *
 * What a tool changes or deletes is saved (renamed into place, with synchronous flush synced too), then told to every shard, then
 * answered; a save that fails refuses it and leaves the table as it was. So is a group that comes into being because a client uses it:
 * whoever commits offsets in it finds it again when this actor's thread dies. One save takes all that came during the one before; one
 * that fails makes a used group no worse than a crash would: it is told and answered all the same.
 *
 * Restarted from the file. A file that cannot be read is a fault that its supervisor escalates.
 * Source: RocketMQ `SubscriptionGroupManager`.
 */
import { GROUP_NAME_CREATE_MAX } from '../../model/group.ts';
import type { Actor, ActorContext, ActorRef, TimerId } from '../../runtime/actor.ts';
import type { SaveTable, TableSaved } from '../store/store-messages.ts';
import { TableCourierActor } from '../store/table-courier-actor.ts';
import type { GroupDeleted } from './consumer-group-messages.ts';
import { type ForbiddenTable, forbiddenOf, forbiddenText } from './forbidden-topics.ts';
import { configAfter, forbiddenAfter, type GroupChange, textsAfter } from './group-changes.ts';
import {
  alterGroupAttributes,
  BUILT_IN_GROUPS,
  defaultGroupConfig,
  type GroupConfig,
  type GroupTableVersion,
  groupConfigJson,
  groupConfigRefusal,
  groupNameRefusal,
  sameGroupConfig,
} from './group-config.ts';
import { groupUnknown, type Refusal } from './group-limits.ts';
import { countRefusal, forbiddingRefusal, makingRefusal } from './group-refusals.ts';
import type { EnsureGroup, ForbidTopic, GroupRegistryCommand, GroupReply, GroupsReady, UpdateGroup } from './group-registry-messages.ts';
import { consumerGroupPath } from './group-table-actor.ts';
import { GroupTeller, type TellerWord, type ToldGroups } from './group-teller.ts';
import { GROUPS_FILE, groupsText, parseGroupsFile } from './groups-json.ts';

type Private =
  | { readonly kind: 'save-due' }
  | { readonly kind: 'saved'; readonly ok: boolean; readonly error: string }
  | { readonly kind: 'answer-due' }
  | TellerWord;

export type GroupRegistryOptions = {
  /** The parsed file as it was saved last; null: there is none yet. Throws when it cannot be read. */
  readonly load: () => unknown;
  /** Clients may make groups by using them (`autoCreateSubscriptionGroup`). */
  readonly autoCreate: boolean;
  readonly groupsMax: number;
  /** Null when a group may be bound to this filter plugin, else why not; default: by the name alone. */
  readonly pluginFault?: (name: string) => string | null;
  /** Names of the shard threads. */
  readonly shards: readonly string[];
  /** There was a registry before this one in the same broker. */
  readonly isSuccessor: boolean;
  /** Saves are synced to the disk before a tool is answered (synchronous flush). */
  readonly sync: boolean;
  readonly store?: string;
};

const SYSTEM_ERROR = 1;

const SAVE_MAX_MS = 30_000;
const SAVE_LAZILY_MS = 1_000;
/** Groups that come by use within so long after a save go together. */
const SAVE_PAUSE_MS = 50;
const COPIED_MAX_MS = 2_000;
const WAITING_MAX = 100_000;

const TOO_MANY: Refusal = { code: 2, remark: 'too many changes of groups wait to be saved; try again' };

type Waiting = { readonly revision: number; readonly untilMs: number; readonly group: string; readonly replyTo: ActorRef<GroupReply> };

export class GroupRegistryActor implements Actor<GroupRegistryCommand | Private> {
  readonly #options: GroupRegistryOptions;
  /** Every group with its JSON text, which is made once. */
  readonly #groups: Map<string, { config: GroupConfig; text: string }> = new Map();
  #version: GroupTableVersion = { counter: 0, stateVersion: 0, timestamp: 0 };
  #forbidden: ForbiddenTable = new Map();
  #teller!: GroupTeller;
  /** Tools' changes: waiting for the next save, and in the save under way. */
  #staged: GroupChange[] = [];
  #flying: GroupChange[] = [];
  /** Groups that came by use, the same, and who wait for them. */
  #made: Set<string> = new Set();
  #flyingMade: Set<string> = new Set();
  #ensuring: EnsureGroup[] = [];
  /** Answers that wait for the shards, oldest first. */
  #waiting: Waiting[] = [];
  #awaiting: ActorRef<GroupsReady>[] = [];
  #isDirty = false;
  #isSaving = false;
  #saveTimer: TimerId | null = null;
  #saveAt = 0;
  /** Monotonic ms at which the last save ended. */
  #savedMs = Number.NEGATIVE_INFINITY;
  #answerIsDue = false;
  #courier: ActorRef<SaveTable> | null = null;

  constructor(options: GroupRegistryOptions) {
    this.#options = options;
  }

  started(context: ActorContext): void {
    const create = (): TableCourierActor => new TableCourierActor(this.#options.store);
    this.#courier = context.spawn({ id: 'table-courier', create });
    const parsed = this.#options.load();
    if (parsed !== null) {
      const file = parseGroupsFile(parsed);
      this.#version = file.version;
      this.#forbidden = forbiddenOf(file.forbidden);
      for (const config of file.groups) this.#put(config);
    }
    for (const group of BUILT_IN_GROUPS) {
      if (this.#groups.has(group)) continue;
      this.#put(defaultGroupConfig(group));
      this.#isDirty = true;
    }
    if (this.#isDirty) this.#bump(context);
    const self = this;
    const told: ToldGroups = {
      get version(): GroupTableVersion {
        return self.#version;
      },
      get forbidden(): string {
        return forbiddenText(self.#forbidden);
      },
      configs: () => [...this.#groups.values()].flatMap(({ config }) => (this.#isUnsaved(config.groupName) ? [] : config)),
      lengthOf: (config) => this.#groups.get(config.groupName)?.text.length ?? 0,
    };
    this.#teller = new GroupTeller(told, this.#options.shards, this.#options.isSuccessor, context);
    if (this.#isDirty) this.#scheduleSave(SAVE_LAZILY_MS, context);
  }

  receive(message: GroupRegistryCommand | Private, context: ActorContext): void {
    switch (message.kind) {
      case 'ensure-group':
        this.#onEnsure(message, context);
        return;
      case 'adopt-group':
        this.#make(message.group, context);
        return;
      case 'update-group':
        this.#onUpdate(message, context);
        return;
      case 'delete-group':
        this.#stage({ group: message.group, config: null, cleanOffset: message.cleanOffset, replyTo: message.replyTo }, context);
        return;
      case 'forbid-topic':
        this.#onForbid(message, context);
        return;
      case 'await-groups':
        this.#awaiting.push(message.replyTo);
        this.#answer(context);
        return;
      case 'group-table-started':
        this.#teller.asked(message.shard, context);
        return;
      case 'copied':
        this.#teller.copied(message.shard, message.revision, context);
        this.#answer(context);
        return;
      case 'save-due':
        this.#saveTimer = null;
        this.#save(context);
        return;
      case 'saved':
        this.#onSaved(message.ok, message.error, context);
        return;
      case 'answer-due':
        this.#answerIsDue = false;
        this.#answer(context);
        return;
      case 'copy-due':
      case 'shard-gone':
        this.#teller.receive(message, context);
        this.#answer(context);
        return;
    }
  }

  #onEnsure(message: EnsureGroup, context: ActorContext): void {
    const { group, replyTo } = message;
    const isTooMany = this.#ensuring.length >= WAITING_MAX;
    const unknown = message.isKnownOnly === true && !this.#groups.has(group) ? groupUnknown(group) : null;
    const refusal = isTooMany ? TOO_MANY : (unknown ?? this.#make(group, context));
    if (refusal !== null) replyTo.tell({ kind: 'group-refused', group, ...refusal });
    else if (this.#isUnsaved(group)) this.#ensuring.push(message);
    else this.#waitForShards(group, replyTo, context);
  }

  #isUnsaved(group: string): boolean {
    return this.#made.has(group) || this.#flyingMade.has(group);
  }

  /** Null: the group is there now. */
  #make(group: string, context: ActorContext): Refusal | null {
    if (this.#groups.has(group)) return null;
    const { autoCreate, groupsMax } = this.#options;
    const refusal = makingRefusal(group, autoCreate, this.#groups.size, groupsMax);
    if (refusal !== null) return refusal;
    const config = defaultGroupConfig(group);
    this.#put(config);
    this.#bump(context);
    this.#isDirty = true;
    this.#made.add(group);
    this.#saveSoon(context);
    return null;
  }

  #onUpdate(message: UpdateGroup, context: ActorContext): void {
    const { replyTo } = message;
    const group = message.config.groupName;
    const known = this.#groups.get(group)?.config ?? null;
    const pending = configAfter([...this.#flying, ...this.#staged], group);
    const standing = pending === undefined ? known : pending;
    const altered = alterGroupAttributes(standing, message.config, this.#options.pluginFault);
    const refusal =
      groupNameRefusal(group, GROUP_NAME_CREATE_MAX) ??
      altered.refusal ??
      groupConfigRefusal(altered.config) ??
      (known === null ? countRefusal(this.#groups.size, this.#options.groupsMax) : null);
    if (refusal !== null) {
      replyTo.tell({ kind: 'group-refused', group, ...refusal });
      return;
    }
    if (known !== null && pending === undefined && sameGroupConfig(known, altered.config!)) {
      this.#waitForShards(group, replyTo, context);
      return;
    }
    this.#stage({ group, config: altered.config!, cleanOffset: false, replyTo }, context);
  }

  #onForbid(message: ForbidTopic, context: ActorContext): void {
    const { group, topic, isReadable, replyTo } = message;
    const refusal = isReadable ? null : forbiddingRefusal(group, topic, this.#groups.has(group), this.#forbidden);
    if (refusal !== null) {
      replyTo.tell({ kind: 'group-refused', group, ...refusal });
      return;
    }
    this.#stage({ group, topic, isReadable, replyTo }, context);
  }

  #stage(change: GroupChange, context: ActorContext): void {
    if (this.#staged.length >= WAITING_MAX) {
      change.replyTo.tell({
        kind: 'group-refused',
        group: change.group,
        ...TOO_MANY,
      });
      return;
    }
    this.#staged.push(change);
    this.#save(context);
  }

  #save(context: ActorContext): void {
    if (this.#isSaving || (!this.#isDirty && this.#staged.length === 0)) return;
    this.#isSaving = true;
    this.#isDirty = false;
    this.#flyingMade = this.#made;
    this.#made = new Set();
    this.#flying = this.#staged;
    this.#staged = [];
    if (this.#flying.length > 0) this.#bump(context);
    context.ask<TableSaved, SaveTable>(
      this.#courier!,
      (replyTo) => this.#saveMessage(this.#flying, replyTo),
      SAVE_MAX_MS,
      (reply): Private => ({
        kind: 'saved',
        ok: reply?.ok === true,
        error: reply === undefined ? 'no answer in time' : (reply.error ?? ''),
      }),
    );
  }

  #saveMessage(changes: readonly GroupChange[], replyTo: ActorRef<TableSaved>): SaveTable {
    const known = [...this.#groups].map(([group, { text }]) => [group, text] as const);
    const texts = textsAfter(known, changes);
    const text = groupsText(this.#version, forbiddenText(forbiddenAfter(this.#forbidden, changes)), texts);
    return { kind: 'save-table', name: GROUPS_FILE, text, sync: this.#options.sync, replyTo };
  }

  #onSaved(ok: boolean, error: string, context: ActorContext): void {
    this.#isSaving = false;
    const changes = this.#flying;
    this.#flying = [];
    this.#tellMade(context);
    if (ok) this.#apply(changes, context);
    else {
      context.log('error', `Cannot save ${GROUPS_FILE}`, { error });
      const remark = `the change could not be saved: ${error}; try again when the disk can be written`;
      for (const { group, replyTo } of changes) replyTo.tell({ kind: 'group-refused', group, code: SYSTEM_ERROR, remark });
      this.#isDirty = true;
    }
    this.#savedMs = context.monotonicMs();
    if (this.#staged.length > 0) this.#save(context);
    else if (ok && this.#made.size > 0) this.#saveSoon(context);
    else if (this.#isDirty) this.#scheduleSave(SAVE_LAZILY_MS, context);
  }

  #saveSoon(context: ActorContext): void {
    const waitMs = this.#savedMs + SAVE_PAUSE_MS - context.monotonicMs();
    if (waitMs <= 0) this.#save(context);
    else this.#scheduleSave(waitMs, context);
  }

  #tellMade(context: ActorContext): void {
    const made = this.#flyingMade;
    this.#flyingMade = new Set();
    if (made.size === 0) return;
    this.#teller.tell(
      [...made].flatMap((group) => this.#groups.get(group)?.config ?? []),
      [],
      context,
    );
    const ensuring = this.#ensuring;
    this.#ensuring = ensuring.filter(({ group }) => this.#isUnsaved(group));
    for (const { group, replyTo } of ensuring) if (!this.#isUnsaved(group)) this.#waitForShards(group, replyTo, context);
  }

  #apply(changes: readonly GroupChange[], context: ActorContext): void {
    if (changes.length === 0) return;
    const configs = new Map<string, GroupConfig>();
    const removed = new Set<string>();
    this.#forbidden = forbiddenAfter(this.#forbidden, changes);
    for (const change of changes) {
      if (!('config' in change)) continue;
      const { group, config, cleanOffset } = change;
      if (config !== null) {
        this.#put(config);
        configs.set(group, config);
        removed.delete(group);
        continue;
      }
      this.#groups.delete(group);
      configs.delete(group);
      removed.add(group);
      const actor: ActorRef<GroupDeleted> = context.ref(consumerGroupPath(group));
      actor.tell({ kind: 'group-deleted', cleanOffset });
    }
    this.#teller.tell([...configs.values()], [...removed], context);
    for (const { group, replyTo } of changes) this.#waitForShards(group, replyTo, context);
  }

  #waitForShards(group: string, replyTo: ActorRef<GroupReply>, context: ActorContext): void {
    this.#waiting.push({ revision: this.#teller.revision, untilMs: context.monotonicMs() + COPIED_MAX_MS, group, replyTo });
    this.#answer(context);
  }

  #answer(context: ActorContext): void {
    if (this.#awaiting.length > 0 && this.#teller.isAllGood) {
      for (const replyTo of this.#awaiting) replyTo.tell({ kind: 'groups-ready', groups: this.#groups.size });
      this.#awaiting = [];
    }
    const now = context.monotonicMs();
    let done = 0;
    for (const { revision, untilMs, group, replyTo } of this.#waiting) {
      if (!this.#teller.isEverywhere(revision) && now < untilMs) break;
      replyTo.tell({ kind: 'group-ready', group });
      done++;
    }
    if (done > 0) this.#waiting = this.#waiting.slice(done);
    const first = this.#waiting[0];
    if (first === undefined || this.#answerIsDue) return;
    this.#answerIsDue = true;
    context.schedule(Math.max(1, first.untilMs - now), { kind: 'answer-due' } satisfies Private);
  }

  #scheduleSave(afterMs: number, context: ActorContext): void {
    if (this.#isSaving) return;
    const at = context.monotonicMs() + afterMs;
    if (this.#saveTimer !== null) {
      if (this.#saveAt <= at) return;
      context.cancel(this.#saveTimer);
    }
    this.#saveAt = at;
    this.#saveTimer = context.schedule(afterMs, { kind: 'save-due' } satisfies Private);
  }

  #put(config: GroupConfig): void {
    this.#groups.set(config.groupName, { config, text: groupConfigJson(config) });
  }

  #bump(context: ActorContext): void {
    const { counter, stateVersion } = this.#version;
    this.#version = { counter: counter + 1, stateVersion, timestamp: context.now() };
  }
}

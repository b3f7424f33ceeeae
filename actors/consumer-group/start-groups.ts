/**
 * Starts the group actors of one shard: its group table, the activators of consumer and producer groups and, on the first shard,
 * the group registry, the offset store and the lock store. Called once by the shard's module before it accepts a connection.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { ProducerGroupActor } from '../producer-group/producer-group-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { ConsumerGroupActor, type GroupShard } from './consumer-group-actor.ts';
import type { QueueRanges } from './decide-offset.ts';
import type { GroupLimits } from './group-limits.ts';
import { GroupRegistryActor } from './group-registry-actor.ts';
import { GroupTable } from './group-table.ts';
import { consumerGroupPath, GROUP_REGISTRY_PATH, GroupTableActor, groupTablePath } from './group-table-actor.ts';
import { GROUPS_FILE } from './groups-json.ts';
import { LOCK_STORE_PATH, LockStoreActor } from './lock-store-actor.ts';
import { LOCKS_FILE } from './lock-table.ts';
import type { FlushOffsets, OffsetsFlushed } from './offset-keeper.ts';
import { OFFSET_STORE_PATH, OffsetStoreActor, type SavedNow, type SaveNow } from './offset-store-actor.ts';
import { OFFSETS_FILE } from './offset-table.ts';

export type GroupsOptions = {
  /** All shards in order; the first hosts the registry and the offset store. */
  readonly shards: readonly GroupShard[];
  /** Ranges of the queues, from shared memory. */
  readonly ranges: QueueRanges;
  /** This shard's copy of the topics. */
  readonly topics: TopicTable;
  /**
   * Reads a metadata table as it was saved last and parses it leniently (integer keys may be bare); null: there is none yet.
   * Throws when it cannot be read. Called on the first shard, at its start and whenever it is restarted.
   */
  readonly loadTable: (name: string) => unknown;
  /** `autoCreateSubscriptionGroup`; read at each use, as the limits are. */
  readonly autoCreate: boolean;
  readonly limits: GroupLimits;
  /** Null when a group may be bound to this filter plugin, else why not. */
  readonly pluginFault: (name: string) => string | null;
  /** Saves are synced to the disk (synchronous flush). */
  readonly sync: boolean;
  /** Path of the actor that takes `save-table`. */
  readonly store: string;
};

/** All members of a large group may say something at once. */
const GROUP_MAILBOX_MAX = 16_384;
const TABLE_MAILBOX_MAX = 65_536;
const FLUSH_MAX_MS = 2_000;

/** Gives the shard's copy of the groups: empty at first, filled by the registry. */
export function startGroups(thread: ThreadContext, options: GroupsOptions): GroupTable {
  const { shards, ranges, topics, loadTable, limits, sync, store } = options;
  const table = new GroupTable();
  const shard = thread.name;
  thread.spawn(groupTablePath(shard), () => new GroupTableActor(table, shard), { mailboxMax: TABLE_MAILBOX_MAX });
  if (shards[0]?.name === shard) {
    thread.spawn(OFFSET_STORE_PATH, () => new OffsetStoreActor({ load: () => loadTable(OFFSETS_FILE), sync, limits, ranges, store }), {
      mailboxMax: TABLE_MAILBOX_MAX,
    });
    thread.spawn(LOCK_STORE_PATH, () => new LockStoreActor({ load: () => loadTable(LOCKS_FILE), sync, store }), {
      mailboxMax: TABLE_MAILBOX_MAX,
    });
    const names = shards.map((one) => one.name);
    let lives = thread.generation;
    thread.spawn(
      GROUP_REGISTRY_PATH,
      () =>
        new GroupRegistryActor({
          load: () => loadTable(GROUPS_FILE),
          get autoCreate() {
            return options.autoCreate;
          },
          get groupsMax() {
            return limits.groupsMax;
          },
          pluginFault: options.pluginFault,
          shards: names,
          isSuccessor: lives++ > 0,
          sync,
          store,
        }),
      { mailboxMax: GROUP_MAILBOX_MAX },
    );
  }
  const hasTopic = (topic: string): boolean => topics.get(topic) !== undefined;
  const active = new Set<string>();
  thread.onStop(() => flush(thread, active, shards[0]?.name === shard));
  thread.register('consumer-group/', {
    create: (_path, group) => {
      active.add(group);
      return new ConsumerGroupActor({ group, table, ranges, hasTopic, limits, shards, shard });
    },
    mailboxMax: GROUP_MAILBOX_MAX,
  });
  thread.register('producer-group/', { create: () => new ProducerGroupActor(limits), mailboxMax: GROUP_MAILBOX_MAX });
  return table;
}

/**
 * In an orderly stop every commit is saved: each group sends what it has, then the first shard, which stops last, has it written.
 * What does not answer in time has lost what a crash would have taken.
 */
async function flush(thread: ThreadContext, groups: ReadonlySet<string>, isFirst: boolean): Promise<void> {
  const asked = [...groups].map((group) =>
    answered((done) => {
      const target = thread.ref<FlushOffsets>(consumerGroupPath(group));
      thread.ask<OffsetsFlushed, FlushOffsets>(target, (replyTo) => ({ kind: 'flush-offsets', replyTo }), FLUSH_MAX_MS, done);
    }),
  );
  thread.requestTurn();
  await Promise.all(asked);
  if (!isFirst) return;
  const saved = answered((done) => {
    const target = thread.ref<SaveNow>(OFFSET_STORE_PATH);
    thread.ask<SavedNow, SaveNow>(target, (replyTo) => ({ kind: 'save-now', replyTo }), FLUSH_MAX_MS, done);
  });
  thread.requestTurn();
  await saved;
}

function answered(ask: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => ask(resolve));
}

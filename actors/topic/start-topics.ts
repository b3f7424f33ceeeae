/**
 * Puts the topic actors onto their threads: the registry onto the one where the placement puts `topic-registry`, a topic table
 * onto every shard. Only assembles.
 */

import type { ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { TOPIC_REGISTRY_PATH } from '../broker/actor-paths.ts';
import type { TopicRegistryCommand, TopicRegistryOptions } from './topic-registry-actor.ts';
import { TopicRegistryActor } from './topic-registry-actor.ts';
import { TopicTable } from './topic-table.ts';
import { TopicTableActor, topicTablePath } from './topic-table-actor.ts';

/** Sends to unknown topics ask the registry; so many may wait. */
const REGISTRY_MAILBOX_MAX = 65_536;
/** All topics are told to a shard at once. */
const TABLE_MAILBOX_MAX = 65_536;

export function startTopicRegistry(thread: ThreadContext, options: TopicRegistryOptions): ActorRef<TopicRegistryCommand> {
  thread.spawn(TOPIC_REGISTRY_PATH, () => new TopicRegistryActor(options), { mailboxMax: REGISTRY_MAILBOX_MAX });
  return thread.ref<TopicRegistryCommand>(TOPIC_REGISTRY_PATH);
}

/** @param shard position of this thread among the shards. Gives the table, empty until the registry has filled it. */
export function startTopicTable(thread: ThreadContext, shard: number): TopicTable {
  const table = new TopicTable(thread.random());
  thread.spawn(topicTablePath(thread.name), () => new TopicTableActor(table, shard, thread.generation), {
    mailboxMax: TABLE_MAILBOX_MAX,
  });
  return table;
}

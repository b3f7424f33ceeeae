/**
 * Puts the broker's statistics onto the first shard, and says where their numbers come from. Only assembles.
 */
import { dayAt } from '../../runtime/clock.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { BROKER_STATS_PATH } from '../broker/actor-paths.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { SHARD_COUNTERS, type ShardCounterBlock, type ShardCounts } from '../shard/shard-counters.ts';
import type { TopicState, TopicTable } from '../topic/topic-table.ts';
import { BrokerStatsActor } from './broker-stats-actor.ts';

const MAILBOX_MAX = 16_384;

export type BrokerStatsParts = {
  readonly clusterName: string;
  readonly topics: TopicTable;
  readonly table: QueueTable;
  readonly blocks: readonly ShardCounterBlock[];
  /** Messages of each topic at the start. */
  readonly bases: Map<string, number>;
};

export function startBrokerStats(thread: ThreadContext, { clusterName, topics, table, blocks, bases }: BrokerStatsParts): void {
  const messagesOf = (topic: TopicState | undefined): number => {
    let messages = 0;
    for (const handle of topic?.queueHandles ?? []) if (handle >= 0) messages += table.next(handle);
    return messages;
  };
  const sources = {
    clusterName,
    bases,
    counts: (): ShardCounts => {
      const sums = blocks[0]!.read();
      for (const block of blocks.slice(1)) {
        const counts = block.read();
        for (const name of SHARD_COUNTERS) sums[name] += counts[name];
      }
      return sums;
    },
    *topics(): Generator<readonly [string, number]> {
      for (const topic of topics.all()) yield [topic.name, messagesOf(topic)];
    },
    messagesOf: (name: string): number => messagesOf(topics.get(name)),
    dayOf: dayAt,
  };
  thread.spawn(BROKER_STATS_PATH, () => new BrokerStatsActor(sources), { mailboxMax: MAILBOX_MAX });
}

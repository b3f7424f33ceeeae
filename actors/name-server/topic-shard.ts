/**
 * Which name-server shard a topic's route lies on: a stable hash of its name, the same on every thread and after every restart.
 * Pure.
 */
import { stableHash } from '../../runtime/thread/placement.ts';

/** Position among the shards. */
export function topicShard(topic: string, shardCount: number): number {
  return stableHash(topic) % shardCount;
}

/** Path of the name-server actor on the shard thread `shardName`. */
export function nameServerPath(shardName: string): string {
  return `${shardName}/name-server`;
}

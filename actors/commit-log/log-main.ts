/**
 * The log worker: the blocking thread 'log' with the one commit-log actor on it. Sleeps until a shard rings.
 */

import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { COMMIT_LOG_PATH } from '../broker/actor-paths.ts';
import { type ThreadWorld, thisWorld } from '../broker/broker-world.ts';
import { CommitLogActor, type CommitLogConfig } from './commit-log-actor.ts';

export type LogThreadData = CommitLogConfig;

export function main(thread: ThreadContext, data: LogThreadData, world: Pick<ThreadWorld, 'disk'> = thisWorld()): void {
  const actor = new CommitLogActor(thread, data, world.disk);
  // A second actor could not have the first one's files and offsets: a failure is the thread's.
  thread.spawn(COMMIT_LOG_PATH, () => actor, { intensity: 0 });
  thread.addSource(actor);
  thread.addTurnEnd(() => actor.turnEnded());
}

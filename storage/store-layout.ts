/**
 * Where everything of a store lies below its directory. Pure; names as RocketMQ has them, ours marked.
 * Source: RocketMQ 5.3 `StorePathConfigHelper`, `BrokerPathConfigHelper`.
 */
import { join } from 'node:path';

/** A segment of the commit log, unless configured otherwise. */
export const COMMIT_LOG_SEGMENT_BYTES = 1024 * 1024 * 1024;

export type StoreLayout = {
  readonly root: string;
  readonly commitLog: string;
  readonly consumeQueue: string;
  readonly index: string;
  readonly checkpoint: string;
  readonly abort: string;
  readonly lock: string;
  readonly config: string;
  readonly topics: string;
  readonly subscriptionGroups: string;
  readonly consumerOffsets: string;
  readonly delayOffsets: string;
  /** Ours. */
  readonly queueTable: string;
  /** Ours: which messages of the log are of topics that were deleted. */
  readonly deletedTopics: string;
  /** Ours: timers in the order of their times. */
  readonly timerRuns: string;
  /** Ours: bytes kept in reserve, so that offsets can be written when the disk is full. */
  readonly ballast: string;
  /** Ours: a sync has failed (sync-failure.ts). */
  readonly syncFailed: string;
  /** Ours: a sync of the commit log is under way (sync-failure.ts). */
  readonly syncBegun: string;
};

export function storeLayout(root: string): StoreLayout {
  const config = join(root, 'config');
  return {
    root,
    commitLog: join(root, 'commitlog'),
    consumeQueue: join(root, 'consumequeue'),
    index: join(root, 'index'),
    checkpoint: join(root, 'checkpoint'),
    abort: join(root, 'abort'),
    lock: join(root, 'lock'),
    config,
    topics: join(config, 'topics.json'),
    subscriptionGroups: join(config, 'subscriptionGroup.json'),
    consumerOffsets: join(config, 'consumerOffset.json'),
    delayOffsets: join(config, 'delayOffset.json'),
    queueTable: join(config, 'queueTable.snapshot'),
    deletedTopics: join(config, 'deletedTopics.json'),
    timerRuns: join(root, 'timerruns'),
    ballast: join(config, 'ballast'),
    syncFailed: join(root, 'sync.failed'),
    syncBegun: join(root, 'sync.begun'),
  };
}

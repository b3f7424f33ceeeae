/**
 * The threads of a broker: what each is made of, under which supervisors they start and stop, and where actors live by their paths. Decides
 * only; start-broker.ts starts them. Threads that are replaced begin with the settings as they are then.
 * Source: none; what RocketMQ 5.3 `BrokerController` gives to its thread pools.
 */

import { extname } from 'node:path';
import { SCHEDULE_TOPIC, TIMER_TOPIC, TRANS_HALF_TOPIC } from '../../model/topic.ts';
import type { SupervisorSpec, ThreadSpec } from '../../runtime/supervision/thread-spec.ts';
import type { PlacementRule } from '../../runtime/thread/placement.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import type { LogThreadData } from '../commit-log/log-main.ts';
import type { SyncThreadData } from '../commit-log/sync-main.ts';
import { isSyncLate } from '../commit-log/sync-start.ts';
import type { FrontThreadData } from '../shard/shard-front.ts';
import type { ReaderThreadData } from '../store/reader-main.ts';
import type { StoreThreadData } from '../store/store-main.ts';
import { WHEEL_FILES_PATH } from '../timer/wheel-messages.ts';
import { BROKER_STATS_PATH, COMMIT_LOG_PATH, TIMER_PATH, TRANSACTION_PATH, WHEEL_PATH } from './actor-paths.ts';
import type { BrokerConfig } from './broker-config.ts';
import type { BrokerMemory } from './broker-memory.ts';

/** Blocking threads make next to no garbage: a small young generation saves megabytes of each. */
const BLOCKING_LIMITS = { maxYoungGenerationSizeMb: 3 };
/** Of every supervisor here. */
const LIMITS = { strategy: 'one-for-one', intensity: 10, periodMs: 60_000 } as const;

const here = extname(import.meta.url);
const threadEntry = (path: string): Pick<ThreadSpec, 'module' | 'isWhole'> => ({
  module: new URL(`${path}${here}`, import.meta.url),
  isWhole: true,
});

export type TreeParts = {
  /** As it is now. */
  readonly config: () => BrokerConfig;
  /** Null: a name server only. */
  readonly memory: BrokerMemory | null;
  /** Names of the shards' threads. */
  readonly shards: readonly string[];
  /** The process's V8 flags may be set: threads that are never hot are started lean (`ThreadSpec.isLean`), apart from the others. */
  readonly ownsFlags: boolean;
  /** Before a shard is replaced: what its predecessor has published is written. */
  readonly drainLane: (shard: number) => Promise<void>;
};

export function brokerTree(parts: TreeParts): SupervisorSpec {
  const { memory } = parts;
  const shards: SupervisorSpec = {
    id: 'shards',
    ...LIMITS,
    startTogether: true,
    children: parts.shards.map((name, index) => shardThread(parts, name, index)),
  };
  if (memory === null) return { id: 'broker', ...LIMITS, startTogether: true, children: [shards] };
  const { files, log } = storeThreads(parts, memory);
  const hot: SupervisorSpec = { id: 'hot', ...LIMITS, startTogether: true, children: [log, shards] };
  return { id: 'broker', ...LIMITS, startTogether: !parts.ownsFlags, children: [files, hot] };
}

function shardThread(parts: TreeParts, name: string, index: number): ThreadSpec {
  const data: FrontThreadData = {
    get config() {
      return parts.config();
    },
    memory: parts.memory,
    shards: parts.shards,
  };
  return {
    name,
    group: 'shard',
    loop: 'event',
    ...threadEntry(parts.memory === null ? '../name-server/name-server-thread' : '../shard/shard-thread'),
    ...lean(parts, false),
    data,
    beforeRestart: () => parts.drainLane(index),
  };
}

/** The log worker, and those beside it that are seldom at work: they start before all others, lean. */
function storeThreads(parts: TreeParts, memory: BrokerMemory): { readonly files: SupervisorSpec; readonly log: ThreadSpec } {
  const config = parts.config();
  const layout = storeLayout(config.storePath);
  const syncFlush = config.flushDiskType === 'SYNC_FLUSH';
  const log: LogThreadData = {
    memory,
    directory: layout.commitLog,
    segmentBytes: config.commitLogSegmentBytes,
    syncFlush,
    wakesSync: isSyncLate(config),
    delayLevelsMs: config.delayLevelsMs,
  };
  const sync: SyncThreadData = {
    ...log,
    syncFailed: layout.syncFailed,
    syncBegun: layout.syncBegun,
    get config() {
      return parts.config();
    },
  };
  const store: StoreThreadData = {
    memory,
    get settings() {
      return parts.config();
    },
    config: {
      directory: config.storePath,
      segmentBytes: config.commitLogSegmentBytes,
      syncFlush,
      indexEnable: config.indexEnable,
      delayLevelsMs: config.delayLevelsMs,
    },
    shards: parts.shards,
    logThread: 'log',
    syncThread: 'sync',
  };
  const reader: ReaderThreadData = { memory, config };
  const thread = (name: string, path: string, data: unknown): ThreadSpec => ({
    name,
    loop: 'blocking',
    ...threadEntry(path),
    data,
    isNeededToStop: true,
    resourceLimits: BLOCKING_LIMITS,
  });
  const files: SupervisorSpec = {
    id: 'files',
    ...LIMITS,
    startTogether: true,
    children: [
      // Stopped in reverse, behind the log worker: the store worker last.
      { ...thread('store', '../store/store-thread', store), ...lean(parts, true) },
      { ...thread('sync', '../commit-log/sync-thread', sync), ...lean(parts, true), startWhenUsed: isSyncLate(config) },
      { ...thread('reader', '../store/reader-thread', reader), ...lean(parts, false), startWhenUsed: true },
    ],
  };
  return { files, log: { ...thread('log', '../commit-log/log-thread', log), ...lean(parts, false) } };
}

function lean({ ownsFlags }: TreeParts, isLean: boolean): { isLean?: boolean } {
  return ownsFlags ? { isLean } : {};
}

/** On which thread an actor lives, by the beginning of its path. @param hasStore false: a name server only */
export function brokerPlacement(shards: readonly string[], hasStore: boolean): PlacementRule[] {
  const first = shards[0]!;
  const byHash = ['queue/', 'consumer-group/', 'producer-group/', 'pop/'];
  const rules: PlacementRule[] = byHash.map((prefix) => ({ prefix, group: 'shard' }));
  const owners = ['topic-registry', 'topic-drop', 'group-registry', 'offset-store', 'lock-store', 'registration'];
  const onFirst = [...owners, 'pop-journal-keeper', 'request-modes', BROKER_STATS_PATH];
  // The timer and the wheel have their queues beside them, the transactions' actor the half messages: they are told of what comes to them.
  const beside = [SCHEDULE_TOPIC, TIMER_TOPIC, TRANS_HALF_TOPIC].map((topic) => `queue/${topic}/`);
  for (const prefix of [...onFirst, TIMER_PATH, WHEEL_PATH, TRANSACTION_PATH, ...beside]) rules.push({ prefix, thread: first });
  for (const [shard, name] of shards.entries()) rules.push({ prefix: `gateway/${shard}`, thread: name });
  if (hasStore) {
    rules.push({ prefix: COMMIT_LOG_PATH, thread: 'log' }, { prefix: 'store', thread: 'store' }, { prefix: 'reader', thread: 'reader' });
    rules.push({ prefix: WHEEL_FILES_PATH, thread: 'reader' });
  }
  return rules;
}

/**
 * Store worker: the thread 'store' with the one store actor on it. Blocks in system calls of the disk; everything else is told it
 * through its ring, or by a wake-up when the log worker runs short of what rounds give back. A failure ends the thread: the next
 * one takes the store over beside the running log.
 */
import { hourAt } from '../../runtime/clock.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { shardPath } from '../broker/actor-paths.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { type ThreadWorld, thisWorld } from '../broker/broker-world.ts';
import { IndexFeed } from '../commit-log/index-feed.ts';
import { Watermarks } from '../commit-log/watermarks.ts';
import { TailFiler } from '../queue/tail-filer.ts';
import { type LiveConfig, settingsAs } from '../settings/live-config.ts';
import { startSettings } from '../settings/settings-actor.ts';
import type { RetentionRules } from './decide-retention.ts';
import type { StoreConfig } from './open-store.ts';
import { StoreActor } from './store-actor.ts';
import { type DiskLevel, STORE_PATH } from './store-messages.ts';

export type StoreThreadData = {
  readonly memory: Pick<BrokerMemory, 'queues' | 'marks' | 'feed'>;
  readonly config: StoreConfig;
  /** The broker's; what of it may change while the broker runs is read at each use. */
  readonly settings: BrokerConfig;
  /** Names of the shards, which refuse sends when the disk is full. */
  readonly shards: readonly string[];
  /** Names of the threads to wake. */
  readonly logThread: string;
  readonly syncThread: string;
};

/** Tables to save and handles to learn may come in crowds. */
const MAILBOX_MAX = 16_384;

export function main(thread: ThreadContext, given: unknown, world: ThreadWorld = thisWorld()): void {
  const { memory, config, settings, shards, logThread, syncThread } = given as StoreThreadData;
  const live = startSettings(thread, settings);
  const log = thread.threadIndex(logThread);
  const sync = thread.threadIndex(syncThread);
  const marks = new Watermarks(memory.marks);
  const actor = new StoreActor({
    config: { ...config, retention: retentionRules(live) },
    disk: world.disk,
    filer: new TailFiler(memory.queues),
    feed: new IndexFeed(memory.feed),
    marks,
    now: () => thread.now(),
    monotonicMs: () => thread.monotonicMs(),
    processId: world.processId,
    // A recovery is one long call that gets on.
    onProgress: () => {
      thread.leaveCall();
      thread.enterCall();
    },
    hourOf: hourAt,
    // The root opens the marks once the store is open: a former thread of this name did that.
    takesOver: marks.isOpen,
    hooks: {
      wakeLog: () => thread.wake(log),
      wantSync: () => {
        marks.wantSync();
        thread.wake(sync);
      },
      inCall: (run) => {
        thread.enterCall();
        try {
          return run();
        } finally {
          thread.leaveCall();
        }
      },
      report: (event, detail) => thread.report(event, detail),
      diskLevel: (reason) => {
        for (const shard of shards) thread.ref<DiskLevel>(shardPath(shard)).tell({ kind: 'disk-level', reason });
      },
    },
  });
  // A second actor could not have the first one's open files: a failure is the thread's.
  thread.spawn(STORE_PATH, () => actor, { mailboxMax: MAILBOX_MAX, intensity: 0 });
  live.onChange(() => actor.rulesChanged());
  thread.addSource({ poll: () => actor.poll() });
  // The log worker and the sync worker have stopped before: what is written is all there is.
  thread.onStop(() => {
    const error = actor.close();
    if (error !== '') thread.log('error', 'The store was not closed in order; the next start recovers it', { error });
  });
}

function retentionRules(live: LiveConfig): RetentionRules {
  return settingsAs<RetentionRules>(live, {
    reservedHours: 'reservedHours',
    deleteHours: 'deleteHours',
    diskUsedPercentMax: 'diskUsedPercentMax',
    diskForcePercent: 'diskForcePercent',
    diskFullPercent: 'diskFullPercent',
  });
}

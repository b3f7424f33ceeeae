/**
 * Store worker: the thread 'store' with the one store actor on it. Blocks in system calls of the disk; everything else is told it
 * through its ring, or by a wake-up when the log worker runs short of what rounds give back. A failure ends the thread: the next
 * one takes the store over beside the running log.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { NodeDisk } from '../../storage/node-disk.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { IndexFeed } from '../commit-log/index-feed.ts';
import { Watermarks } from '../commit-log/watermarks.ts';
import { TailFiler } from '../queue/queue-table.ts';
import type { RetentionRules } from './decide-retention.ts';
import type { StoreConfig } from './open-store.ts';
import { StoreActor } from './store-actor.ts';
import { STORE_PATH } from './store-messages.ts';

export type StoreThreadData = {
  readonly memory: Pick<BrokerMemory, 'queues' | 'marks' | 'feed'>;
  readonly config: StoreConfig & { readonly retention?: RetentionRules };
  /** 4 bytes, zero at first: whether a store thread has opened the store; a later one takes it over then. */
  readonly isOpen: SharedArrayBuffer;
  /** Names of the threads to wake. */
  readonly logThread: string;
  readonly syncThread: string;
};

/** Tables to save and handles to learn may come in crowds. */
const MAILBOX_MAX = 16_384;

export function main(thread: ThreadContext, given: unknown): void {
  const { memory, config, isOpen, logThread, syncThread } = given as StoreThreadData;
  const openWord = new Int32Array(isOpen);
  const log = thread.threadIndex(logThread);
  const sync = thread.threadIndex(syncThread);
  const marks = new Watermarks(memory.marks);
  let clockFace: Intl.DateTimeFormat | null = null;
  const actor = new StoreActor({
    config,
    disk: new NodeDisk(),
    filer: new TailFiler(memory.queues),
    feed: new IndexFeed(memory.feed),
    marks,
    now: () => thread.now(),
    monotonicMs: () => thread.monotonicMs(),
    processId: process.pid,
    hourOf: (now) => {
      clockFace ??= new Intl.DateTimeFormat('en-US', { hour: 'numeric', hourCycle: 'h23' });
      return Number(clockFace.format(now));
    },
    // Pairs with the store below, made by a former thread of this name.
    takesOver: Atomics.load(openWord, 0) !== 0,
    hooks: {
      opened: () => void Atomics.store(openWord, 0, 1),
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
    },
  });
  // A second actor could not have the first one's open files: a failure is the thread's.
  thread.spawn(STORE_PATH, () => actor, { mailboxMax: MAILBOX_MAX, intensity: 0 });
  thread.addSource({ poll: () => actor.poll() });
}

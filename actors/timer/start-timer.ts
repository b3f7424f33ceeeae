/**
 * Starts the timer actor on the first shard, and has it save its offsets in an orderly stop. Only assembles.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { TIMER_PATH } from '../broker/actor-paths.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { InnerAppend } from '../commit-log/inner-append.ts';
import type { RecordSource } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ArrivalTable } from '../shard/arrival-table.ts';
import { READER_PATH } from '../store/reader-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { DELAY_OFFSETS_FILE } from './delay-offsets-json.ts';
import { type DelayOffsetsSaved, type SaveDelayOffsets, TimerActor } from './timer-actor.ts';

const MAILBOX_MAX = 262_144;
const SAVE_MAX_MS = 2_000;

export type TimerSurroundings = {
  readonly config: BrokerConfig;
  readonly topics: TopicTable;
  readonly table: QueueTable;
  /** End of what readers see of the log. */
  readonly visibleEnd: () => number;
  readonly append: InnerAppend;
  readonly records: RecordSource;
  readonly arrivals: ArrivalTable;
  /** Reads a metadata table as it was saved last; null: there is none. */
  readonly load: (name: string) => unknown;
};

export function startTimer(thread: ThreadContext, around: TimerSurroundings): void {
  const { config, topics, table, visibleEnd, append, records, arrivals, load } = around;
  const sync = config.flushDiskType === 'SYNC_FLUSH';
  const create = (): TimerActor =>
    new TimerActor({
      delayLevelsMs: config.delayLevelsMs,
      topics,
      table,
      append,
      visibleEnd,
      view: (places, onRecords) => records.view(places, onRecords),
      watch: (handle) => arrivals.watch(handle, thread.ref(TIMER_PATH)),
      load: () => load(DELAY_OFFSETS_FILE),
      sync,
      saveEveryMs: config.delayOffsetSaveEveryMs,
      reader: READER_PATH,
    });
  thread.spawn(TIMER_PATH, create, { mailboxMax: MAILBOX_MAX });
  thread.onStop(() => {
    const saved = new Promise<void>((resolve) => {
      const timer = thread.ref<SaveDelayOffsets>(TIMER_PATH);
      thread.ask<DelayOffsetsSaved, SaveDelayOffsets>(
        timer,
        (replyTo) => ({ kind: 'save-delay-offsets', replyTo }),
        SAVE_MAX_MS,
        () => resolve(),
      );
    });
    thread.requestTurn();
    return saved;
  });
}

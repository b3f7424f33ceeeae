/**
 * Starts the timer actor and the timing wheel on the first shard, and has them save in an orderly stop how far they are. Only assembles.
 */
import { join } from 'node:path';
import type { ActorMessage, ActorRef } from '../../runtime/actor.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { NodeDisk } from '../../storage/node-disk.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import { TIMER_PATH, WHEEL_PATH } from '../broker/actor-paths.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { InnerAppend } from '../commit-log/inner-append.ts';
import type { RecordSource } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { ArrivalTable } from '../shard/arrival-table.ts';
import { READER_PATH } from '../store/reader-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { DELAY_OFFSETS_FILE } from './delay-offsets-json.ts';
import { JAVA_TIMER_CHECK_FILE } from './java-timer-check.ts';
import { type DelayOffsetsSaved, type SaveDelayOffsets, TimerActor } from './timer-actor.ts';
import { WheelActor } from './wheel-actor.ts';
import { WHEEL_FILE } from './wheel-checkpoint.ts';
import type { WheelCounts } from './wheel-counts.ts';
import { type SaveWheel, WHEEL_FILES_PATH, type WheelSaved } from './wheel-messages.ts';

const MAILBOX_MAX = 262_144;
const SAVE_MAX_MS = 2_000;
const JAVA_CHECK_BYTES_MAX = 256;

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

/** The delay levels. */
export function startTimer(thread: ThreadContext, around: TimerSurroundings): void {
  const { config, topics, table, visibleEnd, append, records, arrivals, load } = around;
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
      sync: config.flushDiskType === 'SYNC_FLUSH',
      saveEveryMs: config.delayOffsetSaveEveryMs,
      reader: READER_PATH,
    });
  thread.spawn(TIMER_PATH, create, { mailboxMax: MAILBOX_MAX });
  saveAtStop<DelayOffsetsSaved, SaveDelayOffsets>(thread, TIMER_PATH, (replyTo) => ({ kind: 'save-delay-offsets', replyTo }));
}

export type WheelSurroundings = TimerSurroundings & {
  /** The longest that one record of a timed message waits. */
  readonly rollAfterMs: () => number;
  readonly counts: WheelCounts;
};

/** Timers of any length. */
export function startWheel(thread: ThreadContext, around: WheelSurroundings): void {
  const { config, topics, table, visibleEnd, append, records, arrivals, load, rollAfterMs, counts } = around;
  const create = (): WheelActor =>
    new WheelActor({
      topics,
      table,
      append,
      rollAfterMs,
      visibleEnd,
      view: (places, onRecords) => records.view(places, onRecords),
      watch: (handle) => arrivals.watch(handle, thread.ref(WHEEL_PATH)),
      load: () => load(WHEEL_FILE),
      loadJavaCheck: () => readBytes(join(storeLayout(config.storePath).config, JAVA_TIMER_CHECK_FILE)),
      sync: config.flushDiskType === 'SYNC_FLUSH',
      saveEveryMs: config.timerSaveEveryMs,
      reader: READER_PATH,
      files: WHEEL_FILES_PATH,
      counts,
    });
  thread.spawn(WHEEL_PATH, create, { mailboxMax: MAILBOX_MAX });
  saveAtStop<WheelSaved, SaveWheel>(thread, WHEEL_PATH, (replyTo) => ({ kind: 'save-wheel', replyTo }));
}

function readBytes(path: string): Uint8Array | null {
  const disk = new NodeDisk();
  if (!disk.exists(path)) return null;
  const file = disk.open(path, 'read');
  const bytes = new Uint8Array(JAVA_CHECK_BYTES_MAX);
  const length = file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes.subarray(0, length);
}

function saveAtStop<R extends ActorMessage, M extends ActorMessage>(
  thread: ThreadContext,
  path: string,
  build: (replyTo: ActorRef<R>) => M,
): void {
  thread.onStop(() => {
    const saved = new Promise<void>((resolve) => {
      thread.ask<R, M>(thread.ref(path), build, SAVE_MAX_MS, () => resolve());
    });
    thread.requestTurn();
    return saved;
  });
}

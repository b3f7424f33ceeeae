/**
 * Reader: the thread 'reader' with the one reader actor on it, and the files of the timing wheel beside it. Blocks in reads of the disk. Its death loses nothing: who asked
 * gets no answer within its time and asks the next one.
 */
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { storeLayout } from '../../storage/store-layout.ts';
import type { BrokerConfig } from '../broker/broker-config.ts';
import type { BrokerMemory } from '../broker/broker-memory.ts';
import { type ThreadWorld, thisWorld } from '../broker/broker-world.ts';
import { Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import { QueueTable } from '../queue/queue-table.ts';
import { WheelFilesActor } from '../timer/wheel-files-actor.ts';
import { WHEEL_FILES_PATH } from '../timer/wheel-messages.ts';
import { ColdReader } from './cold-read.ts';
import { READER_PATH, ReaderActor } from './reader-actor.ts';
import { type MendQueue, type QueueMended, STORE_PATH } from './store-messages.ts';

export type ReaderThreadData = {
  readonly memory: Pick<BrokerMemory, 'queues' | 'marks' | 'readSlots'>;
  readonly config: Pick<BrokerConfig, 'storePath' | 'commitLogSegmentBytes' | 'flushDiskType'>;
};

const MAILBOX_MAX = 8192;

export function main(thread: ThreadContext, given: unknown, world: Pick<ThreadWorld, 'disk'> = thisWorld()): void {
  const { memory, config } = given as ReaderThreadData;
  const marks = new Watermarks(memory.marks);
  const reader = new ColdReader({
    disk: world.disk,
    layout: storeLayout(config.storePath),
    segmentBytes: config.commitLogSegmentBytes,
    table: new QueueTable(memory.queues),
    slots: memory.readSlots,
    monotonicMs: () => thread.monotonicMs(),
    writtenEnd: () => marks.read(WRITTEN_END),
    openedEnd: () => marks.openedEnd,
    onBadRecord: (topic, queueId, physical, reason) =>
      thread.log('error', 'a message cannot be served: its record is damaged', { topic, queueId, physical, reason }),
    onDamage: (damage) =>
      // Told again when nobody hears it.
      void thread.ref<MendQueue>(STORE_PATH).tell({ kind: 'mend-queue', ...damage, replyTo: thread.ref<QueueMended>(READER_PATH) }),
  });
  const create = (): ReaderActor =>
    new ReaderActor({
      reader,
      marks,
      syncFlush: config.flushDiskType === 'SYNC_FLUSH',
      slots: memory.readSlots.map((slots) => new Uint8Array(slots.buffer)),
      fence: (error) => {
        marks.fence();
        thread.log('error', 'the disk cannot be read: the broker is fenced', { error: error.message });
        thread.report('fence', { code: error.code, error: error.message, ...error.fields });
      },
    });
  thread.spawn(READER_PATH, create, { mailboxMax: MAILBOX_MAX });
  const files = { disk: world.disk, directory: storeLayout(config.storePath).timerRuns, reader };
  thread.spawn(WHEEL_FILES_PATH, () => new WheelFilesActor(files), { mailboxMax: MAILBOX_MAX });
  thread.onStop(() => reader.close());
}

/**
 * Starts the transaction actor on the first shard. Only assembles.
 */
import type { Host } from '../../model/message-record.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { TRANSACTION_PATH } from '../broker/actor-paths.ts';
import type { InnerAppend } from '../commit-log/inner-append.ts';
import { FLUSHED_END, type Watermarks, WRITTEN_END } from '../commit-log/watermarks.ts';
import type { RecordSource } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { LiveConfig } from '../settings/live-config.ts';
import type { ArrivalTable } from '../shard/arrival-table.ts';
import { READER_PATH, type ReadUnits, type UnitsRead } from '../store/reader-actor.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { TransactionActor } from './transaction-actor.ts';
import { newFigures, type TransactionFigures } from './transaction-messages.ts';

const MAILBOX_MAX = 262_144;
const READ_MAX_MS = 2_500;
const HOUR_MS = 3_600_000;

export type TransactionSurroundings = {
  readonly live: LiveConfig;
  readonly topics: TopicTable;
  readonly table: QueueTable;
  readonly marks: Watermarks;
  /** End of what readers see of the log. */
  readonly visibleEnd: () => number;
  readonly append: InnerAppend;
  readonly records: RecordSource;
  readonly arrivals: ArrivalTable;
  readonly storeHost: Host;
};

/** Gives what the actor counts. */
export function startTransactions(thread: ThreadContext, around: TransactionSurroundings): TransactionFigures {
  const { live, topics, table, marks, visibleEnd, append, records, arrivals, storeHost } = around;
  const figures = newFigures();
  const create = (): TransactionActor =>
    new TransactionActor({
      topics,
      table,
      append,
      visibleEnd,
      units: (topic, handle, offset, count, onUnits) =>
        thread.ask<UnitsRead, ReadUnits>(
          thread.ref(READER_PATH),
          (replyTo) => ({ kind: 'read-units', topic, queueId: 0, handle, offset, count, replyTo }),
          READ_MAX_MS,
          (reply) => onUnits(reply?.units ?? null),
        ),
      view: (places, onRecords) => records.view(places, onRecords),
      peek: (physical) => records.peek(physical),
      viewOne: (physical, onRecord) => records.viewOne(physical, onRecord),
      writtenEnd: () => marks.read(WRITTEN_END),
      flushedEnd: () => marks.read(FLUSHED_END),
      watch: (handle) => arrivals.watch(handle, thread.ref(TRANSACTION_PATH)),
      delayLevels: live.config.delayLevelsMs.length,
      storeHost,
      brokerName: live.config.brokerName,
      settings: {
        get timeoutMs() {
          return live.config.transactionTimeoutMs;
        },
        get checkIntervalMs() {
          return live.config.transactionCheckEveryMs;
        },
        get checksMax() {
          return live.config.transactionChecksMax;
        },
        get keptMs() {
          return live.config.reservedHours * HOUR_MS;
        },
      },
      reader: READER_PATH,
      figures,
    });
  // A new life finds in the log what the former one gave to it only when the lane was drained: with a new thread.
  thread.spawn(TRANSACTION_PATH, create, { mailboxMax: MAILBOX_MAX, intensity: 0 });
  return figures;
}

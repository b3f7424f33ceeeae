/** What a pop actor sees of its shard. Types only. */
import type { InnerAppend } from '../commit-log/inner-append.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import type { RecordSource } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import type { TopicState, TopicTable } from '../topic/topic-table.ts';
import type { PopJournal, ReadUnitsLater } from './pop-journal.ts';

/** Changed in place when the settings change. */
export type PopLimits = {
  /** Messages in flight of one queue in one group; no more are given out until some are done. */
  inflightMax: number;
  /** Pops of one group and topic that wait. */
  heldMax: number;
  /** New retry topics are of the second kind; those of the first are popped as well. */
  retryV2: boolean;
};

/** What a pop actor sees of its shard. */
export type PopSurroundings = {
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly table: QueueTable;
  readonly append: InnerAppend;
  readonly records: Pick<RecordSource, 'view'>;
  /** End of what readers see of the log. */
  readonly visibleEnd: () => number;
  readonly journal: Pick<PopJournal, 'load' | 'topic' | 'queueOf' | 'onWhole' | 'forget' | 'departures'>;
  /** Units of a queue that are in files only; null: ask again. Calls back later. */
  readonly readUnits: ReadUnitsLater;
  /** A topic with one queue, made when it is not there; null: not now. Calls back at once or later. */
  readonly ensureTopic: (name: string, onTopic: (topic: TopicState | null) => void) => void;
  readonly limits: PopLimits;
};

/**
 * Starts the pop actors of one shard: its journal, the activator of pop actors and, on the first shard, the journal's keeper. Only assembles.
 */
import { PERM_READ_WRITE } from '../../model/permission.ts';
import { SYSTEM_TOPIC_PREFIX } from '../../model/topic.ts';
import type { ThreadContext } from '../../runtime/thread/thread-context.ts';
import { TOPIC_REGISTRY_PATH } from '../broker/actor-paths.ts';
import type { InnerAppend } from '../commit-log/inner-append.ts';
import type { GroupTable } from '../consumer-group/group-table.ts';
import type { RecordSource } from '../message/record-source.ts';
import type { QueueTable } from '../queue/queue-table.ts';
import { READER_PATH, type ReadUnits, type UnitsRead } from '../store/reader-actor.ts';
import type { EnsureTopic, TopicReply } from '../topic/topic-messages.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { PopActor } from './pop-actor.ts';
import { PopJournal } from './pop-journal.ts';
import { POP_JOURNAL_FILE, PopJournalKeeper, parseJournalStarts } from './pop-journal-keeper.ts';
import type { PopLimits, PopSurroundings } from './pop-surroundings.ts';

export type PopStart = {
  readonly clusterName: string;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly table: QueueTable;
  readonly append: InnerAppend;
  readonly records: RecordSource;
  readonly visibleEnd: () => number;
  readonly limits: PopLimits;
  /** Names of all shards; the first hosts the keeper. */
  readonly shards: readonly string[];
  readonly sync: boolean;
  /** Reads a metadata table as it was saved last; null: there is none. */
  readonly load: (name: string) => unknown;
};

const KEEPER_PATH = 'pop-journal-keeper';
const MAILBOX_MAX = 65_536;
const READ_MAX_MS = 2_500;
const ENSURE_MAX_MS = 6_000;

export function startPop(thread: ThreadContext, start: PopStart): void {
  const { topics, groups, table, append, records, visibleEnd, limits, shards, sync } = start;
  const readUnits: PopSurroundings['readUnits'] = (topic, queueId, handle, offset, count, onUnits) =>
    thread.ask<UnitsRead, ReadUnits>(
      thread.ref(READER_PATH),
      (replyTo) => ({ kind: 'read-units', topic, queueId, handle, offset, count, replyTo }),
      READ_MAX_MS,
      (reply) => {
        onUnits(reply?.units ?? null);
        thread.requestTurn();
      },
    );
  const ensureTopic: PopSurroundings['ensureTopic'] = (name, onTopic) => {
    const known = topics.get(name);
    if (known !== undefined) {
      onTopic(known);
      return;
    }
    thread.ask<TopicReply, EnsureTopic>(
      thread.ref(TOPIC_REGISTRY_PATH),
      (replyTo) => ({ kind: 'ensure-topic', topic: name, readQueues: 1, writeQueues: 1, perm: PERM_READ_WRITE, replyTo }),
      ENSURE_MAX_MS,
      (reply) => {
        if (reply?.kind === 'topic-refused') thread.log('warn', 'a topic for messages that come again cannot be made', { ...reply });
        onTopic(topics.get(name) ?? null);
        thread.requestTurn();
      },
    );
  };
  const journal = new PopJournal({
    shard: thread.name,
    topicName: `${SYSTEM_TOPIC_PREFIX}REVIVE_LOG_${start.clusterName}`,
    topics,
    table,
    records,
    readUnits,
    loadStarts: () => parseJournalStarts(start.load(POP_JOURNAL_FILE)),
    isMine: (path) => thread.placementOf(path) === thread.index,
    keeper: KEEPER_PATH,
  });
  const around: PopSurroundings = { topics, groups, table, append, records, visibleEnd, journal, limits, readUnits, ensureTopic };
  thread.spawn(`${thread.name}/pop-journal`, () => journal, { mailboxMax: MAILBOX_MAX });
  if (shards[0] === thread.name) thread.spawn(KEEPER_PATH, () => new PopJournalKeeper(shards, sync), { mailboxMax: 1024 });
  thread.register('pop/', {
    create: (_path, rest) => {
      const cut = rest.indexOf('/');
      return new PopActor(rest.slice(0, cut), rest.slice(cut + 1), around);
    },
    mailboxMax: MAILBOX_MAX,
  });
}
